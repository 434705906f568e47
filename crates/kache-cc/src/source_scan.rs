//! What the text of a source or header may do that no list of files tells.
//!
//! A conservative look: comments, strings and code that is not compiled count
//! alike. A backslash at a line's end joins the lines, as it does for the compiler.
//!
//! The macros for a file's name can be made by pasting pieces together, in a
//! macro of one file with arguments from another; the system's headers have macros
//! that paste. So the pieces that occur as words are collected over all texts of
//! a unit, and a macro counts as used when they suffice.

use std::borrow::Cow;

use memchr::memmem;

/// The macros whose value is a file's name.
const MACROS: [&str; 2] = ["__FILE__", "__BASE_FILE__"];

/// What else tells the name of a file. That of a function has the place of each
/// lambda and nameless type in it.
const FILE_NAMES: [&[u8]; 4] =
    [b"__builtin_FILE", b"source_location", b"__PRETTY_FUNCTION__", b"__FUNCSIG__"];

/// The length of the longest of the macros.
const LONGEST_MACRO: usize = "__BASE_FILE__".len();

/// The operator that pastes two words into one, in all its spellings.
const PASTES: [&[u8]; 3] = [b"##", b"%:%:", b"??=??="];

/// What the texts of a unit, taken together, may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Something may be made of the name of a source or header.
    pub mentions_file_name: bool,
    /// `#pragma GCC dependency` may compare the times of files.
    pub reads_times: bool,
}

/// Returns what a unit may do whose own files and `-D` options have these `texts`.
///
/// Cost: a few searches in each text, one more pass over each if pieces of a macro's
/// name are there, and a copy of those in which a line is joined to the next.
pub fn scan(texts: &[&[u8]]) -> SourceFacts {
    let texts: Vec<Cow<'_, [u8]>> = texts.iter().map(|text| join_lines(text)).collect();
    let has = |word: &[u8]| {
        let finder = memmem::Finder::new(word);
        texts.iter().any(|text| finder.find(text).is_some())
    };
    let named = MACROS.iter().any(|name| has(name.as_bytes()));
    SourceFacts {
        mentions_file_name: named || FILE_NAMES.iter().any(|name| has(name)) || pastes(&texts),
        reads_times: texts.iter().any(|text| reads_times(text)),
    }
}

/// Returns whether [`scan`] finds in `text`, whatever it is scanned with, no more than
/// it finds without, unless [`may_paste`] holds for one of the others.
pub fn is_unremarkable(text: &[u8]) -> bool {
    scan(&[text]) == SourceFacts::default() && !may_paste(&[text])
}

/// Returns whether a macro's name may be pasted from pieces in `texts` and in others
/// that are unremarkable.
pub fn may_paste(texts: &[&[u8]]) -> bool {
    let is_beginning = |piece: &String| MACROS.iter().any(|name| name.starts_with(piece.as_str()));
    texts
        .iter()
        .map(|text| join_lines(text))
        .any(|text| has_beginning(&text) && pieces_in(&[text]).iter().any(is_beginning))
}

/// Returns whether the words `GCC dependency` stand in `text`.
fn reads_times(text: &[u8]) -> bool {
    memmem::find_iter(text, b"dependency").any(|at| {
        let before = text.get(..at).unwrap_or_default();
        let end = before.iter().rposition(|byte| is_word_byte(*byte)).map_or(0, |last| last + 1);
        before.get(..end).is_some_and(|before| before.ends_with(b"GCC"))
    })
}

