//! How compilers break the lines of a dependency file.
//!
//! Where a line ends depends on the lengths of the names in it, and so on the
//! place of a checkout. A dependency file for another one is therefore kept
//! [flat](flatten), and [laid out](lay_out) again with that one's names.

use crate::driver::Family;

/// What a flat text begins with, and no dependency file does.
const FLAT: char = '\n';

/// Returns `text`, a dependency file, with its first rule in one line and a
/// mark in front, or `None` if [`lay_out`] would not give `text` again.
pub fn flatten(text: &str, family: Family) -> Option<String> {
    let rule_len = rule_len(text)?;
    let (rule, rest) = text.split_at_checked(rule_len)?;
    let names = names_in(&rule.replace("\\\n", ""));
    let flat = format!("{FLAT}{}{rest}", names.join(" "));
    (lay_out(&flat, family) == text).then_some(flat)
}

/// Returns `text` as the compiler would write it, if it is flat; other texts
/// are returned as they are.
pub fn lay_out(text: &str, family: Family) -> String {
    let Some(flat) = text.strip_prefix(FLAT) else { return text.to_owned() };
    let (rule, rest) =
        flat.split_at_checked(flat.find('\n').unwrap_or(flat.len())).unwrap_or((flat, ""));
    let mut lines = Lines { text: String::with_capacity(text.len()), column: 0, family };
    let mut is_target = true;
    for name in names_in(rule) {
        if is_target {
            lines.target(&name);
        } else {
            lines.prerequisite(&name);
        }
        is_target &= !ends_targets(&name);
    }
    lines.text.push_str(rest);
    lines.text
}

/// Returns the length of the first rule without the end of its last line.
fn rule_len(text: &str) -> Option<usize> {
    let mut ends = text.match_indices('\n').map(|(at, _)| at);
    ends.find(|at| !text.get(..*at).is_some_and(|line| line.ends_with('\\')))
}

/// Splits a line at blanks that no backslash stands before.
fn names_in(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    for letter in line.chars() {
        if letter != ' ' || is_escaped(&name) {
            name.push(letter);
        } else if !name.is_empty() {
            names.push(std::mem::take(&mut name));
        }
    }
    names.extend(Some(name).filter(|name| !name.is_empty()));
    names
}

/// Returns whether a letter behind `before` is escaped.
fn is_escaped(before: &str) -> bool {
    before.chars().rev().take_while(|letter| *letter == '\\').count() % 2 == 1
}

fn ends_targets(name: &str) -> bool {
    name.strip_suffix(':').is_some_and(|target| !is_escaped(target))
}

/// Lines under construction.
struct Lines {
    text: String,
    /// How far the last line is filled, in bytes, by the compiler's own count.
    column: usize,
    family: Family,
}

impl Lines {
    fn target(&mut self, name: &str) {
        // The colon is counted on its own.
        let size = name.len() - usize::from(ends_targets(name));
        match self.family {
            Family::Gcc => self.gnu(name, size),
            Family::Clang | Family::ClangCl => {
                if self.column == 0 {
                    self.column = size;
                } else if self.column + size + 2 > CLANG_COLUMNS {
                    self.text.push_str(" \\\n  ");
                    self.column = size + 2;
                } else {
                    self.text.push(' ');
                    self.column += size + 1;
                }
                self.text.push_str(name);
            }
        }
        self.column += name.len() - size;
    }

    fn prerequisite(&mut self, name: &str) {
        if self.family == Family::Gcc {
            return self.gnu(name, name.len());
        }
        let size = unescaped_len(name);
        // There must be room for the end of the line.
        if self.column + size + 1 + 2 > CLANG_COLUMNS {
            self.text.push_str(" \\\n ");
            self.column = 2;
        }
        self.text.push(' ');
        self.text.push_str(name);
        self.column += size + 1;
    }

    fn gnu(&mut self, name: &str, size: usize) {
        if self.column > 0 {
            if self.column + size > GNU_COLUMNS {
                self.text.push_str(" \\\n");
                self.column = 0;
            }
            self.text.push(' ');
            self.column += 1;
        }
        self.text.push_str(name);
        self.column += size;
    }
}

/// Where GCC breaks lines.
const GNU_COLUMNS: usize = 72;

/// Where Clang does.
const CLANG_COLUMNS: usize = 75;

/// Returns the length of the name that stands as `escaped` in a dependency file.
fn unescaped_len(escaped: &str) -> usize {
    let marks = escaped.matches("\\ ").count() + escaped.matches("\\#").count();
    escaped.len() - marks - escaped.matches("$$").count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by GCC 12 and by Clang 14 for the same source.
    const GNU: &str = "out/main.o: src/main.c /usr/include/stdc-predef.h \\\n \
        /usr/lib/gcc/x86_64-linux-gnu/12/include/stddef.h inc/part.h inc/deep.h\ninc/part.h:\n";
    const CLANG: &str = "out/main.o: src/main.c /usr/lib/llvm-14/lib/clang/14.0.6/include/stddef.h \\\n  \
        /usr/lib/llvm-14/lib/clang/14.0.6/include/__stddef_max_align_t.h \\\n  \
        inc/part.h inc/deep.h\n";

    #[track_caller]
    fn check(text: &str, family: Family, flat: Option<&str>) {
        let found = flatten(text, family);
        assert_eq!(found.as_deref(), flat);
        if let Some(flat) = found {
            assert_eq!(lay_out(&flat, family), text);
        }
    }

    #[test]
    fn what_a_compiler_wrote_is_laid_out_again() {
        let flat = format!("\n{}", GNU.replace(" \\\n ", " "));
        check(GNU, Family::Gcc, Some(&flat));
        let flat = format!("\n{}", CLANG.replace(" \\\n  ", " "));
        check(CLANG, Family::Clang, Some(&flat));
    }

    #[test]
    fn a_longer_name_moves_to_the_next_line() {
        let moved = |text: &str, family| {
            let flat = flatten(text, family).unwrap();
            lay_out(&flat.replace("src/main.c", "/a/place/far/away/from/the/other/main.c"), family)
        };
        assert!(moved(GNU, Family::Gcc).contains("main.c \\\n /usr/include/stdc-predef.h \\\n"));
        assert!(moved(CLANG, Family::Clang).contains("main.c \\\n  /usr/lib/llvm-14/"));
    }

    #[test]
    fn another_layout_is_kept() {
        let text = "x.o: \\\n x.c\n";
        check(text, Family::Gcc, None);
        check(text, Family::Clang, None);
        check("no rule", Family::Gcc, None);
        assert_eq!(lay_out(text, Family::Gcc), text);
    }

    #[test]
    fn escaped_blanks_belong_to_names() {
        check("x.o: a\\ b.c c\n", Family::Gcc, Some("\nx.o: a\\ b.c c\n"));
        check("x.o y.o: a\\ b.c c\n", Family::Clang, Some("\nx.o y.o: a\\ b.c c\n"));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_or_is_kept(text in "([a-z]{1,30}[ :]| \\\\\n|\\\\|\n|\\$){0,20}") {
            for family in [Family::Gcc, Family::Clang] {
                if let Some(flat) = flatten(&text, family) {
                    prop_assert_eq!(lay_out(&flat, family), text.clone());
                }
            }
        }
    }
}
