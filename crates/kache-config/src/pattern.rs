//! Names and globs that settings are made of.
//!
//! Globs are those of the `glob` crate: `*`, `?`, `[...]` and, as a whole path
//! component, `**`. They are compiled when the configuration is read, so that
//! a malformed one is reported where it was written.

use std::fmt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};

use crate::resolve::Environment;

const IN_TEXT: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

pub(crate) const IN_PATHS: MatchOptions =
    MatchOptions { require_literal_separator: true, ..IN_TEXT };

/// A glob over text such as one compiler argument; `*` also matches `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextGlob(Pattern);

impl TextGlob {
    pub(crate) fn of(text: &str) -> Result<Self, PatternError> {
        Pattern::new(text).map(Self)
    }

    /// Returns whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches_with(text, IN_TEXT)
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A glob over crate names in which `-` and `_` are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrateGlob {
    text: String,
    pattern: Pattern,
}

impl CrateGlob {
    pub(crate) fn of(text: &str) -> Result<Self, PatternError> {
        Ok(Self { text: text.to_owned(), pattern: Pattern::new(&underscored(text))? })
    }

    /// Returns whether the crate called `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        self.pattern.matches_with(&crate_identifier(name), IN_TEXT)
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Returns `pattern` with `_` for `-` outside of brackets, where `-` is a range.
fn underscored(pattern: &str) -> String {
    let mut in_class = false;
    pattern
        .chars()
        .map(|c| {
            in_class = (in_class || c == '[') && c != ']';
            if c == '-' && !in_class { '_' } else { c }
        })
        .collect()
}

/// Returns a package or crate name as rustc has it.
pub(crate) fn crate_identifier(name: &str) -> String {
    name.replace('-', "_")
}

/// A glob over absolute paths; what it matches, it matches with all below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathGlob {
    /// The directory that the pattern is relative to.
    pub base: PathBuf,
    text: String,
    pattern: Pattern,
}

impl PathGlob {
    /// Builds a glob from `text` below `base`; an empty one stands for `base` itself.
    pub(crate) fn of(text: &str, base: PathBuf) -> Result<Self, PatternError> {
        Ok(Self { base, text: text.to_owned(), pattern: Pattern::new(text)? })
    }

    /// Returns whether the absolute `path` or a directory that it is in matches.
    pub fn matches(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.base) else { return false };
        if self.text.is_empty() {
            return true;
        }
        below
            .ancestors()
            .filter(|part| !part.as_os_str().is_empty())
            .any(|part| self.pattern.matches_path_with(part, IN_PATHS))
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&under(&self.base.to_string_lossy(), &self.text))
    }
}

/// The name of an environment variable, or how such names start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariablePattern {
    /// One variable.
    Name(String),
    /// All variables whose names start so; written with `*` at the end.
    Prefix(String),
}

impl VariablePattern {
    /// Returns the pattern in `text`, or `None` if it is not one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (name, pattern) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, Self::Prefix(prefix.to_owned())),
            None => (text, Self::Name(text.to_owned())),
        };
        (!name.is_empty() && !name.contains(['*', '=', '\0'])).then_some(pattern)
    }

    /// Returns whether the variable called `name` is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(exact) => name == exact,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for VariablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// A condition on one environment variable: `NAME` or `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableRule {
    /// The variable.
    pub name: String,
    /// The value it must have; any that is not empty if absent.
    pub value: Option<String>,
}

impl VariableRule {
    /// Returns the rule in `text`, or `None` if it has no name.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let is_name = !name.is_empty() && !name.contains(['*', '\0']);
        is_name.then(|| Self { name: name.to_owned(), value })
    }

    /// Returns whether `env` meets the condition.
    pub fn is_met(&self, env: Environment<'_>) -> bool {
        match (env(&self.name), &self.value) {
            (Some(found), Some(value)) => found == value.as_str(),
            (Some(found), None) => !found.is_empty(),
            (None, _) => false,
        }
    }
}

impl fmt::Display for VariableRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Returns `pattern` behind the directory `base`, as text.
pub(crate) fn under(base: &str, pattern: &str) -> String {
    format!("{}/{pattern}", base.trim_end_matches('/'))
}
