//! The replay floor: what it answers for a compiler, and when one runs.

use std::path::{Path, PathBuf};
use std::{fs, io};

use kache_e2e::process::{Finished, RunError, run};
use tempfile::TempDir;

use crate::files::make_executable;

/// A compiler that writes one file, unless it is told to fail with 7, and
/// notes each time that it ran.
const COMPILER: &str = r#"#!/bin/sh
echo ran >> "$0.log"
case "$*" in *broken*) echo no >&2; exit 7 ;; esac
while [ "$1" != --out-dir ]; do shift; done
echo built > "$2/libpart-1.rlib"
echo said
"#;

struct Floor {
    dir: TempDir,
}

impl Floor {
    fn new() -> io::Result<Self> {
        let floor = Self { dir: tempfile::tempdir()? };
        fs::write(floor.path("compiler"), COMPILER)?;
        make_executable(&floor.path("compiler"));
        fs::create_dir(floor.path("out"))?;
        Ok(floor)
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Calls the compiler through the floor with the words of `line` at the end.
    fn call(&self, mode: &str, line: &str) -> Result<Finished, RunError> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_replay_floor"));
        command.arg(self.path("compiler")).args(["--crate-name", "part"]);
        command.args(["-C", "extra-filename=-1", "--out-dir"]).arg(self.path("out"));
        command.args(line.split_whitespace());
        run(command.env("FLOOR_DIR", self.path("records")).env("FLOOR_MODE", mode))
    }

    /// Returns how often the compiler ran, and how often the floor says so.
    fn compilers(&self) -> [usize; 2] {
        let size = |file: &Path| fs::read(file).map_or(0, |bytes| bytes.len());
        [size(&self.path("compiler.log")) / "ran\n".len(), size(&self.path("records/compilers"))]
    }
}

#[test]
fn a_recorded_call_is_answered_without_a_compiler() {
    let floor = Floor::new().unwrap();
    assert_eq!(floor.call("record", "").unwrap().stdout, "said\n");
    fs::remove_file(floor.path("out/libpart-1.rlib")).unwrap();
    let replayed = floor.call("replay", "").unwrap();
    assert_eq!((replayed.status.code(), replayed.stdout.as_str()), (Some(0), "said\n"));
    assert_eq!(fs::read_to_string(floor.path("out/libpart-1.rlib")).unwrap(), "built\n");
    assert_eq!(floor.compilers(), [1, 0]);
}

#[test]
fn a_call_that_failed_when_it_was_recorded_goes_to_the_compiler_and_is_counted() {
    let floor = Floor::new().unwrap();
    assert_eq!(floor.call("record", "--cfg broken").unwrap().status.code(), Some(7));
    assert_eq!(floor.compilers(), [1, 0]);
    for runs in [2, 3] {
        let replayed = floor.call("replay", "--cfg broken").unwrap();
        assert_eq!((replayed.status.code(), replayed.stderr.as_str()), (Some(7), "no\n"));
        assert_eq!(floor.compilers(), [runs, runs - 1]);
    }
}

#[test]
fn a_probe_on_standard_input_goes_to_the_compiler_and_is_counted() {
    let floor = Floor::new().unwrap();
    assert_eq!(floor.call("replay", "-").unwrap().status.code(), Some(0));
    assert_eq!(floor.compilers(), [1, 1]);
}

#[test]
fn a_call_that_was_never_recorded_fails_without_a_compiler() {
    let floor = Floor::new().unwrap();
    assert!(floor.call("record", "").unwrap().status.success());
    assert_eq!(floor.call("replay", "--cfg other").unwrap().status.code(), Some(125));
    assert_eq!(floor.compilers(), [1, 0]);
}
