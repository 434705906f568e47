//! Other processes: the only place that starts one.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getpid, getrlimit, kill_process,
    setrlimit, waitid,
};
use rustix::time::Timespec;

use crate::{files, outer, streams, terminal, watch};

/// How many processes this one has started; part of its event.
static SPAWNED: AtomicU32 = AtomicU32::new(0);

/// Returns how many processes this one has started.
pub(crate) fn spawned() -> u32 {
    SPAWNED.load(Ordering::Relaxed)
}

/// Counts a process that is started elsewhere.
pub(crate) fn count_spawned() {
    SPAWNED.fetch_add(1, Ordering::Relaxed);
}

/// A finished process and what it wrote.
pub(crate) struct Ran {
    /// Its number while it ran.
    pub(crate) pid: u32,
    pub(crate) status: ExitStatus,
    /// From before it was started until after it ended.
    pub(crate) took: Duration,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Becomes `program`. Returns only if that fails, with an exit code for it.
pub(crate) fn become_program(program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> ExitCode {
    become_program_called(program.as_ref(), program.as_ref(), args)
}

/// [Becomes](become_program) `program` under another name.
pub(crate) fn become_program_called(
    program: impl AsRef<OsStr>,
    name: &OsStr,
    args: &[impl AsRef<OsStr>],
) -> ExitCode {
    let mut command = Command::new(program.as_ref());
    command.arg0(name).args(args);
    become_command(command)
}

/// Becomes what `command` runs. Returns only if that fails, with an exit code for it.
pub(crate) fn become_command(mut command: Command) -> ExitCode {
    streams::close_on_exec();
    let mut error = execute(&mut command);
    // A script that names no interpreter is one for the shell to whoever starts
    // programs as shells and make do, by glibc's `execvp`. musl's refuses it.
    if Errno::from_io_error(&error) == Some(Errno::NOEXEC)
        && let Some(mut shell) = shell_for(&command)
    {
        error = execute(&mut shell);
    }
    cannot_run(command.get_program(), &error)
}

/// Becomes what `command` runs. Returns only if that fails.
fn execute(command: &mut Command) -> io::Error {
    let program = command.get_program().to_owned();
    outer::about_to_become(program.as_ref());
    let error = command.exec();
    outer::has_not_become(program.as_ref());
    error
}

/// Returns the command by which a shell reads the program of `command`.
fn shell_for(command: &Command) -> Option<Command> {
    let script = files::find_program(command.get_program().to_str()?, std::env::var_os("PATH"))?;
    let mut shell = Command::new("/bin/sh");
    shell.arg(script).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Some(shell)
}

/// Says that `program` cannot be run and returns the exit code for that.
pub(crate) fn cannot_run(program: impl AsRef<OsStr>, error: &io::Error) -> ExitCode {
    complain(&format!("kache: failed to run `{}`: {error}\n", program.as_ref().display()));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}

/// Writes to stderr when nothing else can be told: the build has failed anyway.
pub(crate) fn complain(text: &str) {
    // There is nobody left to tell about a closed stderr.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Runs a short question and returns what it answered; stdin is empty.
pub(crate) fn ask(program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> io::Result<Ran> {
    let mut command = Command::new(program);
    command.args(args);
    ask_by(command)
}

/// Runs a question like [`ask`].
pub(crate) fn ask_by(mut command: Command) -> io::Result<Ran> {
    let started = begin();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let child_stderr = child.stderr.take().expect("stderr is piped");
    let nowhere = (io::sink(), io::sink());
    let (stdout, stderr) = pump(&mut child, child_stderr, nowhere, &|line| Cow::Borrowed(line));
    ended(child, started, stdout, stderr)
}

/// Counts a process that is about to be started.
fn begin() -> Instant {
    SPAWNED.fetch_add(1, Ordering::Relaxed);
    Instant::now()
}

/// Waits for a process that has closed its outputs.
fn ended(mut child: Child, started: Instant, stdout: Vec<u8>, stderr: Vec<u8>) -> io::Result<Ran> {
    let (pid, status) = (child.id(), child.wait()?);
    Ok(Ran { pid, status, took: started.elapsed(), stdout, stderr })
}

/// Runs the compiler, passing its output on as it comes.
///
/// Every complete line of stderr goes through `rewrite` and is then written
/// at once: cargo starts dependants at the metadata notification. What is
/// returned as stderr is what was passed on.
pub(crate) fn run_streaming(
    mut command: Command,
    rewrite: &dyn Fn(&str) -> Cow<'_, str>,
) -> io::Result<Ran> {
    let started = begin();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    announce(&command, &child);
    let child_stderr = child.stderr.take().expect("stderr is piped");
    let here = (io::stdout(), io::stderr());
    let (stdout, stderr) = pump(&mut child, child_stderr, here, rewrite);
    ended(child, started, stdout, stderr)
}

/// Runs the compiler with a terminal of its own as stderr, like this process's,
/// and passes its output on as it comes.
///
/// Compilers write colours, links and shortened lines for a terminal, each
/// release by other rules: no option makes them do just that into a pipe.
pub(crate) fn run_on_terminal(mut command: Command) -> io::Result<Ran> {
    let started = begin();
    let (reader, terminal) = terminal::open_like(io::stderr())?;
    let spawned = command.stdout(Stdio::piped()).stderr(terminal).spawn();
    if let Ok(child) = &spawned {
        announce(&command, child);
    }
    // The last handle of the terminal here goes with the command: then reading
    // ends when the compiler does.
    drop(command);
    let mut child = spawned?;
    let here = (io::stdout(), io::stderr());
    let (stdout, stderr) = pump(&mut child, reader, here, &|line| Cow::Borrowed(line));
    ended(child, started, stdout, stderr)
}

/// Tells whoever observes this process of one that it sees as well.
fn announce(command: &Command, child: &Child) {
    if !watch::is_attached_to(command) {
        outer::has_started(command.get_program(), child.id());
    }
}

/// Passes on what `child` says, to `out` and `err`, until it has ended and said all.
fn pump(
    child: &mut Child,
    child_stderr: impl Read + AsFd,
    (out, err): (impl Write + Send, impl Write),
    rewrite: &dyn Fn(&str) -> Cow<'_, str>,
) -> (Vec<u8>, Vec<u8>) {
    let child_stdout = child.stdout.take().expect("stdout is piped");
    let pid = Pid::from_child(child);
    thread::scope(|scope| {
        let stdout =
            scope.spawn(move || pass_on(child_stdout, pid, out, &|line| Cow::Borrowed(line)));
        let stderr = pass_on(child_stderr, pid, err, rewrite);
        (stdout.join().expect("passing output on does not panic"), stderr)
    })
}

/// Copies `from` to `to` line by line and returns what was written.
///
/// A reader that has gone away does not stop the compiler: its pipe is drained. What
/// the compiler leaves behind may hold the pipe open for as long as it likes: when the
/// process `pid` has ended and nothing more comes, that is all.
fn pass_on(
    mut from: impl Read + AsFd,
    pid: Pid,
    mut to: impl Write,
    rewrite: &dyn Fn(&str) -> Cow<'_, str>,
) -> Vec<u8> {
    let mut passed = Vec::new();
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        if !is_readable_soon(&from) {
            if has_ended(pid) && !is_readable_soon(&from) {
                break;
            }
            continue;
        }
        let length = match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(length) if length > 0 => length,
            _ => break,
        };
        pending.extend_from_slice(chunk.get(..length).unwrap_or_default());
        let complete = pending.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if complete > 0 {
            let lines: Vec<u8> = pending.drain(..complete).collect();
            write_lines(&lines, &mut to, &mut passed, rewrite);
        }
    }
    write_lines(&pending, &mut to, &mut passed, rewrite);
    passed
}

/// Returns whether reading from `file` gives something, be it the end, before long.
/// Where that cannot be told, it is read to see.
fn is_readable_soon(file: &impl AsFd) -> bool {
    const SOON: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

    let mut files = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut files, Some(&SOON)) {
        Ok(ready) => ready > 0,
        Err(error) => error != Errno::INTR,
    }
}

/// Returns whether the child `pid`, which nobody has waited for, has ended.
fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::Pid(pid), options), Ok(Some(_)) | Err(_))
}

