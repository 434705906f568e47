//! The programs that are built: packages from crates.io that ship a lock file.

use std::path::Path;

use crate::project::{Project, ProjectError};
use crate::registry::{Package, RegistryError};

/// One package, pinned.
#[derive(Debug)]
pub struct Workload {
    /// The package.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The program it builds.
    pub program: &'static str,
    /// The file with the program's `main`, which the edit phases change.
    pub main_source: &'static str,
}

/// Every workload, smallest first.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "ripgrep",
        version: "15.2.0",
        program: "rg",
        main_source: "crates/core/main.rs",
    },
    Workload {
        name: "hyperfine",
        version: "1.20.0",
        program: "hyperfine",
        main_source: "src/main.rs",
    },
    Workload { name: "bat", version: "0.26.1", program: "bat", main_source: "src/bin/bat/main.rs" },
];

/// Why a workload is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// Its sources are not there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A checkout could not be made.
    #[error(transparent)]
    Checkout(#[from] ProjectError),
    /// Its `main` has another shape than expected.
    #[error("no `fn main() ... {{` in {file} of {name}")]
    NoMain {
        /// The package.
        name: &'static str,
        /// The file.
        file: &'static str,
    },
}

impl Workload {
    /// Returns the workload called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// Downloads what is missing: the package and all it depends on. After
    /// this, builds work offline with the user's cargo home.
    pub fn fetch(&self, scratch: &Path) -> Result<(), WorkloadError> {
        let package = self.package();
        package.fetch(scratch)?;
        let project = self.checkout(&scratch.join(format!("fetch-{}", self.name)))?;
        Ok(package.cargo(project.dir(), &["fetch", "--locked"])?)
    }

    /// Copies the package to `dir`, as a workspace of its own.
    pub fn checkout(&self, dir: &Path) -> Result<Project, WorkloadError> {
        let project = Project::copy_of(&self.package().source()?, dir)?;
        let manifest = project.read("Cargo.toml")?;
        if !manifest.lines().any(|line| line.trim() == "[workspace]") {
            project.append("Cargo.toml", "\n[workspace]\n")?;
        }
        Ok(project)
    }

    /// Returns `source`, the text of the main file, with a line in `main` that
    /// puts `marker` into the program.
    pub fn with_marker(&self, source: &str, marker: &str) -> Result<String, WorkloadError> {
        let start = source.find("fn main()").unwrap_or(source.len());
        let (before, body) = source.split_at(start);
        let (head, rest) = body
            .split_once('{')
            .ok_or(WorkloadError::NoMain { name: self.name, file: self.main_source })?;
        Ok(format!("{before}{head}{{\n    std::hint::black_box({marker:?});{rest}"))
    }

    fn package(&self) -> Package {
        Package { name: self.name, version: self.version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_goes_into_main() {
        let ripgrep = Workload::named("ripgrep").unwrap();
        let source = "use a;\nfn main() -> ExitCode {\n    run()\n}\n";
        assert_eq!(
            ripgrep.with_marker(source, "m-1").unwrap(),
            "use a;\nfn main() -> ExitCode {\n    std::hint::black_box(\"m-1\");\n    run()\n}\n"
        );
        assert!(ripgrep.with_marker("fn other() {}", "m").is_err());
    }
}
