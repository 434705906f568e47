//! One source file compiled by direct calls of rustc, for flags that cargo
//! itself would turn into another package, directory or profile.

use std::path::PathBuf;
use std::process::Command;

use kache_e2e::Scenario;
use kache_e2e::events::{Event, Journal};
use kache_e2e::process;
use kache_e2e::project::remove;

use crate::expected::Expected;

/// What cargo always passes, and what most tests want to see printed.
pub(crate) const JSON: &[&str] = &["--error-format=json", "--json=diagnostic-rendered-ansi"];

/// One command line after the fixed part, with variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    args: Vec<String>,
    vars: Vec<(String, String)>,
}

impl Call {
    /// A call with [`JSON`] diagnostics and the words of `line`.
    pub(crate) fn of(line: &str) -> Self {
        Self::plain(line).args(JSON)
    }

    /// A call with the words of `line` and nothing about diagnostics.
    pub(crate) fn plain(line: &str) -> Self {
        Self::default().args(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Adds arguments as they are.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Sets a variable.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What a caller sees of one call.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Names of the files in the output directory.
    outputs: Vec<String>,
    /// What the built program printed, if it was built.
    printed: Option<String>,
}

/// A source file and the calls that compile it.
#[derive(Debug)]
pub(crate) struct RustcTrial {
    pub(crate) scenario: Scenario,
    /// The compiler, where it is not the toolchain's own.
    pub(crate) compiler: Option<PathBuf>,
}

impl RustcTrial {
    /// Makes `source` the source of a program.
    pub(crate) fn of(source: &str) -> Self {
        let files =
            [("src/main.rs", source), ("target/CACHEDIR.TAG", ""), ("target/deps/empty", "")];
        let scenario = Scenario::of_files(&files).expect("a scenario needs a toolchain and room");
        Self { scenario, compiler: None }
    }

    /// Writes a file beside the source's folder.
    pub(crate) fn write(&self, file: &str, text: &str) {
        self.scenario.project.write(file, text).expect("the checkout can be written");
    }

    /// Compiles twice: the second time must be served.
    #[track_caller]
    pub(crate) fn prove_hit(&self, call: &Call) {
        self.check(call, Expected::Compiled);
        self.check(call, Expected::Hit);
    }

    /// Compiles, and compares the event with `expected` and the rest with rustc.
    #[track_caller]
    pub(crate) fn check(&self, call: &Call, expected: Expected) {
        let event = self.event(call);
        expected.assert_told_by(&event);
    }

    /// Returns what kache said of a call that went as with rustc alone.
    #[track_caller]
    pub(crate) fn event(&self, call: &Call) -> Event {
        let mut journal = Journal::at_end_of(&self.scenario.env.cache_dir());
        let seen = self.run(call, Some(&self.scenario.kache.wrapper));
        let mut events = journal.take().expect("the journal is readable");
        let bare = self.run(call, None);
        assert_eq!(seen, bare, "{call:?}: kache's call on the left, rustc's on the right");
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    fn run(&self, call: &Call, wrapper: Option<&PathBuf>) -> Seen {
        let project = &self.scenario.project;
        let out_dir = project.path("target/deps");
        remove(&out_dir).expect("the output directory can be removed");
        std::fs::create_dir(&out_dir).expect("the target directory can be written");
        let rustc = self.compiler.as_ref().unwrap_or(&self.scenario.env.toolchain().rustc);
        let mut command = self.scenario.env.command(wrapper.unwrap_or(rustc));
        if wrapper.is_some() {
            command.arg(rustc);
        }
        let fixed = "--crate-name app --edition=2024 src/main.rs -C extra-filename=-1";
        command.current_dir(project.dir()).args(fixed.split(' '));
        if !call.args.iter().any(|arg| arg.starts_with("--crate-type")) {
            command.arg("--crate-type=bin");
        }
        if !call.args.iter().any(|arg| arg.starts_with("--emit")) {
            command.arg("--emit=dep-info,link");
        }
        command.arg("--out-dir").arg(&out_dir).args(&call.args);
        command.envs(call.vars.iter().map(|(name, value)| (name, value)));
        let finished = process::run(&mut command).expect("the compiler starts");
        let mut outputs: Vec<String> = std::fs::read_dir(&out_dir)
            .expect("the output directory is readable")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        outputs.sort();
        let program = out_dir.join("app-1");
        let printed = program.is_file().then(|| {
            let ran = process::run(&mut Command::new(&program)).expect("the program starts");
            ran.stdout
        });
        let (stdout, stderr) = (finished.stdout, finished.stderr);
        Seen { code: finished.status.code(), stdout, stderr, outputs, printed }
    }
}
