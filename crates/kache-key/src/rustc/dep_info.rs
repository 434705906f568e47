//! rustc's dep-info files: which files and variables a compilation read.
//!
//! The format that rustc 1.95 writes is stricter than make's. Every rule has
//! the same prerequisites, and each prerequisite is repeated as a rule without
//! prerequisites:
//!
//! ```text
//! target/debug/deps/x.d: src/lib.rs src/my\ mod.rs
//!
//! target/debug/deps/libx.rmeta: src/lib.rs src/my\ mod.rs
//!
//! src/lib.rs:
//! src/my\ mod.rs:
//!
//! # env-dep:CARGO_PKG_VERSION=1.0.0
//! # env-dep:UNSET
//! # checksum:blake3=6437... file_len:12 src/lib.rs
//! ```
//!
//! Only spaces are escaped, and only in prerequisites, so a prerequisite that
//! ends in a backslash makes the first rules ambiguous. The rules without
//! prerequisites are not: they are what is read, and the first rules must
//! agree with them. That agreement is also how a torn file is noticed.

use std::collections::HashSet;
use std::fmt;

const ENV: &str = "# env-dep:";
const CHECKSUM: &str = "# checksum:";

/// What one compilation wrote, which files it read and which variables.
///
/// `Display` writes it as rustc does: for a text that rustc wrote, parsing and
/// writing give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepInfo {
    /// The outputs, in rustc's order.
    pub targets: Vec<String>,
    /// The files that were read, in rustc's order; rustc may name one twice.
    pub prerequisites: Vec<String>,
    /// The variables that were read and their values; `None` is an unset one.
    pub variables: Vec<(String, Option<String>)>,
    /// The files' checksums, where rustc was asked for them.
    pub checksums: Vec<Checksum>,
}

/// What `-Zchecksum-hash-algorithm` adds for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm and the digits, as in `blake3=6437...`.
    pub hash: String,
    /// The file's size in bytes.
    pub size: u64,
    /// The file.
    pub path: String,
}

/// Why a text is not a complete dep-info file.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DepInfoError {
    /// The text is empty or stops within a line.
    #[error("dep-info stops before the end of a line")]
    Unterminated,
    /// The text has no rule.
    #[error("dep-info has no rule")]
    NoRule,
    /// A rule does not have the prerequisites that the rest of the file has.
    #[error("dep-info rule `{rule}` does not name the files that follow it")]
    Disagreement {
        /// The rule's line.
        rule: String,
    },
    /// A line is none of the kinds that rustc writes at this place.
    #[error("dep-info line {number} is not expected: `{line}`")]
    UnexpectedLine {
        /// The line's number, from 1.
        number: usize,
        /// The line.
        line: String,
    },
}

