//! Content-addressed local store of the kache compiler cache.
//!
//! The file system is the truth: blobs named by their digest, entries that
//! name blobs, and records of what a unit read. Nothing published is modified;
//! files appear complete by rename or link, so readers take no lock, and
//! whatever is damaged is a miss. `docs/store-format.md` describes the files.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use kache_key::{Digest, UnitId};
//! use kache_store::Store;
//!
//! let store = Store::at(dir.path());
//! let unit = UnitId(Digest::of(b"what I am about to run"));
//! assert!(store.records(unit)?.records.is_empty());
//! # Ok(())
//! # }
//! ```

pub mod adopt;
pub mod blob;
pub mod clock;
mod clone;
pub mod digests;
pub mod entry;
pub mod failure;
pub mod fault;
mod holder;
pub mod housekeeping;
pub mod identity;
#[cfg(feature = "index")]
pub mod index;
pub mod journal;
pub mod layout;
mod litter;
pub mod lock;
pub mod memo;
pub mod publish;
pub mod record;
pub mod removed;
pub mod restore;
pub mod retention;
pub mod rotation;
pub mod scan;
mod seal;
mod staging;
#[cfg(feature = "index")]
pub mod stats;
pub mod sweep;
pub mod synced;
pub mod usage;
pub mod verify;

use std::path::Path;
use std::time::Duration;

use kache_key::{EntryKey, UnitId};

pub use adopt::Adopted;
pub use blob::{BlobError, Trust};
pub use entry::{Manifest, Output, TextOutput};
pub use failure::IoFailure;
pub use housekeeping::{Housekept, Rules};
pub use journal::{Event, Outcome, Phases};
pub use layout::Layout;
pub use lock::UnitLock;
pub use publish::Publisher;
pub use record::UnitRecords;
pub use removed::Removed;
pub use restore::{Restored, Sharing, Wanted};
pub use retention::{Limits, Plan, Planned};
pub use scan::{BlobFile, EntryUse, Inventory};
#[cfg(feature = "index")]
pub use stats::{Counters, Session, Stats};
pub use sweep::{Removal, RemovalError};
pub use usage::Usage;
pub use verify::{Damage, Verified};

/// A store below one cache directory.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
}

impl Store {
    /// The store below `cache_dir`. Touches nothing; directories are made on first use.
    pub fn at(cache_dir: &Path) -> Self {
        Self { layout: Layout::at(cache_dir) }
    }

    /// Returns where everything is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns what `unit` read the last times it was compiled; see [`record::read`].
    pub fn records(&self, unit: UnitId) -> Result<UnitRecords, IoFailure> {
        record::read(&self.layout, unit)
    }

    /// Returns the manifest of `key`; see [`entry::read`].
    pub fn manifest(&self, key: EntryKey) -> Result<Option<Manifest>, IoFailure> {
        entry::read(&self.layout, key)
    }

    /// Puts one blob in place; see [`restore::restore`].
    pub fn restore(&self, wanted: &Wanted<'_>, trust: Trust) -> Result<Restored, BlobError> {
        restore::restore(&self.layout, wanted, trust)
    }

    /// Takes the right to build `unit`; see [`UnitLock::take`].
    pub fn lock_unit(&self, unit: UnitId, patience: Duration) -> Result<UnitLock, IoFailure> {
        UnitLock::take(&self.layout, unit, patience)
    }

    /// Starts publishing; see [`Publisher`].
    pub fn publisher(&self) -> Result<Publisher<'_>, IoFailure> {
        Publisher::start(&self.layout)
    }

    /// Appends one event to the journal; see [`journal::append`].
    pub fn append(&self, event: &Event) -> Result<(), IoFailure> {
        journal::append(&self.layout, event)
    }

    /// Walks the store; see [`Inventory::take`].
    pub fn inventory(&self) -> Result<Inventory, IoFailure> {
        Inventory::take(&self.layout)
    }

    /// Returns what the store occupies; see [`usage::measure`].
    pub fn usage(&self) -> Result<Usage, IoFailure> {
        usage::measure(&self.layout)
    }

    /// Plans an eviction without carrying it out; see [`retention::plan`].
    pub fn plan_eviction(&self, limits: Limits, now_ns: i64) -> Result<Plan, IoFailure> {
        Ok(retention::plan(&self.inventory()?, limits, now_ns))
    }

    /// Removes the planned entries that have not been used since, and their blobs.
    pub fn evict(&self, plan: &Plan) -> Result<Removed, RemovalError> {
        Removal::start(&self.layout)?.evict(plan)
    }

    /// Removes what is of no use to anybody; see [`housekeeping::sweep`].
    pub fn sweep(&self, rules: &Rules, now_ns: i64) -> Result<Removed, RemovalError> {
        housekeeping::sweep(&mut Removal::start(&self.layout)?, rules, now_ns)
    }

    /// Rotates the journal, sweeps, evicts and syncs; see [`housekeeping::run`].
    pub fn housekeep(&self, rules: &Rules, now_ns: i64) -> Result<Housekept, RemovalError> {
        housekeeping::run(&self.layout, rules, now_ns)
    }

    /// Removes every entry, every blob and every record.
    pub fn clear(&self) -> Result<Removed, RemovalError> {
        housekeeping::clear(&self.layout)
    }

    /// Reads everything and reports what is damaged; see [`verify::verify`].
    pub fn verify(&self, repair: bool) -> Result<Verified, IoFailure> {
        verify::verify(&self.layout, repair)
    }
}
