//! Locks between processes, as advisory locks on files.
//!
//! They die with their process. Where the file system has none, callers go on
//! without: two compilers may then do the same work, and both are right.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kache_key::UnitId;
use kache_key::fields::FieldHasher;

use crate::failure::{IoFailure, absent_is_none};
use crate::holder;
use crate::layout::Layout;
use crate::removed::{Gone, remove};
use crate::staging::with_parent;

/// How long a waiter sleeps between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The right to build one unit; others wait for it and then find the result.
///
/// The lock file is removed on release, so that locks do not pile up.
#[derive(Debug)]
pub struct UnitLock {
    /// The lock file: in memory if there is a place for it, else in the store.
    pub path: PathBuf,
    file: File,
    /// Whether another process held the lock when this one asked.
    pub waited: bool,
}

impl UnitLock {
    /// Takes the lock of `unit`, waiting up to `patience` while another process
    /// builds it.
    ///
    /// # Errors
    ///
    /// `TimedOut` if that takes longer, and at once if the other process is
    /// stopped: it must not stop this one.
    pub fn take(layout: &Layout, unit: UnitId, patience: Duration) -> Result<Self, IoFailure> {
        let in_memory = memory_dir().map(|dir| dir.join(name_in_memory(layout, unit)));
        if let Some(path) = in_memory
            && let Ok(file) = open(&path)
        {
            return Self::take_at(path, file, patience);
        }
        let path = layout.unit_lock(unit);
        let file = open(&path).map_err(IoFailure::on("open the lock", &path))?;
        Self::take_at(path, file, patience)
    }

    /// Takes the lock in the file `path`, which was opened as `first`.
    fn take_at(path: PathBuf, first: File, patience: Duration) -> Result<Self, IoFailure> {
        let mut first = Some(first);
        let deadline = Instant::now() + patience;
        let mut waited = false;
        loop {
            let file = first.take().map_or_else(|| open(&path), Ok);
            let file = file.map_err(IoFailure::on("open the lock", &path))?;
            waited |= until(deadline, || holder::is_stopped(&path), || file.try_lock())
                .map_err(IoFailure::on("lock", &path))?;
            // The holder before us may have removed this very file: then its
            // name is free, and somebody else may lock a new one.
            if names(&path, &file).map_err(IoFailure::on("look at the lock", &path))? {
                holder::sign(&file);
                return Ok(Self { path, file, waited });
            }
        }
    }
}

/// Returns a directory in memory for the locks of this user, where there is one that
/// nobody else can write to. Making and removing a file there costs next to nothing, and
/// elsewhere as much as many things together that a miss does.
pub(crate) fn memory_dir() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let dir = PathBuf::from(format!("/dev/shm/kache-locks-{user}"));
    let look = || fs::symlink_metadata(&dir).ok();
    let found = look().or_else(|| {
        fs::DirBuilder::new().mode(0o700).create(&dir).ok()?;
        look()
    })?;
    let is_own = found.is_dir() && found.uid() == user && found.mode() & 0o022 == 0;
    is_own.then_some(dir)
}

/// Names a lock in a place where other stores have theirs too.
fn name_in_memory(layout: &Layout, unit: UnitId) -> String {
    let mut hasher = FieldHasher::new("kache lock in memory");
    hasher.bytes("store", layout.base().as_os_str().as_encoded_bytes());
    hasher.digest("unit", unit.0);
    hasher.finish().to_string()
}

impl Drop for UnitLock {
    fn drop(&mut self) {
        // Removed while held: whoever waits sees that the name has gone and asks again.
        drop(fs::remove_file(&self.path));
        release(&self.file);
    }
}

