//! Who compiles: the bare compiler, ccache, kache.
//!
//! Each has an environment, a cache and copies of the sources of its own, in
//! directories whose names are equally long.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use serde::Serialize;

use super::sources::{MakeProject, SINGLES, Single, write_project};
use crate::bench::BenchError;
use crate::cargo::CargoError;
use crate::env::Env;
use crate::events::{Journal, Outcome};
use crate::kache::Kache;
use crate::process::{Finished, output_of, run};
use crate::project::{Project, remove};
use crate::toolchain::Toolchain;

/// Who compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The compiler alone.
    Plain,
    /// ccache, with its defaults.
    Ccache,
    /// kache.
    Kache,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Ccache => "ccache",
            Self::Kache => "kache",
        })
    }
}

/// The programs behind the contenders.
#[derive(Clone, Debug)]
pub struct Tools {
    /// kache as a release ships it.
    pub kache: Kache,
    /// ccache, where there is one.
    pub ccache: Option<PathBuf>,
}

/// Returns the ccache on `PATH`, if there is one.
pub fn ccache_on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join("ccache")).find(|program| program.is_file())
}

/// Returns the first line of what each program says of its version.
pub fn versions(tools: &Tools) -> Vec<String> {
    let compilers = SINGLES.iter().map(|single| PathBuf::from(single.compiler));
    let programs = compilers.chain(tools.ccache.clone());
    let said =
        programs.filter_map(|program| output_of(Command::new(program).arg("--version")).ok());
    said.filter_map(|text| text.lines().next().map(str::to_owned)).collect()
}

/// Returns where ccache keeps its cache.
fn ccache_dir(env: &Env) -> PathBuf {
    env.root().join("ccache")
}

/// What a cache did, counted by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Served without running the preprocessor or the compiler.
    pub hits: usize,
    /// Compiled and stored.
    pub misses: usize,
    /// Anything else.
    pub others: usize,
}

/// One contender with the sources of all cases.
#[derive(Debug)]
pub struct Contender {
    /// Who compiles.
    pub who: Who,
    /// The project and what is known of it.
    pub project: MakeProject,
    env: Env,
    /// Stands before the name of the compiler.
    program: Option<PathBuf>,
    singles: Vec<Project>,
    made: Project,
    journal: Journal,
    counted: Counts,
}

impl Contender {
    /// Makes the environment below `parent` and writes the sources.
    pub fn new(who: Who, tools: &Tools, parent: &Path) -> Result<Self, BenchError> {
        let mut env = Env::within(parent, Toolchain::active()?)?;
        env.set("CCACHE_DIR", ccache_dir(&env));
        let mut singles = Vec::new();
        for (number, single) in SINGLES.iter().enumerate() {
            singles.push(single.write(&env, &env.work_dir().join(format!("single-{number}")))?);
        }
        let (made, project) = write_project(&env.work_dir().join("project"))?;
        let program = match who {
            Who::Plain => None,
            Who::Ccache => tools.ccache.clone(),
            Who::Kache => Some(tools.kache.wrapper.clone()),
        };
        let journal = Journal::at_end_of(&env.cache_dir());
        let counted = Counts::default();
        Ok(Self { who, project, env, program, singles, made, journal, counted })
    }

    /// Compiles the single file of a position in [`SINGLES`].
    pub fn compile(&self, number: usize) -> Result<Finished, BenchError> {
        let (single, project) = self.single(number)?;
        remove(&project.path(single.object()))?;
        let mut command = match &self.program {
            None => self.env.command(single.compiler),
            Some(program) => {
                let mut command = self.env.command(program);
                command.arg(single.compiler);
                command
            }
        };
        Ok(run(command.args(single.args()).current_dir(project.dir()))?)
    }

    /// Returns the object that was compiled last.
    pub fn object(&self, number: usize) -> Result<Vec<u8>, BenchError> {
        let (single, project) = self.single(number)?;
        let path = project.path(single.object());
        fs::read(&path).map_err(BenchError::io("read", &path))
    }