fn write_lines(
    lines: &[u8],
    to: &mut impl Write,
    passed: &mut Vec<u8>,
    rewrite: &dyn Fn(&str) -> Cow<'_, str>,
) {
    if lines.is_empty() {
        return;
    }
    let rewritten = match std::str::from_utf8(lines) {
        Ok(text) => match rewrite(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Err(_) => Cow::Borrowed(lines),
    };
    // Whoever closed the other end does not want to know; the compiler goes on.
    drop(to.write_all(&rewritten).and_then(|()| to.flush()));
    passed.extend_from_slice(&rewritten);
}

/// Returns the command that runs `program` with `args`.
pub(crate) fn command(program: impl AsRef<OsStr>, args: &[String]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Returns the permission bits that files made by this process do not get.
///
/// The system only tells while setting others; nothing else runs meanwhile.
pub(crate) fn umask() -> u32 {
    let umask = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    rustix::process::umask(umask);
    umask.bits()
}

/// Starts `program` on its own: not waited for, not interrupted with the build.
pub(crate) fn start_detached(program: &OsStr, args: &[impl AsRef<OsStr>]) -> io::Result<()> {
    let null = || (Stdio::null(), Stdio::null(), Stdio::null());
    let (stdin, stdout, stderr) = null();
    Command::new(program)
        .args(args)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .map(|_| ())
}

/// Dies of a signal, unless it is ignored.
fn die_of(signal: Signal) {
    // The compiler has left a core of its own.
    let no_core = Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
    let _ = setrlimit(Resource::Core, no_core);
    // The first one may only end the handler by which Rust tells of a stack overflow.
    for _ in 0..2 {
        let _ = kill_process(getpid(), signal);
    }
}

/// Returns the exit code that passes `status` on, dying of the same signal if it was one.
pub(crate) fn exit_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
        die_of(signal);
    }
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
