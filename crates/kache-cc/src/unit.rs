//! One compilation by a C or C++ compiler, parsed.

use crate::driver::Family;
use crate::language::Language;
use crate::options::SearchKind;

/// How far the compiler goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// To an object file: `-c`.
    Object,
    /// To assembler text: `-S`.
    Assembly,
}

impl Stage {
    /// Returns the option that asks for it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Object => "-c",
            Self::Assembly => "-S",
        }
    }
}

/// Which headers a dependency file lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DepStyle {
    /// All of them: `-MD`.
    All,
    /// Those in no system directory, and included from none: `-MMD`.
    UserOnly,
}

/// A target of the rule in a dependency file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepTarget {
    /// Its name.
    pub name: String,
    /// Whether the compiler escapes it for make: by default and with `-MQ`, but not with `-MT`.
    pub escaped: bool,
}

/// The dependency file that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepFile {
    /// Where it is written, as given or derived as the compiler does.
    pub path: String,
    /// Which headers it lists.
    pub style: DepStyle,
    /// What it says depends on them.
    pub targets: Vec<DepTarget>,
    /// `-MP`: an empty rule for each header.
    pub phony: bool,
}

/// One directory in which headers are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludeDir {
    /// The list it is on.
    pub kind: SearchKind,
    /// The directory, as given. With `=` or `$SYSROOT` in front it is below the sysroot.
    pub path: String,
}

/// An option that is keyed as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The option, such as `-std=` or `-fno-common`.
    pub option: String,
    /// Its value; `None` where it has none.
    pub value: Option<String>,
}

/// Facts about a unit that decide how it can be cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// Debug information is asked for.
    pub debug_info: bool,
    /// Debug sections are compressed, so that a search for bytes cannot see into them.
    pub compresses_debug: bool,
    /// The output depends on the CPU of this machine.
    pub uses_native_cpu: bool,
    /// The object or a file beside it describes the source for a coverage tool,
    /// and names the working directory.
    pub coverage: bool,
    /// The object holds intermediate code, which a search for bytes cannot see into.
    pub lto: bool,
    /// The name of the output decides its contents or what else is written: it is keyed.
    pub output_is_keyed: bool,
    /// Options or code may come in that the command line does not show: by specs, a
    /// plugin and the like.
    pub foreign: bool,
    /// `-fprofile-use` of GCC: a file of counts is read that is named after the output,
    /// and after where the compiler runs.
    pub reads_counts: bool,
}

impl Facts {
    /// Returns whether code may be made for the CPU of this machine.
    pub fn may_use_native_cpu(&self) -> bool {
        self.uses_native_cpu || self.foreign
    }
}

/// Whether diagnostics are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// No option says so: colours if standard error is a terminal.
    #[default]
    Default,
    /// `-fdiagnostics-color=auto`: the same, said explicitly.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Everything a command line says about one compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CcUnit {
    /// The compiler's family.
    pub family: Family,
    /// The source's language.
    pub language: Language,
    /// The source, as given.
    pub source: String,
    /// How far the compiler goes.
    pub stage: Stage,
    /// The output, as given by `-o` or as the compiler derives it from the source.
    pub output: String,
    /// The dependency file asked for. `None` also where the compiler ignores
    /// the request: for sources that are not preprocessed.
    pub dep_file: Option<DepFile>,
    /// Directories searched for headers, in order, before the compiler's own.
    pub include_dirs: Vec<IncludeDir>,
    /// The texts after `-D`, in order.
    pub defines: Vec<String>,
    /// `--serialize-diagnostics`: where they are written.
    pub serialized_diagnostics: Option<String>,
    /// Which files are written beside the output.
    pub side: SideOutputs,
    /// How diagnostics are coloured.
    pub colour: Colour,
    /// What decides how the unit can be cached.
    pub facts: Facts,
    /// Every other option that is keyed, in order.
    pub arguments: Vec<Argument>,
    /// The whole command line, without the other sources where there were several.
    pub args: Vec<String>,
}

/// Which files a unit writes beside its output, named after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a file of its own")]
pub struct SideOutputs {
    /// `.dwo`: the larger part of the debug information.
    pub split_debug: bool,
    /// `.gcno`: what a coverage tool needs to know of the code.
    pub coverage_notes: bool,
    /// `.su`: how much stack each function uses.
    pub stack_usage: bool,
    /// `.ci`: who calls whom.
    pub call_graph: bool,
}
