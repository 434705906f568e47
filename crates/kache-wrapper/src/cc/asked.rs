//! Questions to a driver about itself.

use std::io;
use std::path::Path;
use std::process::Command;

use kache_observe::Trace;
use kache_store::Store;

use super::compiler::{CompilerError, INCLUDE_ENV};
use crate::process::{self, Ran};
use crate::watch;

/// A driver that is asked what it is.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) program: &'a Path,
    /// Where the library is kept that sees how the driver comes to an answer.
    pub(super) store: &'a Store,
}

impl Asked<'_> {
    /// Returns all that the driver says to a question, on both its outputs.
    pub(super) fn answer(&self, args: &[&str]) -> Result<String, CompilerError> {
        let ran = self.question(args).and_then(process::ask_by);
        ran.map(|ran| text_of(&ran)).map_err(|source| self.silent(source))
    }

    /// Returns the [answer](Self::answer), and how the driver came to it if that
    /// could be seen.
    pub(super) fn answer_watched(
        &self,
        args: &[&str],
    ) -> Result<(String, Option<Trace>), CompilerError> {
        let mut question = self.question(args).map_err(|source| self.silent(source))?;
        let watch = watch::attach(&mut question, self.store, &[]);
        let ran = process::ask_by(question).map_err(|source| self.silent(source))?;
        Ok((text_of(&ran), watch::seen(watch, ran.pid).ok()))
    }

    fn silent(&self, source: io::Error) -> CompilerError {
        CompilerError::Silent { program: self.program.to_owned(), source }
    }

    /// Returns the command that puts a question.
    fn question(&self, args: &[&str]) -> io::Result<Command> {
        let mut command = Command::new(std::path::absolute(self.program)?);
        // Away from the project, whose place the answer must not name.
        command.args(args).current_dir("/").env_remove("PWD");
        for name in INCLUDE_ENV {
            command.env_remove(name);
        }
        Ok(command)
    }
}

fn text_of(ran: &Ran) -> String {
    String::from_utf8_lossy(&[ran.stdout.as_slice(), &ran.stderr].concat()).into_owned()
}

/// Returns the arguments with which a driver says what it would run, with
/// which options, and where it looks for headers.
pub(super) fn explaining(language: &str) -> [&str; 5] {
    ["-v", "-E", "-x", language, "/dev/null"]
}
