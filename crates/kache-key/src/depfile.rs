//! Make-style dependency files, as linkers write them.
//!
//! Asked with `--dependency-file=x.d`, a linker writes one rule whose
//! prerequisites are all the files it opened, then each of those as a rule
//! without prerequisites:
//!
//! ```text
//! x: \
//!   main.o \
//!   libc.so
//!
//! main.o:
//!
//! libc.so:
//! ```
//!
//! That is GNU ld and gold. lld indents by one space and escapes names for
//! make; mold writes the first rule on one line. GNU ld and mold escape
//! nothing, so the first rule is ambiguous where a name has a space. The rules
//! without prerequisites are not: they are what is read, and the first rule
//! must agree with them. That agreement is also how a torn file is noticed.

use std::collections::HashSet;

/// Why a text is not a linker's complete dependency file.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DepfileError {
    /// The text stops within a line, or its last rule is not one of a single file.
    #[error("dependency file stops within a rule")]
    Unterminated,
    /// The first rule does not have the prerequisites that the rest of the text has.
    #[error("dependency file's first rule does not name the files that follow it")]
    Disagreement,
}

/// How a linker writes the first rule.
struct Dialect {
    before_each: &'static str,
    escapes: bool,
}

const DIALECTS: [Dialect; 3] = [
    Dialect { before_each: " \\\n  ", escapes: false },
    Dialect { before_each: " \\\n ", escapes: true },
    Dialect { before_each: " ", escapes: false },
];

/// Returns the prerequisites of the first rule in `text`, each once, in order.
///
/// Paths are as the linker was given them or found them: with `..` inside, and
/// relative to its working directory. lld writes a backslash in a name as a
/// slash; such a file is not found under the name returned.
///
/// # Errors
///
/// A text that is none of the forms above, or not all of one.
pub fn parse(text: &str) -> Result<Vec<String>, DepfileError> {
    let (first, rest) = text.split_once("\n\n").ok_or(DepfileError::Unterminated)?;
    let names = rest.strip_suffix(":\n").ok_or(DepfileError::Unterminated)?;
    let names: Vec<&str> = names.split(":\n\n").collect();
    let dialect = DIALECTS.iter().find(|dialect| dialect.is_rule(first, &names));
    let dialect = dialect.ok_or(DepfileError::Disagreement)?;
    let mut seen = HashSet::new();
    let once = names.into_iter().filter(|name| seen.insert(*name));
    Ok(once.map(|name| if dialect.escapes { unescape(name) } else { name.to_owned() }).collect())
}

impl Dialect {
    /// Returns whether `rule` is a target with exactly these prerequisites.
    fn is_rule(&self, rule: &str, names: &[&str]) -> bool {
        let target = names
            .iter()
            .rev()
            .try_fold(rule, |rule, name| rule.strip_suffix(name)?.strip_suffix(self.before_each));
        let target = target.and_then(|rule| rule.strip_suffix(':'));
        target.is_some_and(|target| !target.is_empty())
            && names.iter().all(|name| !name.is_empty() && !name.contains('\n'))
    }
}

/// Undoes lld's escapes. It writes no other backslash, so the order does not matter.
fn unescape(name: &str) -> String {
    name.replace("\\ ", " ").replace("\\#", "#").replace("$$", "$")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, names: &[&str]) {
        assert_eq!(parse(text).unwrap(), names);
    }

    #[test]
    fn gnu_ld_escapes_nothing_and_repeats_names() {
        let text = "out/p g: \\\n  /usr/lib/gcc/12/../../../crti.o \\\n  li b#$x/libc fun.a \\\n  \
                    /usr/lib/libc.so \\\n  /usr/lib/libc.so\n\n/usr/lib/gcc/12/../../../crti.o:\n\n\
                    li b#$x/libc fun.a:\n\n/usr/lib/libc.so:\n\n/usr/lib/libc.so:\n";
        check(text, &["/usr/lib/gcc/12/../../../crti.o", "li b#$x/libc fun.a", "/usr/lib/libc.so"]);
    }

    #[test]
    fn lld_escapes_for_make() {
        let text = "out/lm: \\\n /usr/lib/crti.o \\\n li\\ b\\#$$x/libc\\ fun.a\n\n\
                    /usr/lib/crti.o:\n\nli\\ b\\#$$x/libc\\ fun.a:\n";
        check(text, &["/usr/lib/crti.o", "li b#$x/libc fun.a"]);
    }

    #[test]
    fn mold_writes_one_line_and_escapes_nothing() {
        let text = "out/lm: /usr/lib/crti.o li b#$x/libc fun.a\n\n/usr/lib/crti.o:\n\n\
                    li b#$x/libc fun.a:\n";
        check(text, &["/usr/lib/crti.o", "li b#$x/libc fun.a"]);
    }

    #[test]
    fn every_proper_prefix_is_refused() {
        for text in [
            "x: \\\n  a.o \\\n  b.o\n\na.o:\n\nb.o:\n",
            "x: \\\n a.o \\\n b.o\n\na.o:\n\nb.o:\n",
            "x: a.o b.o\n\na.o:\n\nb.o:\n",
        ] {
            assert!(parse(text).is_ok());
            for end in 0..text.len() {
                assert!(parse(&text[..end]).is_err(), "{:?}", &text[..end]);
            }
        }
    }

    #[test]
    fn rules_that_disagree_are_refused() {
        for text in [
            "x: a.o b.o\n\na.o:\n\nc.o:\n",
            "x: a.o b.o\n\nb.o:\n",
            "x: a.o\n\na.o:\n\nb.o:\n",
            ": a.o\n\na.o:\n",
            "x: a.o\n\n:\n",
            "x: a.o\nb.o\n\na.o\nb.o:\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn names_survive_each_dialect(
            names in proptest::collection::btree_set("[a-z .:#$/]{0,6}[a-z]", 1..5),
        ) {
            for Dialect { before_each, escapes } in &DIALECTS {
                let escape = |name: &String| match escapes {
                    true => name.replace('$', "$$").replace('#', "\\#").replace(' ', "\\ "),
                    false => name.clone(),
                };
                let written: Vec<String> = names.iter().map(escape).collect();
                let first = written.join(before_each);
                let rest = written.join(":\n\n");
                let text = format!("t:{before_each}{first}\n\n{rest}:\n");
                let names: Vec<String> = names.iter().cloned().collect();
                prop_assert_eq!(parse(&text), Ok(names));
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[a-c: \\\\\n]{0,40}") {
            if let Ok(names) = parse(&text) {
                prop_assert!(!names.is_empty());
            }
        }
    }
}
