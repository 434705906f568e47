//! One compiler call, repeated without cargo.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::BenchError;

/// A program, its arguments, variables and working directory.
#[derive(Clone, Debug)]
pub struct Call {
    program: PathBuf,
    args: Vec<OsString>,
    vars: Vec<(OsString, OsString)>,
    cwd: PathBuf,
}

impl Call {
    /// Reads the call that compiled the crate `name` from what the floor's
    /// recorder left in `records`.
    pub fn recorded(records: &Path, name: &str) -> Result<Self, BenchError> {
        let folders = fs::read_dir(records).map_err(BenchError::io("list", records))?;
        for folder in folders.filter_map(Result::ok) {
            let args = folder.path().join("args");
            // The record of a call that failed says no more than that.
            if !args.is_file() {
                continue;
            }
            let args = fields(&args)?;
            let mut after = args.iter().skip_while(|arg| *arg != "--crate-name").skip(1);
            if after.next().is_some_and(|crate_name| crate_name == name) {
                return Self::read(&folder.path(), args);
            }
        }
        Err(BenchError::Unusable { what: format!("no recorded call compiles `{name}`") })
    }

    fn read(folder: &Path, args: Vec<OsString>) -> Result<Self, BenchError> {
        let cwd = folder.join("cwd");
        let cwd = fs::read(&cwd).map_err(BenchError::io("read", &cwd))?;
        let vars = fields(&folder.join("vars"))?.into_iter().filter_map(|var| {
            let at = var.as_bytes().iter().position(|byte| *byte == b'=')?;
            let (name, value) = var.as_bytes().split_at_checked(at)?;
            Some((OsStr::from_bytes(name).to_owned(), OsString::from_vec(value.get(1..)?.to_vec())))
        });
        let program = PathBuf::new();
        Ok(Self { program, args, vars: vars.collect(), cwd: OsString::from_vec(cwd).into() })
    }

    /// Returns the same call to another wrapper.
    #[must_use]
    pub fn answered_by(&self, wrapper: &Path) -> Self {
        Self { program: wrapper.to_owned(), ..self.clone() }
    }

    /// Returns the same call with one variable set.
    #[must_use]
    pub fn with_var(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Returns the command line, with the program first.
    pub fn argv(&self) -> Vec<OsString> {
        [self.program.clone().into_os_string()].into_iter().chain(self.args.clone()).collect()
    }

    /// Gives `command` this call's variables and working directory, and
    /// discards what it prints.
    pub fn surround(&self, command: &mut Command) {
        let vars = self.vars.iter().map(|(name, value)| (name, value));
        command.env_clear().envs(vars).current_dir(&self.cwd);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    }

    /// Makes the call and returns how long it took, from the spawn until the
    /// process was reaped.
    pub fn time(&self) -> Result<Duration, BenchError> {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        self.surround(&mut command);
        let start = Instant::now();
        let status = command.status().map_err(BenchError::io("run", &self.program))?;
        let time = start.elapsed();
        if status.success() {
            return Ok(time);
        }
        Err(BenchError::Unusable {
            what: format!("`{}` ended with {status}", self.program.display()),
        })
    }
}

/// The zero-terminated fields of a file.
fn fields(path: &Path) -> Result<Vec<OsString>, BenchError> {
    let bytes = fs::read(path).map_err(BenchError::io("read", path))?;
    let parts = bytes.split(|byte| *byte == 0).map(|part| OsString::from_vec(part.to_vec()));
    let mut fields: Vec<OsString> = parts.collect();
    let _end = fields.pop();
    Ok(fields)
}
