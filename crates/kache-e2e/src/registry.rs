//! Sources from crates.io, as cargo keeps them in the user's home.
//!
//! Builds of tests and benchmarks are offline: what they need is fetched
//! before, by [`Package::fetch`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use crate::env::outer_cargo_home;
use crate::process::{RunError, output_of};
use crate::project::{Project, ProjectError};

/// One package, pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its whole version, with what stands behind a `+`.
    pub version: &'static str,
}

/// The database `SQLite`, in one file.
pub const SQLITE: Package = Package { name: "libsqlite3-sys", version: "0.39.1" };
/// Zstandard: thirty files in C.
pub const ZSTD: Package = Package { name: "zstd-sys", version: "2.0.16+zstd.1.5.7" };
/// Lua, an interpreter.
pub const LUA: Package = Package { name: "lua-src", version: "551.1.0" };
/// Oniguruma, with files for `cmake`.
pub const ONIGURUMA: Package = Package { name: "onig_sys", version: "69.9.1" };
/// libffi, with a `configure` made by autoconf.
pub const LIBFFI: Package = Package { name: "libffi-sys", version: "4.2.2" };

/// The packages with sources in C that tests build.
pub const C_PACKAGES: [Package; 5] = [SQLITE, ZSTD, LUA, ONIGURUMA, LIBFFI];

/// Why a package's sources are not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Cargo could not download it.
    #[error("failed to download {name} {version}")]
    Download {
        /// The package.
        name: &'static str,
        /// Its version.
        version: &'static str,
        /// What cargo said.
        source: RunError,
    },
    /// There is no directory to work in.
    #[error("failed to make a temporary directory")]
    Scratch(#[source] io::Error),
    /// The fixture could not be copied.
    #[error(transparent)]
    Fixture(#[from] ProjectError),
    /// Cargo could not download what a fixture needs.
    #[error("failed to download what the fixture `{fixture}` needs")]
    Packages {
        /// The fixture.
        fixture: &'static str,
        /// What cargo said.
        source: RunError,
    },
    /// It was never downloaded, or to an unknown place.
    #[error("no {folder} below `{}`", registry.display())]
    NotFound {
        /// The package's folder.
        folder: String,
        /// Where it was looked for.
        registry: PathBuf,
    },
}

/// The fixture that needs packages whose build scripts compile C.
pub const SYS_FIXTURE: &str = "sys";

/// Downloads what is missing of [`C_PACKAGES`], and of what [`SYS_FIXTURE`] needs.
pub fn fetch_all() -> Result<(), RegistryError> {
    // No project is there whose settings cargo could read.
    C_PACKAGES.iter().try_for_each(|package| package.fetch(&env::temp_dir()))?;
    fetch_for(SYS_FIXTURE)
}

/// Downloads the packages that the fixture `name` needs, in the versions of its lock
/// file.
pub fn fetch_for(name: &'static str) -> Result<(), RegistryError> {
    let dir = tempfile::tempdir().map_err(RegistryError::Scratch)?;
    let project = Project::of_fixture(name, &dir.path().join(name))?;
    cargo(project.dir(), &["fetch", "--locked"])
        .map_err(|source| RegistryError::Packages { fixture: name, source })
}

fn cargo(dir: &Path, args: &[&str]) -> Result<(), RunError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    output_of(Command::new(cargo).current_dir(dir).args(args)).map(drop)
}

impl Package {
    /// Returns the directory of its sources, which must not be changed.
    pub fn source(&self) -> Result<PathBuf, RegistryError> {
        let registry = outer_cargo_home().join("registry/src");
        let folder = format!("{}-{}", self.name, self.version);
        let indexes = fs::read_dir(&registry).into_iter().flatten();
        let found = indexes
            .filter_map(|index: io::Result<fs::DirEntry>| Some(index.ok()?.path().join(&folder)))
            .find(|source| source.join("Cargo.toml").is_file());
        found.ok_or(RegistryError::NotFound { folder, registry })
    }

    /// Downloads it unless it is there; cargo is run in `dir`, away from any
    /// project.
    pub fn fetch(&self, dir: &Path) -> Result<(), RegistryError> {
        if self.source().is_ok() {
            return Ok(());
        }
        let version = self.version.split('+').next().unwrap_or(self.version);
        let package = format!("{}@{version}", self.name);
        self.cargo(dir, &["info", &package, "--registry", "crates-io"])?;
        self.source().map(drop)
    }

    /// Runs cargo with `args` in `dir`, to download something for this package.
    pub(crate) fn cargo(&self, dir: &Path, args: &[&str]) -> Result<(), RegistryError> {
        cargo(dir, args).map_err(|source| RegistryError::Download {
            name: self.name,
            version: self.version,
            source,
        })
    }
}