impl DepInfo {
    /// Returns what `text` says.
    ///
    /// # Errors
    ///
    /// Any text that rustc does not write: one that is cut short, a rule whose
    /// prerequisites are not all repeated, a file name with a line break. Lines
    /// missing at the very end, from the variables on, cannot be noticed.
    pub fn parse(text: &str) -> Result<Self, DepInfoError> {
        let body = text.strip_suffix('\n').ok_or(DepInfoError::Unterminated)?;
        let mut lines = body.split('\n').enumerate().peekable();
        let mut rules = Vec::new();
        while let Some((_, rule)) = lines.next_if(|(_, line)| line.contains(": ")) {
            rules.push(rule);
            expect_blank(lines.next())?;
        }
        let mut info = Self::default();
        let mut escaped = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| is_phony(line)) {
            let path = line.strip_suffix(':').unwrap_or(line);
            escaped.push(path);
            info.prerequisites.push(unescape_path(path));
        }
        let blank = lines.next_if(|(_, line)| line.is_empty()).is_some();
        for (number, line) in lines {
            let read = info.read_comment(line);
            read.ok_or_else(|| unexpected(number, line))?;
        }
        // rustc separates variables, and nothing else, from the files by a blank line.
        if blank == info.variables.is_empty() {
            return Err(DepInfoError::Unterminated);
        }
        info.targets = targets(&rules, &escaped.join(" "))?;
        Ok(info)
    }

    /// Returns the files that were read, each once, in rustc's order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        self.prerequisites.iter().map(String::as_str).filter(move |path| seen.insert(*path))
    }

    /// Returns the variables that were read, with `None` for an unset one.
    pub fn env(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Returns this dep-info with every path, of outputs and of files, put
    /// through `map`.
    #[must_use]
    pub fn map_paths(mut self, mut map: impl FnMut(&str) -> String) -> Self {
        let checksums = self.checksums.iter_mut().map(|checksum| &mut checksum.path);
        for path in self.targets.iter_mut().chain(&mut self.prerequisites).chain(checksums) {
            *path = map(path);
        }
        self
    }

    /// Returns this dep-info with every variable's value put through `map`,
    /// which is given the name and the value.
    #[must_use]
    pub fn map_env(mut self, mut map: impl FnMut(&str, Option<&str>) -> Option<String>) -> Self {
        for (name, value) in &mut self.variables {
            *value = map(name, value.as_deref());
        }
        self
    }

    fn read_comment(&mut self, line: &str) -> Option<()> {
        if let Some(variable) = line.strip_prefix(ENV).filter(|_| self.checksums.is_empty()) {
            let (name, value) = match variable.split_once('=') {
                Some((name, value)) => (name, Some(unescape_env(value)?)),
                None => (variable, None),
            };
            self.variables.push((unescape_env(name)?, value));
            return Some(());
        }
        let (hash, rest) = line.strip_prefix(CHECKSUM)?.split_once(" file_len:")?;
        let (size, path) = rest.split_once(' ')?;
        let size = size.parse().ok()?;
        self.checksums.push(Checksum { hash: hash.to_owned(), size, path: unescape_path(path) });
        Some(())
    }
}

impl fmt::Display for DepInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped: Vec<String> =
            self.prerequisites.iter().map(|path| escape_path(path)).collect();
        let joined = escaped.join(" ");
        for target in &self.targets {
            write!(f, "{target}: {joined}\n\n")?;
        }
        for path in &escaped {
            writeln!(f, "{path}:")?;
        }
        if !self.variables.is_empty() {
            writeln!(f)?;
        }
        for (name, value) in &self.variables {
            write!(f, "{ENV}{}", escape_env(name))?;
            if let Some(value) = value {
                write!(f, "={}", escape_env(value))?;
            }
            writeln!(f)?;
        }
        for Checksum { hash, size, path } in &self.checksums {
            writeln!(f, "{CHECKSUM}{hash} file_len:{size} {}", escape_path(path))?;
        }
        Ok(())
    }
}

/// Returns whether a line is a rule without prerequisites: each space in it is escaped.
fn is_phony(line: &str) -> bool {
    line.len() > 1
        && line.ends_with(':')
        && line.matches(' ').count() == line.matches("\\ ").count()
}

fn expect_blank(line: Option<(usize, &str)>) -> Result<(), DepInfoError> {
    match line {
        Some((_, "")) => Ok(()),
        Some((number, line)) => Err(unexpected(number, line)),
        None => Err(DepInfoError::Unterminated),
    }
}

fn unexpected(number: usize, line: &str) -> DepInfoError {
    DepInfoError::UnexpectedLine { number: number + 1, line: line.to_owned() }
}

/// Returns the target of each rule; `prerequisites` is what every rule must end with.
fn targets(rules: &[&str], prerequisites: &str) -> Result<Vec<String>, DepInfoError> {
    if rules.is_empty() {
        return Err(DepInfoError::NoRule);
    }
    let target = |rule: &&str| {
        let target = rule.strip_suffix(prerequisites)?.strip_suffix(": ")?;
        (!target.is_empty()).then(|| target.to_owned())
    };
    let disagreement = |rule: &&str| DepInfoError::Disagreement { rule: (*rule).to_owned() };
    rules.iter().map(|rule| target(rule).ok_or_else(|| disagreement(rule))).collect()
}

fn escape_path(path: &str) -> String {
    path.replace(' ', "\\ ")
}

fn unescape_path(path: &str) -> String {
    path.replace("\\ ", " ")
}

fn escape_env(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Returns the text that rustc escaped, or `None` if it is not one.
fn unescape_env(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            _ => c,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests;
