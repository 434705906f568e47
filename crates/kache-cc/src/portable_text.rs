//! Texts whose words are paths, dependency files above all, for another checkout.
//!
//! A word that lies below a root is written with the root's name in braces,
//! `{workspace}/src/x.h`. A word that begins with a brace by itself gets one more.

use kache_key::Roots;

/// Returns `text` with the roots at the beginnings of its words as names.
///
/// Words end at blanks, line ends and colons. [`render`] with the same roots
/// gives `text` again.
pub fn tokenise(text: &str, roots: &Roots) -> String {
    let mut written = String::with_capacity(text.len());
    for word in text.split_inclusive(is_separator) {
        let path = word.trim_end_matches(is_separator);
        if let Some((kind, rest)) = roots.split(path) {
            let separator = word.get(path.len()..).unwrap_or_default();
            written.extend(["{", &kind.name(), "}", rest, separator]);
        } else {
            written.extend([if word.starts_with('{') { "{" } else { "" }, word]);
        }
    }
    written
}

/// Returns the text that was tokenised to `written`, in a checkout with
/// `roots`, or `None` if it has no such root.
pub fn render(written: &str, roots: &Roots) -> Option<String> {
    let mut text = String::with_capacity(written.len());
    for word in written.split_inclusive(is_separator) {
        match word.strip_prefix('{') {
            Some(own) if own.starts_with('{') => text.push_str(own),
            Some(token) => {
                let (name, rest) = token.split_once('}')?;
                text.push_str(roots.iter().find(|(kind, _)| kind.name() == name)?.1);
                text.push_str(rest);
            }
            None => text.push_str(word),
        }
    }
    Some(text)
}

fn is_separator(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | ':')
}

#[cfg(test)]
mod tests {
    use kache_key::RootKind;
    use proptest::prelude::*;

    use super::*;

    fn roots(project: &str) -> Roots {
        Roots::of([
            (RootKind::Workspace, project.to_owned()),
            (RootKind::Target, format!("{project}/build")),
        ])
    }

    #[test]
    fn a_dependency_file_moves_to_another_checkout() {
        let text =
            "/a/ws/build/x.o: src/x.c /a/ws/inc/x.h \\\n /a/wsx/y.h {odd}\n\n/a/ws/inc/x.h:\n";
        let written = tokenise(text, &roots("/a/ws"));
        assert_eq!(
            written,
            "{target}/x.o: src/x.c {workspace}/inc/x.h \\\n /a/wsx/y.h {{odd}\n\n{workspace}/inc/x.h:\n"
        );
        let moved = text.replace("/a/ws/", "/b/");
        assert_eq!(render(&written, &roots("/b")), Some(moved));
        assert_eq!(render(&written, &Roots::default()), None);
    }

    proptest! {
        #[test]
        fn the_same_checkout_gets_the_same_text(
            words in proptest::collection::vec("(/a/ws|/a/ws/build|\\{|\\}|[a-z/])*[ :\n]?", 0..12),
        ) {
            let text = words.concat();
            let roots = roots("/a/ws");
            prop_assert_eq!(render(&tokenise(&text, &roots), &roots), Some(text));
        }
    }
}
