//! How to learn, while a unit is compiled, how it spells the headers that it reads.
//!
//! What is added must change neither the outputs nor what the compiler says. All
//! files that a compiler reads are seen while it runs; a dependency file tells how
//! it spells them. Where the user wants one without system headers, neither family
//! can be told to write another: those are known by what was seen alone. GCC's `-H` shows
//! in debug information, as every option that does not begin with `-M`, and
//! leaves out the header that comes before the source; Clang's
//! `CC_PRINT_HEADERS` changes the user's file.

use crate::driver::Family;
use crate::options::{Effect, Part};
use crate::scan::{self, Item};
use crate::unit::{CcUnit, DepStyle};

/// The target in a dependency file that only kache reads.
const TARGET: &str = "kache";

/// How a unit is compiled so that its headers become known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrumented {
    /// Arguments to put before the unit's own.
    pub args: Vec<String>,
    /// Where the headers are found afterwards.
    pub headers_from: HeadersFrom,
}

/// Where the names of the headers are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadersFrom {
    /// There are none: the source is not preprocessed.
    Source,
    /// In the dependency file that the user asked for, at this path. It may leave
    /// the system's headers out.
    UserDepFile(String),
    /// In a dependency file at the given place.
    OurDepFile,
}

/// Returns how to compile `unit` so that the names of its headers become known, with
/// `our_file` as the place for a file that only kache reads.
pub fn instrument(unit: &CcUnit, our_file: &str) -> Instrumented {
    let mut instrumented = Instrumented { args: Vec::new(), headers_from: HeadersFrom::Source };
    if !unit.has_headers() {
        return instrumented;
    }
    let Some(dep_file) = &unit.dep_file else {
        instrumented.args = match unit.family {
            Family::ClangCl => {
                let file = format!("/clang:-MF{our_file}");
                vec!["/clang:-MD".to_owned(), file, format!("/clang:-MQ{TARGET}")]
            }
            Family::Gcc | Family::Clang => strings(&["-MD", "-MF", our_file, "-MQ", TARGET]),
        };
        instrumented.headers_from = HeadersFrom::OurDepFile;
        return instrumented;
    };
    instrumented.headers_from = HeadersFrom::UserDepFile(dep_file.path.clone());
    instrumented
}

/// Returns how the preprocessor alone prints what it makes of `unit`, with the
/// definitions of macros. What would be the user's dependency file is written to
/// `our_file`.
pub fn preprocess(unit: &CcUnit, our_file: &str) -> Vec<String> {
    let mut args = strings(&["-E", "-dD"]);
    match &unit.dep_file {
        None => args.extend(strings(&["-MD", "-MF", our_file, "-MQ", TARGET])),
        Some(dep_file) => {
            let style = match dep_file.style {
                DepStyle::All => "-MD",
                DepStyle::UserOnly => "-MMD",
            };
            args.extend(strings(&[style, "-MF", our_file]));
            for target in &dep_file.targets {
                args.extend(strings(&[if target.escaped { "-MQ" } else { "-MT" }, &target.name]));
            }
            args.extend(dep_file.phony.then(|| "-MP".to_owned()));
        }
    }
    args.extend(without_outputs(unit));
    args
}

/// Returns the arguments of `unit` without those that say what is made and where.
fn without_outputs(unit: &CcUnit) -> Vec<String> {
    let mut args = Vec::new();
    // Taking the same arguments apart once more cannot fail.
    for item in scan::scan(&unit.args, unit.family).unwrap_or_default() {
        let given = match item {
            Item::Source(_, path) => {
                args.push(path.to_owned());
                continue;
            }
            Item::Option(given) => given,
        };
        match given.found.effect {
            Effect::Modelled(Part::PreprocessorList) => {
                args.extend(without_dep_file(given.value.unwrap_or_default()));
            }
            Effect::Modelled(
                Part::Output
                | Part::Compile
                | Part::Assemble
                | Part::DependAll
                | Part::DependUser
                | Part::DependFile
                | Part::DependTarget
                | Part::DependTargetQuoted
                | Part::DependPhony
                | Part::CoverageNotes
                | Part::Coverage
                | Part::StackUsage
                | Part::CallGraph
                | Part::SplitDebug
                | Part::SerializedDiagnostics,
            ) => {}
            _ => args.extend(given.written()),
        }
    }
    args
}

/// Returns the list after `-Wp,` without a dependency file.
fn without_dep_file(list: &str) -> Option<String> {
    let mut kept = Vec::new();
    let mut rest = list.split(',');
    while let Some(argument) = rest.next() {
        if matches!(argument, "-MD" | "-MMD") {
            rest.next();
        } else {
            kept.push(argument);
        }
    }
    (!kept.is_empty()).then(|| format!("-Wp,{}", kept.join(",")))
}

fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

#[cfg(test)]
mod tests;
