//! Why a verb failed, and the exit code that says so.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | failed, or problems were found |
//! | 2 | the command line cannot be understood or asks for something refused |
//! | 3 | the configuration cannot be used |
//! | 4 | the store cannot be read or written |

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use kache_store::index::IndexError;
use kache_store::{IoFailure, RemovalError};

/// How a verb that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// There is nothing more to say.
    Done,
    /// It found problems and has printed them.
    ProblemsFound,
}

impl Finish {
    /// Returns the exit code.
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::ProblemsFound => ExitCode::from(1),
        }
    }
}

/// What kind of failure it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Anything without a kind of its own.
    Failed,
    /// An argument that parsed and makes no sense all the same.
    Usage,
    /// The configuration.
    Config,
    /// The files of the store.
    Store,
    /// Whoever read the output has gone: no failure at all.
    ReaderGone,
}

/// A failure, for people.
#[derive(Debug)]
pub(crate) struct CliError {
    /// What kind it is.
    pub(crate) kind: ErrorKind,
    /// What failed, on what, and why.
    pub(crate) source: Box<dyn Error + Send + Sync>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl CliError {
    /// Makes an error out of its message or cause.
    pub(crate) fn new(kind: ErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into(), hint: None }
    }

    /// Reports that the file system refused to `action` (a verb phrase) `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.display();
            Self::new(ErrorKind::Failed, format!("failed to {action} `{path}`: {source}"))
        }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.kind {
            ErrorKind::ReaderGone => ExitCode::SUCCESS,
            ErrorKind::Failed => ExitCode::from(1),
            ErrorKind::Usage => ExitCode::from(2),
            ErrorKind::Config => ExitCode::from(3),
            ErrorKind::Store => ExitCode::from(4),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl From<IoFailure> for CliError {
    fn from(failure: IoFailure) -> Self {
        Self::new(ErrorKind::Store, failure)
    }
}

impl From<IndexError> for CliError {
    fn from(error: IndexError) -> Self {
        Self::new(ErrorKind::Store, error)
    }
}

impl From<RemovalError> for CliError {
    fn from(error: RemovalError) -> Self {
        let is_busy = matches!(error, RemovalError::Busy);
        let kind = if is_busy { ErrorKind::Failed } else { ErrorKind::Store };
        let error = Self::new(kind, error);
        if is_busy { error.hint("try again when it has finished") } else { error }
    }
}
