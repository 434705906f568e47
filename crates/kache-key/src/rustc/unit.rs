//! One compilation by rustc, parsed.

use serde::{Deserialize, Serialize};

use super::link_args;

/// A kind of crate that rustc can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrateType {
    /// The compiler's choice of library; today an rlib.
    Lib,
    /// A Rust library archive.
    Rlib,
    /// A Rust shared library.
    Dylib,
    /// A shared library with a C interface.
    Cdylib,
    /// An archive with a C interface.
    Staticlib,
    /// An executable.
    Bin,
    /// A shared library that the compiler loads.
    ProcMacro,
}

impl CrateType {
    /// Returns the type that `--crate-type` spells as `name`.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "lib" => Self::Lib,
            "rlib" => Self::Rlib,
            "dylib" => Self::Dylib,
            "cdylib" => Self::Cdylib,
            "staticlib" => Self::Staticlib,
            "bin" => Self::Bin,
            "proc-macro" => Self::ProcMacro,
            _ => return None,
        })
    }

    /// Returns the spelling of `--crate-type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lib => "lib",
            Self::Rlib => "rlib",
            Self::Dylib => "dylib",
            Self::Cdylib => "cdylib",
            Self::Staticlib => "staticlib",
            Self::Bin => "bin",
            Self::ProcMacro => "proc-macro",
        }
    }

    /// Returns whether making it runs a linker.
    pub fn is_linked(self) -> bool {
        matches!(self, Self::Dylib | Self::Cdylib | Self::Bin | Self::ProcMacro)
    }
}

/// Which kinds of output were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emit {
    /// The list of what was read.
    pub dep_info: bool,
    /// The `.rmeta` file.
    pub metadata: bool,
    /// The crate itself: archive, shared library or executable.
    pub link: bool,
}

/// One `--extern` flag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extern {
    /// The name the source uses.
    pub name: String,
    /// The file; `None` means that rustc searches for it.
    pub path: Option<String>,
    /// The comma-separated options before the colon, or nothing.
    pub options: String,
}

/// One `-L` flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath {
    /// `dependency`, `crate`, `native`, `framework` or `all`.
    pub kind: String,
    /// The directory.
    pub path: String,
}

/// One `-l` flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeLib {
    /// `static`, `dylib`, `framework` ..., or `None` where the flag has none.
    pub kind: Option<String>,
    /// The comma-separated modifiers, such as `+whole-archive`, or nothing.
    pub modifiers: String,
    /// The library's name.
    pub name: String,
    /// The name that replaces it on `#[link]` attributes.
    pub rename: Option<String>,
}

/// What `--target` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Nothing: the compiler's own host.
    #[default]
    Host,
    /// A name. A target that is not built in is found through `RUST_TARGET_PATH`.
    Triple(String),
    /// The path of a target specification.
    SpecFile(String),
}

/// A lint flag, in the position it had among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// `allow`, `warn`, `force-warn`, `deny` or `forbid`.
    pub level: &'static str,
    /// The lint with `_` between words.
    pub name: String,
}

/// Whether a value may contain paths that are written as tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Keyed byte for byte.
    Text,
    /// Roots inside it are written as names.
    Paths,
}

/// A flag that is keyed by its value and has no field of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Argument {
    /// The flag as rustc's help spells it, such as `-C opt-level`.
    pub flag: String,
    /// Its value; `None` where it has none.
    pub value: Option<String>,
    /// How the value is keyed.
    pub form: Form,
}

