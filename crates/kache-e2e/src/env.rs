//! A private environment for one scenario.
//!
//! Home, cargo home, cache and temporary files live in one directory that is
//! removed at the end. Commands start with no variable but the ones set here,
//! so a developer's own settings can neither help nor break a test.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use tempfile::TempDir;

use crate::process::RunError;
use crate::toolchain::Toolchain;

/// A temporary directory together with the variables that keep programs in it.
#[derive(Debug)]
pub struct Env {
    root: TempDir,
    path: PathBuf,
    toolchain: Toolchain,
    vars: BTreeMap<OsString, OsString>,
}

/// Why an environment could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvError {
    /// A directory or a link could not be made.
    #[error("failed to create `{}`", path.display())]
    Create {
        /// The directory or link.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The toolchain could not be asked what it is.
    #[error("failed to find the rust toolchain")]
    Toolchain(#[from] RunError),
}

impl Env {
    /// Makes an environment in the system's directory for temporary files,
    /// with the toolchain this process was started with.
    pub fn new() -> Result<Self, EnvError> {
        Self::within(&env::temp_dir(), Toolchain::active()?)
    }

    /// Makes an environment below `parent`, which decides the file system.
    ///
    /// Cargo is offline and has an empty home of its own.
    pub fn within(parent: &Path, toolchain: Toolchain) -> Result<Self, EnvError> {
        let create = |source| EnvError::Create { path: parent.to_owned(), source };
        fs::create_dir_all(parent).map_err(create)?;
        let root = tempfile::Builder::new().prefix("kache-e2e-").tempdir_in(parent);
        let root = root.map_err(create)?;
        let path = root.path().canonicalize().map_err(create)?;
        for name in ["home", "cargo-home", "cache", "tmp", "work"] {
            let dir = path.join(name);
            fs::create_dir(&dir).map_err(|source| EnvError::Create { path: dir, source })?;
        }
        let mut env = Self { root, path, toolchain, vars: BTreeMap::new() };
        env.set_initial_vars();
        Ok(env)
    }

    fn set_initial_vars(&mut self) {
        let own = |name: &str| self.path.join(name).into_os_string();
        let mut vars: Vec<(&str, OsString)> = vec![
            ("HOME", own("home")),
            ("CARGO_HOME", own("cargo-home")),
            ("TMPDIR", own("tmp")),
            ("KACHE_CACHE_DIR", own("cache")),
            ("CARGO_NET_OFFLINE", "true".into()),
            ("CARGO_TERM_COLOR", "never".into()),
            ("LC_ALL", "C".into()),
        ];
        vars.extend(env::var_os("PATH").map(|path| ("PATH", path)));
        let rustup_home = self.toolchain.rustup_home.clone();
        vars.extend(rustup_home.map(|home| ("RUSTUP_HOME", home.into_os_string())));
        let rustup_name = self.toolchain.rustup_name.clone();
        vars.extend(rustup_name.map(|name| ("RUSTUP_TOOLCHAIN", name.into())));
        for (name, value) in vars {
            self.set(name, value);
        }
    }

    /// Lets builds use the sources that the user's cargo has downloaded, and
    /// nothing else of the user's cargo home: a wrapper configured there would
    /// spoil every comparison, and overriding it with an empty `RUSTC_WRAPPER`
    /// makes cargo ask rustc anew in every build.
    ///
    /// Builds stay offline: fetch what they need first.
    pub fn share_registry(&self) -> Result<(), EnvError> {
        let link = self.path.join("cargo-home/registry");
        std::os::unix::fs::symlink(outer_cargo_home().join("registry"), &link)
            .map_err(|source| EnvError::Create { path: link, source })
    }

    /// Lets builds use the user's own cargo home, settings and all.
    pub fn share_cargo_home(&mut self) {
        self.set("CARGO_HOME", outer_cargo_home());
    }

    /// Sets a variable for every later command.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        drop(self.vars.insert(name.into(), value.into()));
    }

    /// Removes a variable from every later command.
    pub fn unset(&mut self, name: impl AsRef<OsStr>) {
        drop(self.vars.remove(name.as_ref()));
    }

    /// Returns the value that commands see for `name`.
    pub fn var(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.vars.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// Returns a command that sees this environment and nothing else. It runs
    /// in the directory for checkouts.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.vars).current_dir(self.work_dir());
        command
    }

    /// Returns the directory that holds everything else.
    pub fn root(&self) -> &Path {
        &self.path
    }

    /// Returns the directory for checkouts.
    pub fn work_dir(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Returns the directory kache stores into.
    pub fn cache_dir(&self) -> PathBuf {
        self.var("KACHE_CACHE_DIR").map_or_else(|| self.path.join("cache"), PathBuf::from)
    }

    /// Returns the toolchain that builds.
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// Keeps the directory after the end and returns where it is.
    pub fn keep(mut self) -> PathBuf {
        self.root.disable_cleanup(true);
        self.path
    }
}

/// Returns the cargo home of the user who started this process.
pub fn outer_cargo_home() -> PathBuf {
    let home = || env::home_dir().unwrap_or_default().join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::output_of;

    #[test]
    fn a_command_sees_only_the_variables_of_its_environment() {
        let mut env = Env::new().unwrap();
        env.set("SAMPLE", "value");
        let said = output_of(&mut env.command("env")).unwrap();
        assert!(said.contains("SAMPLE=value\n"), "{said}");
        assert!(said.contains(&format!("HOME={}/home\n", env.root().display())), "{said}");
        assert!(!said.contains("CARGO_MANIFEST_DIR"), "{said}");
        env.unset("SAMPLE");
        assert!(!output_of(&mut env.command("env")).unwrap().contains("SAMPLE"));
    }
}