    /// Makes the source one that was never compiled.
    pub fn edit(&self, number: usize, edit: usize) -> Result<(), BenchError> {
        let (single, project) = self.single(number)?;
        let text = project.read(single.source)?;
        let before = text.split("/* edit").next().unwrap_or_default().trim_end();
        Ok(project
            .write(single.source, format!("{before}\n/* edit {edit} */\nint edit_{edit};\n"))?)
    }

    /// Takes everything out of the caches, and what they counted.
    pub fn empty_caches(&mut self) -> Result<(), BenchError> {
        remove(&ccache_dir(&self.env))?;
        remove(&self.env.cache_dir())?;
        self.counted = Counts::default();
        self.journal = Journal::at_start_of(&self.env.cache_dir());
        Ok(())
    }

    /// Builds the project from nothing but its sources.
    pub fn make(&self) -> Result<Finished, BenchError> {
        remove(&self.made.path("out"))?;
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let compiler = match &self.program {
            None => "gcc".to_owned(),
            Some(program) => format!("{} gcc", program.display()),
        };
        let mut make = self.env.command("make");
        make.args(["-s", &format!("-j{jobs}"), &format!("CC={compiler}")]);
        Ok(run(make.current_dir(self.made.dir()))?)
    }

    /// Returns every file that make made, by name, with its bytes.
    pub fn made(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, BenchError> {
        let dir = self.made.path("out");
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(&dir).sort_by_file_name().into_iter().flatten() {
            if entry.file_type().is_file() {
                let bytes = fs::read(entry.path()).map_err(BenchError::io("read", entry.path()))?;
                let name = entry.path().strip_prefix(&dir).unwrap_or(entry.path());
                files.push((name.to_owned(), bytes));
            }
        }
        Ok(files)
    }

    /// Returns what the cache did since the last call.
    pub fn counts(&mut self) -> Result<Counts, BenchError> {
        match self.who {
            Who::Plain => Ok(Counts::default()),
            Who::Kache => self.counts_of_journal(),
            Who::Ccache => {
                let now = self.counts_of_ccache()?;
                let before = std::mem::replace(&mut self.counted, now);
                Ok(Counts {
                    hits: now.hits - before.hits,
                    misses: now.misses - before.misses,
                    others: now.others - before.others,
                })
            }
        }
    }

    fn counts_of_journal(&mut self) -> Result<Counts, BenchError> {
        let mut counts = Counts::default();
        for event in self.journal.take().map_err(CargoError::from)? {
            let is_stored = !event.reason.contains("not stored");
            match event.outcome {
                Outcome::Hit if event.spawned() == 0 => counts.hits += 1,
                Outcome::Miss | Outcome::Dup if is_stored => counts.misses += 1,
                _ => counts.others += 1,
            }
        }
        Ok(counts)
    }

    fn counts_of_ccache(&self) -> Result<Counts, BenchError> {
        let program = self.program.as_deref().unwrap_or(Path::new("ccache"));
        let said = output_of(self.env.command(program).arg("--print-stats"))?;
        let count = |wanted: &str| -> usize {
            let mut lines = said.lines().filter_map(|line| line.split_once('\t'));
            let found = lines.find(|(name, _)| *name == wanted);
            found.and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
        };
        let others = ["preprocessed_cache_hit", "compile_failed", "internal_error"];
        Ok(Counts {
            hits: count("direct_cache_hit"),
            misses: count("cache_miss"),
            others: others.into_iter().map(count).sum(),
        })
    }

    fn single(&self, number: usize) -> Result<(&'static Single, &Project), BenchError> {
        let unknown = || BenchError::Unusable { what: format!("there is no file {number}") };
        SINGLES.get(number).zip(self.singles.get(number)).ok_or_else(unknown)
    }
}
