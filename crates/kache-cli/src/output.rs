//! Everything that is printed: results on standard output, the rest on standard error.
//!
//! The writer is held for the whole run, so a long list is few writes, and a
//! reader that has gone away (`kache list | head`) ends the verb quietly.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{CliError, ErrorKind};
use crate::table::Table;

/// For whom a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences
    Human,
    /// One JSON object
    Json,
}

/// Where results go.
pub(crate) struct Output {
    writer: Box<dyn Write>,
    format: Format,
}

impl Output {
    /// Prints to standard output.
    pub(crate) fn stdout(format: Format) -> Self {
        Self { writer: Box::new(BufWriter::new(io::stdout().lock())), format }
    }

    /// Prints `result` in the form that was asked for.
    pub(crate) fn result<T: Serialize + Human>(&mut self, result: &T) -> Result<(), CliError> {
        match self.format {
            Format::Human => result.print(self),
            Format::Json => self.json(result),
        }
    }

    /// Prints one line.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> Result<(), CliError> {
        writeln!(self.writer, "{line}").map_err(unwritten)
    }

    /// Prints an empty line.
    pub(crate) fn gap(&mut self) -> Result<(), CliError> {
        self.line("")
    }

    /// Prints a table, aligned.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), CliError> {
        write!(self.writer, "{table}").map_err(unwritten)
    }

    /// Hands on what is held back.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.writer.flush().map_err(unwritten)
    }

    fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer_pretty(&mut self.writer, value)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(unwritten)
    }
}

/// A result that people can read.
pub(crate) trait Human {
    /// Prints it as tables and sentences.
    fn print(&self, out: &mut Output) -> Result<(), CliError>;
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` wants")]
fn unwritten(error: io::Error) -> CliError {
    let kind = match error.kind() {
        io::ErrorKind::BrokenPipe => ErrorKind::ReaderGone,
        _ => ErrorKind::Failed,
    };
    CliError::new(kind, format!("failed to write to standard output: {error}"))
}

/// Prints what clap has to say, which may be help that was asked for, and returns its exit code.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // There is nowhere left to report that a message cannot be printed.
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Prints why a verb failed and returns the exit code for it.
pub(crate) fn failure(error: &CliError) -> ExitCode {
    if error.kind != ErrorKind::ReaderGone {
        let mut stderr = io::stderr().lock();
        // There is nowhere left to report that a message cannot be printed.
        let mut message = error.to_string();
        let mut cause = error.source.source();
        while let Some(reason) = cause {
            let reason_text = reason.to_string();
            // Some messages quote their cause already.
            if !message.contains(&reason_text) {
                message = format!("{message}: {reason_text}");
            }
            cause = reason.source();
        }
        drop(writeln!(stderr, "error: {message}"));
        if let Some(hint) = &error.hint {
            drop(writeln!(stderr, "hint: {hint}"));
        }
    }
    error.exit_code()
}

/// Prints something that is wrong and does not stop the verb.
pub(crate) fn warning(message: impl fmt::Display) {
    // A warning that nobody can see must not stop the verb either.
    drop(writeln!(io::stderr().lock(), "warning: {message}"));
}

/// Asks a question on the terminal; anything but `y` or `yes` is no.
pub(crate) fn confirm(question: &str) -> Result<bool, CliError> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer)?;
            Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
        })
        .map_err(|error| CliError::new(ErrorKind::Failed, format!("failed to ask: {error}")))
}
