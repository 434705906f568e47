//! rustc's messages on stderr under `--error-format=json`.
//!
//! Each line is one JSON object. Cargo reads them as they come, so they are
//! rewritten in place, byte for byte, and only where rustc prints the path of
//! a file: a source line that is quoted in a diagnostic may hold the very same
//! text and stays as it is.

mod places;
mod portable;
mod stored;

use std::borrow::Cow;

use places::Line;

pub use portable::{Segment, render, tokenise};
pub use stored::{Unstorable, artifacts, storable};

/// Returns `line` with the paths that rustc was told to print undone.
///
/// `map` pairs a directory as rustc was told to print it, such as
/// `/proc/self/cwd/target`, with the real one; of those that contain a path
/// the first wins. `line` is one line of rustc's stderr, JSON or plain, or
/// several. Borrowed when nothing changes; a text without any of the printed
/// directories costs one search for each.
pub fn unmap_line<'a>(line: &'a str, map: &[(String, String)]) -> Cow<'a, str> {
    if !map.iter().any(|(printed, _)| places::mentions(line, printed)) {
        return Cow::Borrowed(line);
    }
    let mut unmapped = String::with_capacity(line.len());
    for text in line.split_inclusive('\n') {
        unmap_into(&mut unmapped, text, map);
    }
    Cow::Owned(unmapped)
}

/// Appends one line, with its paths undone.
fn unmap_into(unmapped: &mut String, text: &str, map: &[(String, String)]) {
    let line = Line::of(text);
    let mut copied = 0;
    for place in line.places() {
        if place.is_artifact || place.start < copied {
            continue;
        }
        let found = map.iter().find_map(|(dir, real)| Some((line.len_of(dir, place)?, real)));
        if let Some((len, real)) = found {
            unmapped.push_str(text.get(copied..place.start).unwrap_or_default());
            unmapped.push_str(&line.written(real));
            copied = place.start + len;
        }
    }
    unmapped.push_str(text.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
