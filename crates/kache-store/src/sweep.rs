//! Removing things from a store that is in use.
//!
//! A publisher decides "this blob exists, I need not store it" some time
//! before the entry that names the blob appears. Three things keep a blob from
//! being removed in between:
//!
//! 1. Publishers hold `locks/publish` shared from their first look at a blob
//!    until their entry is in place; nothing is removed without holding it
//!    exclusively, in slices of a few milliseconds.
//! 2. While a [`Removal`] exists there is a file `locks/published`, in which
//!    publishers write the key of each entry before they publish it. It is made
//!    under the exclusive lock and before the store is walked, so an entry is
//!    either found by the walk or named in that file.
//! 3. Each slice begins by reading what was added to it, so that its idea of
//!    which blobs are named is right for as long as the slice lasts.
//!
//! Readers hold no lock. One whose blob goes away has opened it already and
//! reads the right bytes, or finds it missing, which is a miss.
//!
//! Where the file system has no locks, publishers cannot be kept out, and
//! nothing is removed.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kache_key::{BlobId, EntryKey, UnitId};

use crate::failure::{IoFailure, absent_is_none};
use crate::identity;
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::removed::{Kind, Removed, remove};
use crate::retention::{Plan, Planned, References};
use crate::scan::{self, Found, Inventory};

/// How long publishers are kept waiting at most, give or take one removal.
const SLICE: Duration = Duration::from_millis(3);

/// How long publishers are let in between two slices.
const PAUSE: Duration = Duration::from_millis(2);

/// The length of a key in `locks/published`, in hexadecimal digits.
const KEY_DIGITS: usize = 64;

/// Why nothing is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemovalError {
    /// Another process is removing things from this store.
    #[error("another process is tidying the store")]
    Busy,
    /// Publishers cannot be kept out.
    #[error("nothing can be removed without file locks")]
    NoLocks(#[source] IoFailure),
    /// The file system refused an operation.
    #[error(transparent)]
    Io(#[from] IoFailure),
}

/// The right to remove entries and blobs, and what the store holds.
#[derive(Debug)]
pub struct Removal<'a> {
    layout: &'a Layout,
    inventory: Inventory,
    /// Where in the inventory each entry is, as of the last slice.
    places: HashMap<EntryKey, usize>,
    references: References,
    published: File,
    _housekeeping: FileLock,
}

impl<'a> Removal<'a> {
    /// Takes the right, and walks the store.
    ///
    /// # Errors
    ///
    /// `Busy` if another process has it; `NoLocks` where it cannot be had.
    pub fn start(layout: &'a Layout) -> Result<Self, RemovalError> {
        let housekeeping = FileLock::try_exclusive(&layout.housekeeping_lock())
            .map_err(RemovalError::NoLocks)?
            .ok_or(RemovalError::Busy)?;
        let published = {
            let _slice =
                FileLock::exclusive(&layout.publish_lock()).map_err(RemovalError::NoLocks)?;
            let path = layout.published();
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
                .map_err(IoFailure::on("create", &path))?
        };
        let inventory = Inventory::take(layout)?;
        let references = References::of(&inventory.entries);
        let places =
            inventory.entries.iter().enumerate().map(|(at, entry)| (entry.key, at)).collect();
        Ok(Self { layout, inventory, places, references, published, _housekeeping: housekeeping })
    }

    /// Returns what the store held when the right was taken.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Returns where the store is.
    pub(crate) fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// Returns the units that have an entry.
    pub(crate) fn units(&self) -> HashSet<UnitId> {
        self.inventory.entries.iter().map(|entry| entry.unit).collect()
    }

    /// Removes the planned entries that have not been used since, and the
    /// blobs that nothing names without them.
    pub fn evict(&mut self, plan: &Plan) -> Result<Removed, RemovalError> {
        let mut removed = Removed::default();
        self.in_slices(&plan.evict, |this, planned| this.evict_entry(*planned, &mut removed))?;
        Ok(removed)
    }

    /// Removes blobs that nothing names, and entries that cannot be served:
    /// unreadable ones and those that name a missing blob.
    pub fn sweep(&mut self) -> Result<Removed, RemovalError> {
        let mut removed = Removed::default();
        let has_blob = |id: &BlobId| self.inventory.blobs.contains_key(id);
        let dangling = self.inventory.entries.iter().filter(|e| !e.blobs.iter().all(has_blob));
        let mut suspects: Vec<_> = dangling.map(|entry| self.layout.entry(entry.key)).collect();
        suspects.append(&mut self.inventory.unreadable);
        self.in_slices(&suspects, |this, path| this.sweep_entry(path, &mut removed))?;
        let held = &self.references;
        let mut orphans: Vec<BlobId> =
            self.inventory.blobs.keys().copied().filter(|id| !held.is_held(*id)).collect();
        orphans.sort_unstable();
        self.in_slices(&orphans, |this, id| {
            if !this.references.is_held(*id) {
                this.remove_blob(*id, &mut removed);
            }
            Ok(())
        })?;
        Ok(removed)
    }

