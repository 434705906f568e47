//! One program built by cargo again and again: what kache did with one of its
//! units, and whether bare cargo would have built the same program.

use std::{fs, io};

use kache_e2e::Scenario;
use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::events::{Event, Outcome};
use kache_e2e::oracle::run_program;
use kache_e2e::project::Project;

/// What must become of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Served, without a compiler.
    Hit,
    /// Compiled and stored.
    Miss,
    /// Compiled and not stored.
    Unstored,
    /// Given to the compiler, which refuses it.
    Failure,
}

impl Expected {
    /// Whether `event` tells of this.
    pub(crate) fn is_told_by(self, event: &Event) -> bool {
        let is_stored = !event.reason.contains("not stored");
        match self {
            Self::Hit => event.outcome == Outcome::Hit && event.spawned() == 0,
            Self::Miss => matches!(event.outcome, Outcome::Miss | Outcome::Dup) && is_stored,
            Self::Unstored => event.outcome == Outcome::Miss && !is_stored,
            Self::Failure => event.outcome == Outcome::Error,
        }
    }
}

/// What a user sees of one build.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    code: Option<i32>,
    diagnostics: Vec<String>,
    /// What the built tests printed, if they ran.
    stdout: String,
    /// What the built program printed, if it was built.
    printed: Option<String>,
}

/// A project whose program is called `app`, in an environment of its own.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) scenario: Scenario,
    args: Vec<String>,
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

    fn in_scenario(scenario: Result<Scenario, kache_e2e::HarnessError>) -> Self {
        let mut scenario = scenario.expect("a scenario needs a toolchain and room");
        // Crates that are being edited are not stored; that is another story.
        scenario.env.set("CARGO_INCREMENTAL", "0");
        scenario.env.set("CARGO_PROFILE_DEV_DEBUG", "0");
        Self { scenario, args: Vec::new() }
    }

    pub(crate) fn project(&self) -> &Project {
        &self.scenario.project
    }

    /// Sets a variable for every later build.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.scenario.env.set(name, value);
    }

    /// Removes a variable from every later build.
    pub(crate) fn unset(&mut self, name: &str) {
        self.scenario.env.unset(name);
    }

    /// Adds arguments to every call of cargo.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Replaces text in a file of the first checkout.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        self.project().edit(file, from, to).expect("the fixture has the text");
    }

    /// Writes a file of the first checkout.
    pub(crate) fn write(&self, file: &str, text: &str) {
        self.project().write(file, text).expect("the checkout can be written");
    }

    /// Removes a file or folder of the first checkout.
    pub(crate) fn remove(&self, file: &str) {
        self.project().remove(file).expect("the checkout can be written");
    }

    /// Renames a file of the first checkout; its time stays.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        self.project().rename(from, to).expect("the fixture has the file");
    }

    /// Lets two files change places; their times and sizes stay with them.
    pub(crate) fn swap(&self, one: &str, other: &str) {
        let between = format!("{one}.swapped");
        for (from, to) in [(one, between.as_str()), (other, one), (&between, other)] {
            self.rename(from, to);
        }
    }

    /// Builds and builds again: the second build must serve `unit`.
    #[track_caller]
    pub(crate) fn prove_hit(&self, unit: &str) {
        self.check(unit, Expected::Miss);
        self.check(unit, Expected::Hit);
    }

    /// Builds the first checkout from a cleaned target directory, and compares
    /// the event of `unit` with `expected` and the rest with bare cargo.
    #[track_caller]
    pub(crate) fn check(&self, unit: &str, expected: Expected) {
        self.check_in(self.project(), unit, expected);
    }

    /// [`check`](Self::check) in another checkout.
    #[track_caller]
    pub(crate) fn check_in(&self, project: &Project, unit: &str, expected: Expected) {
        self.check_verb(project, "build", unit, expected);
    }

    /// [`check_in`](Self::check_in) for a verb other than `build`.
    #[track_caller]
    pub(crate) fn check_verb(&self, project: &Project, verb: &str, unit: &str, expected: Expected) {
        project.clean().expect("the target directory can be removed");
        let (outcome, seen) = self.run(project, self.scenario.cargo_in(project, verb));
        let event = outcome.event_of(unit).unwrap_or_else(|| {
            let events: Vec<String> = outcome.events.iter().map(Event::describe).collect();
            let (events, stderr) = (events.join("\n"), &outcome.stderr);
            unreachable!("no single event of `{unit}`:\n{events}\n{stderr}")
        });
        let told = event.describe();
        assert!(expected.is_told_by(event), "expected {expected:?}: {told}\n{}", outcome.stderr);
        let bare =
            self.see_bare(project, verb, unit).expect("files can be moved within a directory");
        assert_eq!(seen, bare, "kache's build on the left, bare cargo's on the right");
    }

    /// Builds without kache, in the same place, because programs may print
    /// where they were built. Only the program and `unit` are compiled each
    /// time, whether or not cargo knows of a change; the rest is left to cargo.
    fn see_bare(&self, project: &Project, verb: &str, unit: &str) -> io::Result<Seen> {
        let target = project.target_dir();
        let [kept, aside] = ["bare", "kache"].map(|name| project.dir().with_extension(name));
        fs::rename(&target, &aside)?;
        if kept.exists() {
            fs::rename(&kept, &target)?;
            for entry in fs::read_dir(target.join("debug/.fingerprint"))? {
                let entry = entry?;
                let name = entry.file_name();
                let package = name.to_str().and_then(|name| name.rsplit_once('-'));
                if package.is_some_and(|(package, _)| package == "app" || package == unit) {
                    fs::remove_dir_all(entry.path())?;
                }
            }
            kache_e2e::project::remove(&project.program("app")).map_err(io::Error::other)?;
        }
        let cargo = CargoRun::new(&self.scenario.env, project.dir(), verb);
        let (_, seen) = self.run(project, cargo);
        fs::rename(&target, &kept)?;
        fs::rename(&aside, &target)?;
        Ok(seen)
    }

    fn run(&self, project: &Project, cargo: CargoRun<'_>) -> (CargoOutcome, Seen) {
        let outcome =
            cargo.args(&self.args).run().expect("cargo starts, and the journal is readable");
        let program = project.program("app");
        let printed = program.is_file().then(|| {
            let finished =
                run_program(&self.scenario.env, &program, &[]).expect("the program starts");
            finished.stdout + &finished.stderr
        });
        let diagnostics = diagnostics(&outcome.stderr);
        let stdout = outcome.stdout.clone();
        let seen = Seen { code: outcome.code, diagnostics, stdout, printed };
        (outcome, seen)
    }
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
