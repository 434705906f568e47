//! Files declared as inputs, because kache cannot see a crate read them.

use std::fmt;
use std::path::{Path, PathBuf};

use glob::{Pattern, PatternError};

use crate::lexical::{climb, without_dots};
use crate::pattern::{IN_PATHS, under};

/// Why declared inputs could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// A directory could not be read.
    #[error("failed to list `{}`", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The directory that the pattern is relative to is not UTF-8.
    #[error("`{}` is not UTF-8", path.display())]
    NotUtf8 {
        /// The directory.
        path: PathBuf,
    },
    /// The pattern, put behind its directory, is malformed.
    #[error("`{pattern}` is not a pattern")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: PatternError,
    },
}

/// Files that kache cannot see a crate read, declared as its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraInput {
    /// What the pattern is relative to.
    pub anchor: InputAnchor,
    /// A path, or a glob over paths.
    pub pattern: String,
}

/// What a declared input is relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputAnchor {
    /// An absolute directory.
    Directory(PathBuf),
    /// The directory of the package being compiled (`CARGO_MANIFEST_DIR`).
    Package,
}

impl ExtraInput {
    /// Builds an input from a path or glob, which must be well-formed.
    pub(crate) fn of(text: &str, anchor: InputAnchor) -> Result<Self, PatternError> {
        Pattern::new(text)?;
        Ok(Self { anchor, pattern: text.to_owned() })
    }

    /// Returns the files meant, absolute and sorted, for a package in `package_dir`.
    ///
    /// A path without wildcards is returned even when nothing is there: its
    /// absence is an input too. A directory stands for all files below it.
    /// Costs one `stat` for a path, and a walk of the fixed part for a glob
    /// or a directory.
    pub fn expand(&self, package_dir: &Path) -> Result<Vec<PathBuf>, ExpandError> {
        let dir = match &self.anchor {
            InputAnchor::Directory(dir) => dir.as_path(),
            InputAnchor::Package => package_dir,
        };
        let (base, pattern) = climb(dir.to_owned(), &self.pattern);
        if pattern.contains(['*', '?', '[']) {
            return files_matching(&base, pattern);
        }
        let path = without_dots(&base.join(pattern));
        if path.is_dir() { files_matching(&path, "**") } else { Ok(vec![path]) }
    }
}

impl fmt::Display for ExtraInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.anchor {
            InputAnchor::Directory(dir) => {
                f.write_str(&under(&dir.to_string_lossy(), &self.pattern))
            }
            InputAnchor::Package => f.write_str(&self.pattern),
        }
    }
}

/// Returns the files below `base` that `pattern` matches, sorted.
fn files_matching(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, ExpandError> {
    let Some(base_text) = base.to_str() else {
        return Err(ExpandError::NotUtf8 { path: base.to_owned() });
    };
    let mut pattern = under(&Pattern::escape(base_text), pattern);
    // The walk takes a final `**` to mean directories only.
    if pattern.ends_with("/**") {
        pattern.push_str("/*");
    }
    let walk = glob::glob_with(&pattern, IN_PATHS)
        .map_err(|source| ExpandError::Malformed { pattern, source })?;
    let mut files = Vec::new();
    for found in walk {
        let path = found.map_err(|error| ExpandError::Unreadable {
            path: error.path().to_owned(),
            source: error.into(),
        })?;
        if !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
