//! Why a command line is left to the compiler alone.

/// A reason to run the compiler without caching; its text names the flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No table of this crate has the flag.
    #[error("unknown flag `{0}`")]
    UnknownFlag(String),
    /// The flag is known to do something that a cache entry cannot hold.
    #[error("`{flag}` {why}")]
    NotModelled {
        /// The flag as rustc's help spells it.
        flag: String,
        /// What it does, as the end of a sentence.
        why: &'static str,
    },
    /// A flag that needs a value is the last argument.
    #[error("`{0}` has no value")]
    NoValue(String),
    /// A flag that takes no value has one.
    #[error("`{0}` takes no value")]
    UnexpectedValue(String),
    /// A flag that rustc accepts once is given twice.
    #[error("`{0}` is given twice")]
    Repeated(String),
    /// A value that no rule of this crate understands.
    #[error("`{flag}` has the unknown value `{value}`")]
    UnknownValue {
        /// The flag as rustc's help spells it.
        flag: String,
        /// Its value.
        value: String,
    },
    /// A name that would place an output outside of the output directory.
    #[error("`{flag}` names another directory: `{value}`")]
    NameWithSeparator {
        /// The flag that gives the name.
        flag: String,
        /// The name.
        value: String,
    },
    /// The crate's source is read from standard input.
    #[error("source on standard input")]
    StandardInput,
    /// There is no source file.
    #[error("no input file")]
    NoInput,
    /// There is more than one source file.
    #[error("several input files")]
    SeveralInputs,
    /// A flag that names outputs or their directory is absent.
    #[error("no {0}")]
    Missing(&'static str),
    /// `--emit=kind=path`.
    #[error("explicit --emit path for `{0}`")]
    EmitPath(String),
    /// An output kind that is not cached.
    #[error("`--emit={0}` is not modelled")]
    EmitKind(String),
    /// The file names of this target's outputs are not known.
    #[error("output names for target `{0}` are not modelled")]
    Target(String),
}

impl Refusal {
    /// Returns the refusal of `flag`, which `why` completes to a sentence.
    pub(crate) fn not_modelled(flag: impl Into<String>, why: &'static str) -> Self {
        Self::NotModelled { flag: flag.into(), why }
    }
}
