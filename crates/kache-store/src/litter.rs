//! Files of the store that are of no use to anybody any more.
//!
//! None of them is named by an entry, so removing one needs no lock; each kind
//! has an age below which it may still be in use.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kache_key::{Digest, UnitId};

use crate::failure::IoFailure;
use crate::identity;
use crate::journal;
use crate::layout::Layout;
use crate::lock;
use crate::record;
use crate::removed::{Kind, Removed, remove};
use crate::rotation::Series;
use crate::scan;

/// A file on its way to its final name does not take longer than this.
const STAGING_KEEP: Duration = Duration::from_hours(1);

/// How long damaged blobs are kept for inspection.
const QUARANTINE_KEEP: Duration = Duration::from_hours(7 * 24);

/// How long a record without an entry is kept: its unit may come back.
const RECORD_KEEP: Duration = Duration::from_hours(30 * 24);

/// How long a memoised identity or answer is kept.
const MEMO_KEEP: Duration = Duration::from_hours(90 * 24);

/// The lock files that stay.
const FIXED_LOCKS: &[&str] = &["housekeeping", "index", "journal", "publish", "published"];

/// Removes leftovers, everything in it of its kind and older than its kind may be.
pub(crate) struct Litter<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) now_ns: i64,
    pub(crate) removed: Removed,
}

impl Litter<'_> {
    /// Removes what publishers, restores and locks have left behind.
    pub(crate) fn leftovers(&mut self) -> Result<(), IoFailure> {
        self.files_in_the_way();
        self.old_files(&self.layout.staging(), STAGING_KEEP)?;
        self.old_files(&self.layout.quarantine(), QUARANTINE_KEEP)?;
        self.old_files(&self.layout.toolchains(), MEMO_KEEP)?;
        self.stale_locks()
    }

    /// Removes rotated journals older than `keep`, unless the index has yet to read them.
    pub(crate) fn journals(&mut self, keep: Duration) -> Result<(), IoFailure> {
        let index_ns = scan::look(&self.layout.index())?.map(|found| identity::mtime_ns(&found));
        for path in journal::rotated(self.layout)? {
            let Some(metadata) = scan::look(&path)? else { continue };
            let written_ns = identity::mtime_ns(&metadata);
            let is_read = index_ns.is_none_or(|index_ns| index_ns > written_ns);
            // An index that nobody opens must not keep journals for ever.
            let keep = if is_read { keep } else { keep.saturating_mul(4) };
            if self.is_older(written_ns, keep) {
                self.removed.count(Kind::Other, remove(&path, None));
            }
        }
        Ok(())
    }

    /// Removes rotated logs older than `keep`.
    pub(crate) fn logs(&mut self, keep: Duration) -> Result<(), IoFailure> {
        let rotated = Series::log(self.layout).moved_aside()?;
        rotated.iter().try_for_each(|path| self.old_file(path, identity::mtime_ns, keep))
    }

    /// Removes old records whose unit has no entry, and unreadable ones.
    pub(crate) fn records(&mut self, units: &HashSet<UnitId>) -> Result<(), IoFailure> {
        let records = self.layout.records();
        scan::walk(&records, &mut |found| {
            let Some(digest) = found.digest else {
                self.foreign(&found.path);
                return Ok(());
            };
            let is_old = self.is_older(identity::mtime_ns(&found.metadata), RECORD_KEEP);
            let is_useless = is_old && !units.contains(&UnitId(digest));
            if is_useless || !has_records(&found.path) {
                self.removed.count(Kind::Record, remove(&found.path, Some("evict.record")));
            }
            Ok(())
        })
    }

    /// Removes a file whose name means nothing in the store.
    pub(crate) fn foreign(&mut self, path: &Path) {
        self.removed.count(Kind::Other, remove(path, None));
    }

    /// Removes files that stand where the store needs a directory.
    fn files_in_the_way(&mut self) {
        let layout = self.layout;
        let dirs = [
            layout.blobs(),
            layout.entries(),
            layout.records(),
            layout.staging(),
            layout.quarantine(),
            layout.toolchains(),
        ];
        for dir in dirs {
            if fs::metadata(&dir).is_ok_and(|metadata| !metadata.is_dir()) {
                self.removed.count(Kind::Other, remove(&dir, None));
            }
        }
    }

    fn old_files(&mut self, dir: &Path, keep: Duration) -> Result<(), IoFailure> {
        scan::list(dir)?.iter().try_for_each(|path| self.old_file(path, changed_ns, keep))
    }

    /// Removes a file whose time, which `time_ns` says, is older than `keep`.
    fn old_file(
        &mut self,
        path: &Path,
        time_ns: fn(&fs::Metadata) -> i64,
        keep: Duration,
    ) -> Result<(), IoFailure> {
        let metadata = scan::look(path)?;
        if metadata.is_some_and(|metadata| self.is_older(time_ns(&metadata), keep)) {
            self.removed.count(Kind::Other, remove(path, None));
        }
        Ok(())
    }

    /// Removes the lock files of units whose builder died.
    fn stale_locks(&mut self) -> Result<(), IoFailure> {
        for path in scan::list(&self.layout.locks())? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if FIXED_LOCKS.contains(&name) {
                continue;
            }
            let removal = match name.parse::<Digest>() {
                Ok(_) => lock::remove_stale(&path),
                Err(_) => remove(&path, None),
            };
            self.removed.count(Kind::Other, removal);
        }
        // Those of other stores may go as well, if nobody holds them.
        for path in
            lock::memory_dir().map(|dir| scan::list(&dir)).transpose()?.into_iter().flatten()
        {
            self.removed.count(Kind::Other, lock::remove_stale(&path));
        }
        Ok(())
    }

    /// Returns whether a time is further away than `keep`, in either direction:
    /// one in the future was written by a clock that has been set back.
    fn is_older(&self, time_ns: i64, keep: Duration) -> bool {
        u128::from(self.now_ns.abs_diff(time_ns)) > keep.as_nanos()
    }
}

/// Returns when a file got its present name, contents or attributes, whichever
/// was last: a quarantined blob's mtime is that of an artifact.
fn changed_ns(metadata: &fs::Metadata) -> i64 {
    identity::stamp_of(metadata).ctime_ns
}

fn has_records(path: &PathBuf) -> bool {
    match fs::read(path) {
        Ok(bytes) => record::parse(&bytes).is_some(),
        // One that cannot be read now may be fine.
        Err(error) => error.kind() != std::io::ErrorKind::IsADirectory,
    }
}
