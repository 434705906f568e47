//! Many readers in one project, so that one build judges all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kache_e2e::oracle::run_program;
use kache_e2e::project::Project;

use super::cells::{MOVES, Reader};
use super::state;
use crate::expected::Expected;
use crate::trial::{Trial, event_of, package};

/// How many builds the moves are spread over: there are more ways to choose
/// [`MOVES`] of these than there are readers.
const BUILDS: usize = 9;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Script,
    Macro,
}

/// A project in which each reader is a package, and what each must print.
pub(super) struct Group {
    trial: Trial,
    subject: Subject,
    readers: Vec<Reader>,
    /// By state, what bare cargo's program prints for each reader.
    printed: Vec<BTreeMap<String, String>>,
}

impl Group {
    /// Writes the project and asks bare cargo about every state.
    pub(super) fn of(subject: Subject, readers: Vec<Reader>) -> Self {
        let mut trial = Trial::of_fixture("matrix");
        write_packages(&trial, subject, &readers);
        let dirs = ["early", "late"].map(|name| state::program_dir(trial.project(), name));
        for dir in &dirs {
            fs::create_dir_all(dir).expect("it can be made");
        }
        let path = std::env::var("PATH").expect("there is a search path");
        trial.set("PATH", format!("{}:{}:{path}", dirs[0].display(), dirs[1].display()));
        let mut group = Self { trial, subject, readers, printed: Vec::new() };
        group.printed = group.ask_bare_cargo();
        group.check_states();
        group
    }

    /// Makes sure that every change of state shows.
    fn check_states(&self) {
        for (before, after) in self.printed.iter().zip(self.printed.iter().skip(1)) {
            let same = |reader: &&Reader| before.get(&reader.name()) == after.get(&reader.name());
            let state = self.printed.iter().position(|printed| printed == after);
            let moving = self.readers.iter().filter(|reader| Some(reader.states) > state);
            let same: Vec<String> = moving.filter(same).map(Reader::name).collect();
            assert!(same.is_empty(), "state {state:?} is like the one before: {same:?}");
        }
    }

    fn ask_bare_cargo(&mut self) -> Vec<BTreeMap<String, String>> {
        let most = self.readers.iter().map(|reader| reader.states).max().unwrap_or_default();
        let mut printed = Vec::new();
        for state in 0..most {
            self.move_all(|reader| state.min(reader.states - 1));
            let target = self.trial.scenario.bare_target_dir(self.trial.project());
            forget_readings(&target);
            let project = self.trial.project();
            let built = self.trial.scenario.bare_cargo_in(project, "build").run();
            let built = built.expect("cargo starts");
            assert!(built.success(), "{}", built.stderr);
            printed.push(self.printed_by(&target.join("debug/app")));
        }
        printed
    }

    fn move_all(&mut self, state: impl Fn(&Reader) -> usize) {
        for reader in &self.readers {
            state::set(&mut self.trial, reader, state(reader));
        }
    }

