//! Who holds a lock, and whether it goes on.
//!
//! A lock file has its holder's process number in it. A holder that was
//! stopped, by Ctrl-Z for example, keeps its locks for as long as somebody
//! likes, so nobody should wait for it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// Writes down in the lock file `file`, which this process holds, that it does.
pub(crate) fn sign(mut file: &File) {
    // Unsigned, others wait for as long as they are willing to.
    drop(file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())));
}

/// Returns whether the process that signed the lock file at `path` is stopped.
///
/// A number that was left behind, or comes from another container, can name
/// another process: the answer is good for not waiting, and for nothing else.
pub(crate) fn is_stopped(path: &Path) -> bool {
    let signed = fs::read_to_string(path).ok();
    signed.and_then(|text| text.parse().ok()).and_then(state).is_some_and(|it| it == State::Stopped)
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It runs, or will when what it waits for happens.
    Going,
    /// It goes on when another process lets it.
    Stopped,
}

/// Returns the state of a process; `None` if it is not there or cannot be told.
#[cfg(target_os = "linux")]
fn state(pid: u32) -> Option<State> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(if rest.starts_with(['T', 't']) { State::Stopped } else { State::Going })
}

/// Returns the state of a process; `None` if it is not there or cannot be told.
#[cfg(not(target_os = "linux"))]
fn state(_pid: u32) -> Option<State> {
    None
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Child, Command};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn signal(child: &Child, name: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.args(["-s", name, &child.id().to_string()]).status().unwrap().success());
    }

    #[track_caller]
    fn await_state(child: &Child, wanted: Option<State>) {
        for _ in 0..500 {
            if state(child.id()) == wanted {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the process never was {wanted:?}");
    }

    #[test]
    fn a_process_is_stopped_until_it_is_continued() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(state(child.id()), Some(State::Going));
        signal(&child, "STOP");
        await_state(&child, Some(State::Stopped));
        signal(&child, "CONT");
        await_state(&child, Some(State::Going));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(state(child.id()), None);
    }

    #[test]
    fn only_a_file_signed_by_a_stopped_process_tells_of_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!is_stopped(&path));
        sign(&File::create(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        assert!(!is_stopped(&path));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        signal(&child, "STOP");
        await_state(&child, Some(State::Stopped));
        for (text, expected) in
            [(child.id().to_string(), true), (String::new(), false), ("x".into(), false)]
        {
            fs::write(&path, &text).unwrap();
            assert_eq!(is_stopped(&path), expected, "{text:?}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
