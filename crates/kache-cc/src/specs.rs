//! Specification files of GCC (`-specs=`): text that the driver makes options of.
//!
//! They can have the driver do anything. Those that only add options of
//! which nothing more is to be known than their text are understood.

use crate::driver::Family;
use crate::options::{self, Arity, Effect};

/// Functions that look at no file, variable or machine.
const FUNCTIONS: [&str; 4] =
    ["debug-level-gt", "remove-outfile", "replace-outfile", "version-compare"];

/// Returns what in `text`, a specification file, is not understood.
///
/// Understood are options that are keyed as they are, also under conditions;
/// not those that the model has a part for, and no other file.
pub fn not_understood(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let named = line.strip_prefix('*').and_then(|line| line.split_once(':'));
        let line = named.map_or(line, |(_, text)| text);
        if line.starts_with("%include") {
            return Some(line.to_owned());
        }
        let mut functions = line.split("%:").skip(1);
        let name_of = |rest: &str| rest.split('(').next().unwrap_or_default().to_owned();
        let unknown = functions.find(|rest| !FUNCTIONS.contains(&name_of(rest).as_str()));
        let unknown = unknown.map(|rest| format!("%:{}", name_of(rest)));
        let files = line.contains('@').then(|| line.to_owned());
        unknown
            .or(files)
            .or_else(|| line.split(SEPARATORS).find(|word| !is_plain(word)).map(str::to_owned))
    })
}

/// Parts of options that are looked for on the command line, and of files' names.
const LOOKED_FOR: [&str; 4] = ["/", "missing-include-dirs", "prefix-map", "profile"];

/// What stands around options.
const SEPARATORS: [char; 11] = [' ', '\t', '{', '}', '(', ')', ':', ';', '|', '&', '+'];

/// Returns whether a word is no option, or one that is keyed and no more.
fn is_plain(word: &str) -> bool {
    if word.len() < 2 || !word.starts_with('-') {
        return true;
    }
    if LOOKED_FOR.iter().any(|part| word.contains(part)) {
        return false;
    }
    options::lookup(Family::Gcc, word).is_some_and(|found| {
        let is_whole = match found.arity {
            Arity::Flag => true,
            Arity::Joined | Arity::Either => !found.attached.is_empty() || found.name == "O",
            Arity::Separate => false,
        };
        // What is refused is not on by itself.
        let is_keyed = match found.effect {
            Effect::Neutral
            | Effect::Preprocessor
            | Effect::Code
            | Effect::Diagnostics
            | Effect::Link => true,
            Effect::Refuse(_) => found.negated,
            Effect::Search(_) | Effect::Content | Effect::Modelled(_) => false,
        };
        is_whole && is_keyed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(not_understood(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn options_under_conditions_are_understood() {
        let hardened =
            "*cc1_options:\n+ %{!r:%{!fpie:%{!fPIE:%{!fpic:%{!fPIC:%{!fno-pie:-fPIE}}}}}}\n";
        check(hardened, None);
        check("*self_spec:\n+ %{!O0: -O2 -Wall -fno-plt} %{!shared:-pie}\n", None);
        check(
            "%rename link old_link\n\n*link:\n%(old_link) %:replace-outfile(-lc -lc_nano)\n",
            None,
        );
        check("*cpp_unique_options: + -U_X -fno-common\n", None);
        check("", None);
    }

    #[test]
    fn what_brings_in_more_than_options_is_not() {
        check("*cc1: + -fplugin=annobin\n", Some("-fplugin=annobin"));
        check("%include <other.specs>\n", Some("%include <other.specs>"));
        check("%include_noerr <other.specs>\n", Some("%include_noerr <other.specs>"));
        check("*cc1:\n+ %:getenv(HOME /x.so)\n", Some("%:getenv"));
        check("*cc1:\n+ %:find-plugindir()\n", Some("%:find-plugindir"));
        check("*cc1:\n+ @more\n", Some("+ @more"));
        for option in [
            "-g",
            "-o",
            "-march=native",
            "-include",
            "-I/x",
            "-Zunknown",
            "--coverage",
            "-DX",
            "-ffile-prefix-map=a=b",
            "-Wmissing-include-dirs",
            "-fprofile-dir=x",
        ] {
            check(&format!("*cc1:\n+ %{{!x:{option} y}}\n"), Some(option));
        }
    }
}
