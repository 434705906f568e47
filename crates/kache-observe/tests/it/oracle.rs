//! What the kernel was asked, by `strace`, against what was seen.
//!
//! Every file that was opened for reading and every name that was looked for in vain
//! must be in the trace, except what the loader and the C library do by themselves.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use kache_observe::{Act, Trace, Watch};

use crate::programs::has;
use crate::sandbox::{Sandbox, Tried, library};

/// What the loader, the C library and the preload library look for by themselves.
///
/// The last five are directories that glibc before 2.37 tries for libraries made
/// for a kind of processor, of which it takes those that fit the machine's.
const UNSEEN: [&str; 13] = [
    "/kache-trace-",
    "/ld.so.",
    "/locale",
    "/glibc-hwcaps",
    "/gconv",
    "/etc/localtime",
    "/nsswitch.conf",
    ".so",
    "/lib/tls",
    "/lib/x86_64",
    "/lib/haswell",
    "/lib/xeon_phi",
    "/lib/avx512_1",
];

#[derive(Default)]
struct Asked {
    read: BTreeSet<PathBuf>,
    missing: BTreeSet<PathBuf>,
}

/// Folds `.` and `..`, by which the two ways of naming a file may differ.
fn folded(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                folded.pop();
            }
            Component::CurDir => {}
            part => folded.push(part),
        }
    }
    folded
}

/// Takes one line of strace's apart: `1 openat(AT_FDCWD</dir>, "name", O_RDONLY) = 3</dir/name>`.
fn asked(line: &str, asked: &mut Asked) -> Option<()> {
    let (call, rest) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    // What was asked for by a path is the first thing in quotes.
    let (before, rest) = arguments.split_once('"')?;
    let (name, after) = rest.split_once('"')?;
    let directory = before.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let directory = directory.map_or("", |(directory, _)| directory);
    if name.is_empty() || call == "getcwd" || (!name.starts_with('/') && directory.is_empty()) {
        return None;
    }
    let path = folded(&Path::new(directory).join(name));
    let writes = ["O_WRONLY", "O_TRUNC", "O_DIRECTORY", "O_PATH"];
    if result.contains("ENOENT") || result.contains("ENOTDIR") {
        asked.missing.insert(path);
    } else if call.starts_with("open") && !writes.iter().any(|flag| after.contains(flag)) {
        asked.read.insert(path);
    }
    Some(())
}

/// Runs a program under both; `None` where nobody may trace.
fn strace(sandbox: &Sandbox, command: &[&str]) -> Tried<Option<(Asked, Trace)>> {
    let log = sandbox.beside("strace");
    let watch = Watch::start()?;
    let mut strace = sandbox.command("strace");
    strace.args(["-f", "-y", "-s", "4096", "-e", "trace=%file", "-o"]).arg(&log);
    for (name, value) in watch.variables(&library()?, &[])? {
        let mut setting = OsString::from(name);
        setting.push("=");
        setting.push(value);
        strace.arg("-E").arg(setting);
    }
    // Cargo sets it for tests; where the loader looks by it is not seen.
    strace.env_remove("LD_LIBRARY_PATH").args(command).stdout(Stdio::null());
    if !strace.status()?.success() {
        return Ok(None);
    }
    let text = fs::read_to_string(log)?;
    let root = text.split(' ').next().ok_or("the first line begins with a process")?;
    let trace = watch.finish(root.parse()?)?;
    let mut all = Asked::default();
    for line in text.lines() {
        asked(line, &mut all);
    }
    Ok(Some((all, trace)))
}

/// All paths in a trace, folded.
fn seen(trace: &Trace) -> BTreeSet<PathBuf> {
    let mut paths: BTreeSet<PathBuf> = trace.acts().filter_map(Act::path).map(folded).collect();
    for act in trace.acts() {
        if let Act::Renamed { to, .. } = act {
            paths.insert(folded(to));
        }
    }
    paths
}

