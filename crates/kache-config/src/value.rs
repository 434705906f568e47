//! One value as a source gives it, and the types it can be read as.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use crate::input::{ExtraInput, InputAnchor};
use crate::lexical::{climb, without_dots};
use crate::pattern::PathGlob;
use crate::problem::BadValue;
use crate::quantity::{parse_duration, parse_size};

/// A value before it has a type.
#[derive(Clone, Copy)]
pub(crate) enum Given<'a> {
    /// The text of a variable.
    Text(&'a str),
    /// A value in a file.
    Toml(&'a DeValue<'a>),
}

/// Where a value was written, for what is relative to that.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    /// The directory that relative paths start from.
    pub(crate) dir: &'a Path,
    /// What `~` stands for.
    pub(crate) home: Option<&'a Path>,
}

impl Given<'_> {
    /// Describes the value for a message.
    fn describe(self) -> String {
        match self {
            Self::Text(text) => format!("`{text}`"),
            Self::Toml(DeValue::String(text)) => format!("the string `{text}`"),
            Self::Toml(DeValue::Integer(number)) => format!("the integer `{number}`"),
            Self::Toml(DeValue::Boolean(value)) => format!("`{value}`"),
            Self::Toml(other) => format!("a value of type {}", other.type_str()),
        }
    }

    fn refuse(self, expected: &str) -> BadValue {
        BadValue::of(format!("expected {expected}, found {}", self.describe()))
    }

    /// Reads a string.
    pub(crate) fn text(self, expected: &str) -> Result<String, BadValue> {
        match self {
            Self::Text(text) => Ok(text.to_owned()),
            Self::Toml(DeValue::String(text)) => Ok(text.clone().into_owned()),
            Self::Toml(_) => Err(self.refuse(expected)),
        }
    }

    /// Reads a truth value: a boolean in a file, several words in a variable.
    pub(crate) fn boolean(self) -> Result<bool, BadValue> {
        match self {
            Self::Toml(DeValue::Boolean(value)) => Ok(*value),
            Self::Toml(_) => Err(self.refuse("`true` or `false`")),
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Ok(true),
                "0" | "false" | "no" | "off" => Ok(false),
                _ => Err(self.refuse("one of 1, 0, true, false, yes, no, on, off")),
            },
        }
    }

    /// Reads one of a few words.
    pub(crate) fn choice<T: Copy>(self, words: &[(&str, T)]) -> Result<T, BadValue> {
        let names: Vec<_> = words.iter().map(|(name, _)| format!("`{name}`")).collect();
        let expected = format!("one of {}", names.join(", "));
        let text = self.text(&expected)?;
        let found = words.iter().find(|(name, _)| *name == text.trim());
        found.map(|(_, value)| *value).ok_or_else(|| self.refuse(&expected))
    }

    /// Reads a size in bytes.
    pub(crate) fn size(self) -> Result<u64, BadValue> {
        if let Self::Toml(DeValue::Integer(number)) = self {
            let bytes = u64::from_str_radix(number.as_str(), number.radix());
            return bytes.map_err(|_| self.refuse("a size such as `50GiB`"));
        }
        parse_size(&self.text("a size such as `50GiB`")?).map_err(BadValue::of)
    }

    /// Reads a duration.
    pub(crate) fn duration(self) -> Result<Duration, BadValue> {
        parse_duration(&self.text("a duration such as `30m`")?).map_err(BadValue::of)
    }

    /// Reads a path and makes it absolute.
    pub(crate) fn path(self, site: &Site<'_>) -> Result<PathBuf, BadValue> {
        let text = self.text("a path")?;
        let (base, rest) = site.locate(&text)?;
        Ok(without_dots(&base.join(rest)))
    }

    /// Reads a path that must be the same in every call of a build: in a
    /// variable, a relative one would not be.
    pub(crate) fn fixed_path(self, site: &Site<'_>) -> Result<PathBuf, BadValue> {
        match self {
            Self::Text(text) if !text.starts_with(['/', '~']) => {
                Err(BadValue::of(format!("must be absolute, found `{text}`")))
            }
            _ => self.path(site),
        }
    }

    /// Reads a list of strings: an array in a file, separated text in a variable.
    pub(crate) fn list<T>(
        self,
        separator: char,
        read: impl Fn(&str) -> Result<T, BadValue>,
    ) -> Result<Vec<T>, BadValue> {
        match self {
            Self::Text(text) => text
                .split(separator)
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(read)
                .collect(),
            Self::Toml(DeValue::Array(items)) => items
                .iter()
                .map(|item| {
                    let at_item = |bad: BadValue| BadValue { span: Some(item.span()), ..bad };
                    let text = Given::Toml(item.get_ref()).text("a string").map_err(at_item)?;
                    read(&text).map_err(at_item)
                })
                .collect(),
            Self::Toml(_) => Err(self.refuse("a list of strings")),
        }
    }
}

impl Site<'_> {
    /// Splits a path or glob into the directory it starts from and the rest.
    ///
    /// Only what is written before the first name is taken off: `/`, `~/`,
    /// `./` and `../`, so that the rest can be a glob.
    fn locate<'t>(&self, text: &'t str) -> Result<(PathBuf, &'t str), BadValue> {
        if text.is_empty() {
            return Err(BadValue::of("expected a path, found an empty string"));
        }
        if text.starts_with('/') {
            return Ok(climb(PathBuf::from("/"), text));
        }
        let (mut base, mut rest) = (self.dir.to_owned(), text);
        if let Some(after) = text.strip_prefix('~') {
            if !after.is_empty() && !after.starts_with('/') {
                return Err(BadValue::of(format!("expected `~` or `~/...`, found `{text}`")));
            }
            let home = self.home.ok_or_else(|| {
                BadValue::of(format!("`{text}` starts with `~`, and HOME is not set"))
            })?;
            (base, rest) = (home.to_owned(), after);
        }
        Ok(climb(base, rest))
    }

    /// Builds a glob over absolute paths; one that starts with `**` matches anywhere.
    pub(crate) fn path_glob(&self, text: &str) -> Result<PathGlob, BadValue> {
        let (base, rest) = match self.locate(text)? {
            _ if text.starts_with("**") => (PathBuf::from("/"), text.trim_end_matches('/')),
            located => located,
        };
        PathGlob::of(rest, base).map_err(BadValue::of)
    }

    /// Builds a declared input relative to this site.
    pub(crate) fn input(&self, text: &str) -> Result<ExtraInput, BadValue> {
        let (base, rest) = self.locate(text)?;
        ExtraInput::of(rest, InputAnchor::Directory(base)).map_err(BadValue::of)
    }

    /// Builds a declared input relative to the package that is compiled.
    pub(crate) fn package_input(&self, text: &str) -> Result<ExtraInput, BadValue> {
        if text.is_empty() || text.starts_with(['/', '~']) {
            return self.input(text);
        }
        ExtraInput::of(text, InputAnchor::Package).map_err(BadValue::of)
    }
}
