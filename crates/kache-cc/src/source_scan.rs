//! What a source or header may do that no dependency file tells.
//!
//! A conservative look at the text: comments, strings and code that is not
//! compiled count alike. A backslash at a line's end joins the lines, as it
//! does for the compiler.
//!
//! The time macros can be made by pasting pieces together, in a macro of one
//! file with arguments from another. So the pieces that occur as words are
//! collected over all files of a unit, and a macro counts as used when one of
//! them pastes and the pieces suffice.

use std::borrow::Cow;

use memchr::memmem;

/// The macros whose value is a time, then those whose value is a file's name.
const MACROS: [&str; 5] = ["__DATE__", "__TIME__", "__TIMESTAMP__", "__FILE__", "__BASE_FILE__"];

/// How many of them are times.
const TIMES: usize = 3;

/// What else tells the name of a file. That of a function has the place of each
/// lambda and nameless type in it.
const FILE_NAMES: [&[u8]; 5] = [
    b"__builtin_FILE",
    b"__builtin_source_location",
    b"source_location",
    b"__PRETTY_FUNCTION__",
    b"__FUNCSIG__",
];

/// The length of the longest of them.
const LONGEST_MACRO: usize = "__TIMESTAMP__".len();

/// The operator that pastes two words into one, in all its spellings.
const PASTES: [&[u8]; 3] = [b"##", b"%:%:", b"??=??="];

/// The directives of an assembler that read a file.
const DIRECTIVES: [&[u8]; 2] = [b"incbin", b"include"];

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// As C or C++; what is in it for the assembler stands in strings.
    Code,
    /// As assembler, with or without a preprocessor.
    Assembler,
}

/// What the files of a unit, taken together, may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct SourceFacts {
    macros: [bool; MACROS.len()],
    pieces: Vec<String>,
    pastes: bool,
    embeds: bool,
    looks_for_headers: bool,
    reads_times: bool,
    names_files: bool,
}

/// Returns what the one file with these `bytes` may do; also for the texts after `-D`.
///
/// Cost: one pass over the bytes, and a copy of them if any line is joined to the next.
pub fn scan(bytes: &[u8], text: Text) -> SourceFacts {
    let bytes = join_lines(bytes);
    let mut facts = SourceFacts {
        pastes: PASTES.iter().any(|mark| memmem::find(&bytes, mark).is_some()),
        ..SourceFacts::default()
    };
    let mut has_assembler = text == Text::Assembler;
    let mut previous: &[u8] = b"";
    for (start, word) in words(&bytes) {
        let before = bytes.get(..start).unwrap_or_default();
        match word {
            b"asm" | b"__asm" | b"__asm__" => has_assembler = true,
            b"__has_include" | b"__has_include_next" | b"__has_embed" => {
                facts.looks_for_headers = true;
            }
            b"embed" if may_begin_directive(before) => facts.embeds = true,
            b"dependency" if previous == b"GCC" => facts.reads_times = true,
            _ if FILE_NAMES.contains(&word) => facts.names_files = true,
            _ => {}
        }
        facts.embeds |= reads_file(word, before);
        facts.note_macro(word);
        previous = word;
    }
    facts.embeds |= has_assembler && splits_directive(&bytes, text);
    if text == Text::Code && !facts.pieces.is_empty() {
        facts.keep_pieces_of_code(&bytes);
    }
    facts
}

/// Returns what a header of the system may do; see [`scan`].
///
/// It is taken to paste. The pieces of macro names in it do not count: what it
/// pastes beside its own names comes from a user's file; nor do the names of
/// files, which it only prints, as `assert` does. Cost: a few searches, and a
/// whole scan only where one of them finds something.
pub fn scan_system_header(bytes: &[u8]) -> SourceFacts {
    const TELLING: [&[u8]; 8] = [
        b"__DATE__",
        b"__TIME__",
        b"__TIMESTAMP__",
        b"asm",
        b"incbin",
        b"INCBIN",
        b"embed",
        b"dependency",
    ];
    let found = TELLING.iter().any(|word| memmem::find(bytes, word).is_some());
    let mut facts = if found { scan(bytes, Text::Code) } else { SourceFacts::default() };
    for used in facts.macros.iter_mut().skip(TIMES) {
        *used = false;
    }
    SourceFacts { pieces: Vec::new(), pastes: true, names_files: false, ..facts }
}

