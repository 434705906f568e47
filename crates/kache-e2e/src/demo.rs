//! The demonstration: one project, two checkouts, one private cache.
//!
//! The first checkout is built with an empty cache, the second one, at another
//! path, must then be served wholly. What it prints is what a user would ask:
//! how many units, how many hits, how much time, and whether bytes were copied.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cargo::{CargoOutcome, CargoRun};
use crate::env::Env;
use crate::events::{Event, Outcome, Tally};
use crate::kache::Kache;
use crate::oracle::run_program;
use crate::project::Project;
use crate::scenario::HarnessError;
use crate::toolchain::Toolchain;

/// Build a project twice and show that the second build comes from the cache
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Build copies of this cargo project instead of the bundled sample
    #[arg(long, value_name = "DIR", value_parser = parse_project)]
    project: Option<PathBuf>,
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Something around the builds failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The report could not be written.
    #[error("failed to write the report")]
    Report(#[from] io::Error),
}

/// Runs the demonstration and writes its report to `out`. Returns whether the
/// second build was served from the cache wholly.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<bool, DemoError> {
    let stage = Stage::set(options)?;
    writeln!(out, "cache      {}", stage.env.cache_dir().display())?;
    writeln!(out, "first      {}", stage.first.dir().display())?;
    let cold = stage.build(&stage.first)?;
    if !cold.success() {
        writeln!(out, "\nthe first build failed:\n{}", cold.stderr)?;
        return Ok(false);
    }
    writeln!(out, "second     {}", stage.second.dir().display())?;
    stage.share_lock_file()?;
    let warm = stage.build(&stage.second)?;
    write_report(out, &cold, &warm)?;
    let mut problems = problems(&warm);
    if options.project.is_none() {
        problems.extend(stage.compare_programs(out)?);
    }
    if problems.is_empty() {
        writeln!(out, "\nthe second build came from the cache")?;
        return Ok(true);
    }
    writeln!(out, "\nthe second build was not served wholly:")?;
    problems.iter().try_for_each(|problem| writeln!(out, "  {problem}"))?;
    Ok(false)
}

/// The two checkouts and everything around them.
struct Stage {
    env: Env,
    kache: Kache,
    first: Project,
    second: Project,
}

impl Stage {
    fn set(options: &Options) -> Result<Self, HarnessError> {
        let kache = Kache::released(&Toolchain::active()?)?;
        let toolchain = match &options.project {
            Some(dir) => Toolchain::of_project(dir)?,
            None => Toolchain::active()?,
        };
        let mut env = Env::within(&std::env::temp_dir(), toolchain)?;
        let places = [env.work_dir().join("one"), env.work_dir().join("elsewhere/two")];
        let [first, second] = if let Some(dir) = &options.project {
            env.share_cargo_home();
            env.unset("CARGO_NET_OFFLINE");
            places.map(|place| Project::copy_of(dir, &place))
        } else {
            places.map(|place| Project::of_fixture("sample", &place))
        };
        Ok(Self { env, kache, first: first?, second: second? })
    }

    fn build(&self, project: &Project) -> Result<CargoOutcome, HarnessError> {
        Ok(CargoRun::new(&self.env, project.dir(), "build").wrapper(&self.kache.wrapper).run()?)
    }

    /// A project without a lock file got one by its first build; another
    /// resolution a moment later would be another project.
    fn share_lock_file(&self) -> Result<(), HarnessError> {
        let name = "Cargo.lock";
        if self.first.path(name).is_file() && !self.second.path(name).exists() {
            self.second.write(name, self.first.read(name)?)?;
        }
        Ok(())
    }

    /// Runs the sample in both checkouts; what it prints must not depend on
    /// where it was built, or on the cache.
    fn compare_programs(&self, out: &mut dyn Write) -> Result<Option<String>, DemoError> {
        let said = |project: &Project| -> Result<String, HarnessError> {
            Ok(run_program(&self.env, &project.program("sample"), &[])?.stdout)
        };
        let (first, second) = (said(&self.first)?, said(&self.second)?);
        writeln!(out, "\nthe program from the second checkout says:")?;
        second.lines().try_for_each(|line| writeln!(out, "  {line}"))?;
        let differ = first != second || first.is_empty();
        Ok(differ.then(|| "the two programs say different things".to_owned()))
    }
}

fn write_report(out: &mut dyn Write, cold: &CargoOutcome, warm: &CargoOutcome) -> io::Result<()> {
    let (first, second) = (cold.tally(), warm.tally());
    writeln!(out, "\n{:<22} {:>12} {:>12}", "", "first", "second")?;
    let mut row = |name: &str, value: fn(&CargoOutcome, &Tally) -> String| {
        let (first, second) = (value(cold, &first), value(warm, &second));
        writeln!(out, "{name:<22} {first:>12} {second:>12}")
    };
    row("units", |build, _| build.compilations().to_string())?;
    row("hits", |_, tally| tally.hits.to_string())?;
    row("processes started", |_, tally| tally.spawned.to_string())?;
    row("probes by scripts", |build, _| build.asked().probes.len().to_string())?;
    row("seconds", |build, _| format!("{:.2}", build.wall.as_secs_f64()))?;
    row("MB linked", |_, tally| megabytes(tally.bytes_linked))?;
    row("MB cloned", |_, tally| megabytes(tally.bytes_cloned))?;
    row("MB copied", |_, tally| megabytes(tally.bytes_copied))?;
    let saved = cold.wall.as_secs_f64() - warm.wall.as_secs_f64();
    writeln!(out, "\n{saved:.2} seconds saved")
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02}", bytes / 1_000_000, bytes / 10_000 % 100)
}

/// Why the second build does not count; nothing if it does.
fn problems(warm: &CargoOutcome) -> Vec<String> {
    let mut problems = Vec::new();
    if !warm.success() {
        problems.push(format!("cargo failed:\n{}", warm.stderr));
    }
    if warm.compilations() == 0 {
        problems.push("cargo compiled nothing".to_owned());
    }
    let asked = warm.asked();
    let unserved = |event: &&&Event| event.outcome != Outcome::Hit || event.spawned() > 0;
    problems.extend(asked.units.iter().filter(unserved).map(|event| event.describe()));
    problems.extend(asked.unseen.iter().map(|name| format!("{name}: kache never saw it")));
    problems
}

fn parse_project(dir: &str) -> Result<PathBuf, String> {
    let dir = Path::new(dir);
    if dir.join("Cargo.toml").is_file() {
        return Ok(dir.to_owned());
    }
    Err("it has no Cargo.toml".to_owned())
}
