//! What is measured: plain cargo, the replay floor, kache, sccache.
//!
//! Each contender has an environment, a cache and two checkouts of its own, so
//! that their builds can take turns without disturbing each other.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::BenchError;
use super::measure::Sample;
use super::phase::Phase;
use super::sccache::{self, Server};
use super::verify;
use super::workload::Workload;
use crate::cargo::{CargoOutcome, CargoRun};
use crate::env::Env;
use crate::kache::{Kache, compile_static};
use crate::oracle::run_program;
use crate::project::{Project, ProjectError, remove};
use crate::toolchain::Toolchain;

/// What every text that an edit phase writes into the program begins with.
pub const MARKER: &str = "kache-bench-marker-";

/// Who compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Cargo alone.
    Plain,
    /// Recorded outputs put back by hard link, without any key. What failed
    /// when it was recorded is compiled each time.
    Floor,
    /// kache.
    Kache,
    /// sccache, which needs incremental compilation off.
    Sccache,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain cargo",
            Self::Floor => "replay floor",
            Self::Kache => "kache",
            Self::Sccache => "sccache",
        })
    }
}

/// The programs behind the contenders, built once for all workloads.
#[derive(Clone, Debug)]
pub struct Tools {
    /// kache as a release ships it.
    pub kache: Kache,
    /// The replay floor.
    pub floor: PathBuf,
    /// sccache, where there is one.
    pub sccache: Option<PathBuf>,
}

impl Tools {
    /// Builds kache and the floor; `scratch` keeps the floor.
    pub fn build(toolchain: &Toolchain, scratch: &Path) -> Result<Self, BenchError> {
        Ok(Self {
            kache: Kache::released(toolchain)?,
            floor: compile_static(toolchain, "src/bin/replay_floor.rs", scratch)?,
            sccache: sccache::on_path(),
        })
    }

    /// Returns the contenders that can take part.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Plain, Kind::Floor, Kind::Kache];
        kinds.extend(self.sccache.as_ref().map(|_| Kind::Sccache));
        kinds
    }
}

/// One contender with one workload.
#[derive(Debug)]
pub struct Contender {
    /// Who compiles.
    pub kind: Kind,
    workload: &'static Workload,
    tools: Tools,
    server: Option<Server>,
    env: Env,
    first: Project,
    second: Project,
    seconds: usize,
    original: String,
    stored: bool,
    edited: bool,
    said: Option<String>,
}

impl Contender {
    /// Makes the environment below `parent` and checks the workload out twice.
    pub fn new(
        kind: Kind,
        workload: &'static Workload,
        tools: &Tools,
        parent: &Path,
    ) -> Result<Self, BenchError> {
        let env = Env::within(parent, Toolchain::active()?)?;
        env.share_registry()?;
        let first = workload.checkout(&env.work_dir().join("first").join(workload.name))?;
        let second = workload.checkout(&second_dir(&env, 0, workload))?;
        let original = first.read(workload.main_source)?;
        let tools = tools.clone();
        let (stored, edited) = (false, false);
        let (server, said, seconds) = (None, None, 0);
        Ok(Self {
            kind,
            workload,
            tools,
            server,
            env,
            first,
            second,
            seconds,
            original,
            stored,
            edited,
            said,
        })
    }

    /// Brings everything into the state that `phase` starts from, builds, and
    /// measures that build. `number` makes the edit one that was never built.
    pub fn sample(&mut self, phase: Phase, number: usize) -> Result<Sample, BenchError> {
        let marker = format!("{MARKER}{number:06}");
        self.prepare(phase, &marker)?;
        let cpu_before = self.server.as_ref().map_or(0.0, Server::cpu_s);
        match &self.server {
            Some(server) => server.reset_counts(&self.env)?,
            None => remove(&self.compilers_of_floor())?,
        }
        let project = if phase == Phase::Second { &self.second } else { &self.first };
        let outcome = self.cargo(project).run()?;
        let mut sample = Sample::of(&outcome);
        if let Some(server) = &self.server {
            sample.cpu_s += server.cpu_s() - cpu_before;
        }
        self.count(&mut sample, &outcome)?;
        sample.faults = verify::faults(self.kind, phase, &outcome);
        let program = project.program(self.workload.program);
        let marker = phase.edits().then_some(marker.as_str());
        let faults = self.faults_of_program(&program, phase, marker)?;
        sample.faults.extend(faults);
        self.stored |= phase == Phase::Cold;
        Ok(sample)
    }

