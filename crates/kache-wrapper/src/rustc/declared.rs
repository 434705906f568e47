//! Inputs that nobody sees being read, but that somebody declared.
//!
//! A proc macro may read variables and files without rustc noticing. The user
//! declares such files (`extra_inputs`), and a package's own build script
//! declares to cargo what the package depends on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kache_config::CrateSettings;
use kache_key::Digest;
use kache_key::Roots;
use kache_key::fields::FieldHasher;

use crate::places::variable;
use crate::served::Passthrough;

/// More declared files than this are a mistake, a whole disk perhaps.
const MAX_FILES: usize = 20_000;

/// A declared directory that is deeper than this leads back to itself.
const MAX_DEPTH: usize = 64;

/// What was declared for one unit.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// Files, absolute, sorted; some may not exist.
    pub(crate) files: Vec<PathBuf>,
    /// Directories that the build script named, and those in them, sorted.
    pub(crate) directories: Vec<PathBuf>,
    /// Variables that the build script sets for the crate, or reads.
    pub(crate) variables: Vec<String>,
    /// Those of them that the build script reads.
    pub(crate) asked_variables: Vec<String>,
}

impl Declared {
    /// Gathers the declarations for a crate.
    ///
    /// The build script's are read only `with_build_script`: for a crate that
    /// may run proc macros. For others rustc itself says what it reads.
    pub(crate) fn gather(
        settings: &CrateSettings<'_>,
        with_build_script: bool,
    ) -> Result<Self, Passthrough> {
        let mut declared = Self::default();
        let package_dir = variable("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        for extra in &settings.extra_inputs {
            declared.files.extend(extra.expand(&package_dir)?);
        }
        if with_build_script && let Some(said) = build_script_output() {
            declared.read(&said, &package_dir)?;
        }
        declared.settle()
    }

    /// Reads what a build script said to cargo when it ran in `package_dir`.
    pub(crate) fn by_script(said: &str, package_dir: &Path) -> Result<Self, Passthrough> {
        let mut declared = Self::default();
        declared.read(said, package_dir)?;
        declared.settle()
    }

    fn read(&mut self, said: &str, package_dir: &Path) -> io::Result<()> {
        said.lines().try_for_each(|line| self.read_instruction(line, package_dir))
    }

    fn settle(mut self) -> Result<Self, Passthrough> {
        for names in [&mut self.variables, &mut self.asked_variables] {
            names.sort();
            names.dedup();
        }
        for paths in [&mut self.files, &mut self.directories] {
            paths.sort();
            paths.dedup();
        }
        let count = self.files.len() + self.directories.len();
        if count > MAX_FILES {
            return Err(Passthrough::because(format!("{count} files are declared as inputs")));
        }
        Ok(self)
    }

    /// Reads one line of a build script's output.
    fn read_instruction(&mut self, line: &str, package_dir: &Path) -> io::Result<()> {
        let Some(instruction) = line.strip_prefix("cargo:") else { return Ok(()) };
        let instruction = instruction.strip_prefix(':').unwrap_or(instruction);
        if let Some(path) = instruction.strip_prefix("rerun-if-changed=") {
            self.list(&package_dir.join(path), 0)?;
        } else if let Some(assignment) = instruction.strip_prefix("rustc-env=") {
            self.variables.extend(assignment.split_once('=').map(|(name, _)| name.to_owned()));
        } else if let Some(name) = instruction.strip_prefix("rerun-if-env-changed=") {
            self.variables.push(name.to_owned());
            self.asked_variables.push(name.to_owned());
        }
        Ok(())
    }

    /// Adds `path`, or every file below it, as cargo does for `rerun-if-changed`:
    /// symbolic links are followed.
    fn list(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        if self.files.len() + self.directories.len() > MAX_FILES {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!("`{}` is too deep, or a loop", path.display())));
        }
        if !fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            self.files.push(path.to_owned());
            return Ok(());
        }
        self.directories.push(path.to_owned());
        for entry in fs::read_dir(path)? {
            self.list(&entry?.path(), depth + 1)?;
        }
        Ok(())
    }

    /// Returns whether nothing was declared.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.variables.is_empty()
    }

    /// Returns a digest of which files and variables there are: one more or
    /// less is a change.
    pub(crate) fn names_digest(&self, roots: &Roots) -> Digest {
        let names: Vec<String> =
            self.files.iter().map(|path| roots.tokenise(&path.to_string_lossy()).0).collect();
        FieldHasher::new("kache declared")
            .list("files", names.iter().map(String::as_str))
            .list("variables", self.variables.iter().map(String::as_str))
            .finish()
    }
}

/// Returns what this package's build script printed; cargo keeps it beside
/// `OUT_DIR`, in the present layout and in the coming one.
fn build_script_output() -> Option<String> {
    let out_dir = PathBuf::from(variable("OUT_DIR")?);
    let run_dir = out_dir.parent()?;
    ["output", "run/stdout"]
        .iter()
        .find_map(|name| fs::read(run_dir.join(name)).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
