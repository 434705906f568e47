//! The workspace `chain`, from which many tests start, and what they ask of a
//! build of it.
//!
//! `app` depends on `mid` and `base`, `mid` on `base`; `mid` has a build
//! script, an included expression, an included text and a generated file.

use std::path::Path;

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::env::Env;
use kache_e2e::events::{Event, Outcome};
use kache_e2e::oracle::run_program;
use kache_e2e::project::Project;
use kache_e2e::toolchain::Toolchain;
use kache_e2e::{HarnessError, Scenario};

/// The crates that a build compiles, sorted.
pub(crate) const CRATES: &[&str] = &["app", "base", "build_script_build", "mid"];

/// What the program prints while nothing has been changed.
pub(crate) const SENTENCE: &str = "one 41 noted 3\n";

/// Returns the workspace in an environment in which every result is stored,
/// whether a crate is being edited or not.
pub(crate) fn scenario() -> Result<Scenario, HarnessError> {
    Ok(storing(Scenario::of("chain")?))
}

/// As [`scenario`], with everything below `parent`, which decides the file system.
pub(crate) fn scenario_below(parent: &Path) -> Result<Scenario, HarnessError> {
    Ok(storing(Scenario::in_env("chain", Env::within(parent, Toolchain::active()?)?)?))
}

/// Makes kache store the results of crates that are being edited too.
fn storing(mut scenario: Scenario) -> Scenario {
    scenario.env.set("KACHE_INCREMENTAL", "keep");
    scenario
}

/// Returns the workspace, built and built again, the second time from the store.
#[track_caller]
pub(crate) fn warmed() -> Result<Scenario, HarnessError> {
    let scenario = scenario()?;
    prove_hits(&scenario, &|run| run)?;
    Ok(scenario)
}

/// Builds, cleans and builds again with the arguments that `adapt` adds;
/// proves that the second build came from the store and the third did nothing.
#[track_caller]
pub(crate) fn prove_hits<'env>(
    scenario: &'env Scenario,
    adapt: &dyn Fn(CargoRun<'env>) -> CargoRun<'env>,
) -> Result<(), HarnessError> {
    let build = || succeed(&adapt(scenario.cargo("build")));
    let cold = build()?;
    assert_eq!((cold.tally().total(), cold.tally().hits), (CRATES.len(), 0), "{}", said(&cold));
    succeed(&adapt(scenario.cargo("clean")))?;
    assert_hits(&build()?, CRATES);
    let again = build()?;
    assert_eq!(again.units(), 0, "not fresh after a restored build: {}", again.stderr);
    Ok(())
}

/// Runs cargo, which must succeed.
#[track_caller]
pub(crate) fn succeed(run: &CargoRun<'_>) -> Result<CargoOutcome, HarnessError> {
    let outcome = run.run()?;
    assert!(outcome.success(), "{}", outcome.stderr);
    Ok(outcome)
}

/// Builds in `project` under kache, which must succeed.
#[track_caller]
pub(crate) fn build(scenario: &Scenario, project: &Project) -> Result<CargoOutcome, HarnessError> {
    succeed(&scenario.cargo_in(project, "build"))
}

/// Returns the crates that cargo asked for with their outcomes, sorted.
pub(crate) fn outcomes(outcome: &CargoOutcome) -> Vec<(&str, Outcome)> {
    let asked = outcome.asked();
    assert!(asked.unseen.is_empty(), "never reached kache: {:?}", asked.unseen);
    let mut found: Vec<_> =
        asked.units.iter().map(|event| (event.name.as_str(), event.outcome)).collect();
    found.sort_by_key(|(name, _)| *name);
    found
}

/// Asserts that cargo asked for `crates` and that no compiler ran for them.
#[track_caller]
pub(crate) fn assert_hits(outcome: &CargoOutcome, crates: &[&str]) {
    let expected: Vec<_> = crates.iter().map(|name| (*name, Outcome::Hit)).collect();
    assert_eq!(outcomes(outcome), expected, "{}", said(outcome));
    assert_eq!(outcome.spawned(), 0, "{}", said(outcome));
}

/// Asserts that cargo asked for `crates` and that each was compiled.
#[track_caller]
pub(crate) fn assert_compiled(outcome: &CargoOutcome, crates: &[&str]) {
    let compiled = |outcome| matches!(outcome, Outcome::Miss | Outcome::Dup);
    let found = outcomes(outcome);
    let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
    let all = names == crates && found.iter().all(|(_, outcome)| compiled(*outcome));
    assert!(all, "{}", said(outcome));
}

/// Returns what kache says of a build, for messages.
pub(crate) fn said(outcome: &CargoOutcome) -> String {
    let events: Vec<_> = outcome.events.iter().map(Event::describe).collect();
    events.join("\n")
}

/// Returns what the program that was built in `project` prints.
pub(crate) fn printed(scenario: &Scenario, project: &Project) -> Result<String, HarnessError> {
    printed_by(scenario, &project.program("app"))
}

/// Returns what `program` prints; it must succeed.
#[track_caller]
pub(crate) fn printed_by(scenario: &Scenario, program: &Path) -> Result<String, HarnessError> {
    let ran = run_program(&scenario.env, program, &[])?;
    assert!(ran.status.success(), "{} ended with {}", program.display(), ran.status);
    Ok(ran.stdout)
}

/// Builds `project` without kache and asserts that both programs print the
/// same; returns what.
#[track_caller]
pub(crate) fn same_as_bare(scenario: &Scenario, project: &Project) -> Result<String, HarnessError> {
    succeed(&scenario.bare_cargo_in(project, "build"))?;
    let bare = scenario.bare_target_dir(project).join("debug/app");
    let expected = printed_by(scenario, &bare)?;
    assert_eq!(printed(scenario, project)?, expected, "the program differs from bare cargo's");
    Ok(expected)
}

/// Returns how many blobs the store has; each must have the bytes that its
/// name promises.
#[track_caller]
pub(crate) fn assert_blobs_intact(cache_dir: &Path) -> Result<usize, HarnessError> {
    let blobs = kache_e2e::oracle::Tree::of(&cache_dir.join("v1/blobs"), |_| true)?.files;
    for (path, facts) in &blobs {
        let name = path.file_name().map(|name| name.to_string_lossy());
        assert_eq!(name.as_deref(), Some(&*facts.digest.to_hex()), "a blob was written to");
    }
    Ok(blobs.len())
}
