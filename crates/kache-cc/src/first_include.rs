//! Which header a source includes first.
//!
//! GCC takes `x.h.gch` for `x.h` where that is the first header of all, in
//! whichever directory it looks, and its dependency file then names neither.
//! So whoever wants to know must look for such a file in each directory that
//! is searched for each header that may come first.

/// Headers of which one may be the first that is included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstIncludes {
    /// Their names, as written between the angle brackets or quotation marks.
    pub names: Vec<String>,
    /// Another one may have a name that a macro makes.
    pub is_computed: bool,
}

/// Returns the headers that may be the first in a source with these `bytes`:
/// up to the first one that stands in no conditional part.
///
/// A part that is compiled only where a macro is defined does not count if
/// `may_be_defined` says no of the name and the source does not define it before.
pub fn first_includes(bytes: &[u8], may_be_defined: &dyn Fn(&str) -> bool) -> FirstIncludes {
    let mut first = FirstIncludes::default();
    let mut defined = Vec::new();
    let mut depth = 0_usize;
    // How deep the part is that is not compiled.
    let mut left_out: Option<usize> = None;
    for line in without_comments(bytes).split(|byte| *byte == b'\n') {
        let Some(directive) = directive(line) else { continue };
        let word_len = directive.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, argument) = directive.split_at(word_len);
        match word {
            b"if" | b"ifdef" | b"ifndef" => {
                depth += 1;
                let name = identifier(argument).filter(|_| word == b"ifdef" && left_out.is_none());
                let is_out = |name: &&str| !may_be_defined(name) && !defined.contains(name);
                left_out = left_out.or(name.as_ref().is_some_and(is_out).then_some(depth));
            }
            b"else" | b"elif" | b"elifdef" | b"elifndef" if left_out == Some(depth) => {
                left_out = None;
            }
            b"endif" => {
                left_out = left_out.filter(|out| *out != depth);
                depth = depth.saturating_sub(1);
            }
            b"define" => defined.extend(identifier(argument)),
            b"include" | b"import" if left_out.is_none() => {
                first.add(argument);
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    first
}

/// Returns whether a compiler may define `name` by itself: reserved names, and
/// those of systems and processors (`linux`, `WIN32`, `LANGUAGE_C`).
pub fn may_be_predefined(name: &str) -> bool {
    let is_of_user = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.contains('_')
        && !name.starts_with("LANGUAGE_");
    !is_of_user
}

/// Returns the identifier that `argument` begins with.
fn identifier(argument: &[u8]) -> Option<&str> {
    let argument = argument.trim_ascii_start();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let name = argument.get(..argument.iter().take_while(is_part).count())?;
    std::str::from_utf8(name).ok().filter(|name| !name.is_empty())
}

impl FirstIncludes {
    fn add(&mut self, argument: &[u8]) {
        let argument = argument.trim_ascii();
        let close = match argument.first() {
            Some(b'<') => b'>',
            Some(b'"') => b'"',
            _ => b'\n',
        };
        let inner = argument.get(1..).unwrap_or_default();
        let end = memchr::memchr(close, inner);
        let name = end.and_then(|end| std::str::from_utf8(inner.get(..end)?).ok());
        match name {
            Some(name) => self.names.push(name.to_owned()),
            None => self.is_computed = true,
        }
    }
}

/// Returns what follows the `#` of a directive.
fn directive(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_start();
    let after = [&b"#"[..], b"%:", b"??="].into_iter().find_map(|mark| line.strip_prefix(mark));
    after.map(<[u8]>::trim_ascii_start)
}

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Line,
    Block,
    Text(u8),
}

/// Returns `bytes` with a blank for each comment, and lines joined that end with a backslash.
fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut state = State::Code;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let next = after.first().copied();
        rest = after;
        state = match (state, byte, next) {
            (_, b'\\', Some(b'\n')) => {
                rest = after.get(1..).unwrap_or_default();
                state
            }
            (State::Code, b'/', Some(b'/')) => State::Line,
            (State::Code, b'/', Some(b'*')) => {
                rest = after.get(1..).unwrap_or_default();
                State::Block
            }
            (State::Block, b'*', Some(b'/')) => {
                rest = after.get(1..).unwrap_or_default();
                kept.push(b' ');
                State::Code
            }
            (State::Line | State::Text(_), b'\n', _) => {
                kept.push(b'\n');
                State::Code
            }
            (State::Line | State::Block, ..) => state,
            (State::Text(_), b'\\', Some(escaped)) => {
                rest = after.get(1..).unwrap_or_default();
                kept.extend([byte, escaped]);
                state
            }
            (state, byte, _) => {
                kept.push(byte);
                state.after(byte)
            }
        };
    }
    kept
}

