//! How to have the preprocessor alone show what it makes of a unit.

use crate::options::{Effect, Part};
use crate::scan::{self, Item};
use crate::unit::{CcUnit, DepStyle};

/// Returns how the preprocessor alone prints what it makes of `unit`, with the
/// definitions of macros. What would be the user's dependency file, if there is one,
/// is written to `our_file`.
pub fn preprocess(unit: &CcUnit, our_file: &str) -> Vec<String> {
    let mut args = strings(&["-E", "-dD"]);
    if let Some(dep_file) = &unit.dep_file {
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
