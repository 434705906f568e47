//! Why a command line is left to the compiler alone.

/// A reason to run the compiler without caching; its text names the option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No table of this crate has the option.
    #[error("unknown option `{0}`")]
    UnknownOption(String),
    /// The option is known to do something that a cache entry cannot hold.
    #[error("`{option}` {why}")]
    NotModelled {
        /// The option as it was written, without a separate value.
        option: String,
        /// What it does, as the end of a sentence.
        why: &'static str,
    },
    /// An option that needs a value is the last argument.
    #[error("`{0}` has no value")]
    NoValue(String),
    /// A value that no rule of this crate understands.
    #[error("`{option}` has the unknown value `{value}`")]
    UnknownValue {
        /// The option as its table spells it.
        option: String,
        /// Its value.
        value: String,
    },
    /// An argument of one of the tools behind the driver is in no table.
    #[error("`{option}` passes on the unknown option `{value}`")]
    UnknownPassedOn {
        /// The option that passes it on, such as `-Wa,`.
        option: String,
        /// What it passes on.
        value: String,
    },
    /// Options that only say how to write a dependency file, without one.
    #[error("`{0}` without `-MD` or `-MMD`")]
    NoDependencyFile(String),
    /// Nothing says to stop before linking.
    #[error("a link")]
    Link,
    /// The source is read from standard input.
    #[error("source on standard input")]
    StandardInput,
    /// There is no source file.
    #[error("no input file")]
    NoInput,
    /// One output file for several sources.
    #[error("`-o` with several sources")]
    SeveralSources,
    /// A file that is no source of a language known here.
    #[error("`{0}` is not a C, C++ or assembler source")]
    Source(String),
    /// An output that is no file of its own.
    #[error("`{option}` names `{path}`")]
    Output {
        /// The option that names it.
        option: &'static str,
        /// The path.
        path: String,
    },
    /// An argument after `--` that looks like an option.
    #[error("`{0}` after `--`")]
    AfterDashes(String),
    /// A response file that was not expanded.
    #[error("response file `{0}`")]
    ResponseFile(String),
}

impl Refusal {
    /// Returns the refusal of `option`, which `why` completes to a sentence.
    pub(crate) fn not_modelled(option: impl Into<String>, why: &'static str) -> Self {
        Self::NotModelled { option: option.into(), why }
    }
}