/// Runs a program and compares what both say of it.
#[track_caller]
fn check(prepare: impl Fn(&Sandbox) -> Tried, command: &[&str]) -> Tried {
    if !has("strace") {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    prepare(&sandbox)?;
    let Some((asked, trace)) = strace(&sandbox, command)? else { return Ok(()) };
    assert!(!asked.read.is_empty() && !asked.missing.is_empty());
    let seen = seen(&trace);
    let known = |path: &PathBuf| {
        let text = path.display().to_string();
        // Below it something was seen, which says as much: the C library resolves
        // paths piece by piece.
        UNSEEN.iter().any(|unseen| text.contains(unseen))
            || seen.range(path.clone()..).next().is_some_and(|next| next.starts_with(path))
    };
    let unseen = |paths: &BTreeSet<PathBuf>| -> Vec<PathBuf> {
        paths.iter().filter(|path| !known(path)).cloned().collect()
    };
    assert_eq!(unseen(&asked.read), Vec::<PathBuf>::new(), "read by {command:?}");
    assert_eq!(unseen(&asked.missing), Vec::<PathBuf>::new(), "missed by {command:?}");
    Ok(())
}

#[test]
fn nothing_that_a_compiler_reads_is_lost() -> Tried {
    let prepare = |sandbox: &Sandbox| -> Tried {
        let source = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts(\"\"); }\n";
        Ok(fs::write(sandbox.root().join("source.c"), source)?)
    };
    check(prepare, &["cc", "-O1", "-g", "-o", "out", "source.c"])?;
    if !has("c++") {
        return Ok(());
    }
    let prepare = |sandbox: &Sandbox| -> Tried {
        let source = "#include <map>\n#include <string>\nstd::map<std::string, int> map;\n";
        Ok(fs::write(sandbox.root().join("source.cc"), source)?)
    };
    check(prepare, &["c++", "-c", "-o", "out.o", "source.cc"])
}

#[test]
fn nothing_that_a_shell_and_its_children_read_is_lost() -> Tried {
    let script = "for f in dir/* none; do cat \"$f\" 2>/dev/null; done | sort | head -1; \
        ls -l . > /dev/null; find . -name one -exec wc {} +; grep -r contents . ; test -e gone; \
        cp file copy; mv copy moved; rm moved; tar cf - dir | tar tf - ; :";
    check(|_| Ok(()), &["sh", "-c", script])?;
    if has("bash") { check(|_| Ok(()), &["bash", "-c", script]) } else { Ok(()) }
}

#[test]
fn nothing_that_an_interpreter_reads_is_lost() -> Tried {
    let script = "import json, os, shutil, subprocess, sqlite3, zipfile\n\
        subprocess.run(['cat', 'file']); os.walk('.'); shutil.copytree('dir', 'to', dirs_exist_ok=True)";
    if has("python3") {
        check(|_| Ok(()), &["python3", "-c", script])?;
    }
    let script = "use File::Spec; open(F, 'file'); print `cat other`; -e 'absent'";
    if has("perl") { check(|_| Ok(()), &["perl", "-e", script]) } else { Ok(()) }
}

#[test]
fn nothing_that_git_reads_is_lost() -> Tried {
    let prepare = |sandbox: &Sandbox| -> Tried {
        let mut git = sandbox.command("sh");
        git.args(["-c", "git init -q . && git add . && git commit -q -m all && git tag v1"]);
        for name in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{name}_NAME"), "a").env(format!("GIT_{name}_EMAIL"), "a@b.c");
        }
        if git.status()?.success() { Ok(()) } else { Err("git failed".into()) }
    };
    if has("git") {
        check(prepare, &["git", "describe", "--tags", "--dirty"])?;
        check(prepare, &["git", "log", "-1", "--format=%H"])?;
    }
    Ok(())
}

#[test]
fn a_line_of_strace_is_understood() {
    let mut all = Asked::default();
    for line in [
        "12 openat(AT_FDCWD</a>, \"b/../c\", O_RDONLY|O_CLOEXEC) = 3</a/c>",
        "12 newfstatat(5</d>, \"e\", 0x7ffc, 0) = -1 ENOENT (No such file or directory)",
        "12 access(\"/f\", R_OK) = -1 ENOENT (No such file or directory)",
        "12 openat(AT_FDCWD</a>, \"w\", O_WRONLY|O_CREAT, 0666) = 4</a/w>",
        "12 +++ exited with 0 +++",
    ] {
        asked(line, &mut all);
    }
    assert_eq!(all.read, BTreeSet::from([PathBuf::from("/a/c")]));
    assert_eq!(all.missing, BTreeSet::from([PathBuf::from("/d/e"), PathBuf::from("/f")]));
}
