//! Which messages may be replayed with a cached result, and what they announce.

use serde::Deserialize;

/// Why a compilation's stderr must not be replayed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unstorable {
    /// A line is not one of rustc's JSON messages: a log or a panic note.
    #[error("stderr has a line that is no message: `{start}`")]
    NotMessage {
        /// The first characters of the line.
        start: String,
    },
    /// A message of a kind that nothing is known about.
    #[error("stderr has a message of type `{message_type}`")]
    UnknownType {
        /// The value of `$message_type`.
        message_type: String,
    },
    /// A diagnostic of a level that a successful compilation does not have.
    #[error("stderr has a diagnostic of level {level}: {message}")]
    Level {
        /// The diagnostic's level.
        level: String,
        /// Its first line.
        message: String,
    },
    /// A warning about the compilation itself and not about the code: an output
    /// may be less than what was asked for.
    #[error("the compiler warned about its output: {message}")]
    Degraded {
        /// The warning's first line.
        message: String,
    },
    /// A note says that rustc wrote a file that nobody asked for.
    #[error("the compiler wrote another file: {message}")]
    ExtraFile {
        /// The note.
        message: String,
    },
}

/// How many characters of a message are worth repeating.
const QUOTED_CHARS: usize = 120;

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "$message_type")]
    message_type: String,
}

#[derive(Deserialize)]
struct Artifact {
    artifact: String,
    emit: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    message: String,
    code: Option<Code>,
    level: String,
    #[serde(default)]
    spans: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    children: Vec<Child>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Child {
    message: String,
}

/// Checks that `stderr`, of a compilation that succeeded, says nothing that is
/// only true of this one run. Nothing at all is storable.
///
/// # Errors
///
/// The first line that is no message of rustc's, has a type other than
/// artifact, diagnostic or `future_incompat`, or tells of a degraded output. Of
/// the last kind is every warning without a code and a place in the source,
/// other than the count at the end, and everything the linker said.
pub fn storable(stderr: &str) -> Result<(), Unstorable> {
    stderr.lines().try_for_each(|line| {
        let not_message = |_| Unstorable::NotMessage { start: quoted(line) };
        let header: Header = serde_json::from_str(line).map_err(not_message)?;
        match header.message_type.as_str() {
            "artifact" | "future_incompat" => Ok(()),
            "diagnostic" => storable_diagnostic(&serde_json::from_str(line).map_err(not_message)?),
            _ => Err(Unstorable::UnknownType { message_type: header.message_type }),
        }
    })
}

/// Returns the outputs that rustc announced, as pairs of path and emit kind
/// (`dep-info`, `metadata`, `link`, ..), in order. Other lines are passed over.
pub fn artifacts(stderr: &str) -> Vec<(String, String)> {
    let lines = stderr.lines().filter(|line| line.starts_with("{\"$message_type\":\"artifact\""));
    let parsed = lines.filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    parsed.map(|artifact| (artifact.artifact, artifact.emit)).collect()
}

fn storable_diagnostic(diagnostic: &Diagnostic) -> Result<(), Unstorable> {
    let message = quoted(&diagnostic.message);
    match diagnostic.level.as_str() {
        "note" | "help" | "failure-note" => {}
        "warning" if is_about_code(diagnostic) || is_summary(&diagnostic.message) => {}
        "warning" => return Err(Unstorable::Degraded { message }),
        level => return Err(Unstorable::Level { level: level.to_owned(), message }),
    }
    let children = diagnostic.children.iter().map(|child| child.message.as_str());
    let mut messages = children.chain([diagnostic.message.as_str()]);
    match messages.find(|message| message.contains("has been written to")) {
        Some(message) => Err(Unstorable::ExtraFile { message: quoted(message) }),
        None => Ok(()),
    }
}

/// Returns whether a warning is about the code that was compiled.
fn is_about_code(diagnostic: &Diagnostic) -> bool {
    match &diagnostic.code {
        Some(Code { code }) => !code.starts_with("linker_"),
        None => !diagnostic.spans.is_empty(),
    }
}

/// Returns whether a message is the count of warnings that rustc ends with.
fn is_summary(message: &str) -> bool {
    let count =
        message.strip_suffix(" warnings emitted").or(message.strip_suffix(" warning emitted"));
    count.is_some_and(|count| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()))
}

fn quoted(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(QUOTED_CHARS).collect()
}