    /// Returns the first checkout.
    pub fn first(&self) -> &Project {
        &self.first
    }

    /// Returns the environment, which knows where the cache is.
    pub fn env(&self) -> &Env {
        &self.env
    }

    fn prepare(&mut self, phase: Phase, marker: &str) -> Result<(), BenchError> {
        match phase {
            Phase::Cold => {
                self.restore_source()?;
                self.empty_cache()?;
                self.put_away(&self.first.target_dir())?;
                self.put_away(&self.second.target_dir())?;
            }
            Phase::Warm => {
                self.fill_cache()?;
                self.restore_source()?;
                self.first.clean()?;
            }
            Phase::NoOp => {
                self.fill_cache()?;
                self.build_first()?;
            }
            Phase::Second => {
                self.fill_cache()?;
                self.restore_source()?;
                self.build_first()?;
                self.renew_second()?;
            }
            Phase::FirstEdit => self.prepare_first_edit(marker)?,
            Phase::RepeatedEdit => {
                self.be_edited(marker)?;
                self.edit(marker)?;
            }
            Phase::EditBack => {
                self.be_edited(marker)?;
                self.restore_source()?;
            }
        }
        Ok(())
    }

    fn prepare_first_edit(&mut self, marker: &str) -> Result<(), BenchError> {
        self.fill_cache()?;
        self.restore_source()?;
        if self.kind != Kind::Plain {
            self.first.clean()?;
        }
        self.build_first()?;
        self.edit(marker)
    }

    /// Makes sure that the next edit is not the first since a restore.
    fn be_edited(&mut self, marker: &str) -> Result<(), BenchError> {
        if !self.edited {
            self.prepare_first_edit(&format!("{marker}-before"))?;
            self.build_first()?;
        }
        Ok(())
    }

    fn edit(&mut self, marker: &str) -> Result<(), BenchError> {
        let text = self.workload.with_marker(&self.original, marker)?;
        self.first.write(self.workload.main_source, text)?;
        self.edited = true;
        Ok(())
    }

    fn restore_source(&mut self) -> Result<(), BenchError> {
        if self.edited {
            self.first.write(self.workload.main_source, &self.original)?;
            self.edited = false;
        }
        Ok(())
    }

    fn empty_cache(&mut self) -> Result<(), BenchError> {
        self.stored = false;
        match (self.kind, self.tools.sccache.clone()) {
            (Kind::Sccache, Some(program)) => {
                self.server = None;
                let cache_dir = self.env.root().join("sccache");
                let server = Server::start(&program, &mut self.env, &cache_dir);
                self.server = Some(server.map_err(|source| BenchError::Sccache { source })?);
                Ok(())
            }
            _ => self.put_away(&self.env.cache_dir()),
        }
    }

    fn fill_cache(&mut self) -> Result<(), BenchError> {
        if self.stored || self.kind == Kind::Plain {
            return Ok(());
        }
        self.restore_source()?;
        self.empty_cache()?;
        self.first.clean()?;
        self.must_succeed(&self.recording(&self.first).run()?)?;
        if self.kind == Kind::Floor {
            self.must_succeed(&self.recording(&self.second).run()?)?;
        }
        self.stored = true;
        Ok(())
    }