/// Everything a rustc command line says about one compilation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is a fact of its own")]
pub struct RustcUnit {
    /// `--crate-name`.
    pub crate_name: String,
    /// `--crate-type`, sorted and without repeats; may be empty if [`Self::is_test`].
    pub crate_types: Vec<CrateType>,
    /// `--test`: the output is an executable, whatever the crate types say.
    pub is_test: bool,
    /// The source file, as given.
    pub source: String,
    /// The kinds of output asked for; always with dep-info.
    pub emit: Emit,
    /// `--out-dir`, as given.
    pub out_dir: String,
    /// `-C extra-filename`, or nothing.
    pub extra_filename: String,
    /// `--extern`, sorted and without repeats.
    pub externs: Vec<Extern>,
    /// `-C incremental`: the directory of the incremental state.
    pub incremental: Option<String>,
    /// `-L` in order.
    pub search_paths: Vec<SearchPath>,
    /// `-l` in order.
    pub native_libs: Vec<NativeLib>,
    /// `--cfg`, sorted and without repeats.
    pub cfgs: Vec<String>,
    /// `--check-cfg`, sorted and without repeats.
    pub check_cfgs: Vec<String>,
    /// Lint flags in order.
    pub lints: Vec<Lint>,
    /// `--remap-path-prefix` in order, as (from, to).
    pub user_remaps: Vec<(String, String)>,
    /// `-C linker`, as given.
    pub linker: Option<String>,
    /// Arguments for the linker in the order rustc passes them: `-Z pre-link-arg(s)`,
    /// then `-C link-arg(s)`, each split as rustc does.
    pub link_args: Vec<String>,
    /// `--target`.
    pub target: Target,
    /// `--sysroot`, as given.
    pub sysroot: Option<String>,
    /// Files named by flags whose bytes decide the output, as given, sorted.
    pub content_files: Vec<String>,
    /// `-Z codegen-backend`: a name within the sysroot, or a path (then also a content file).
    pub codegen_backend: Option<String>,
    /// `-C split-debuginfo`.
    pub split_debuginfo: Option<String>,
    /// The answer depends on the CPU of this machine.
    pub uses_native_cpu: bool,
    /// `-C instrument-coverage` is on.
    pub coverage: bool,
    /// `--cfg trybuild` is set.
    pub trybuild: bool,
    /// Object files hold LLVM bitcode and no machine code.
    pub bitcode_only: bool,
    /// Debug sections are compressed, so that a search for bytes cannot see into them.
    pub compresses_debug: bool,
    /// `--error-format=json`.
    pub error_format_is_json: bool,
    /// Every other flag that is keyed, sorted by flag; repeats keep their order.
    pub arguments: Vec<Argument>,
}

impl RustcUnit {
    /// Returns whether a linker runs: an executable, test, shared library or
    /// proc macro is emitted, not only its metadata.
    pub fn links(&self) -> bool {
        self.emit.link && (self.is_test || self.crate_types.iter().any(|kind| kind.is_linked()))
    }

    /// Returns the directories that the linker arguments tell the driver to
    /// look in first, for programs and start objects as well as for libraries.
    pub fn driver_prefixes(&self) -> Vec<&str> {
        link_args::prefixes(&self.link_args)
    }

    /// Returns the directories that the linker arguments add to those in which
    /// libraries are looked for, [`driver_prefixes`](Self::driver_prefixes)
    /// among them.
    pub fn link_arg_dirs(&self) -> Vec<&str> {
        link_args::library_dirs(&self.link_args)
    }

    /// Returns what in the link arguments may be the path of something that is linked.
    pub fn link_arg_paths(&self) -> impl Iterator<Item = &str> {
        link_args::paths(&self.link_args)
    }

    /// Returns whether dependants read the output as a Rust library.
    pub fn is_lib_like(&self) -> bool {
        use CrateType::{Dylib, Lib, ProcMacro, Rlib};
        let library = |kind: &CrateType| matches!(kind, Lib | Rlib | Dylib | ProcMacro);
        !self.is_test && self.crate_types.iter().any(library)
    }

    /// Returns the value of `flag` (such as `-C panic`) where it has one; the last if repeated.
    pub fn argument(&self, flag: &str) -> Option<&str> {
        self.arguments.iter().rev().find(|arg| arg.flag == flag)?.value.as_deref()
    }
}
