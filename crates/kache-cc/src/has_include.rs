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

/// What one file asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The names of headers, as written between the angle brackets or quotation marks.
    pub names: Vec<String>,
    /// Other names that it gives to an operator; any file of the unit may use them.
    pub aliases: Vec<String>,
}

impl Asked {
    /// Adds what another file asks for.
    pub fn merge(&mut self, other: Self) {
        self.names.extend(other.names);
        self.aliases.extend(other.aliases);
    }
}

/// Returns what `bytes`, a source or header, asks for. Code that is not
/// compiled counts alike, and comments as far as they name a header.
///
/// # Errors
///
/// If a macro makes the name of a header, or an operator is part of a macro.
pub fn asked(bytes: &[u8]) -> Result<Asked, ComputedName> {
    let mut asked = Asked::default();
    let mut at = 0;
    while let Some(found) = memmem::find(bytes.get(at..).unwrap_or_default(), b"__has_") {
        let start = at + found;
        let rest = bytes.get(start..).unwrap_or_default();
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(operator.as_bytes()));
        at = start + operator.map_or("__has_", |operator| operator).len();
        if operator.is_some() {
            let line = logical_line_before(bytes, start);
            match meaning_of(line, bytes.get(at..).unwrap_or_default())? {
                Meaning::Nothing => {}
                Meaning::Name(name) => asked.names.push(name),
                Meaning::Alias(alias) => asked.aliases.push(alias),
            }
        }
    }
    Ok(asked)
}

/// Returns the names of headers that `bytes` asks for by `alias`, which some
/// file of the unit gives to an operator.
///
/// # Errors
///
/// As [`asked`], and if the alias gets another name in its turn.
pub fn asked_through(alias: &str, bytes: &[u8]) -> Result<Vec<String>, ComputedName> {
    let mut names = Vec::new();
    for start in memmem::find_iter(bytes, alias.as_bytes()) {
        let before = bytes.get(..start).unwrap_or_default();
        let after = bytes.get(start + alias.len()..).unwrap_or_default();
        let is_longer = before.last().copied().is_some_and(is_in_identifier)
            || after.first().copied().is_some_and(is_in_identifier);
        if is_longer {
            continue;
        }
        match meaning_of(logical_line_before(bytes, start), after)? {
            Meaning::Nothing => {}
            Meaning::Name(name) => names.push(name),
            Meaning::Alias(_) => return Err(ComputedName),
        }
    }
    Ok(names)
}

/// Why an operator stands where it does.
enum Meaning {
    /// It is only spoken of, defined or tested for.
    Nothing,
    /// It asks for a header.
    Name(String),
    /// It gets another name.
    Alias(String),
}

/// Returns what an operator means that stands between `line` and `after`.
fn meaning_of(line: &[u8], after: &[u8]) -> Result<Meaning, ComputedName> {
    let words: Vec<&[u8]> =
        line.split(|byte| !is_in_identifier(*byte)).filter(|word| !word.is_empty()).collect();
    let is_defined_here = words.last() == Some(&&b"define"[..]);
    let Some(argument) = skip_blanks(after).strip_prefix(b"(").map(skip_blanks) else {
        return match words.as_slice() {
            _ if is_defined_here => Ok(Meaning::Nothing),
            [b"define", alias] if line.ends_with(alias) && ends_line(after) => {
                String::from_utf8(alias.to_vec()).map(Meaning::Alias).map_err(|_| ComputedName)
            }
            words if words.contains(&&b"define"[..]) => Err(ComputedName),
            _ => Ok(Meaning::Nothing),
        };
    };
    let close = match argument.first() {
        Some(b'<') => b'>',
        Some(b'"') => b'"',
        _ if is_defined_here || is_prose(line) => return Ok(Meaning::Nothing),
        _ => return Err(ComputedName),
    };
    let name = argument.get(1..).unwrap_or_default();
    let end = memchr::memchr2(close, b'\n', name).ok_or(ComputedName)?;
    let name = name.get(..end).and_then(|name| std::str::from_utf8(name).ok());
    name.map(|name| Meaning::Name(name.to_owned())).ok_or(ComputedName)
}

/// Returns whether what follows `line` is in no directive: none begins there,
/// and none goes on there behind a comment of several lines.
fn is_prose(line: &[u8]) -> bool {
    ["#", "%:", "??=", "*/"].iter().all(|mark| memmem::find(line, mark.as_bytes()).is_none())
}

/// Returns whether nothing but a comment follows in the same line.
fn ends_line(after: &[u8]) -> bool {
    let after = skip_blanks(after);
    matches!(after.first(), None | Some(b'\n' | b'\r')) || after.starts_with(b"/")
}

