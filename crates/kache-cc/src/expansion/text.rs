//! The text that the preprocessor prints, taken apart.

use std::collections::HashMap;

use memchr::memmem;

use super::Unclear;
use crate::source_scan;

/// A file, and how the compiler treats what comes from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// As the compiler spells its name; something in `<>` is no file.
    pub(super) file: String,
    /// `3` for the system's, `4` for one whose C++ is C.
    pub(super) flags: String,
}

/// A part of an expansion, with its place by position in [`Parsed::places`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A file begins.
    Enter { place: usize },
    /// The file goes on behind one that it includes.
    Leave { place: usize },
    /// Tokens, or a pragma.
    Line { place: usize, number: usize, text: &'a [u8] },
    /// A macro is defined, or is not any longer.
    Definition { place: usize, name: &'a [u8], text: &'a [u8] },
}

impl Item<'_> {
    pub(super) fn place(&self) -> usize {
        match self {
            Self::Enter { place }
            | Self::Leave { place }
            | Self::Line { place, .. }
            | Self::Definition { place, .. } => *place,
        }
    }
}

/// An expansion, in parts.
#[derive(Debug, Default)]
pub(super) struct Parsed<'a> {
    pub(super) items: Vec<Item<'a>>,
    pub(super) places: Vec<Place>,
}

impl Parsed<'_> {
    /// Returns where the lines come from: the place, and the number from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Place, usize)> {
        self.items.iter().filter_map(|item| match item {
            Item::Line { place, number, .. } => Some((self.places.get(*place)?, *number)),
            _ => None,
        })
    }
}

/// Words whose value is a column: that of their own place, or of where a macro ends.
const COLUMNS: [&str; 2] = ["__builtin_COLUMN", "__builtin_source_location"];

/// Takes `text` apart.
pub(super) fn parse(text: &[u8]) -> Result<Parsed<'_>, Unclear> {
    if source_scan::may_have_raw_string(text) {
        return Err(Unclear::RawString);
    }
    if let Some(word) =
        COLUMNS.into_iter().find(|word| memmem::find(text, word.as_bytes()).is_some())
    {
        return Err(Unclear::Column(word));
    }
    let mut parser = Parser::default();
    for line in text.split(|byte| *byte == b'\n') {
        parser.line(line)?;
    }
    Ok(parser.parsed)
}

#[derive(Default)]
struct Parser<'a> {
    parsed: Parsed<'a>,
    known: HashMap<Place, usize>,
    place: usize,
    number: usize,
}

impl<'a> Parser<'a> {
    fn line(&mut self, text: &'a [u8]) -> Result<(), Unclear> {
        if let Some(mark) = text.strip_prefix(b"# ") {
            return self.mark(mark).ok_or_else(|| directive(text));
        }
        let (place, number) = (self.place, self.number);
        self.number += 1;
        let body = text.strip_prefix(b"#");
        let defined = body.and_then(|body| {
            body.strip_prefix(b"define ").or_else(|| body.strip_prefix(b"undef "))
        });
        if let Some(defined) = defined {
            let name = super::words(defined).next().ok_or_else(|| directive(text))?;
            self.parsed.items.push(Item::Definition { place, name, text });
            return Ok(());
        }
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        if let Some(body) = body {
            let pragma = body.strip_prefix(b"pragma ").ok_or_else(|| directive(text))?;
            check_pragma(pragma)?;
        }
        if self.parsed.places.is_empty() {
            return Err(directive(text));
        }
        self.parsed.items.push(Item::Line { place, number, text });
        Ok(())
    }

    /// Reads `7 "dir/x.h" 1 3`.
    fn mark(&mut self, mark: &[u8]) -> Option<()> {
        let mark = std::str::from_utf8(mark).ok()?;
        let (number, rest) = mark.split_once(" \"")?;
        let (name, flags) = rest.rsplit_once('"')?;
        let mut flags: Vec<&str> = flags.split_ascii_whitespace().collect();
        let turn = flags.first().copied().filter(|flag| matches!(*flag, "1" | "2"));
        flags.retain(|flag| Some(*flag) != turn);
        let place = Place { file: unescape(name)?, flags: flags.join(" ") };
        let places = &mut self.parsed.places;
        self.place = *self.known.entry(place).or_insert_with_key(|place| {
            places.push(place.clone());
            places.len() - 1
        });
        self.number = number.parse().ok()?;
        let place = self.place;
        match turn {
            Some("1") => self.parsed.items.push(Item::Enter { place }),
            Some(_) => self.parsed.items.push(Item::Leave { place }),
            None => {}
        }
        Some(())
    }
}

fn directive(text: &[u8]) -> Unclear {
    Unclear::Directive(String::from_utf8_lossy(text).into_owned())
}

/// Returns the file's name that stands in a mark as `text`: bytes that are not
/// ASCII are written in octal digits.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(3).unwrap_or((rest, b""));
        let octal = std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 8).ok());
        match (rest.split_first(), octal) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = behind;
            }
            (Some((&byte @ (b'\\' | b'"'), after)), None) => {
                bytes.push(byte);
                rest = after;
            }
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

/// Pragmas that change no macro and are for the compiler to read from the expansion.
///
/// Not `GCC target` and its like: the compiler defines macros by them, the
/// preprocessor alone does not.
const PRAGMAS: [&[&str]; 16] = [
    &["GCC", "diagnostic"],
    &["GCC", "ivdep"],
    &["GCC", "poison"],
    &["GCC", "system_header"],
    &["GCC", "unroll"],
    &["GCC", "visibility"],
    &["STDC"],
    &["clang", "diagnostic"],
    &["clang", "loop"],
    &["clang", "system_header"],
    &["nounroll"],
    &["omp"],
    &["once"],
    &["pack"],
    &["unroll"],
    &["weak"],
];

/// Parts of the names of warnings that look at comments.
const COMMENT_WARNINGS: [&str; 3] = ["documentation", "everything", "fallthrough="];

fn check_pragma(pragma: &[u8]) -> Result<(), Unclear> {
    let unclear = || Unclear::Pragma(String::from_utf8_lossy(pragma).into_owned());
    let text = std::str::from_utf8(pragma).map_err(|_| unclear())?;
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let is_known = PRAGMAS.iter().any(|known| words.starts_with(known));
    let reads_comments = COMMENT_WARNINGS.iter().any(|warning| text.contains(warning));
    if is_known && !reads_comments { Ok(()) } else { Err(unclear()) }
}
