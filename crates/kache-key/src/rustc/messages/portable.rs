//! Messages whose paths name roots, for another checkout.

use serde::{Deserialize, Serialize};

use super::places::{self, Line};
use crate::roots::{RootKind, Roots};

/// A piece of a compiler's stderr; in order they are the whole of it.
///
/// As JSON: `{"text": ".."}` or `{"root": "target"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Text that is the same in every checkout.
    Text(String),
    /// The path of a root, written as the line it stands in asks for.
    Root(RootKind),
}

/// Returns `text` with the roots of the paths that rustc printed as names.
///
/// Only where rustc prints the path of a file or of an output, and of the roots
/// that contain it the longest. A root that is named anywhere else stays in the
/// text. [`render`] with the same roots gives `text` again, whatever it is.
pub fn tokenise(text: &str, roots: &Roots) -> Vec<Segment> {
    let mut segments = Segments::default();
    if roots.iter().any(|(_, root)| places::mentions(text, root)) {
        for line in text.split_inclusive('\n') {
            segments.push_line(line, roots);
        }
    } else {
        segments.push_text(text);
    }
    segments.list
}

/// Returns the text that `segments` are in a checkout with `roots`, or `None`
/// if it has no such root.
pub fn render(segments: &[Segment], roots: &Roots) -> Option<String> {
    let mut text = String::new();
    for segment in segments {
        match segment {
            Segment::Text(piece) => text.push_str(piece),
            Segment::Root(kind) => {
                let line = Line::of(text.rsplit('\n').next().unwrap_or_default());
                let root = line.written(roots.path(*kind)?);
                text.push_str(&root);
            }
        }
    }
    Some(text)
}

/// Segments under construction; neighbouring texts are one segment.
#[derive(Default)]
struct Segments {
    list: Vec<Segment>,
}

impl Segments {
    fn push_line(&mut self, text: &str, roots: &Roots) {
        let line = Line::of(text);
        let mut copied = 0;
        for place in line.places() {
            if place.start < copied {
                continue;
            }
            let found =
                roots.iter().find_map(|(kind, root)| Some((kind, line.len_of(root, place)?)));
            if let Some((kind, len)) = found {
                self.push_text(text.get(copied..place.start).unwrap_or_default());
                self.list.push(Segment::Root(kind));
                copied = place.start + len;
            }
        }
        self.push_text(text.get(copied..).unwrap_or_default());
    }

    fn push_text(&mut self, piece: &str) {
        match self.list.last_mut() {
            _ if piece.is_empty() => {}
            Some(Segment::Text(text)) => text.push_str(piece),
            _ => self.list.push(Segment::Text(piece.to_owned())),
        }
    }
}
