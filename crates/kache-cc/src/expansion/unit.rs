//! Units whose result depends on more than an expansion shows.

use crate::driver::Family;
use crate::language::Language;
use crate::unit::{Argument, CcUnit};

/// Options under which something reads sources, comments or all macros.
const READERS: [&str; 15] = [
    "--coverage",
    "-Xclang",
    "-coverage",
    "-fauto-profile",
    "-fbranch-probabilities",
    "-fcoverage",
    "-fcs-profile",
    "-fdebug-macro",
    "-fmemory-profile",
    "-fprofile",
    "-fpseudo-probe",
    "-fsanitize",
    "-fverbose-asm",
    "-gcodeview",
    "-gembed-source",
];

/// Warnings that look at comments, by how their names end or begin.
const COMMENT_WARNINGS: [&str; 3] = ["documentation", "everything", "fallthrough=1"];

/// Returns why what becomes of `unit` cannot be known from its expansion, as the
/// end of a sentence; `None` if it can.
pub fn hidden_by(unit: &CcUnit) -> Option<&'static str> {
    if !matches!(unit.language, Language::C | Language::Cpp) || unit.family == Family::ClangCl {
        return Some("is not preprocessed C or C++");
    }
    if unit.facts.coverage || unit.serialized_diagnostics.is_some() {
        return Some("makes a file that describes the source");
    }
    if unit.family == Family::Clang && unit.facts.debug_info && !has_old_dwarf(&unit.arguments) {
        return Some("has digests of the sources in its debug information");
    }
    if unit.facts.foreign {
        return Some("has options or code from elsewhere");
    }
    unit.arguments.iter().find_map(reads_more)
}

fn reads_more(argument: &Argument) -> Option<&'static str> {
    let Argument { option, value } = argument;
    let value = value.as_deref().unwrap_or_default();
    if READERS.iter().any(|reader| option.starts_with(reader)) {
        return Some("has an option that reads more than the expansion");
    }
    if option.starts_with("-g") && option.ends_with('3') && !option.ends_with("-3") {
        return Some("has macros in its debug information");
    }
    if option.trim_start_matches('-').starts_with("imacros") {
        return Some("reads a header that is not shown");
    }
    let reads_comments = option == "-W" && COMMENT_WARNINGS.iter().any(|name| value.contains(name));
    reads_comments.then_some("has a warning that looks at comments")
}

/// Returns whether options ask for a version of DWARF that has no digests of sources.
fn has_old_dwarf(arguments: &[Argument]) -> bool {
    let mut formats = arguments.iter().map(|argument| argument.option.as_str()).filter(|option| {
        option.starts_with("-gdwarf") && !matches!(*option, "-gdwarf32" | "-gdwarf64")
    });
    formats.next_back().is_some_and(|last| ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4"].contains(&last))
}