    /// Moves a directory out of the way before a cold build. It is removed with the
    /// environment: some file systems go on with what was removed while the next build
    /// is measured, and look longer for free inodes.
    ///
    /// Not for a target directory whose cache stays: what is linked from there would be
    /// copied from the cache, and not linked as after `cargo clean`.
    fn put_away(&self, dir: &Path) -> Result<(), BenchError> {
        let away = self.env.root().join("away");
        let failed = |error| ProjectError::io("put away", dir)(error);
        fs::create_dir_all(&away).map_err(failed)?;
        let number = fs::read_dir(&away).map_err(failed)?.count();
        match fs::rename(dir, away.join(number.to_string())) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            moved => Ok(moved.map_err(failed)?),
        }
    }

    fn build_first(&self) -> Result<(), BenchError> {
        // What the floor replays is older than what cargo itself writes, so
        // cargo never finds it fresh; its target directory stands all the same.
        if self.kind == Kind::Floor && self.first.target_dir().exists() {
            return Ok(());
        }
        self.must_succeed(&self.cargo(&self.first).run()?)
    }

    /// Gives the second checkout a path that no build has seen; the floor can
    /// only replay the path that it recorded.
    fn renew_second(&mut self) -> Result<(), BenchError> {
        if self.kind == Kind::Floor {
            return Ok(self.second.clean()?);
        }
        remove(self.second.dir())?;
        self.seconds += 1;
        self.second =
            self.workload.checkout(&second_dir(&self.env, self.seconds, self.workload))?;
        Ok(())
    }

    fn cargo(&self, project: &Project) -> CargoRun<'_> {
        let cargo = CargoRun::new(&self.env, project.dir(), "build").arg("--locked");
        match self.kind {
            Kind::Plain => cargo,
            Kind::Floor => cargo.wrapper(&self.tools.floor).var("FLOOR_DIR", self.env.cache_dir()),
            Kind::Kache => cargo.wrapper(&self.tools.kache.wrapper),
            Kind::Sccache => {
                let program = self.tools.sccache.as_deref().unwrap_or(Path::new("sccache"));
                cargo.wrapper(program).var("CARGO_INCREMENTAL", "0")
            }
        }
    }

    fn recording(&self, project: &Project) -> CargoRun<'_> {
        self.cargo(project).var("FLOOR_MODE", "record")
    }

    fn count(&self, sample: &mut Sample, outcome: &CargoOutcome) -> Result<(), BenchError> {
        match (self.kind, &self.server) {
            (Kind::Kache, _) => {
                let tally = outcome.tally();
                sample.hits = tally.hits as u64;
                sample.misses = (tally.total() - tally.hits) as u64;
                sample.spawned = outcome.spawned();
                sample.bytes = [tally.bytes_linked, tally.bytes_cloned, tally.bytes_copied];
            }
            (Kind::Sccache, Some(server)) => {
                let counts = server.counts(&self.env)?;
                sample.hits = counts.hits;
                sample.misses = counts.misses;
                sample.spawned = counts.compilers;
            }
            (Kind::Floor, _) if outcome.success() => {
                // The floor fails where it has no record, so of a build that
                // succeeded every unit was replayed; compilers ran for what
                // build scripts tried out.
                sample.hits = outcome.compilations() as u64;
                let count = self.compilers_of_floor();
                sample.spawned = count.metadata().map_or(0, |count| count.len());
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the file in which the floor counts compilers, a byte each.
    fn compilers_of_floor(&self) -> PathBuf {
        self.env.cache_dir().join("compilers")
    }

    fn faults_of_program(
        &mut self,
        program: &Path,
        phase: Phase,
        marker: Option<&str>,
    ) -> Result<Vec<String>, BenchError> {
        let Ok(bytes) = fs::read(program) else {
            return Ok(vec![format!("there is no {}", program.display())]);
        };
        let mut faults = Vec::new();
        if phase != Phase::NoOp {
            faults.extend(verify::marker_fault(&bytes, marker));
        }
        let ran = run_program(&self.env, program, &["--version"])?;
        let said = self.said.get_or_insert_with(|| ran.stdout.clone());
        if !ran.status.success() || ran.stdout != *said {
            faults.push(format!("the program ended with {} and said {:?}", ran.status, ran.stdout));
        }
        Ok(faults)
    }

    fn must_succeed(&self, outcome: &CargoOutcome) -> Result<(), BenchError> {
        if outcome.success() {
            return Ok(());
        }
        Err(BenchError::Build {
            workload: self.workload.name,
            contender: self.kind.to_string(),
            output: outcome.stderr.clone(),
        })
    }
}

fn second_dir(env: &Env, number: usize, workload: &Workload) -> PathBuf {
    env.work_dir().join(format!("another/checkout-{number:03}")).join(workload.name)
}
