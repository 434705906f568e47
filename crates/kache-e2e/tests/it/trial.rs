//! A small project that is built from nothing again and again: what kache did
//! with its units, and whether bare cargo would have done the same.

use std::path::{Path, PathBuf};
use std::{fs, io};

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::events::Event;
use kache_e2e::oracle::run_program;
use kache_e2e::process::output_of;
use kache_e2e::project::Project;
use kache_e2e::{HarnessError, Scenario};

use crate::expected::{Expected, assert_unstored};
use crate::files::{make_executable, text};

/// The manifest of the package `app`, which needs nothing.
pub(crate) const MANIFEST: &str =
    "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n";

/// Returns the manifest of a package, with `rest` behind its first table.
pub(crate) fn package(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n{rest}\n")
}

/// What a user sees of one build.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    code: Option<i32>,
    diagnostics: Vec<String>,
    /// What the built tests printed, if they ran.
    stdout: String,
    /// What the built program printed, if there is one to compare.
    printed: Option<String>,
}

/// A project whose program, if it has one, is called `app`, in an environment
/// of its own, and the arguments of every call of cargo.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) scenario: Scenario,
    args: Vec<String>,
    runs_program: bool,
}

impl Trial {
    /// Starts from `files`, each a path and a text.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self::in_scenario(Scenario::of_files(files))
    }

    /// Starts from the fixture `name`.
    pub(crate) fn of_fixture(name: &str) -> Self {
        Self::in_scenario(Scenario::of(name))
    }

    fn in_scenario(scenario: Result<Scenario, HarnessError>) -> Self {
        let mut scenario = scenario.expect("a scenario needs a toolchain and room");
        // Crates that are being edited are not stored; that is another story.
        scenario.env.set("CARGO_INCREMENTAL", "0");
        Self { scenario, args: Vec::new(), runs_program: true }
    }

    /// Passes `args`, and no others, to every later call of cargo.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|&arg| arg.to_owned()).collect();
        self
    }

    /// Leaves what the program prints out of every later comparison.
    pub(crate) fn without_program(mut self) -> Self {
        self.runs_program = false;
        self
    }

    /// Sets a variable for every later build and program.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.scenario.env.set(name, value.as_ref());
    }

    /// Removes a variable from every later build and program.
    pub(crate) fn unset(&mut self, name: &str) {
        self.scenario.env.unset(name);
    }

    /// Compiles with `flags`, in which `{dir}` is the checkout.
    pub(crate) fn rustflags(&mut self, flags: &[&str]) {
        let dir = text(self.project().dir());
        let flags: Vec<String> = flags.iter().map(|flag| flag.replace("{dir}", &dir)).collect();
        self.set("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    }

    /// Builds from nothing, twice; the second build must serve `unit`.
    #[track_caller]
    pub(crate) fn prove_hit(&self, unit: &str) {
        self.prove_hits(&[unit]);
    }

    /// [`prove_hit`](Self::prove_hit) of several units.
    #[track_caller]
    pub(crate) fn prove_hits(&self, units: &[&str]) {
        for expected in [Expected::Compiled, Expected::Hit] {
            let all: Vec<_> = units.iter().map(|unit| (*unit, expected)).collect();
            self.check_all(&all);
        }
    }

    /// Builds from nothing, compares the event of `unit` with `expected` and
    /// the rest with bare cargo; returns what the program printed.
    #[track_caller]
    pub(crate) fn check(&self, unit: &str, expected: Expected) -> String {
        self.check_all(&[(unit, expected)])
    }

    /// [`check`](Self::check) of several units.
    #[track_caller]
    pub(crate) fn check_all(&self, expected: &[(&str, Expected)]) -> String {
        self.judge(self.project(), "build", expected)
    }

    /// [`check`](Self::check) in another checkout.
    #[track_caller]
    pub(crate) fn check_in(&self, project: &Project, unit: &str, expected: Expected) -> String {
        self.check_all_in(project, &[(unit, expected)])
    }

    /// [`check_all`](Self::check_all) in another checkout.
    #[track_caller]
    pub(crate) fn check_all_in(&self, project: &Project, expected: &[(&str, Expected)]) -> String {
        self.judge(project, "build", expected)
    }

    /// [`check_in`](Self::check_in) for a verb other than `build`.
    #[track_caller]
    pub(crate) fn check_verb(&self, project: &Project, verb: &str, unit: &str, expected: Expected) {
        drop(self.judge(project, verb, &[(unit, expected)]));
    }

    /// Builds from nothing: `unit` must be compiled and not stored, for a
    /// reason in which `why` occurs. Compares nothing with bare cargo: what
    /// the reason names may have happened once.
    #[track_caller]
    pub(crate) fn check_unstored(&self, unit: &str, why: &str) {
        assert_unstored(event_of(&self.build(), unit), why);
    }

    #[track_caller]
    fn judge(&self, project: &Project, verb: &str, expected: &[(&str, Expected)]) -> String {
        project.clean().expect("the target directory can be removed");
        let (outcome, seen) = self.see(project, &self.cargo_in(project, verb));
        for (unit, expected) in expected {
            expected.assert_told_by(event_of(&outcome, unit));
        }
        let fails = expected.iter().any(|(_, expected)| *expected == Expected::Failure);
        assert_eq!(outcome.success(), !fails, "{}", outcome.stderr);
        let units: Vec<_> = expected.iter().map(|(unit, _)| *unit).collect();
        let bare = CargoRun::new(&self.scenario.env, project.dir(), verb).args(&self.args);
        let bare = with_bare_target(project, &units, || self.see(project, &bare).1);
        assert_eq!(seen, bare, "kache's build on the left, bare cargo's on the right");
        seen.printed.unwrap_or_default()
    }

    #[track_caller]
    fn see(&self, project: &Project, cargo: &CargoRun<'_>) -> (CargoOutcome, Seen) {
        let outcome = cargo.run().expect("cargo starts, and the journal is readable");
        let program = project.program("app");
        let printed = (self.runs_program && program.is_file()).then(|| {
            let ran = run_program(&self.scenario.env, &program, &[]).expect("the program starts");
            assert!(ran.status.success(), "the program ended with {}: {}", ran.status, ran.stderr);
            ran.stdout + &ran.stderr
        });
        let diagnostics = diagnostics(&outcome.stderr);
        let seen =
            Seen { code: outcome.code, diagnostics, stdout: outcome.stdout.clone(), printed };
        (outcome, seen)
    }
}

/// Steps on their own, for what no check says.
impl Trial {
    /// Prepares a call of cargo under kache in `project`.
    pub(crate) fn cargo_in(&self, project: &Project, verb: &str) -> CargoRun<'_> {
        self.scenario.cargo_in(project, verb).args(&self.args)
    }

    /// Builds under kache from nothing; the build must succeed.
    #[track_caller]
    pub(crate) fn build(&self) -> CargoOutcome {
        self.build_in(self.project())
    }

    /// [`build`](Self::build) in another checkout.
    #[track_caller]
    pub(crate) fn build_in(&self, project: &Project) -> CargoOutcome {
        project.clean().expect("the target directory can be removed");
        let built = self.cargo_in(project, "build").run().expect("cargo starts");
        assert!(built.success(), "{}", built.stderr);
        built
    }

    /// Builds `project` without kache and returns the target directory.
    #[track_caller]
    pub(crate) fn build_bare_in(&self, project: &Project) -> PathBuf {
        let cargo = CargoRun::new(&self.scenario.env, project.dir(), "build").args(&self.args);
        let built = with_bare_target(project, &[], || cargo.run().expect("cargo starts"));
        assert!(built.success(), "{}", built.stderr);
        bare_target_dir(project)
    }

    /// Runs a tool in the first checkout and returns what it printed.
    #[track_caller]
    pub(crate) fn tool(&self, program: &str, args: &[&str]) -> String {
        let mut command = self.scenario.env.command(program);
        output_of(command.current_dir(self.project().dir()).args(args)).expect("the tool succeeds")
    }
}