impl SourceFacts {
    /// Adds what another file of the same unit may do.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.macros.iter_mut().zip(other.macros) {
            *mine |= theirs;
        }
        for piece in &other.pieces {
            note(&mut self.pieces, piece);
        }
        self.pastes |= other.pastes;
        self.embeds |= other.embeds;
        self.looks_for_headers |= other.looks_for_headers;
        self.reads_times |= other.reads_times;
        self.names_files |= other.names_files;
    }

    /// Returns whether `__DATE__` may be used.
    pub fn mentions_date(&self) -> bool {
        self.mentions(0)
    }

    /// Returns whether `__TIME__` may be used.
    pub fn mentions_time(&self) -> bool {
        self.mentions(1)
    }

    /// Returns whether `__TIMESTAMP__`, the time of the file's last change, may be used.
    pub fn mentions_timestamp(&self) -> bool {
        self.mentions(2)
    }

    /// Returns whether any of the three may be used.
    pub fn mentions_time_macros(&self) -> bool {
        (0..TIMES).any(|index| self.mentions(index))
    }

    /// Returns whether the bytes of another file may go into the output in a
    /// way that no dependency file of the compiler lists: `.incbin` and
    /// `.include` of the assembler, and `#embed`.
    pub fn may_embed(&self) -> bool {
        self.embeds
    }

    /// Returns whether `__has_include`, `__has_include_next` or `__has_embed`
    /// is there, so that a file which appears can change the result.
    pub fn looks_for_headers(&self) -> bool {
        self.looks_for_headers
    }

    /// Returns whether `#pragma GCC dependency` may compare the times of files.
    pub fn reads_times(&self) -> bool {
        self.reads_times
    }

    /// Returns whether something may be made of the name of a source or header.
    pub fn mentions_file_name(&self) -> bool {
        self.names_files || (TIMES..MACROS.len()).any(|index| self.mentions(index))
    }

    fn note_macro(&mut self, word: &[u8]) {
        // Most words in a file are longer, or begin otherwise.
        let may_be_part =
            word.len() <= LONGEST_MACRO && matches!(word.first(), Some(b'_' | b'A'..=b'Z'));
        let Some(word) = std::str::from_utf8(word).ok().filter(|_| may_be_part) else { return };
        for (used, name) in self.macros.iter_mut().zip(MACROS) {
            *used |= word == name;
        }
        // Single letters are everywhere; nobody spells a name with them.
        let is_letter = word.len() == 1 && word != "_";
        let can_be_piece =
            |name: &&str| !is_letter && word.len() < name.len() && name.contains(word);
        if MACROS.iter().any(can_be_piece) {
            note(&mut self.pieces, word);
        }
    }

    /// Forgets the pieces that occur in comments, strings and characters only:
    /// nothing pastes them.
    fn keep_pieces_of_code(&mut self, bytes: &[u8]) {
        let Some(code) = code_of(bytes) else { return };
        let mut kept = Self::default();
        for (start, word) in words(&code) {
            let before = code.get(..start).unwrap_or_default().trim_ascii_end();
            let after = code.get(start + word.len()..).unwrap_or_default();
            if !is_macro_called_underscore(word, before, after) {
                kept.note_macro(word);
            }
        }
        self.pieces = kept.pieces;
    }

    fn mentions(&self, index: usize) -> bool {
        let direct = self.macros.get(index).is_some_and(|used| *used);
        let name = MACROS.get(index).copied().unwrap_or_default();
        direct || self.pastes && tiles(name, &self.pieces)
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

/// Returns whether a directive of the preprocessor can begin after `before`:
/// behind a `#` however it is spelled, or behind a comment.
fn may_begin_directive(before: &[u8]) -> bool {
    matches!(before.trim_ascii_end().last(), Some(b'#' | b':' | b'=' | b'/'))
}

/// Returns whether `word` is or holds the name of a directive that reads a file.
fn reads_file(word: &[u8], before: &[u8]) -> bool {
    let has = |name: &[u8]| word.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    has(b"incbin") || before.ends_with(b".") && word.eq_ignore_ascii_case(b"include")
}

/// Returns whether the name of a directive may be put together from parts: by
/// strings that follow each other, by an escape, or by a macro of the assembler.
fn splits_directive(bytes: &[u8], text: Text) -> bool {
    let mut dots = memchr::memchr_iter(b'.', bytes);
    dots.any(|dot| {
        let after = bytes.get(dot + 1..).unwrap_or_default();
        let begins_word =
            !bytes.get(..dot).unwrap_or_default().last().is_some_and(|byte| is_word_byte(*byte));
        is_split(after, text) || (text == Text::Code && begins_word && ends_early(after))
    })
}

fn is_split(after_dot: &[u8], text: Text) -> bool {
    let len = after_dot.iter().take_while(|byte| is_word_byte(**byte)).count();
    let (part, rest) = after_dot.split_at(len);
    let begins = |name: &[u8]| {
        name.len() > len && name.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(part))
    };
    if !DIRECTIVES.iter().any(|name| begins(name)) {
        return false;
    }
    match rest.split_first() {
        Some((b'\\', _)) if text == Text::Assembler => true,
        Some((b'\\', escape)) => {
            matches!(escape.first(), Some(b'x' | b'u' | b'U' | b'N' | b'0'..=b'7' | b'\\'))
        }
        Some((b'"', next)) => goes_on(next.trim_ascii_start(), len == 0),
        _ => text == Text::Assembler && len >= 3,
    }
}

/// Returns whether a directive's name ends early, with a string or an argument:
/// a macro may have the rest of it.
fn ends_early(after_dot: &[u8]) -> bool {
    let len = after_dot.iter().take_while(|byte| is_word_byte(**byte)).count();
    let (part, rest) = after_dot.split_at(len);
    let begins = |name: &[u8]| {
        (3..name.len()).contains(&len)
            && name.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(part))
    };
    DIRECTIVES.iter().any(|name| begins(name)) && matches!(rest.first(), Some(b'"' | b',' | b')'))
}

/// Returns whether what follows a string can go on with the name of a directive.
fn goes_on(next: &[u8], must_begin: bool) -> bool {
    match next.split_first() {
        Some((b'"', string)) => !must_begin || matches!(string.first(), Some(b'i' | b'I')),
        Some((byte, _)) => !must_begin && is_word_byte(*byte),
        None => false,
    }
}

#[cfg(test)]
mod tests;
