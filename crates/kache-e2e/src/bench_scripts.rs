//! Runs of the build scripts that are run most, in two checkouts.
//!
//! A project that needs the packages is built twice, at two paths. Each package
//! whose script was stored by the first build and served in the second counts.

use std::env;
use std::io::{self, Write};

use crate::bench::report::Figure;
use crate::cargo::{CargoOutcome, CargoRun};
use crate::env::Env;
use crate::events::{Event, Outcome};
use crate::kache::Kache;
use crate::project::Project;
use crate::registry::{self, RegistryError};
use crate::scenario::HarnessError;
use crate::toolchain::Toolchain;

/// The project; its manifest names the packages.
const FIXTURE: &str = "popular";

/// The share of the packages that may be neither stored nor served.
const AT_MOST: f64 = 0.05;

/// Show how many of the most used build scripts are served in a second checkout
#[derive(clap::Args, Debug)]
pub struct Options {}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchScriptsError {
    /// Something around the builds failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The packages are not there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A build failed.
    #[error("building failed:\n{0}")]
    Build(String),
    /// The report could not be written.
    #[error("failed to write the report")]
    Report(#[from] io::Error),
}

/// Builds twice and writes a table to `out`. Returns whether the target is met.
pub fn run(out: &mut dyn Write, log: &mut dyn Write) -> Result<bool, BenchScriptsError> {
    let toolchain = Toolchain::active().map_err(HarnessError::from)?;
    let kache = Kache::released(&toolchain).map_err(HarnessError::from)?;
    let env = Env::within(&env::temp_dir(), toolchain).map_err(HarnessError::from)?;
    let first = Project::of_fixture(FIXTURE, &env.work_dir().join("one"));
    let first = first.map_err(HarnessError::from)?;
    let second = first.second_checkout(&env.work_dir().join("elsewhere/two"));
    let second = second.map_err(HarnessError::from)?;
    writeln!(log, "fetching packages")?;
    registry::fetch_for(FIXTURE)?;
    env.share_registry().map_err(HarnessError::from)?;
    let mut build = |project: &Project| -> Result<CargoOutcome, BenchScriptsError> {
        writeln!(log, "building in {}", project.dir().display())?;
        let run = CargoRun::new(&env, project.dir(), "build").wrapper(&kache.wrapper);
        let built = run.run().map_err(HarnessError::from)?;
        if built.success() { Ok(built) } else { Err(BenchScriptsError::Build(built.stderr)) }
    };
    let builds = [build(&first)?, build(&second)?];
    let manifest = first.read("Cargo.toml").map_err(HarnessError::from)?;
    report(&packages(&manifest), &builds, out)
}

/// Returns the names of the packages that a manifest needs.
fn packages(manifest: &str) -> Vec<&str> {
    let table = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let table = table.split("\n[").next().unwrap_or_default();
    table.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect()
}

/// Returns why the runs of the script of `package` do not count; nothing if they do.
fn fault(package: &str, [first, second]: &[CargoOutcome; 2]) -> Option<String> {
    let name = format!("{package} build script");
    let runs = |built: &'_ CargoOutcome| -> Vec<Event> {
        built.script_events().filter(|event| event.name == name).cloned().collect()
    };
    let is_stored = |event: &&Event| {
        matches!(event.outcome, Outcome::Miss | Outcome::Dup)
            && !event.reason.contains("not stored")
    };
    let (first, second) = (runs(first), runs(second));
    if first.is_empty() || second.is_empty() {
        return Some(format!("{name}: kache never saw it"));
    }
    let unstored = first.iter().find(|event| !is_stored(event) && event.outcome != Outcome::Hit);
    let unserved = second.iter().find(|event| event.outcome != Outcome::Hit);
    unstored.or(unserved).map(Event::describe)
}

fn report(
    packages: &[&str],
    builds: &[CargoOutcome; 2],
    out: &mut dyn Write,
) -> Result<bool, BenchScriptsError> {
    let faults: Vec<String> = packages.iter().filter_map(|it| fault(it, builds)).collect();
    let [first, second] = builds.each_ref().map(|built| built.wall.as_secs_f64());
    writeln!(out, "\nbuild scripts of {} packages: {}\n", packages.len(), packages.join(", "))?;
    faults.iter().try_for_each(|fault| writeln!(out, "  {fault}"))?;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen packages")]
    let share = faults.len() as f64 / packages.len() as f64;
    let figure = |name: &str, value, at_most| Figure { name: name.to_owned(), value, at_most };
    let unserved = figure("not stored, or not served elsewhere", Some(share), Some(AT_MOST));
    unserved.write(out)?;
    figure("second checkout against the first, wall", Some(second / first), None).write(out)?;
    Ok(unserved.met() == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_are_those_that_the_manifest_needs() {
        let manifest = "[package]\nname = \"x\"\n\n[dependencies]\na = \"1\"\n\
            b-c = { version = \"2\" }\n\n[workspace]\nd = 1\n";
        assert_eq!(packages(manifest), ["a", "b-c"]);
    }
}
