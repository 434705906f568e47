//! Any text that names roots, for another checkout: what a build script says
//! and what it generates.

use memchr::memmem;

use crate::roots::{RootKind, Roots};
use crate::rustc::messages::Segment;

/// Returns `text` with every root that is named in it as a name.
///
/// A root counts where a path begins and at the end of a path component. What
/// merely looks like one, `/a/ws` in `/mnt/a/ws2`, stays in the text, and a
/// search for [roots that are named](crate::evidence) finds it. [`render`] with
/// the same roots gives `text` again.
pub fn tokenise(text: &str, roots: &Roots) -> Vec<Segment> {
    let mut places: Vec<(usize, RootKind, usize)> = Vec::new();
    for (kind, root) in roots.iter() {
        let found = memmem::find_iter(text.as_bytes(), root);
        let found = found.filter(|at| is_whole_path(text, *at, at + root.len()));
        places.extend(found.map(|at| (at, kind, root.len())));
    }
    // Of several roots that begin at one place the longest is meant.
    places.sort_by_key(|(at, _, length)| (*at, std::cmp::Reverse(*length)));
    let mut segments = Vec::new();
    let mut copied = 0;
    for (at, kind, length) in places {
        if at < copied {
            continue;
        }
        push_text(&mut segments, text.get(copied..at));
        segments.push(Segment::Root(kind));
        copied = at + length;
    }
    push_text(&mut segments, text.get(copied..));
    segments
}

/// Returns the text of `segments` in a checkout with `roots`, or `None` if it
/// has no such root.
pub fn render(segments: &[Segment], roots: &Roots) -> Option<String> {
    let mut text = String::new();
    for segment in segments {
        text.push_str(match segment {
            Segment::Text(piece) => piece,
            Segment::Root(kind) => roots.path(*kind)?,
        });
    }
    Some(text)
}

/// Writes `segments` as one text: a root as its name in braces, and a brace that
/// opens twice. [`read`] reads it.
pub fn write(segments: &[Segment]) -> String {
    let mut written = String::new();
    for segment in segments {
        match segment {
            Segment::Text(piece) => written.push_str(&piece.replace('{', "{{")),
            Segment::Root(kind) => written.extend(["{", &kind.name(), "}"]),
        }
    }
    written
}

/// Reads what [`write()`] wrote; `None` is another text, or of another version.
pub fn read(written: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut text = String::new();
    let mut rest = written;
    while let Some((piece, after)) = rest.split_once('{') {
        text.push_str(piece);
        if let Some(after) = after.strip_prefix('{') {
            text.push('{');
            rest = after;
            continue;
        }
        push_text(&mut segments, Some(&std::mem::take(&mut text)));
        let (name, after) = after.split_once('}')?;
        segments.push(Segment::Root(RootKind::named(name)?));
        rest = after;
    }
    text.push_str(rest);
    push_text(&mut segments, Some(&text));
    Some(segments)
}

fn push_text(segments: &mut Vec<Segment>, piece: Option<&str>) {
    if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
        segments.push(Segment::Text(piece.to_owned()));
    }
}

/// Returns whether what stands in `text` from `start` to `end` begins a path, and
/// ends where a component does.
fn is_whole_path(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    let is_part =
        |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '~');
    let begins = !before.ends_with(|letter| is_part(letter) || letter == '/') || is_flag(before);
    begins && !after.starts_with(is_part)
}

/// Returns whether `before` ends as an option of one letter, `-L` for one.
fn is_flag(before: &str) -> bool {
    let mut letters = before.chars().rev();
    let is_option = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.next() == Some('-');
    is_option
        && letters.next().is_none_or(|letter| letter.is_whitespace() || "\"'=,:;(".contains(letter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn roots(project: &str) -> Roots {
        Roots::of([
            (RootKind::Workspace, project.to_owned()),
            (RootKind::OutDir, format!("{project}/target/build/x-1/out")),
            (RootKind::Temp, "/tmp".to_owned()),
        ])
    }

    #[track_caller]
    fn check(text: &str, elsewhere: &str) {
        let segments = tokenise(text, &roots("/a/ws"));
        assert_eq!(render(&segments, &roots("/a/ws")).as_deref(), Some(text));
        assert_eq!(render(&segments, &roots("/b")).as_deref(), Some(elsewhere));
    }

    #[test]
    fn paths_move_with_their_checkout() {
        check(
            "cargo:rustc-link-search=native=/a/ws/lib\n",
            "cargo:rustc-link-search=native=/b/lib\n",
        );
        check(
            "const X: &str = \"/a/ws/target/build/x-1/out\";",
            "const X: &str = \"/b/target/build/x-1/out\";",
        );
        check("-L/a/ws -I/a/ws/inc:/a/ws", "-L/b -I/b/inc:/b");
    }

    #[test]
    fn what_only_looks_like_a_root_stays() {
        for text in ["/a/ws2/x", "/mnt/a/ws/x", "/var/tmp/x", "x/a/ws", "/a/ws.bak", "{}"] {
            check(text, text);
        }
        assert_eq!(render(&tokenise("/a/ws", &roots("/a/ws")), &Roots::default()), None);
    }

    proptest! {
        #[test]
        fn the_same_checkout_gets_the_same_text(
            parts in proptest::collection::vec(
                prop_oneof!["/a/ws", "/a/ws/target/build/x-1/out", "/tmp", "[-/a-z\"= {}]{0,3}"],
                0..9,
            ),
        ) {
            let (text, roots) = (parts.concat(), roots("/a/ws"));
            let segments = tokenise(&text, &roots);
            prop_assert_eq!(render(&segments, &roots), Some(text));
            prop_assert_eq!(read(&write(&segments)), Some(segments));
        }
    }
}
