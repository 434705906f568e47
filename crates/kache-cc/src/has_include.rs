//! Which headers a source asks for without including them.
//!
//! `__has_include(<x.h>)` is true as soon as the file is there. The compiler
//! does not say that it looked, so the names are read from the text.

use memchr::memmem;

/// The operators that look for a file.
const OPERATORS: [&str; 3] = ["__has_include_next", "__has_include", "__has_embed"];

/// A name that only the preprocessor can tell, because a macro makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`__has_include` of a name that a macro makes")]
pub struct ComputedName;

/// Returns the names that `bytes`, a source or header, asks for, as written
/// between the angle brackets or quotation marks. Comments and code that is
/// not compiled count alike.
///
/// # Errors
///
/// If a name is made by a macro, or an operator is used under another name.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, ComputedName> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(found) = memmem::find(bytes.get(at..).unwrap_or_default(), b"__has_") {
        let start = at + found;
        let rest = bytes.get(start..).unwrap_or_default();
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(operator.as_bytes()));
        at = start + operator.map_or("__has_", |operator| operator).len();
        if operator.is_some() {
            let line = line_before(bytes, start);
            names.extend(name_asked_for(line, bytes.get(at..).unwrap_or_default())?);
        }
    }
    Ok(names)
}

/// Returns the name in `after`, which follows an operator that follows `line`;
/// `None` if the operator itself is only spoken of.
fn name_asked_for(line: &str, after: &[u8]) -> Result<Option<String>, ComputedName> {
    let is_defined_here = line.ends_with("define");
    let Some(argument) = skip_blanks(after).strip_prefix(b"(").map(skip_blanks) else {
        // `#define HAS __has_include` gives it another name.
        let is_renamed = line.trim_start_matches(['#', ' ', '\t']).starts_with("define ");
        return if is_renamed && !is_defined_here { Err(ComputedName) } else { Ok(None) };
    };
    let close = match argument.first() {
        Some(b'<') => b'>',
        Some(b'"') => b'"',
        _ if is_defined_here => return Ok(None),
        _ => return Err(ComputedName),
    };
    let name = argument.get(1..).unwrap_or_default();
    let end = memchr::memchr2(close, b'\n', name).ok_or(ComputedName)?;
    let name = name.get(..end).and_then(|name| std::str::from_utf8(name).ok());
    name.map(|name| Some(name.to_owned())).ok_or(ComputedName)
}

/// Returns what stands in the same line before `start`, without blanks at its ends.
fn line_before(bytes: &[u8], start: usize) -> &str {
    let before = bytes.get(..start).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    // Text that cannot be read names no directive.
    std::str::from_utf8(before.get(line..).unwrap_or_default()).unwrap_or_default().trim()
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    bytes.get(blanks..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], ComputedName>) {
        let found = names(text.as_bytes());
        let found = found.as_ref().map(|names| names.iter().map(String::as_str).collect());
        assert_eq!(found.map_err(|error| *error), expected.map(<[&str]>::to_vec), "{text}");
    }

    #[test]
    fn names_between_brackets_and_quotation_marks_are_read() {
        check("#if __has_include(<a/b.h>) && __has_include(\"c.h\")\n", Ok(&["a/b.h", "c.h"]));
        check("# if __has_include ( \"linux/stat.h\" )\n", Ok(&["linux/stat.h"]));
        check("#if !__has_include_next(<x>)\n#endif // __has_include(<y>)\n", Ok(&["x", "y"]));
        check("#define HAS_TBB __has_include(<tbb/tbb.h>)\n", Ok(&["tbb/tbb.h"]));
        check("#if __has_embed(\"data\" limit(1))\n", Ok(&["data"]));
    }

    #[test]
    fn speaking_of_the_operator_asks_for_nothing() {
        check("#ifdef __has_include\n#endif /* __has_include */\n", Ok(&[]));
        check("#if defined(__has_include) || defined __has_include_next\n", Ok(&[]));
        check("# define __has_include(x) 0\n", Ok(&[]));
        check("__has_feature(x) __has_builtin(y)", Ok(&[]));
    }

    #[test]
    fn what_a_macro_makes_of_it_cannot_be_told() {
        check("#if __has_include(CONFIG)\n", Err(ComputedName));
        check("#define HAS __has_include\n", Err(ComputedName));
        check("#define HAS(x) __has_include(x)\n", Err(ComputedName));
        check("#if __has_include(<cut\n", Ok(&["cut"]));
        check("#if __has_include(<cut", Err(ComputedName));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(__has_include|[ ()<>\"\n]|define|[a-z])*") {
            drop(names(text.as_bytes()));
        }
    }
}
