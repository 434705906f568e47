//! Files that statements for the assembler read: also such as the preprocessor
//! has read, of which it shows the tokens and the assembler takes the bytes.

/// Words that begin a statement for the assembler.
const BEGINNINGS: [&[u8]; 3] = [b"asm", b"__asm", b"__asm__"];

/// What directives that read a file begin with, and those that make up directives.
const TELLING: [&str; 4] = [".inc", ".macro", ".irp", ".altmacro"];

/// Escapes that stand for no part of a directive's name.
const PLAIN_ESCAPES: &[u8] = b"nt\"\n";

/// Returns whether a statement for the assembler in `text` may have it read a file.
pub(super) fn may_read_files(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"asm") {
        let (before, after) = rest.split_at_checked(at + 3).unwrap_or_default();
        let start = before.iter().rposition(|byte| !is_part(byte)).map_or(0, |last| last + 1);
        let end = after.iter().position(|byte| !is_part(byte)).unwrap_or(after.len());
        let word = [before.get(start..).unwrap_or_default(), after.get(..end).unwrap_or_default()]
            .concat();
        if BEGINNINGS.contains(&word.as_slice())
            && !is_in_line_marker(text, text.len() - after.len())
            && statement_reads(after)
        {
            return true;
        }
        rest = after;
    }
    false
}

/// Returns whether what stands `at` a place is on a line that names a file: many
/// headers of the system are in directories called `asm`.
fn is_in_line_marker(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    before.get(line..).is_some_and(|line| line.starts_with(b"# "))
}

/// Returns whether the statement that `text` goes on with may.
fn statement_reads(text: &[u8]) -> bool {
    let mut said = String::new();
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let Some(len) = string_len(rest) else { return true };
                let (string, after) = rest.split_at_checked(len).unwrap_or_default();
                said.extend(string.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
                rest = after.get(1..).unwrap_or_default();
            }
            b'(' => depth += 1,
            b')' if depth <= 1 => break,
            b')' => depth -= 1,
            // Without parentheses it follows other rules.
            b';' | b'{' if depth == 0 => return true,
            _ => {}
        }
    }
    TELLING.iter().any(|directive| said.contains(directive))
}

/// Returns the length of the string that `text` begins in, `None` if it does not
/// end or has an escape that may stand for anything.
fn string_len(text: &[u8]) -> Option<usize> {
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at),
            b'\\' if !PLAIN_ESCAPES.contains(bytes.next()?.1) => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(may_read_files(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn statements_that_read_files_are_seen() {
        check("__asm__(\".incbin \\\"part.h\\\"\");", true);
        check("asm volatile (\".INC\" \"LUDE \\\"x\\\"\" : : );", true);
        check("asm(\".\\x69ncbin x\");", true);
        check("asm(\".macro m a\\n .\\\\a\\n\");", true);
        check("asm(\"nop\" : : \"r\"(f(\".inc\")));", true);
        check("int a; __asm { nop }", true);
    }

    #[test]
    fn other_statements_are_none() {
        check("int scanf(void) __asm__ (\"\" \"__isoc99_scanf\");", false);
        check("__asm__ volatile (\"lock; incl %0\\n\\tnop\" : \"=m\"(x)); puts(\".inc\");", false);
        check("int asmx; char *f = \".incbin\"; plasma(\".inc\");", false);
        check("# 1 \"/usr/include/asm/errno.h\" 1 3 4\n# 2 \"x.h\"", false);
        check("", false);
    }
}