    fn printed_by(&self, program: &Path) -> BTreeMap<String, String> {
        let ran = run_program(&self.trial.scenario.env, program, &[]).expect("it starts");
        let lines = ran.stdout.lines().filter_map(|line| line.split_once(": "));
        lines.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// Stores all, proves that all hit, here and in another checkout, then moves
    /// some in every build: who reads what moved runs again, unless that was so
    /// before, and nobody else does.
    pub(super) fn check(&mut self) {
        self.move_all(|_| 0);
        let here = self.trial.project().clone();
        let there = self.trial.scenario.second_checkout("elsewhere/longer").expect("it is copied");
        let stay = vec![0; self.readers.len()];
        let mut faults = self.judge(&here, "cold", &stay, |_, _| Expected::Compiled);
        faults.extend(self.judge(&here, "warm", &stay, |_, _| Expected::Hit));
        faults.extend(self.judge(&there, "elsewhere", &stay, |_, _| Expected::Hit));
        faults.extend(self.check_moves(&here));
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }

    /// Lets each reader's world move in builds of its own choice of [`MOVES`] among
    /// [`BUILDS`]: of any two there is a build in which one moves and the other stays.
    fn check_moves(&mut self, project: &Project) -> Vec<String> {
        let choices = choices(self.readers.len());
        let mut moves = vec![0; self.readers.len()];
        let mut faults = Vec::new();
        for build in 0..BUILDS {
            let is_moving = |at: usize| choices.get(at).is_some_and(|it| it & (1 << build) != 0);
            for (at, (reader, moves)) in self.readers.iter().zip(&mut moves).enumerate() {
                if is_moving(at) {
                    *moves += 1;
                    state::set(&mut self.trial, reader, reader.state_after(*moves));
                }
            }
            let expected = |(at, reader): (usize, &Reader), moves: usize| {
                let is_new = is_moving(at) && moves < reader.states;
                if is_new && reader.is_seen { Expected::Compiled } else { Expected::Hit }
            };
            faults.extend(self.judge(project, &format!("build {build}"), &moves, expected));
        }
        faults
    }

    /// Builds from nothing; returns what went otherwise than `expected`, and
    /// who printed what bare cargo's program does not.
    fn judge(
        &self,
        project: &Project,
        step: &str,
        moves: &[usize],
        expected: impl Fn((usize, &Reader), usize) -> Expected,
    ) -> Vec<String> {
        let built = self.trial.build_in(project);
        let printed = self.printed_by(&project.program("app"));
        let mut faults = Vec::new();
        for ((at, reader), moves) in self.readers.iter().enumerate().zip(moves) {
            let name = reader.name();
            let (event, expected) =
                (event_of(&built, &self.unit(&name)), expected((at, reader), *moves));
            if !expected.is_told_by(event) {
                faults.push(format!("{step}: expected {expected:?}: {}", event.describe()));
            }
            // What nobody can see is served as it was at first.
            let state = if reader.is_seen { reader.state_after(*moves) } else { 0 };
            let wanted = self.printed.get(state).and_then(|printed| printed.get(&name));
            if printed.get(&name) != wanted {
                let got = printed.get(&name);
                faults.push(format!("{step}: `{name}` prints {got:?} and not {wanted:?}"));
            }
        }
        faults
    }

    fn unit(&self, name: &str) -> String {
        match self.subject {
            Subject::Script => format!("{name} build script"),
            Subject::Macro => name.to_owned(),
        }
    }
}

/// Returns as many numbers with [`MOVES`] of [`BUILDS`] bits, each another.
fn choices(count: usize) -> Vec<u32> {
    let chosen: Vec<u32> = (0_u32..1 << BUILDS)
        .filter(|choice| choice.count_ones() as usize == MOVES)
        .take(count)
        .collect();
    assert_eq!(chosen.len(), count, "more readers than choices");
    chosen
}

fn write_packages(trial: &Trial, subject: Subject, readers: &[Reader]) {
    for reader in readers {
        write_package(trial, subject, reader);
    }
    let of_each = |text: fn(String) -> String| -> String {
        readers.iter().map(|reader| text(reader.name())).collect()
    };
    let dependencies = of_each(|name| format!("{name}.path = \"cells/{name}\"\n"));
    let lines = of_each(|name| format!("    println!(\"{name}: {{:?}}\", {name}::MADE);\n"));
    let rest =
        format!("[dependencies]\n{dependencies}\n[profile.dev]\ndebug = false\n\n[workspace]\n");
    write(trial, "Cargo.toml", &package("app", &rest));
    write(trial, "src/main.rs", &format!("fn main() {{\n{lines}}}\n"));
}

fn write_package(trial: &Trial, subject: Subject, reader: &Reader) {
    let (name, what, way, variable) = (reader.name(), reader.what, reader.way, reader.variable());
    let dir = format!("cells/{name}");
    match subject {
        Subject::Script => {
            let needs = "[build-dependencies]\nreader.path = \"../../reader\"";
            write(trial, &format!("{dir}/Cargo.toml"), &package(&name, needs));
            let script =
                format!("fn main() {{ reader::script({what:?}, {way:?}, {variable:?}) }}\n");
            write(trial, &format!("{dir}/build.rs"), &script);
            let source = "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n";
            write(trial, &format!("{dir}/src/lib.rs"), source);
        }
        Subject::Macro => {
            let (from, way) = if way == "facade" { ("facade", "std") } else { ("macros", way) };
            let needs = format!("[dependencies]\n{from}.path = \"../../{from}\"");
            write(trial, &format!("{dir}/Cargo.toml"), &package(&name, &needs));
            let call = format!("{from}::read!({what:?} {way:?} \"{dir}/data\" {variable:?})");
            let source = format!("pub const MADE: &str = {call};\n");
            write(trial, &format!("{dir}/src/lib.rs"), &source);
        }
    }
}

/// Writes a file without waiting for cargo's clock: nothing was built yet.
fn write(trial: &Trial, path: &str, text: &str) {
    let path = trial.path(path);
    fs::create_dir_all(path.parent().expect("it is below the checkout")).expect("it can be made");
    fs::write(path, text).expect("it can be written");
}

/// Lets bare cargo run all scripts and compile all libraries once more.
fn forget_readings(target: &Path) {
    let fingerprints = fs::read_dir(target.join("debug/.fingerprint")).into_iter().flatten();
    for unit in fingerprints.flatten() {
        let files = fs::read_dir(unit.path()).into_iter().flatten().flatten();
        let is_reading =
            |name: &str| name.starts_with("run-build-script") || name.starts_with("lib-");
        let mut names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let is_of_cell = !["reader", "macros", "facade"]
            .iter()
            .any(|package| unit.file_name().to_string_lossy().starts_with(package));
        if is_of_cell && names.any(|name| is_reading(&name)) {
            fs::remove_dir_all(unit.path()).expect("it can be removed");
        }
    }
}
