//! The lines of a source that an expansion comes from, as they are.
//!
//! Where a token stands in its line is in no expansion. But where the lines
//! with tokens are the same byte for byte, so are the columns. Comments may
//! differ where they stand in lines of their own or end a line.

use std::collections::BTreeSet;

use memchr::memmem;

use super::Unclear;

/// A line, or the part of it that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown<'a> {
    /// From one.
    pub(super) number: usize,
    pub(super) text: &'a [u8],
}

/// How a directive can begin.
const MARKS: [&[u8]; 3] = [b"#", b"%:", b"??="];

/// Returns the lines of `file`, which has these `bytes`, that count: those by
/// whose `numbers` tokens come from it, what may belong to one of them and stands
/// below, and comments in which GCC may read that a case falls through.
pub(super) fn of<'a>(
    file: &str,
    bytes: &'a [u8],
    numbers: &BTreeSet<usize>,
) -> Result<Vec<Shown<'a>>, Unclear> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // To Clang, a carriage return on its own ends a line.
    let has_lone_return =
        lines.iter().any(|line| memchr::memchr(b'\r', line).is_some_and(|at| at + 1 < line.len()));
    if has_lone_return || lines.iter().any(|line| renumbers(line)) {
        return Err(Unclear::Renumbered(file.to_owned()));
    }
    let mut shown = Vec::new();
    let mut rest = numbers.iter().copied().peekable();
    let mut reader = Reader::default();
    while let Some(number) = rest.next() {
        let line = line_at(&lines, number).filter(|line| !line.trim_ascii().is_empty());
        let line = line.ok_or_else(|| Unclear::Misplaced(file.to_owned()))?;
        let above = line_at(&lines, number - 1).unwrap_or_default();
        let text = if ends_spliced(above) { line } else { without_last_comment(line) };
        shown.push(Shown { number, text });
        reader.read(text);
        let next = rest.peek().copied().unwrap_or(lines.len() + 1);
        reader.below(&lines, number + 1..next, &mut shown);
    }
    let tells_of_falling =
        |line: &Shown<'_>| line.text.windows(4).any(|part| part.eq_ignore_ascii_case(b"fall"));
    let all = lines.iter().zip(1..).map(|(text, number)| Shown { number, text });
    shown.extend(all.filter(tells_of_falling));
    Ok(shown)
}

fn line_at<'a>(lines: &[&'a [u8]], number: usize) -> Option<&'a [u8]> {
    lines.get(number.checked_sub(1)?).copied()
}

/// Reads on below a line with tokens.
#[derive(Default)]
struct Reader {
    /// How many parentheses are open.
    depth: usize,
    is_spliced: bool,
    is_in_comment: bool,
}

impl Reader {
    /// Takes in a line that counts.
    fn read(&mut self, text: &[u8]) {
        self.is_spliced = ends_spliced(text);
        let after = if self.is_in_comment {
            let end = memmem::find(text, b"*/");
            self.is_in_comment = end.is_none();
            end.and_then(|end| text.get(end + 2..)).unwrap_or_default()
        } else {
            text
        };
        self.depth = depth_behind(self.depth, after);
        let begin = memmem::rfind(after, b"/*");
        self.is_in_comment |= begin.is_some_and(|at| {
            memmem::find(after.get(at + 2..).unwrap_or_default(), b"*/").is_none()
        });
    }

    /// Adds those of the lines with these `numbers` that may be a part of what
    /// was read: arguments of a macro need not show where they stand. Lines that
    /// are but comments are none, and at a directive it ends.
    fn below<'a>(
        &mut self,
        lines: &[&'a [u8]],
        numbers: std::ops::Range<usize>,
        shown: &mut Vec<Shown<'a>>,
    ) {
        let mut is_comment = false;
        for number in numbers {
            let line = line_at(lines, number).unwrap_or_default();
            let text = line.trim_ascii();
            if !(self.is_spliced || self.depth > 0 || self.is_in_comment) {
                if MARKS.iter().any(|mark| text.starts_with(mark)) && !is_comment {
                    return;
                }
                let begins = text.starts_with(b"/*") && !is_comment;
                if begins || is_comment {
                    let body = if begins { text.get(2..).unwrap_or_default() } else { text };
                    let end = memmem::find(body, b"*/");
                    is_comment = end.is_none();
                    if end.is_none_or(|end| end + 2 == body.len()) {
                        continue;
                    }
                } else if text.is_empty() || text.starts_with(b"//") && !ends_spliced(text) {
                    continue;
                }
            }
            shown.push(Shown { number, text: line });
            self.read(line);
        }
    }
}

/// Returns how many parentheses are open behind `text`, of which `depth` were before.
fn depth_behind(mut depth: usize, text: &[u8]) -> usize {
    let mut quote = None;
    let mut before = b' ';
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match (quote, byte) {
            (Some(_), b'\\') => drop(rest.next()),
            (Some(open), _) if open == byte => quote = None,
            // Digits may be separated by it.
            (None, b'\'') if before.is_ascii_alphanumeric() => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = byte;
    }
    depth
}

/// Returns whether the next line is a part of this one.
fn ends_spliced(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.ends_with(b"\\") || line.ends_with(b"??/")
}

/// Returns `line` without a comment at its end, where it is certain that one
/// begins there and that nothing follows it.
fn without_last_comment(line: &[u8]) -> &[u8] {
    let begin =
        memchr::memchr_iter(b'/', line).find(|at| matches!(line.get(at + 1), Some(b'/' | b'*')));
    let Some((code, comment)) = begin.and_then(|at| line.split_at_checked(at)) else {
        return line;
    };
    let has_quotes = code.contains(&b'"') || code.contains(&b'\'') || comment.contains(&b'"');
    let end = memmem::find(comment.get(2..).unwrap_or_default(), b"*/");
    let body_len = comment.trim_ascii_end().len();
    let is_whole = match comment.get(1) {
        Some(b'/') => end.is_none(),
        _ => end.is_some_and(|end| end + 4 == body_len),
    };
    if is_whole && !has_quotes && !ends_spliced(line) { code.trim_ascii_end() } else { line }
}

/// Returns whether a directive in `line` may say where lines come from: `#line 7`, `# 7 "x.y"`.
fn renumbers(line: &[u8]) -> bool {
    let behind_comments = memmem::find_iter(line, b"*/").map(|at| at + 2);
    std::iter::once(0).chain(behind_comments).any(|start| {
        let begin = line.get(start..).unwrap_or_default().trim_ascii_start();
        let directive = MARKS.iter().find_map(|mark| begin.strip_prefix(*mark));
        directive.is_some_and(|directive| may_renumber(directive.trim_ascii_start()))
    })
}

fn may_renumber(directive: &[u8]) -> bool {
    let letters = directive.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = directive.split_at(letters);
    // The word may go on in the next line, and a comment may stand before it.
    let goes_on = rest.starts_with(b"\\") || rest.starts_with(b"??/");
    let has_none = rest.starts_with(b"/*") || rest.first().is_some_and(u8::is_ascii_digit);
    word == b"line" || goes_on && b"line".starts_with(word) || word.is_empty() && has_none
}
