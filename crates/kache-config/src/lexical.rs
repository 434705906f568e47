//! Paths put together by name alone, without asking the file system.

use std::path::{Component, Path, PathBuf};

/// Returns `path` without `.`, `..` and trailing slashes.
///
/// Compilers are given paths that are already so; a directory written as
/// `/work/ws/..` would otherwise never be found at the start of one.
pub(crate) fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// Takes leading `./`, `../` and slashes off `text` and follows them from `dir`.
///
/// What is left can be a glob, and is empty if `text` named a directory so.
pub(crate) fn climb(mut dir: PathBuf, text: &str) -> (PathBuf, &str) {
    let mut rest = text;
    loop {
        let (first, after) = rest.split_once('/').unwrap_or((rest, ""));
        match first {
            "" | "." => {}
            ".." => dir = without_dots(&dir.join("..")),
            _ => return (dir, rest.trim_end_matches('/')),
        }
        if after.is_empty() {
            return (dir, "");
        }
        rest = after;
    }
}