/// Returns whether a macro's name may be pasted from pieces in `texts`.
fn pastes(texts: &[Cow<'_, [u8]>]) -> bool {
    // Nearly no text has the beginning of a name as a word.
    if !texts.iter().any(|text| has_beginning(text)) {
        return false;
    }
    let pieces = pieces_in(texts);
    MACROS.iter().any(|name| tiles(name, &pieces))
}

/// Returns the pieces of macros' names in `texts`, whose lines are joined, in order.
fn pieces_in(texts: &[Cow<'_, [u8]>]) -> Vec<String> {
    let mut pieces = Vec::new();
    for text in texts {
        match code_of(text) {
            Some(code) => note_pieces(&code, &mut pieces),
            None => note_pieces(text, &mut pieces),
        }
    }
    pieces
}

/// Returns whether a word of `text` is the beginning of a macro's name.
fn has_beginning(text: &[u8]) -> bool {
    memchr::memchr_iter(b'_', text).any(|at| {
        let is_start = at == 0 || !text.get(at - 1).is_some_and(|byte| is_word_byte(*byte));
        let rest = || text.get(at..).unwrap_or_default();
        let word = || rest().split(|byte| !is_word_byte(*byte)).next().unwrap_or_default();
        is_start && MACROS.iter().any(|name| name.as_bytes().starts_with(word()))
    })
}

/// Adds the words of `code` that are pieces of a macro's name.
fn note_pieces(code: &[u8], pieces: &mut Vec<String>) {
    for (start, word) in words(code) {
        // Most words are longer, or begin otherwise. Single letters are everywhere;
        // nobody spells a name with them.
        let may_be_part = word.len() <= LONGEST_MACRO
            && matches!(word.first(), Some(b'_' | b'A'..=b'Z'))
            && (word.len() > 1 || word == b"_");
        let Some(piece) = std::str::from_utf8(word).ok().filter(|_| may_be_part) else { continue };
        let before = code.get(..start).unwrap_or_default().trim_ascii_end();
        let after = code.get(start + word.len()..).unwrap_or_default();
        if MACROS.iter().any(|name| name.contains(piece))
            && !is_macro_called_underscore(word, before, after)
        {
            note(pieces, piece);
        }
    }
}

/// Returns whether `word`, between `before` and `after`, is the macro `_`, being
/// called, defined or tested for: translated programs have one, and old
/// headers. Behind an operator that pastes it is a piece all the same.
fn is_macro_called_underscore(word: &[u8], before: &[u8], after: &[u8]) -> bool {
    const DIRECTIVES: [&[u8]; 4] = [b"define", b"undef", b"ifdef", b"ifndef"];
    let is_called = after.trim_ascii_start().starts_with(b"(");
    let is_named = DIRECTIVES.iter().any(|directive| before.ends_with(directive));
    let is_pasted = PASTES.iter().any(|paste| before.ends_with(paste));
    word == b"_" && (is_called || is_named) && !is_pasted
}

/// Returns whether `pieces`, each as often as needed, make up `name`.
fn tiles(name: &str, pieces: &[String]) -> bool {
    let mut reached = vec![false; name.len() + 1];
    for start in 0..name.len() {
        let is_reached = start == 0 || reached.get(start).is_some_and(|reached| *reached);
        let rest = name.get(start..).unwrap_or_default();
        for piece in pieces.iter().filter(|piece| is_reached && rest.starts_with(piece.as_str())) {
            if let Some(end) = reached.get_mut(start + piece.len()) {
                *end = true;
            }
        }
    }
    reached.last().is_some_and(|end| *end)
}

/// Adds `piece` to the sorted `pieces` if it is new.
fn note(pieces: &mut Vec<String>, piece: &str) {
    if let Err(position) = pieces.binary_search_by(|known| known.as_str().cmp(piece)) {
        pieces.insert(position, piece.to_owned());
    }
}

/// Returns `bytes` with every line that ends with a backslash joined to the
/// next. Blanks may stand between, and `??/` may stand for the backslash.
fn join_lines(bytes: &[u8]) -> Cow<'_, [u8]> {
    let may_join = memchr::memchr(b'\\', bytes).or_else(|| memmem::find(bytes, b"??/"));
    if may_join.is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut joined: Option<Vec<u8>> = None;
    let mut copied = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(copied..end).unwrap_or_default();
        let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        let text = line.get(..line.len() - blanks.count()).unwrap_or_default();
        let kept = text.strip_suffix(b"\\").or_else(|| text.strip_suffix(b"??/"));
        if let Some(kept) = kept {
            joined.get_or_insert_default().extend_from_slice(kept);
            copied = end + 1;
        }
    }
    match joined {
        None => Cow::Borrowed(bytes),
        Some(mut joined) => {
            joined.extend_from_slice(bytes.get(copied..).unwrap_or_default());
            Cow::Owned(joined)
        }
    }
}

