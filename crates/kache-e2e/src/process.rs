//! One finished process: what it printed and what it cost.

use std::io::{self, Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// What a process left behind.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error; bytes that are not UTF-8 are replaced.
    pub stderr: String,
    /// From just before the spawn until it was reaped.
    pub wall: Duration,
    /// User and system time of the process and of every descendant that was
    /// waited for. A daemon that it left behind is not in it.
    pub cpu: Duration,
}

/// Why a process could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system refused to start, watch or read from it.
    #[error("failed to {action} `{program}`")]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The program, as it was given to [`Command::new`].
        program: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// It ended, but not with success, where only success makes sense.
    #[error("`{program}` ended with {status}:\n{stderr}")]
    Failed {
        /// The program, as it was given to [`Command::new`].
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
}

impl RunError {
    fn io(action: &'static str, command: &Command) -> impl FnOnce(io::Error) -> Self {
        let program = command.get_program().to_string_lossy().into_owned();
        move |source| Self::Io { action, program, source }
    }
}

/// Runs `command` to its end, with nothing on its standard input.
///
/// Output goes to unnamed temporary files and not through pipes, so that this
/// process does nothing while the child is being timed. A failing exit code is
/// not an error.
pub fn run(command: &mut Command) -> Result<Finished, RunError> {
    let mut stdout = tempfile::tempfile().map_err(RunError::io("capture output of", command))?;
    let mut stderr = tempfile::tempfile().map_err(RunError::io("capture output of", command))?;
    let out = stdout.try_clone().map_err(RunError::io("capture output of", command))?;
    let err = stderr.try_clone().map_err(RunError::io("capture output of", command))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let start = Instant::now();
    let child = command.spawn().map_err(RunError::io("start", command))?;
    let ended = child.wait4().map_err(RunError::io("wait for", command))?;
    let wall = start.elapsed();
    Ok(Finished {
        status: ended.status,
        stdout: text_of(&mut stdout).map_err(RunError::io("read output of", command))?,
        stderr: text_of(&mut stderr).map_err(RunError::io("read output of", command))?,
        wall,
        cpu: ended.rusage.utime + ended.rusage.stime,
    })
}

/// Runs `command` and returns its standard output; anything but success is
/// [`RunError::Failed`].
pub fn output_of(command: &mut Command) -> Result<String, RunError> {
    let finished = run(command)?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    Err(RunError::Failed {
        program: command.get_program().to_string_lossy().into_owned(),
        status: finished.status,
        stderr: finished.stderr,
    })
}

fn text_of(file: &mut std::fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_tells_its_output_exit_code_and_cost() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo out; echo err >&2; exit 3",
        ]);
        let finished = run(&mut command).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
        assert!(finished.cpu > Duration::ZERO && finished.wall > Duration::ZERO);
        assert!(matches!(output_of(&mut command), Err(RunError::Failed { .. })));
    }
}
