//! Watching what a process reads, by a library that is loaded into it.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use kache_observe::{NotObserved, Trace, Watch, WatchError};
use kache_store::Store;

use crate::outer;

/// A watch over one command.
pub(crate) struct Watched {
    watch: Watch,
    /// Keeps the name of the library alive for as long as it is loaded.
    _library: Option<File>,
}

/// Has what `command` does written down, as far as it is not done by programs
/// below `hosts` on their own behalf.
///
/// Costs two small files and, the first time, the writing of the library.
pub(crate) fn attach(
    command: &mut Command,
    store: &Store,
    hosts: &[&Path],
) -> Result<Watched, WatchError> {
    let library = kache_observe::unpack(&store.layout().observers())?;
    let library = library.ok_or(WatchError::Platform)?;
    // The loader would say so on standard error.
    let is_loadable = rustix::fs::statvfs(&library)
        .is_ok_and(|found| !found.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC));
    if !is_loadable {
        return Err(WatchError::NotLoadable { path: library });
    }
    let watch = Watch::start()?;
    let (library, file) = loadable(library)?;
    command.envs(watch.variables(&library, hosts)?);
    Ok(Watched { watch, _library: file })
}

/// Returns a path of `library` that the loader takes for one: it splits at spaces
/// and colons. What this process has open has such a path.
fn loadable(library: PathBuf) -> Result<(PathBuf, Option<File>), WatchError> {
    if !library.as_os_str().as_encoded_bytes().iter().any(|byte| b" :".contains(byte)) {
        return Ok((library, None));
    }
    let unreadable = |_| WatchError::Path { path: library.clone() };
    let file = File::open(&library).map_err(unreadable)?;
    let path = format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd());
    Ok((PathBuf::from(path), Some(file)))
}

/// Why nobody can say what a process did.
pub(crate) struct Unseen {
    pub(crate) why: String,
    /// Whether it would be seen at another time: there was no room for a trace.
    pub(crate) is_passing: bool,
}

impl Unseen {
    /// Nobody watched.
    pub(crate) fn unwatched() -> Self {
        Self { why: "nobody looked".to_owned(), is_passing: false }
    }
}

impl From<WatchError> for Unseen {
    fn from(error: WatchError) -> Self {
        let is_passing = matches!(
            error,
            WatchError::Io { .. } | WatchError::Names { .. } | WatchError::Room { .. }
        );
        Self { why: format!("not observed: {error}"), is_passing }
    }
}

impl From<NotObserved> for Unseen {
    fn from(error: NotObserved) -> Self {
        let is_passing = matches!(error, NotObserved::Overflow | NotObserved::Hole);
        Self { why: format!("not observed: {error}"), is_passing }
    }
}

/// Returns what was seen of the process `pid`, which has ended; an error is why
/// it is not the whole. Whoever observes this process is told either.
pub(crate) fn seen(watch: Result<Watched, WatchError>, pid: u32) -> Result<Trace, Unseen> {
    let seen = watch?.watch.finish(pid);
    match &seen {
        Ok(trace) if trace.left_behind.is_empty() => outer::has_watched(trace),
        _ => outer::has_lost_sight_of(pid),
    }
    Ok(seen?)
}

/// Returns whether `command` has a watch of its own, so that whoever observes this
/// process sees nothing of it.
pub(crate) fn is_attached_to(command: &Command) -> bool {
    command.get_envs().any(|(name, _)| kache_observe::ours(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_room_passes_and_what_cannot_be_seen_does_not() {
        let directory = PathBuf::from("/dev/shm");
        assert!(Unseen::from(WatchError::Room { directory: directory.clone() }).is_passing);
        assert!(Unseen::from(WatchError::Names { directory }).is_passing);
        assert!(Unseen::from(NotObserved::Overflow).is_passing);
        assert!(!Unseen::from(WatchError::Platform).is_passing);
        assert!(!Unseen::from(NotObserved::Root).is_passing);
    }
}
