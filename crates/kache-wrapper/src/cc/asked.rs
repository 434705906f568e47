//! Questions to a driver about itself.

use std::path::Path;
use std::process::{Command, Stdio};

use super::compiler::CompilerError;
use crate::process;

/// What options add to a driver.
#[derive(Clone, Copy, Default)]
pub(crate) struct Additions<'a> {
    /// Directories in which it looks for programs first (`-B`), as given: existing ones.
    pub(crate) program_dirs: &'a [String],
    /// Files of options (`-specs=`), as given: existing ones.
    pub(crate) specs: &'a [String],
    /// Where the compiler runs: relative paths start there.
    pub(crate) cwd: &'a str,
}

impl Additions<'_> {
    /// Returns whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.program_dirs.is_empty() && self.specs.is_empty()
    }

    /// Returns the options.
    fn options(&self) -> impl Iterator<Item = String> {
        let dirs = self.program_dirs.iter().map(|dir| format!("-B{dir}"));
        dirs.chain(self.specs.iter().map(|file| format!("-specs={file}")))
    }
}

/// A driver that is asked what it is.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) program: &'a Path,
    pub(super) additions: Additions<'a>,
}

impl Asked<'_> {
    /// Returns all that the driver says to a question, on both its outputs.
    pub(super) fn answer(&self, args: &[&str]) -> Result<String, CompilerError> {
        let silent = |source| CompilerError::Silent { program: self.program.to_owned(), source };
        process::count_spawned();
        // Away from the project, whose place the answer must not name, unless
        // what is added may be in it.
        let dir = if self.additions.is_empty() { "/" } else { self.additions.cwd };
        let ran = Command::new(std::path::absolute(self.program).map_err(silent)?)
            .args(self.additions.options())
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
