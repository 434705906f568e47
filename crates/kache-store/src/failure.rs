//! How a failed file operation is reported: what was tried, on which path, and why not.

use std::io;
use std::path::{Path, PathBuf};

/// A file operation that the system refused.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} `{}`: {source}", path.display())]
pub struct IoFailure {
    /// What was tried, as a verb phrase.
    pub action: &'static str,
    /// On which path.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl IoFailure {
    /// Returns whether the file was not there.
    pub fn is_absence(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Returns a converter for `map_err`.
    pub(crate) fn on<E: Into<io::Error>>(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self { action, path: path.to_owned(), source: source.into() }
    }
}

/// Turns "no such file" into `None` and keeps every other answer.
///
/// A path component that is a file instead of a directory counts as absence too.
pub(crate) fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
