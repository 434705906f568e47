//! A directory to run programs in, and what was seen of them.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use kache_observe::{Act, NotObserved, Trace, Watch};
use tempfile::TempDir;

pub(crate) type Tried<T = ()> = Result<T, Box<dyn Error>>;

/// What every program in C begins with.
const PRELUDE: &str = r#"
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
extern char **environ;
#define OK(call) do { errno = 77; if ((long)(call) == -1) { \
    fprintf(stderr, "line %d: %s: %m\n", __LINE__, #call); exit(10); } \
    if (errno != 77) { fprintf(stderr, "line %d: %s: errno %m\n", __LINE__, #call); exit(11); } \
    } while (0)
#define SOME(call) do { if (!(call)) { \
    fprintf(stderr, "line %d: %s: %m\n", __LINE__, #call); exit(12); } } while (0)
#define FAILS(call, why) do { errno = 77; long result_ = (long)(call); \
    if ((result_ != -1 && result_ != 0) || errno != why) { \
    fprintf(stderr, "line %d: %s: %ld, %m\n", __LINE__, #call, result_); exit(13); } } while (0)
"#;

/// A directory with `file`, `other`, `dir/one`, `link` to `file` and `program`.
pub(crate) struct Sandbox {
    temporary: TempDir,
    root: PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Tried<Self> {
        let temporary = tempfile::tempdir()?;
        // As the kernel will name it.
        let root = fs::canonicalize(temporary.path())?.join("box");
        fs::create_dir_all(root.join("dir"))?;
        fs::write(root.join("file"), "contents\n")?;
        fs::write(root.join("other"), "other\n")?;
        fs::write(root.join("dir/one"), "one\n")?;
        symlink("file", root.join("link"))?;
        Ok(Self { temporary, root })
    }

    /// Where programs run.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path beside the directory that programs run in.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// Compiles a program in C from its declarations and the body of `main`.
    pub(crate) fn c(&self, before: &str, body: &str, options: &[&str]) -> Tried<PathBuf> {
        let source = self.beside("program.c");
        let program = self.beside("program");
        let main = "int main(int argc, char **argv) { (void)argc; (void)argv;";
        fs::write(&source, format!("{PRELUDE}{before}\n{main}\n{body}\nreturn 0; }}\n"))?;
        let mut cc = Command::new("cc");
        cc.arg("-w").args(options).arg("-o").arg(&program).arg(&source);
        cc.args(["-ldl", "-lpthread"]);
        let output = cc.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(program)
    }

    /// Makes a script that can be run.
    ///
    /// Another process writes it: what this one has open for writing, a child that
    /// another test is just starting has open too, and then it cannot be run.
    pub(crate) fn script(&self, name: &str, text: &str) -> Tried<PathBuf> {
        let path = self.root.join(name);
        let mut shell = self.command("sh");
        shell.args(["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"]);
        if !shell.arg(&path).arg(text).status()?.success() {
            return Err("the shell failed".into());
        }
        Ok(path)
    }

    /// A program that is run here.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// Acts that count and are about something in the directory, about a variable
    /// whose name begins with `T_`, or about nothing that has a name.
    pub(crate) fn seen(&self, trace: &Trace) -> Vec<String> {
        trace.acts().filter_map(|act| self.shown(act)).collect()
    }

    fn shown(&self, act: &Act) -> Option<String> {
        let inside = |path: &Path| {
            let path = path.to_str()?.strip_prefix(self.root.to_str()?)?;
            Some(path.strip_prefix('/').unwrap_or(path).to_owned())
        };
        match act {
            Act::Env(name) if name.as_encoded_bytes().starts_with(b"T_") => {
                Some(format!("Env {}", name.display()))
            }
            Act::Env(_) | Act::Forked { .. } | Act::Linked(_) => None,
            Act::Renamed { from, to } => Some(format!("Renamed {} {}", inside(from)?, inside(to)?)),
            Act::Started { program: path, .. } | Act::Spawned { program: path, .. } => {
                Some(format!("{} {}", name(act), inside(path)?))
            }
            act => match act.path() {
                Some(path) => Some(format!("{} {}", name(act), inside(path)?)),
                None => Some(name(act)),
            },
        }
    }
}

fn name(act: &Act) -> String {
    let debug = format!("{act:?}");
    debug.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// The preload library, unpacked.
pub(crate) fn library() -> Tried<PathBuf> {
    // The loader splits the names of libraries at spaces, and the workspace may be anywhere.
    let directory = std::env::temp_dir().join("kache-observe");
    Ok(kache_observe::unpack(&directory)?.ok_or("there is a library on this platform")?)
}

/// What became of a program and what was seen of it.
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    pub(crate) trace: Result<Trace, NotObserved>,
}

/// Runs a program to its end under a watch of its own.
pub(crate) fn observe(command: &mut Command, hosts: &[&Path]) -> Tried<Run> {
    observe_by(Watch::start()?, command, hosts)
}

/// Runs a program to its end under a watch.
pub(crate) fn observe_by(watch: Watch, command: &mut Command, hosts: &[&Path]) -> Tried<Run> {
    let mut child = command.envs(watch.variables(&library()?, hosts)?).spawn()?;
    let status = child.wait()?;
    Ok(Run { status, trace: watch.finish(child.id()) })
}

/// Runs a program that must succeed and be seen whole.
pub(crate) fn trace_of(command: &mut Command) -> Tried<Trace> {
    let run = observe(command, &[])?;
    if !run.status.success() {
        return Err(format!("{command:?}: {}", run.status).into());
    }
    Ok(run.trace?)
}

/// Compiles the body of a `main` in C, runs it, and compares what is seen of it.
#[track_caller]
pub(crate) fn check(body: &str, expected: &[&str]) {
    check_with("", body, &[], expected);
}

/// The same with declarations before it and options for the compiler.
#[track_caller]
pub(crate) fn check_with(before: &str, body: &str, options: &[&str], expected: &[&str]) {
    let run = || -> Tried<Vec<String>> {
        let sandbox = Sandbox::new()?;
        let program = sandbox.c(before, body, options)?;
        let trace = trace_of(&mut sandbox.command(program))?;
        Ok(sandbox.seen(&trace))
    };
    let seen = run().expect("the program runs and is seen whole");
    assert_eq!(seen, expected, "{body}");
}
