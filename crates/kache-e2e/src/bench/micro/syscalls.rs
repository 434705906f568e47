//! What one hit asks of the kernel, counted by strace.
//!
//! Counts do not depend on how busy the machine is, so a regression shows on
//! any machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;

use super::super::BenchError;
use super::super::report::Figure;
use super::call::Call;
use crate::env::Env;
use crate::process;

/// System calls that bring a file's bytes into memory or another file. Their
/// first argument is the file that is read; of `mmap` it is the fifth.
const READING: &[&str] =
    &["read", "pread64", "readv", "preadv", "preadv2", "copy_file_range", "splice"];

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All system calls.
    pub total: u64,
    /// Programs started, the traced one included.
    pub programs: u64,
    /// Processes or threads created.
    pub forks: u64,
    /// The file of each call that read bytes of a compiled artifact.
    pub artifacts_read: Vec<String>,
}

impl Counts {
    /// Returns the counts as figures, with the limits for a crate of
    /// `source_files` files.
    pub fn figures(&self, source_files: f64) -> Vec<Figure> {
        #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
        let figure = |name: &str, value: u64, at_most: f64| Figure {
            name: name.to_owned(),
            value: Some(value as f64),
            at_most: Some(at_most),
        };
        vec![
            figure("one hit: system calls", self.total, 3.0f64.mul_add(source_files, 150.0)),
            figure("one hit: programs started, kache included", self.programs, 1.0),
            figure("one hit: processes and threads created", self.forks, 0.0),
            figure("one hit: reads of artifact bytes", self.artifacts_read.len() as u64, 0.0),
        ]
    }
}

/// Makes `call` under strace and counts; `None` where there is no strace.
pub fn of_one_hit(call: &Call, env: &Env) -> Result<Option<Counts>, BenchError> {
    if !process::run(Command::new("strace").arg("-V")).is_ok_and(|it| it.status.success()) {
        return Ok(None);
    }
    let log = env.root().join("strace.log");
    let mut strace = Command::new("strace");
    // Variables reach the traced program; strace itself needs none.
    strace.args(["-f", "-qq", "-y", "-o"]).arg(&log).args(call.argv());
    call.surround(&mut strace);
    let status = strace.status().map_err(BenchError::io("trace", &log))?;
    if !status.success() {
        return Err(BenchError::Unusable { what: format!("the traced call ended with {status}") });
    }
    let text = fs::read(&log).map_err(BenchError::io("read", &log))?;
    Ok(Some(count(&String::from_utf8_lossy(&text), holds_machine_code)))
}

fn count(log: &str, is_artifact: impl Fn(&Path) -> bool) -> Counts {
    let mut counts = Counts::default();
    let mut known = HashMap::new();
    for line in log.lines() {
        let Some((name, args)) = call_in(line) else { continue };
        counts.total += 1;
        match name {
            "execve" | "execveat" => counts.programs += 1,
            "clone" | "clone3" | "fork" | "vfork" => counts.forks += 1,
            _ => {}
        }
        if let Some(path) = file_read_by(name, args)
            && *known.entry(path).or_insert_with(|| is_artifact(Path::new(path)))
        {
            counts.artifacts_read.push(path.to_owned());
        }
    }
    counts
}

/// The name and the arguments of the call that starts on `line`, which begins
/// with a process number. Signals, exits and continued calls are none.
fn call_in(line: &str) -> Option<(&str, &str)> {
    let (_, call) = line.split_once(' ')?;
    let (name, args) = call.trim_start().split_once('(')?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_name && !name.is_empty()).then_some((name, args))
}

/// The file whose bytes a call reads, as strace's `-y` shows it behind the
/// descriptor: `3</path/of/file>`.
fn file_read_by<'a>(name: &str, args: &'a str) -> Option<&'a str> {
    let position = match name {
        "mmap" => 4,
        "sendfile" => 1,
        name if READING.contains(&name) => 0,
        _ => return None,
    };
    let argument = args.splitn(position + 2, ", ").nth(position)?;
    let (_, path) = argument.split_once('<')?;
    let (path, _) = path.split_once('>')?;
    path.starts_with('/').then_some(path)
}

/// Whether a file is an archive, an object or metadata, whatever its name.
fn holds_machine_code(path: &Path) -> bool {
    let mut start = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    let in_store_or_target = path.components().any(|part| {
        ["blobs", "deps", "build", "debug", "release"].iter().any(|name| part.as_os_str() == *name)
    });
    // Shared libraries that a dynamic wrapper loads are elsewhere.
    read.is_ok() && in_store_or_target && [*b"!<ar", *b"\x7fELF", *b"rust"].contains(&start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_artifact_reads_told_apart() {
        let log = "\
17 execve(\"/bin/kache\", [\"kache\"], 0x7ff /* 9 vars */) = 0
17 openat(AT_FDCWD</w>, \"a.rs\", O_RDONLY) = 3</w/a.rs>
17 read(3</w/a.rs>, \"mod\", 3) = 3
17 read(4</s/blobs/a/abc>, \"!<arch>\", 64) = 64
17 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 4</s/blobs/a/abc>, 0) = 0x7f
17 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f
17 clone3({flags=CLONE_VM}, 88) = 18
18 wait4(17,  <unfinished ...>
18 <... wait4 resumed>NULL, 0, NULL) = 17
17 --- SIGCHLD {si_signo=SIGCHLD} ---
17 +++ exited with 0 +++
";
        let counts = count(log, |path| path.starts_with("/s/blobs"));
        let artifacts_read = vec!["/s/blobs/a/abc".to_owned(); 2];
        assert_eq!(counts, Counts { total: 8, programs: 1, forks: 1, artifacts_read });
    }

    #[test]
    fn the_file_read_is_found_by_its_position() {
        assert_eq!(file_read_by("sendfile", "1</dev/null>, 5</s/x>, NULL, 9) = 9"), Some("/s/x"));
        assert_eq!(file_read_by("read", "3<socket:[17]>, \"\", 1) = 0"), None);
        assert_eq!(file_read_by("write", "3</s/x>, \"\", 1) = 0"), None);
    }
}