/// The first checkout and its files.
impl Trial {
    pub(crate) fn project(&self) -> &Project {
        &self.scenario.project
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.project().path(file)
    }

    /// Replaces text in a file.
    #[track_caller]
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        self.project().edit(file, from, to).expect("the file has the text");
    }

    /// Writes a file.
    #[track_caller]
    pub(crate) fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        self.project().write(file, contents).expect("the checkout can be written");
    }

    /// Writes a shell script that may be executed.
    #[track_caller]
    pub(crate) fn script(&self, file: &str, commands: &str) {
        self.write(file, format!("#!/bin/sh\n{commands}\n"));
        make_executable(&self.path(file));
    }

    /// Removes a file or folder.
    #[track_caller]
    pub(crate) fn remove(&self, file: &str) {
        self.project().remove(file).expect("the checkout can be written");
    }

    /// Renames a file; its time stays.
    #[track_caller]
    pub(crate) fn rename(&self, from: &str, to: &str) {
        self.project().rename(from, to).expect("the checkout has the file");
    }

    /// Lets two files change places; their times and sizes stay with them.
    #[track_caller]
    pub(crate) fn swap(&self, one: &str, other: &str) {
        let between = format!("{one}.swapped");
        for (from, to) in [(one, between.as_str()), (other, one), (&between, other)] {
            self.rename(from, to);
        }
    }
}