impl State {
    /// Returns the state after a byte that is kept.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Code, b'"' | b'\'') => Self::Text(byte),
            (Self::Text(open), byte) if open == byte => Self::Code,
            (state, _) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, names: &[&str], is_computed: bool) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let found = first_includes(text.as_bytes(), &|name| name == "MY_CONFIG");
        assert_eq!(found, FirstIncludes { names, is_computed }, "{text}");
    }

    #[test]
    fn the_first_header_outside_of_conditions_is_the_last_that_may_come_first() {
        check("int a;\n", &[], false);
        check("#include <a.h>\n#include \"b.h\"\n", &["a.h"], false);
        check(
            "#if X\n#include \"a.h\"\n#endif\n # include <b.h>\n#include <c.h>",
            &["a.h", "b.h"],
            false,
        );
        check(
            "#ifndef G\n#define G\n#include <a.h>\n#include <b.h>\n#endif\n",
            &["a.h", "b.h"],
            false,
        );
        check("#include CONFIG\n#include <b.h>\n", &[], true);
        check("#if X\n#include CONFIG\n#endif\n#import <b.h>\n", &["b.h"], true);
        check("%:include <a.h>\n", &["a.h"], false);
        check("#inc\\\nlude \"a.h\"\n", &["a.h"], false);
    }

    #[test]
    fn a_part_for_a_macro_that_nothing_defines_is_left_out() {
        let then =
            |directive: &str| format!("{directive}\n#include MADE\n#endif\n#include <b.h>\n");
        check(&then("#ifdef OTHER_CONFIG"), &["b.h"], false);
        check(&then("#ifdef OTHER_CONFIG\n#if 1\n#else\n#endif"), &["b.h"], false);
        check(&then("#ifdef MY_CONFIG"), &["b.h"], true);
        check(&then("#ifndef OTHER_CONFIG"), &["b.h"], true);
        check(&then("#if OTHER_CONFIG"), &["b.h"], true);
        check(&then("#ifdef OTHER_CONFIG\n#else"), &["b.h"], true);
        check(&then("#ifdef OTHER_CONFIG\n#elif 1"), &["b.h"], true);
        check(&then("#define OTHER_CONFIG\n#ifdef OTHER_CONFIG"), &["b.h"], true);
        let names = ["linux", "__GNUC__", "_WIN32", "WIN32", "LANGUAGE_C"];
        assert!(names.into_iter().all(may_be_predefined));
        assert!(!may_be_predefined("SQLITE_CUSTOM_INCLUDE"));
    }

    #[test]
    fn comments_and_strings_include_nothing() {
        check(
            "/*\n#include <x.h>\n*/\n// #include <y.h> \\\n#include <z.h>\n#include <a.h>\n",
            &["a.h"],
            false,
        );
        check("/* \" */ #include <a.h> /* ' */\n", &["a.h"], false);
        check("char *s = \"/*\"; char c = '\"';\n#include <a.h>\n", &["a.h"], false);
        check("#error don't\n#include <a.h>\n", &["a.h"], false);
        check("#include \"dir//a.h\"\n", &["dir//a.h"], false);
        check("#include <dir//a.h>\n#include <b.h>\n", &[], true);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(#include|#if|#endif|[\"'</*>\\\\\n]|[a-z ])*") {
            first_includes(text.as_bytes(), &|_| false);
        }
    }
}
