//! Questions to a driver about itself.

use std::path::Path;
use std::process::{Command, Stdio};

use super::compiler::CompilerError;
use crate::process;

/// Directories that options add to those in which a driver looks for programs.
#[derive(Clone, Copy, Default)]
pub(crate) struct ProgramDirs<'a> {
    /// As given (`-B`), existing ones only.
    pub(crate) dirs: &'a [String],
    /// Where the compiler runs: relative ones start there.
    pub(crate) cwd: &'a str,
}

impl ProgramDirs<'_> {
    /// Returns the options that name them.
    fn options(&self) -> impl Iterator<Item = String> {
        self.dirs.iter().map(|dir| format!("-B{dir}"))
    }
}

/// A driver that is asked what it is.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) program: &'a Path,
    pub(super) dirs: ProgramDirs<'a>,
}

impl Asked<'_> {
    /// Returns all that the driver says to a question, on both its outputs.
    pub(super) fn answer(&self, args: &[&str]) -> Result<String, CompilerError> {
        let silent = |source| CompilerError::Silent { program: self.program.to_owned(), source };
        process::count_spawned();
        // Away from the project, whose place the answer must not name, unless
        // programs may be in it.
        let dir = if self.dirs.dirs.is_empty() { "/" } else { self.dirs.cwd };
        let ran = Command::new(std::path::absolute(self.program).map_err(silent)?)
            .args(self.dirs.options())
            .args(args)
            .current_dir(dir)
            .env_remove("PWD")
            .stdin(Stdio::null())
            .output()
            .map_err(silent)?;
        Ok(String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    }
}

/// Returns the arguments with which a driver says what it would run, with
/// which options, and where it looks for headers.
pub(super) fn explaining(language: &str) -> [&str; 5] {
    ["-v", "-E", "-x", language, "/dev/null"]
}
