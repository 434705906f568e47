//! The Rust toolchain that builds the projects under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{RunError, output_of};

/// One installed toolchain, resolved once so that hermetic builds need no
/// rustup settings.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The toolchain's own cargo, not rustup's proxy, whose start-up would be
    /// part of every measurement; plain `cargo` where there is no such file.
    pub cargo: PathBuf,
    /// The toolchain's own rustc; plain `rustc` where there is no such file.
    pub rustc: PathBuf,
    /// The name rustup knows it by, if rustup manages it.
    pub rustup_name: Option<String>,
    /// Rustup's home, if there is one.
    pub rustup_home: Option<PathBuf>,
    /// The host's target tuple, such as `x86_64-unknown-linux-gnu`.
    pub host: String,
}

impl Toolchain {
    /// Returns the toolchain that this process was started with.
    pub fn active() -> Result<Self, RunError> {
        Self::said_by(|| Command::new("rustc"))
    }

    /// Returns the toolchain that a user who enters `dir` gets, whatever
    /// this process was started with.
    pub fn of_project(dir: &Path) -> Result<Self, RunError> {
        Self::said_by(|| {
            let mut rustc = Command::new("rustc");
            rustc.current_dir(dir).env_remove("RUSTUP_TOOLCHAIN");
            rustc
        })
    }

    fn said_by(rustc: impl Fn() -> Command) -> Result<Self, RunError> {
        let version = output_of(rustc().arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let sysroot = PathBuf::from(output_of(rustc().args(["--print", "sysroot"]))?.trim_end());
        let rustup_home = env::var_os("RUSTUP_HOME")
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".rustup")))
            .filter(|home| home.is_dir());
        let rustup_name = rustup_home
            .as_ref()
            .and_then(|home| sysroot.strip_prefix(home.join("toolchains")).ok())
            .map(|name| name.to_string_lossy().into_owned());
        let tool = |name: &str| {
            let own = sysroot.join("bin").join(name);
            if own.is_file() { own } else { PathBuf::from(name) }
        };
        Ok(Self {
            cargo: tool("cargo"),
            rustc: tool("rustc"),
            rustup_name,
            rustup_home,
            host: host.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_active_toolchain_has_a_cargo_and_a_host() {
        let toolchain = Toolchain::active().unwrap();
        assert!(output_of(Command::new(&toolchain.cargo).arg("-V")).unwrap().starts_with("cargo "));
        assert!(toolchain.host.contains('-'), "{toolchain:?}");
    }
}
