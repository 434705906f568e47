//! A small project that is built from nothing again and again, and what became
//! of a unit in each build.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use kache_e2e::Scenario;
use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::events::{Event, Outcome};
use kache_e2e::oracle::run_program;
use kache_e2e::process::output_of;
use kache_e2e::project::{Project, remove};

/// A manifest for one package in `src/main.rs` or `src/lib.rs`.
pub(crate) const MANIFEST: &str =
    "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n";

/// A project and the call of cargo that builds it.
#[derive(Debug)]
pub(crate) struct Rebuild {
    pub(crate) scene: Scenario,
    verb: &'static str,
    args: Vec<String>,
    /// The program that is built and compared, if there is one.
    program: Option<&'static str>,
}

impl Rebuild {
    /// Writes `files` into a fresh environment. Nothing compiles incrementally:
    /// a crate that is being edited would not be stored.
    #[track_caller]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut scene = Scenario::of_files(files).expect("a scenario needs a toolchain and room");
        scene.env.set("CARGO_INCREMENTAL", "0");
        Self { scene, verb: "build", args: Vec::new(), program: None }
    }

    /// Calls another verb of cargo, or passes it `args`.
    pub(crate) fn cargo(mut self, verb: &'static str, args: &[&str]) -> Self {
        self.verb = verb;
        self.args = args.iter().map(|&arg| arg.to_owned()).collect();
        self
    }

    /// Names the program whose output is compared with bare cargo's.
    pub(crate) fn program(mut self, name: &'static str) -> Self {
        self.program = Some(name);
        self
    }

    /// Compares no program.
    pub(crate) fn without_program(mut self) -> Self {
        self.program = None;
        self
    }

    /// Sets a variable for every build and program.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.scene.env.set(name, value.as_ref());
    }

    pub(crate) fn project(&self) -> &Project {
        &self.scene.project
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.project().path(relative)
    }

    #[track_caller]
    pub(crate) fn write(&self, relative: &str, contents: impl AsRef<[u8]>) {
        self.project().write(relative, contents).expect("the checkout can be written");
    }

    #[track_caller]
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        self.project().edit(relative, from, to).expect("the file can be edited");
    }

    /// Prepares the call of cargo under kache in `project`.
    pub(crate) fn run_in(&self, project: &Project) -> CargoRun<'_> {
        self.scene.cargo_in(project, self.verb).args(&self.args)
    }

    /// Builds under kache from nothing; the build must succeed.
    #[track_caller]
    pub(crate) fn build(&self) -> CargoOutcome {
        self.build_in(self.project())
    }

    /// Builds another checkout under kache from nothing.
    #[track_caller]
    pub(crate) fn build_in(&self, project: &Project) -> CargoOutcome {
        project.clean().expect("the target directory can be removed");
        let built = self.run_in(project).run().expect("cargo starts");
        assert!(built.success(), "{}", built.stderr);
        built
    }

    /// Builds twice; the second build must take `units` from the store
    /// without a compiler.
    #[track_caller]
    pub(crate) fn prove_hit(&self, units: &[&str]) {
        self.build();
        let again = self.build();
        for unit in units {
            let event = event_of(&again, unit);
            assert_eq!((event.outcome, event.spawned()), (Outcome::Hit, 0), "{}", event.describe());
        }
        self.agrees_with_bare();
    }

    /// Builds from nothing and checks what became of each unit; then what the
    /// program says must be what bare cargo's says. Returns that.
    #[track_caller]
    pub(crate) fn expect(&self, outcomes: &[(&str, Outcome)]) -> String {
        let built = self.build();
        for (unit, expected) in outcomes {
            let event = event_of(&built, unit);
            assert_eq!(event.outcome, *expected, "{}", event.describe());
        }
        self.agrees_with_bare()
    }

    /// Builds from nothing and checks that `unit` was compiled and not
    /// stored, for a reason in which `why` occurs.
    #[track_caller]
    pub(crate) fn expect_unstored(&self, unit: &str, why: &str) {
        let built = self.build();
        assert_unstored(event_of(&built, unit), why);
    }

    /// Builds without kache and compares what the two programs say.
    #[track_caller]
    pub(crate) fn agrees_with_bare(&self) -> String {
        self.agrees_with_bare_in(self.project())
    }

    /// As [`agrees_with_bare`](Self::agrees_with_bare), for another checkout.
    #[track_caller]
    pub(crate) fn agrees_with_bare_in(&self, project: &Project) -> String {
        let Some(name) = self.program else { return String::new() };
        let target = self.bare_in(project);
        let bare = self.said(&target.join("debug").join(name));
        let ours = self.said(&project.program(name));
        assert_eq!(ours, bare, "bare cargo's program says the second");
        ours
    }

    /// Builds without kache from nothing and returns the target directory.
    #[track_caller]
    pub(crate) fn bare_in(&self, project: &Project) -> PathBuf {
        let target = self.scene.bare_target_dir(project);
        remove(&target).expect("the target directory can be removed");
        let bare = self
            .scene
            .bare_cargo_in(project, self.verb)
            .args(&self.args)
            .run()
            .expect("cargo starts");
        assert!(bare.success(), "{}", bare.stderr);
        target
    }

    #[track_caller]
    fn said(&self, program: &Path) -> String {
        let finished = run_program(&self.scene.env, program, &[]).expect("the program starts");
        assert!(finished.status.success(), "{}: {}", program.display(), finished.stderr);
        finished.stdout
    }

    /// Compiles with `flags`, in which `{dir}` is the checkout.
    pub(crate) fn rustflags(&mut self, flags: &[&str]) {
        let dir = text(self.project().dir());
        let flags: Vec<String> = flags.iter().map(|flag| flag.replace("{dir}", &dir)).collect();
        self.set("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    }

    /// Writes a shell script that may be executed.
    #[track_caller]
    pub(crate) fn script(&self, path: &str, commands: &str) {
        self.write(path, format!("#!/bin/sh\n{commands}\n"));
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755))
            .expect("the script was just written");
    }

    /// Runs a tool in the checkout.
    #[track_caller]
    pub(crate) fn tool(&self, program: &str, args: &[&str]) -> String {
        let mut command: Command = self.scene.env.command(program);
        output_of(command.current_dir(self.project().dir()).args(args)).expect("the tool succeeds")
    }
}

