//! The files that a compilation writes, by the compiler's own naming rules.

use crate::depend::Depend;
use crate::driver::Family;
use crate::refusal::Refusal;
use crate::unit::{CcUnit, DepFile, DepStyle, DepTarget, Stage};

/// What an output file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OutputRole {
    /// The object file (`.o`).
    Object,
    /// Assembler text (`.s`).
    Assembly,
    /// What was read, in makefile syntax (`.d`).
    DepFile,
    /// Debug information split off the object (`.dwo`).
    SplitDebug,
    /// What a coverage tool needs to know of the code (`.gcno`).
    CoverageNotes,
    /// How much stack each function uses (`.su`).
    StackUsage,
    /// Who calls whom (`.ci`).
    CallGraph,
    /// Serialised diagnostics (`.dia`).
    Diagnostics,
}

/// One file that a successful compilation writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedOutput {
    /// What it is.
    pub role: OutputRole,
    /// Where it is, as given or derived: relative paths are relative to the
    /// compiler's working directory.
    pub path: String,
    /// Whether the compiler always writes it; if not, what is in the source decides.
    pub is_certain: bool,
}

/// Returns the files that `unit` writes, the main one first.
pub fn expected_outputs(unit: &CcUnit) -> Vec<ExpectedOutput> {
    let mut outputs = Vec::new();
    let mut add = |role, path: String, is_certain| {
        outputs.push(ExpectedOutput { role, path, is_certain });
    };
    let main = match unit.stage {
        Stage::Object => OutputRole::Object,
        Stage::Assembly => OutputRole::Assembly,
    };
    add(main, unit.output.clone(), true);
    if let Some(dep_file) = &unit.dep_file {
        add(OutputRole::DepFile, dep_file.path.clone(), true);
    }
    if let Some(path) = &unit.serialized_diagnostics {
        add(OutputRole::Diagnostics, path.clone(), true);
    }
    let side = &unit.side;
    let side_outputs = [
        (side.split_debug, OutputRole::SplitDebug, "dwo"),
        (side.coverage_notes, OutputRole::CoverageNotes, "gcno"),
        (side.stack_usage, OutputRole::StackUsage, "su"),
        (side.call_graph, OutputRole::CallGraph, "ci"),
    ];
    for (_, role, extension) in side_outputs.into_iter().filter(|(asked, ..)| *asked) {
        add(role, with_extension(&unit.output, extension), false);
    }
    outputs
}

/// The names from which the compiler derives others.
pub(crate) struct Naming {
    /// The output.
    pub(crate) output: String,
    is_explicit: bool,
    /// The name of the object that the compiler would derive from the source alone.
    default_target: String,
    family: Family,
}

impl Naming {
    pub(crate) fn of(
        family: Family,
        stage: Stage,
        source: &str,
        output: Option<&str>,
    ) -> Result<Self, Refusal> {
        let name = file_name(source);
        let name = match family {
            Family::ClangCl => name.rsplit('\\').next().unwrap_or(name),
            Family::Gcc | Family::Clang => name,
        };
        let extension = match (stage, family) {
            (Stage::Object, Family::ClangCl) => "obj",
            (Stage::Object, _) => "o",
            (Stage::Assembly, _) => "s",
        };
        let odd = |option, path: &str| Refusal::Output { option, path: path.to_owned() };
        if is_odd(name) {
            return Err(odd("source", source));
        }
        if output.is_some_and(|output| is_odd(file_name(output))) {
            return Err(odd("-o", output.unwrap_or_default()));
        }
        let derived = with_extension(name, extension);
        Ok(Self {
            output: output.map_or(derived, str::to_owned),
            is_explicit: output.is_some(),
            default_target: with_extension(name, "o"),
            family,
        })
    }
}

/// Returns the dependency file that `depend` asks for.
pub(crate) fn dep_file(naming: &Naming, depend: &Depend, style: DepStyle) -> DepFile {
    let path = depend.file.clone().unwrap_or_else(|| with_extension(&naming.output, "d"));
    let from_output =
        naming.is_explicit && !(depend.unseen_by_driver && naming.family == Family::Gcc);
    let mut targets = depend.targets.clone();
    if targets.is_empty() {
        let name = if from_output { &naming.output } else { &naming.default_target };
        targets.push(DepTarget { name: name.clone(), escaped: true });
    }
    DepFile { path, style, targets, phony: depend.phony }
}

/// Returns whether a name has no part before or none after its last dot: the
/// compilers disagree on what to derive from it.
fn is_odd(name: &str) -> bool {
    name.is_empty() || name.starts_with('.') || name.ends_with('.')
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns `path` with the last extension of its file name replaced, or added if it has none.
fn with_extension(path: &str, extension: &str) -> String {
    let dot = file_name(path).rfind('.').map(|dot| path.len() - file_name(path).len() + dot);
    let stem = dot.and_then(|dot| path.get(..dot)).unwrap_or(path);
    format!("{stem}.{extension}")
}

#[cfg(test)]
mod tests;