/// Returns what stands before `start` in the same line, and in the lines before
/// it as far as they end with a backslash; without what is blank at its end.
fn logical_line_before(bytes: &[u8], start: usize) -> &[u8] {
    let before = bytes.get(..start).unwrap_or_default();
    let mut line = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    while let Some(above) = line.checked_sub(1).and_then(|end| before.get(..end)) {
        if !above.trim_ascii_end().ends_with(b"\\") {
            break;
        }
        line = memchr::memrchr(b'\n', above).map_or(0, |at| at + 1);
    }
    let line = before.get(line..).unwrap_or_default();
    let ends_it = |byte: &u8| !byte.is_ascii_whitespace() && *byte != b'\\';
    let len = line.iter().rposition(ends_it).map_or(0, |last| last + 1);
    line.get(..len).unwrap_or_default()
}

fn is_in_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
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
    fn check(text: &str, names: &[&str], aliases: &[&str]) {
        let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let expected = Asked { names: owned(names), aliases: owned(aliases) };
        assert_eq!(asked(text.as_bytes()), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_computed(text: &str) {
        assert_eq!(asked(text.as_bytes()), Err(ComputedName), "{text}");
    }

    #[track_caller]
    fn check_through(text: &str, expected: Result<&[&str], ComputedName>) {
        let found = asked_through("HAS", text.as_bytes());
        let found = found.as_ref().map(|names| names.iter().map(String::as_str).collect());
        assert_eq!(found.map_err(|error| *error), expected.map(<[&str]>::to_vec), "{text}");
    }

    #[test]
    fn names_between_brackets_and_quotation_marks_are_read() {
        check("#if __has_include(<a/b.h>) && __has_include(\"c.h\")\n", &["a/b.h", "c.h"], &[]);
        check("# if __has_include ( \"linux/stat.h\" )\n", &["linux/stat.h"], &[]);
        check("#if !__has_include_next(<x>)\n#endif // __has_include(<y>)\n", &["x", "y"], &[]);
        check("#define HAS_TBB __has_include(<tbb/tbb.h>)\n", &["tbb/tbb.h"], &[]);
        check("#if __has_embed(\"data\" limit(1))\n", &["data"], &[]);
        check("#if __has_include(<cut\n", &["cut"], &[]);
    }

    #[test]
    fn speaking_of_the_operator_asks_for_nothing() {
        check("#ifdef __has_include\n#endif /* __has_include */\n", &[], &[]);
        check("#if defined(__has_include) || defined __has_include_next\n", &[], &[]);
        check("# define __has_include(x) 0\n", &[], &[]);
        check("# define \\\n __has_include(x) 0\n", &[], &[]);
        check("__has_feature(x) __has_builtin(y)", &[], &[]);
        check("/* Not by\n * __has_include(x), which is new\n */\n", &[], &[]);
    }

    #[test]
    fn another_name_of_the_operator_is_told() {
        check("#  define HAS __has_include\n#define HAS(x) 0\n", &[], &["HAS"]);
        check("#define HAS \\\n  __has_include_next // as GCC does\n", &[], &["HAS"]);
        check("#define HAS __has_include", &[], &["HAS"]);
    }

    #[test]
    fn what_a_macro_makes_of_it_cannot_be_told() {
        check_computed("#if __has_include(CONFIG)\n");
        check_computed("/* a */ #if /* b\n*/ __has_include(CONFIG)\n");
        check_computed("#if A && \\\n  __has_include(CONFIG)\n");
        check_computed("#define HAS(x) __has_include(x)\n");
        check_computed("#define HAS(x) __has_include\n");
        check_computed("#define HAS __has_include && 1\n");
        check_computed("#define HAS 1 && __has_include\n");
        check_computed("#define HAS /* so */ __has_include\n");
        check_computed("#if __has_include(<cut");
    }

    #[test]
    fn another_name_asks_as_the_operator_does() {
        check_through("#if HAS(<a.h>) || HAS (\"b.h\")\n", Ok(&["a.h", "b.h"]));
        check_through("#ifndef HAS\n# define HAS __x\n#undef HAS\n# define HAS(x) 0\n", Ok(&[]));
        check_through("/* HAS(x) */ int HAS_NOT(A), hHAS(B);\n", Ok(&[]));
        check_through("#if HAS(CONFIG)\n", Err(ComputedName));
        check_through("#define HAVE HAS\n", Err(ComputedName));
        check_through("#define HAVE(x) HAS(x)\n", Err(ComputedName));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(
            text in "(__has_include|[ ()<>\"\n\\\\#]|define|[a-z]|HAS)*"
        ) {
            drop(asked(text.as_bytes()));
            drop(asked_through("HAS", text.as_bytes()));
        }
    }
}
