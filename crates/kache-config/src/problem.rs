//! What can be wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A position in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePlace {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl FilePlace {
    /// Finds the line and column of a byte offset into the text of `path`.
    pub(crate) fn of(path: &Path, text: &str, offset: usize) -> Self {
        let before: Vec<char> =
            text.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c).collect();
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        Self { path: path.to_owned(), line, column }
    }
}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A configuration file exists, or was named, and could not be read.
    #[error("failed to read `{}`: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the file system said; in the message, which is often all that is kept.
        cause: std::io::Error,
    },
    /// A configuration file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where it stops making sense.
        place: FilePlace,
        /// What the parser says.
        message: String,
    },
    /// A configuration file gives a key a value of the wrong type or form.
    #[error("{place}: `{key}`: {message}")]
    Value {
        /// Where the value is.
        place: FilePlace,
        /// The key with its sections, `paths.portable`.
        key: String,
        /// What was expected and what was found.
        message: String,
    },
    /// An environment variable has a value of the wrong form.
    #[error("{name}: {message}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What was expected and what was found.
        message: String,
    },
    /// Nothing says where the cache is.
    #[error("no cache directory: set KACHE_CACHE_DIR, XDG_CACHE_HOME or HOME")]
    NoCacheDir,
}

/// A key in a configuration file that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where the key is.
    pub place: FilePlace,
    /// The key with its sections.
    pub key: String,
    /// The known key that it is most like, if it is like one.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: unknown key `{}`", self.place, self.key)?;
        write_suggestion(f, self.suggestion.as_deref())
    }
}

/// A variable named like one of kache's that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// The variable.
    pub name: String,
    /// The known variable that it is most like, if it is like one.
    pub suggestion: Option<&'static str>,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown variable `{}`", self.name)?;
        write_suggestion(f, self.suggestion)
    }
}

fn write_suggestion(f: &mut fmt::Formatter<'_>, suggestion: Option<&str>) -> fmt::Result {
    suggestion.map_or(Ok(()), |name| write!(f, "; did you mean `{name}`?"))
}

/// Anything worth telling the author of a configuration.
#[derive(Debug)]
pub enum Problem {
    /// A build cannot use the configuration and runs uncached.
    Invalid(ConfigError),
    /// A build passes over the key.
    UnknownKey(UnknownKey),
}

impl Problem {
    /// Returns where in a file the problem is, if it is in one.
    pub fn place(&self) -> Option<&FilePlace> {
        match self {
            Self::UnknownKey(unknown) => Some(&unknown.place),
            Self::Invalid(ConfigError::Syntax { place, .. } | ConfigError::Value { place, .. }) => {
                Some(place)
            }
            Self::Invalid(_) => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::UnknownKey(unknown) => unknown.fmt(f),
        }
    }
}

/// Why one value was refused, before it is known where it came from.
#[derive(Debug)]
pub(crate) struct BadValue {
    /// What was expected and what was found.
    pub(crate) message: String,
    /// The part of the file that is to blame, if not the whole value.
    pub(crate) span: Option<Range<usize>>,
}

impl BadValue {
    pub(crate) fn of(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), span: None }
    }
}