    fn evict_entry(&mut self, planned: Planned, removed: &mut Removed) -> Result<(), IoFailure> {
        let path = self.layout.entry(planned.key);
        if let Some(metadata) = scan::look(&path)?
            && identity::mtime_ns(&metadata) != planned.last_use_ns
        {
            removed.used_since += 1;
            return Ok(());
        }
        if removed.count(Kind::Entry, remove(&path, Some("evict.entry"))) {
            self.forget(planned.key, removed);
        }
        Ok(())
    }

    /// Looks once more at an entry that seemed broken, and removes it if it is.
    fn sweep_entry(&mut self, path: &Path, removed: &mut Removed) -> Result<(), IoFailure> {
        let Some(metadata) = scan::look(path)? else { return Ok(()) };
        let key = path.file_name().and_then(|name| name.to_str()).and_then(|n| n.parse().ok());
        let found = Found { path: path.to_owned(), digest: key, metadata };
        if let Some(manifest) = scan::read_entry(&found) {
            let mut blobs = manifest.outputs.iter().map(|output| self.layout.blob(output.blob));
            if blobs.all(|blob| fs::symlink_metadata(blob).is_ok()) {
                return Ok(());
            }
        }
        if removed.count(Kind::Entry, remove(path, Some("evict.entry")))
            && let Some(key) = key
        {
            self.forget(EntryKey(key), removed);
        }
        Ok(())
    }

    /// Forgets an entry that has gone, and removes the blobs that only it named.
    fn forget(&mut self, key: EntryKey, removed: &mut Removed) {
        let place = self.places.remove(&key);
        let Some(entry) = place.and_then(|at| self.inventory.entries.get(at)) else { return };
        for id in self.references.release(entry) {
            self.remove_blob(id, removed);
        }
    }

    fn remove_blob(&mut self, id: BlobId, removed: &mut Removed) {
        if removed.count(Kind::Blob, remove(&self.layout.blob(id), Some("evict.blob"))) {
            self.inventory.blobs.remove(&id);
        }
    }

    /// Calls `act` for each item, keeping publishers out for short times only.
    fn in_slices<T>(
        &mut self,
        items: &[T],
        mut act: impl FnMut(&mut Self, &T) -> Result<(), IoFailure>,
    ) -> Result<(), RemovalError> {
        let mut rest = items.iter().peekable();
        while rest.peek().is_some() {
            let slice =
                FileLock::exclusive(&self.layout.publish_lock()).map_err(RemovalError::NoLocks)?;
            self.learn_published().map_err(IoFailure::on("read", &self.layout.published()))?;
            let started = Instant::now();
            while started.elapsed() < SLICE
                && let Some(item) = rest.next()
            {
                act(self, item)?;
            }
            drop(slice);
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Takes note of the entries published since the last slice.
    fn learn_published(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        self.published.read_to_end(&mut lines)?;
        for line in String::from_utf8_lossy(&lines).lines() {
            // A publisher that died while writing may have left half a key before a whole one.
            let key = line.len().checked_sub(KEY_DIGITS).and_then(|at| line.get(at..));
            if let Some(key) = key.and_then(|key| key.parse().ok()) {
                self.learn_entry(key)?;
            }
        }
        Ok(())
    }

    fn learn_entry(&mut self, key: EntryKey) -> io::Result<()> {
        let path = self.layout.entry(key);
        let Some(metadata) = absent_is_none(fs::symlink_metadata(&path))? else { return Ok(()) };
        let found = Found { path, digest: Some(key.0), metadata };
        let Some(manifest) = scan::read_entry(&found) else { return Ok(()) };
        let entry = scan::entry_use(key, &manifest, &found.metadata);
        self.references.hold(&entry);
        let before = self.places.insert(key, self.inventory.entries.len());
        if let Some(before) = before.and_then(|at| self.inventory.entries.get(at)) {
            // What it named and does not name any more is left to the next sweep.
            drop(self.references.release(before));
        }
        self.inventory.entries.push(entry);
        Ok(())
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        // One that is left behind costs publishers a line each until the next removal.
        drop(fs::remove_file(self.layout.published()));
    }
}