/// What a byte of a source belongs to.
#[derive(Clone, Copy)]
enum Part {
    Code,
    /// From `//` to the line's end. It is kept: C as of 1989 has no such comments.
    Line,
    Block,
    /// Text between two of this byte.
    Quoted(u8),
}

/// Returns `bytes`, whose lines are joined, with blanks for comments, strings
/// and characters, or `None` for want of rules: what is in a raw string may
/// look like any of these.
///
/// Where the compiler sees it otherwise, in code that it skips for one, more is kept.
fn code_of(bytes: &[u8]) -> Option<Vec<u8>> {
    if may_have_raw_string(bytes) {
        return None;
    }
    let mut code = Vec::with_capacity(bytes.len());
    let mut part = Part::Code;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let next = after.first().copied();
        let (now, is_kept, skipped) = match (part, byte) {
            (Part::Code, b'/') if next == Some(b'/') => (Part::Line, true, 1),
            (Part::Code, b'/') if next == Some(b'*') => (Part::Block, false, 1),
            (Part::Code, b'\'') if ends_with_number(&code) => (Part::Code, false, 0),
            (Part::Code, b'"' | b'\'') => (Part::Quoted(byte), false, 0),
            (Part::Line | Part::Quoted(_), b'\n') => (Part::Code, true, 0),
            (Part::Block, b'*') if next == Some(b'/') => (Part::Code, false, 1),
            (Part::Quoted(_), b'\\') if next != Some(b'\n') => (part, false, 1),
            (Part::Quoted(open), _) if open == byte => (Part::Code, false, 0),
            (Part::Code | Part::Line, _) => (part, true, 0),
            (Part::Block | Part::Quoted(_), _) => (part, false, 0),
        };
        code.push(if is_kept { byte } else { b' ' });
        rest = rest.get(skipped..).unwrap_or_default();
        part = now;
    }
    Some(code)
}

/// Returns whether a raw string may begin anywhere in `bytes`.
pub(crate) fn may_have_raw_string(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"R\"").any(|start| begins_raw_string(bytes, start))
}

/// Returns whether a raw string may begin with the `R` at `start`: a mark of at
/// most 16 letters follows, then a parenthesis.
fn begins_raw_string(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(..start).unwrap_or_default();
    let prefix = before.rsplit(|byte| !is_word_byte(*byte)).next().unwrap_or_default();
    let after = bytes.get(start + 2..).unwrap_or_default().iter().take(17);
    let mut mark = after.skip_while(|byte| !b" ()\\\t\x0b\x0c\n".contains(byte));
    matches!(prefix, b"" | b"L" | b"u" | b"U" | b"u8") && mark.next() == Some(&b'(')
}

/// Returns whether `code` ends with digits, so that a quotation mark behind it
/// only separates them from others.
fn ends_with_number(code: &[u8]) -> bool {
    let word = code.rsplit(|byte| !is_word_byte(*byte)).next().unwrap_or_default();
    word.first().is_some_and(u8::is_ascii_digit)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the words in `bytes`, each with its position.
fn words(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let pieces = bytes.split(|byte| !is_word_byte(*byte));
    let positioned = pieces.scan(0, |next, piece| {
        let start = *next;
        *next += piece.len() + 1;
        Some((start, piece))
    });
    positioned.filter(|(_, piece)| !piece.is_empty())
}

#[cfg(test)]
mod tests;