/// Returns whether the file at `path` has `text` in it.
pub(crate) fn contains(path: &Path, text: &str) -> bool {
    fs::read(path)
        .expect("the file is readable")
        .windows(text.len())
        .any(|bytes| bytes == text.as_bytes())
}

/// Waits until what was written is old enough for kache to trust its time.
pub(crate) fn settle() {
    thread::sleep(Duration::from_millis(2_100));
}

/// Sets a file's time of modification.
#[track_caller]
pub(crate) fn set_time(path: &Path, time: SystemTime) {
    fs::File::options()
        .append(true)
        .open(path)
        .expect("the file can be opened")
        .set_modified(time)
        .expect("its time can be set");
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("test paths are UTF-8").to_owned()
}

/// Returns the event of the one unit called `name`.
#[track_caller]
pub(crate) fn event_of<'a>(built: &'a CargoOutcome, name: &str) -> &'a Event {
    let named: Vec<_> = built.unit_events().filter(|event| event.name == name).collect();
    assert_eq!(named.len(), 1, "units called `{name}`:\n{}", built.stderr);
    built.event_of(name).expect("there is one")
}

/// Checks that a compilation was not stored, for a reason in which `why` occurs.
#[track_caller]
pub(crate) fn assert_unstored(event: &Event, why: &str) {
    assert_eq!(event.outcome, Outcome::Miss, "{}", event.describe());
    let reason = event.reason.split_once("not stored: ").map_or("", |(_, reason)| reason);
    assert!(!reason.is_empty() && reason.contains(why), "{}", event.describe());
}
