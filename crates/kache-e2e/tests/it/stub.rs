//! Programs that stand in front of the compiler or of kache: shell scripts
//! that note what is called, wait for each other, or break things.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kache_e2e::Scenario;

use crate::files::make_executable;

/// How long a script, or a test, waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every script begins with. `$name` is the crate to be compiled, or
/// empty for a question; `await` waits for a mark and fails if it never comes.
const PRELUDE: &str = r#"
name= previous= out_dir=
for arg; do
    case $previous in --crate-name) name=$arg ;; --out-dir) out_dir=$arg ;; esac
    previous=$arg
done
[ "$name" = ___ ] && name=
mark() { : > "$marks/$1"; }
await() {
    count=0
    until [ -e "$marks/$1" ]; do
        count=$((count + 1))
        [ $count -lt 600 ] || return 1
        sleep 0.05
    done
}
note() { echo "$*" >> "$marks/log"; }
"#;

/// A script in the place of a program, and the directory of its marks.
#[derive(Debug)]
pub(crate) struct Stub {
    /// The script.
    pub(crate) program: PathBuf,
    marks: PathBuf,
}

impl Stub {
    /// Writes a script called `name` that runs `body`; `$real` is the program
    /// in front of which it stands.
    pub(crate) fn before(scenario: &Scenario, real: &Path, name: &str, body: &str) -> Self {
        let dir = scenario.env.root().join(format!("stub-{name}"));
        let marks = dir.join("marks");
        fs::create_dir_all(&marks).expect("the environment can be written");
        let program = dir.join(name);
        let (real, noted) = (real.display(), marks.display());
        let script = format!("#!/bin/sh\nreal='{real}'\nmarks='{noted}'\n{PRELUDE}\n{body}\n");
        fs::write(&program, script).expect("the environment can be written");
        make_executable(&program);
        Self { program, marks }
    }

    /// Writes a script in front of the compiler; what `body` does not end
    /// becomes the compiler.
    pub(crate) fn compiler(scenario: &Scenario, body: &str) -> Self {
        let body = format!("{body}\nexec \"$real\" \"$@\"");
        Self::before(scenario, &scenario.env.toolchain().rustc, "rustc", &body)
    }

    /// Whether the script has made the mark.
    pub(crate) fn has(&self, mark: &str) -> bool {
        self.marks.join(mark).exists()
    }

    /// Makes a mark that the script waits for.
    pub(crate) fn mark(&self, mark: &str) {
        fs::write(self.marks.join(mark), "").expect("the environment can be written");
    }

    /// Takes all marks and notes back.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(&self.marks).expect("the directory is this stub's own");
        fs::create_dir(&self.marks).expect("the directory is this stub's own");
    }

    /// Waits until the script makes the mark.
    #[track_caller]
    pub(crate) fn wait_for(&self, mark: &str) {
        let start = Instant::now();
        while !self.has(mark) {
            assert!(start.elapsed() < PATIENCE, "no compiler came to `{mark}`");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns what the script noted, a line each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let text = match fs::read_to_string(self.marks.join("log")) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            result => result.expect("the log is text"),
        };
        text.lines().map(str::to_owned).collect()
    }
}

/// Starts `command` in a process group of its own, as a shell starts a job.
pub(crate) fn start_job(mut command: Command) -> Child {
    use std::os::unix::process::CommandExt as _;

    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().expect("cargo can be started")
}

/// Sends a signal to every process of a job, as a terminal does.
pub(crate) fn signal_job(job: &Child, signal: &str) {
    let script = format!("kill -s {signal} -- -{}", job.id());
    let shell = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
    let _ = shell.expect("there is a shell");
}

/// Sends a job a signal that ends it, and waits for its leader; returns whether
/// that was still there to receive it.
#[track_caller]
pub(crate) fn stop_job(mut job: Child, signal: &str) -> bool {
    signal_job(&job, signal);
    let start = Instant::now();
    loop {
        if let Some(status) = job.try_wait().expect("the job is this process's child") {
            return !status.success();
        }
        assert!(start.elapsed() < PATIENCE, "SIG{signal} did not stop cargo");
        thread::sleep(Duration::from_millis(5));
    }
}
