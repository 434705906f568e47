//! The usual start of a test: an environment, the binaries, one fixture.

use std::path::Path;

use crate::cargo::{CargoError, CargoRun};
use crate::env::{Env, EnvError};
use crate::kache::{BinariesError, Kache};
use crate::oracle::TreeError;
use crate::process::RunError;
use crate::project::{Project, ProjectError};

/// A fixture project in an environment of its own.
#[derive(Debug)]
pub struct Scenario {
    /// The environment.
    pub env: Env,
    /// The binaries under test.
    pub kache: Kache,
    /// The first checkout.
    pub project: Project,
}

/// Anything that stops a scenario before it can judge kache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// No environment.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// No binaries.
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    /// No checkout, or an edit that failed.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// No answer from cargo or the journal.
    #[error(transparent)]
    Cargo(#[from] CargoError),
    /// A program that did not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Artifacts that cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Scenario {
    /// Copies the fixture `name` into a fresh environment.
    pub fn of(name: &str) -> Result<Self, HarnessError> {
        Self::in_env(name, Env::new()?)
    }

    /// Copies the fixture `name` into `env`.
    pub fn in_env(name: &str, env: Env) -> Result<Self, HarnessError> {
        let project = Project::of_fixture(name, &env.work_dir().join("one").join(name))?;
        Ok(Self { kache: Kache::for_tests()?, env, project })
    }

    /// Writes `files`, each a path and a text, as the first checkout of a
    /// fresh environment.
    pub fn of_files(files: &[(&str, &str)]) -> Result<Self, HarnessError> {
        let env = Env::new()?;
        let project = Project::of_files(files, &env.work_dir().join("one/written"))?;
        Ok(Self { kache: Kache::for_tests()?, env, project })
    }

    /// Prepares `cargo <verb>` under kache in the first checkout.
    pub fn cargo(&self, verb: &str) -> CargoRun<'_> {
        self.cargo_in(&self.project, verb)
    }

    /// Prepares `cargo <verb>` under kache in `project`.
    pub fn cargo_in(&self, project: &Project, verb: &str) -> CargoRun<'_> {
        CargoRun::new(&self.env, project.dir(), verb).wrapper(&self.kache.wrapper)
    }

    /// Prepares `cargo <verb>` without kache in `project`, with a target
    /// directory of its own: what it builds is what kache is compared with.
    pub fn bare_cargo_in(&self, project: &Project, verb: &str) -> CargoRun<'_> {
        let target = self.bare_target_dir(project);
        CargoRun::new(&self.env, project.dir(), verb).arg("--target-dir").arg(target)
    }

    /// Returns the target directory of [`bare_cargo_in`](Self::bare_cargo_in).
    pub fn bare_target_dir(&self, project: &Project) -> std::path::PathBuf {
        let place =
            project.dir().strip_prefix(self.env.work_dir()).unwrap_or_else(|_| Path::new("other"));
        self.env.root().join("bare").join(place)
    }

    /// Copies the first checkout, as it is now, to `place` below the
    /// directory for checkouts.
    pub fn second_checkout(&self, place: &str) -> Result<Project, HarnessError> {
        Ok(self.project.second_checkout(&self.env.work_dir().join(place))?)
    }
}