/// Returns the event of the one unit called `name`.
#[track_caller]
pub(crate) fn event_of<'a>(built: &'a CargoOutcome, name: &str) -> &'a Event {
    let told = || built.events.iter().map(Event::describe).collect::<Vec<_>>().join("\n");
    let event = built.event_of(name);
    assert!(event.is_some(), "no single event of `{name}`:\n{}\n{}", told(), built.stderr);
    event.expect("it was just asserted")
}

/// Returns where what bare cargo built in `project` is kept.
fn bare_target_dir(project: &Project) -> PathBuf {
    project.dir().with_extension("bare")
}

/// Does `work` with bare cargo's target directory in the place of kache's,
/// because programs may print where they were built. Only the program and
/// `units` are compiled each time, whether or not cargo knows of a change; the
/// rest is left to cargo.
#[track_caller]
fn with_bare_target<T>(project: &Project, units: &[&str], work: impl FnOnce() -> T) -> T {
    let (target, kept) = (project.target_dir(), bare_target_dir(project));
    let aside = project.dir().with_extension("kache");
    move_if_there(&target, &aside)
        .and_then(|()| move_if_there(&kept, &target))
        .and_then(|()| forget(project, units))
        .expect("files can be moved within a directory");
    let result = work();
    move_if_there(&target, &kept)
        .and_then(|()| move_if_there(&aside, &target))
        .expect("files can be moved within a directory");
    result
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    if from.exists() { fs::rename(from, to) } else { Ok(()) }
}

/// Lets cargo compile `app` and `units` once more, if it did before.
fn forget(project: &Project, units: &[&str]) -> io::Result<()> {
    let fingerprints = project.target_dir().join("debug/.fingerprint");
    if !fingerprints.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(fingerprints)? {
        let entry = entry?;
        let name = entry.file_name();
        let package = name.to_str().and_then(|name| name.rsplit_once('-'));
        let is_unit =
            |unit: &&str, package| unit.strip_suffix(" build script").unwrap_or(unit) == package;
        if package.is_some_and(|(package, _)| {
            package == "app" || units.iter().any(|unit| is_unit(unit, package))
        }) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    kache_e2e::project::remove(&project.program("app")).map_err(io::Error::other)
}

/// Returns the lines that the compiler wrote, sorted: units end in any order.
fn diagnostics(stderr: &str) -> Vec<String> {
    let is_of_cargo = |line: &&str| {
        let status = line.trim_start().split(' ').next().unwrap_or_default();
        ["Checking", "Compiling", "Dirty", "Finished", "Fresh", "Locking", "Running"]
            .contains(&status)
            || line.contains("process didn't exit successfully")
    };
    let mut lines: Vec<String> =
        stderr.lines().filter(|line| !is_of_cargo(line)).map(str::to_owned).collect();
    lines.sort();
    lines
}
