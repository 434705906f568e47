//! Where rustc prints the path of a file.
//!
//! In a JSON line: the values of `file_name` and `artifact`, and within the
//! value of `rendered` what follows an arrow (`-->` or `:::`, or what stands
//! for it in the Unicode theme) that begins a line, or a line itself, as the
//! short format has it. Colours may stand between. A plain line is read as
//! `rendered` is, without JSON's escapes. Anywhere: the types of closures and
//! the like, `{closure@src/lib.rs:1:2: 1:4}`.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2, memmem};

const ARROWS: [&str; 4] = ["--> ", "::: ", "╭▸ ", "⸬  "];
const NAMED_BY_PLACE: [&str; 3] = ["closure", "block", "coroutine"];

/// A position at which rustc prints a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Where the path begins, in bytes.
    pub(super) start: usize,
    /// Whether the path is the value of `artifact`.
    pub(super) is_artifact: bool,
}

/// One line of text and how paths are written in it.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    text: &'a str,
    is_json: bool,
}

impl<'a> Line<'a> {
    /// Looks at one line, with or without its line break. A line that begins
    /// with a brace is a JSON object.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, is_json: text.starts_with('{') }
    }

    /// Returns the places in the line, in order. Cost: a few searches, and one
    /// pass over the rendered text.
    pub(super) fn places(self) -> Vec<Place> {
        let mut places = self.type_places();
        if self.is_json {
            for (key, is_artifact) in [("\"file_name\":\"", false), ("\"artifact\":\"", true)] {
                places.extend(self.values(key).map(|start| Place { start, is_artifact }));
            }
            for start in self.values("\"rendered\":\"") {
                rendered_places(self.text, start, true, &mut places);
            }
        } else {
            rendered_places(self.text, 0, false, &mut places);
        }
        places.sort_unstable_by_key(|place| place.start);
        places
    }

    /// Returns where the values of a JSON key begin. A quotation mark inside a
    /// string is escaped, so a key's own marks are found nowhere else.
    fn values(self, key: &'static str) -> impl Iterator<Item = usize> + use<'a> {
        memmem::find_iter(self.text.as_bytes(), key).map(|at| at + key.len())
    }

    /// Returns the places in types that are named by where they are written.
    fn type_places(self) -> Vec<Place> {
        let is_type = |at: &usize| {
            let before = self.text.get(..*at).unwrap_or_default();
            NAMED_BY_PLACE.iter().any(|kind| before.ends_with(kind))
        };
        let found = memchr_iter(b'@', self.text.as_bytes()).filter(is_type);
        found.map(|at| Place { start: at + 1, is_artifact: false }).collect()
    }

    /// Returns how many bytes `dir` takes at `place`, if the path there is below it.
    pub(super) fn len_of(self, dir: &str, place: Place) -> Option<usize> {
        let dir = written(dir, self.is_json);
        let rest = self.text.get(place.start..)?.strip_prefix(&*dir)?;
        rest.starts_with('/').then_some(dir.len())
    }

    /// Returns `path` as it is written in this line.
    pub(super) fn written(self, path: &str) -> Cow<'_, str> {
        written(path, self.is_json)
    }
}

/// Returns `path` as it is written in a JSON line or in a plain one.
fn written(path: &str, in_json: bool) -> Cow<'_, str> {
    let is_plain = path.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if is_plain || !in_json {
        return Cow::Borrowed(path);
    }
    let quoted = serde_json::Value::from(path).to_string();
    Cow::Owned(
        quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or(path).to_owned(),
    )
}

/// Returns whether `dir` occurs anywhere in `text`, in either way of writing it.
pub(super) fn mentions(text: &str, dir: &str) -> bool {
    let occurs = |dir: &str| memmem::find(text.as_bytes(), dir.as_bytes()).is_some();
    match written(dir, true) {
        Cow::Borrowed(dir) => occurs(dir),
        Cow::Owned(quoted) => occurs(&quoted) || occurs(dir),
    }
}

/// What was last seen within a line of rendered text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Indent,
    Arrow,
    Text,
}

/// Adds the places of the rendered text that begins at `start`. It ends with
/// the JSON string that it is, or with the text.
fn rendered_places(text: &str, start: usize, in_json: bool, places: &mut Vec<Place>) {
    let mut seen = Seen::Nothing;
    let mut rest = text.get(start..).unwrap_or_default();
    loop {
        if seen == Seen::Text {
            let Some(next) = next_line(rest, in_json) else { return };
            rest = next;
            seen = Seen::Nothing;
        }
        rest = skip_colours(rest, in_json);
        if seen != Seen::Indent {
            places.push(Place { start: text.len() - rest.len(), is_artifact: false });
        }
        let arrow = ARROWS.iter().find_map(|arrow| rest.strip_prefix(arrow));
        (rest, seen) = match (seen, rest.strip_prefix(' '), arrow) {
            (Seen::Nothing | Seen::Indent, Some(rest), _) => (rest, Seen::Indent),
            (Seen::Nothing | Seen::Indent, _, Some(rest)) => (rest, Seen::Arrow),
            _ => (rest, Seen::Text),
        };
    }
}

/// Returns what follows the next line break, or `None` where the text ends first.
fn next_line(mut rest: &str, in_json: bool) -> Option<&str> {
    if !in_json {
        return rest.split_once('\n').map(|(_, next)| next);
    }
    loop {
        let at = memchr2(b'\\', b'"', rest.as_bytes())?;
        let escaped = rest.get(at..)?.strip_prefix('\\')?;
        let mut chars = escaped.chars();
        let is_break = chars.next()? == 'n';
        rest = chars.as_str();
        if is_break {
            return Some(rest);
        }
    }
}

/// Skips ANSI colour sequences at the start of `rest`.
fn skip_colours(mut rest: &str, in_json: bool) -> &str {
    let escape = if in_json { "\\u001b[" } else { "\u{1b}[" };
    while let Some(sequence) = rest.strip_prefix(escape) {
        let end = sequence.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let Some(next) = end.strip_prefix('m') else { break };
        rest = next;
    }
    rest
}