/// Held while a file of this kind of lock is in use.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Takes `path` shared with other holders of the shared lock, waiting up to
    /// `patience` while it is held exclusively.
    ///
    /// # Errors
    ///
    /// `TimedOut` if that takes longer.
    pub fn shared(path: &Path, patience: Duration) -> Result<Self, IoFailure> {
        let file = open(path).map_err(IoFailure::on("open the lock", path))?;
        until(Instant::now() + patience, || false, || file.try_lock_shared())
            .map_err(IoFailure::on("lock", path))?;
        Ok(Self { file })
    }

    /// Takes `path` for this process alone, waiting for others to release it.
    pub fn exclusive(path: &Path) -> Result<Self, IoFailure> {
        let file = open(path).map_err(IoFailure::on("open the lock", path))?;
        file.lock().map_err(IoFailure::on("lock", path))?;
        Ok(Self { file })
    }

    /// Takes `path` for this process alone, or returns `None` if it is held.
    pub fn try_exclusive(path: &Path) -> Result<Option<Self>, IoFailure> {
        let file = open(path).map_err(IoFailure::on("open the lock", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(IoFailure::on("lock", path)(error)),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        release(&self.file);
    }
}

/// Tries to lock until `deadline`, or until waiting `is_vain`; returns whether
/// it took more than one try.
fn until(
    deadline: Instant,
    is_vain: impl Fn() -> bool,
    try_lock: impl Fn() -> Result<(), fs::TryLockError>,
) -> io::Result<bool> {
    let mut pause = Duration::from_millis(1);
    let mut waited = false;
    loop {
        match try_lock() {
            Ok(()) => return Ok(waited),
            Err(fs::TryLockError::Error(error)) => return Err(error),
            Err(fs::TryLockError::WouldBlock) if Instant::now() >= deadline || is_vain() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(fs::TryLockError::WouldBlock) => {
                waited = true;
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Unlocks a file that is about to be closed.
///
/// Closing alone is not enough: a child process that another thread is just
/// starting has the file open too until it executes its program.
fn release(file: &File) {
    // One that cannot be unlocked is released when it is closed.
    drop(file.unlock());
}

/// Removes the lock file of a unit that nobody is building.
///
/// It is removed while held, as on release, so nobody can be building the
/// unit under a file that has gone.
pub(crate) fn remove_stale(path: &Path) -> Result<Option<Gone>, IoFailure> {
    match File::options().write(true).open(path) {
        Ok(file) if file.try_lock().is_ok() => {
            let is_named = names(path, &file).map_err(IoFailure::on("look at the lock", path))?;
            if is_named { remove(path, None) } else { Ok(None) }
        }
        Ok(_) => Ok(None),
        // A directory, for example, locks nothing.
        Err(_) => remove(path, None),
    }
}

fn open(path: &Path) -> io::Result<File> {
    with_parent(path, || OpenOptions::new().write(true).create(true).truncate(false).open(path))
}

/// Returns whether `path` still names the open `file`.
fn names(path: &Path, file: &File) -> io::Result<bool> {
    let Some(named) = absent_is_none(fs::metadata(path))? else { return Ok(false) };
    let held = file.metadata()?;
    Ok((named.dev(), named.ino()) == (held.dev(), held.ino()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kache_key::Digest;

    use super::*;

    #[test]
    fn one_holder_at_a_time_and_no_lock_file_left() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path());
        let unit = UnitId(Digest::of(b"unit"));
        let holders = AtomicUsize::new(0);
        let path = UnitLock::take(&layout, unit, Duration::ZERO).unwrap().path.clone();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = UnitLock::take(&layout, unit, Duration::from_mins(1)).unwrap();
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        // Long enough for one who wrongly has the lock too to show.
                        thread::sleep(Duration::from_micros(200));
                        holders.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(!path.exists() && !layout.unit_lock(unit).exists());
    }

    #[test]
    fn stores_have_locks_of_their_own() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let unit = UnitId(Digest::of(b"unit"));
        let take = |dir: &tempfile::TempDir| {
            UnitLock::take(&Layout::at(dir.path()), unit, Duration::ZERO).unwrap()
        };
        let [_one, _other] = dirs.each_ref().map(take);
    }

    #[test]
    fn a_holder_that_never_ends_does_not_stop_others() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path());
        let unit = UnitId(Digest::of(b"unit"));
        let _held = UnitLock::take(&layout, unit, Duration::ZERO).unwrap();
        let failure = UnitLock::take(&layout, unit, Duration::from_millis(30)).unwrap_err();
        assert_eq!(failure.source.kind(), io::ErrorKind::TimedOut);
    }
}
