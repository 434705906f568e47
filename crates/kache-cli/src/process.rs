//! Other programs: finding them, and asking them something under a deadline.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(5);

/// A finished program and what it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to standard output, as far as it is text.
    pub(crate) stdout: String,
    /// What it wrote to standard error, as far as it is text.
    pub(crate) stderr: String,
}

/// Runs `command` to its end with an empty standard input.
///
/// # Errors
///
/// `TimedOut` if it takes longer than `timeout`; it is killed then.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> io::Result<Ran> {
    // Files cannot fill up and stop the program, as pipes that nobody reads do.
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .spawn()?;
    let deadline = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            let message = format!("no answer within {} s", timeout.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        thread::sleep(POLL);
    };
    Ok(Ran { status, stdout: text_in(stdout)?, stderr: text_in(stderr)? })
}

fn text_in(mut file: File) -> io::Result<String> {
    file.rewind()?;
    let bytes = io::read_to_string(file);
    // What is not text is of no use in a message.
    Ok(bytes.unwrap_or_default())
}

/// Returns the first executable file called `name` in the directories of `search_path`.
pub(crate) fn find(name: &str, search_path: Option<OsString>) -> Option<PathBuf> {
    std::env::split_paths(&search_path?).map(|dir| dir.join(name)).find(|path| is_executable(path))
}

/// Returns whether `path` is a file that may be run.
pub(crate) fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
