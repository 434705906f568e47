//! Every path of the store, in one place.
//!
//! ```text
//! <root>/v1/blobs/a/<digest>         one file per distinct content
//!           entries/a/<EntryKey>     manifest of one entry (JSON)
//!           records/a/<UnitId>       what the unit read (JSON)
//!           toolchains/<digest>      memoised identities of compilers and linkers
//!           digests                  digests of files that many units read, by stamp
//!           locks/                   one flock per unit being built, where there is no place for
//!                                    it in memory; `publish`, `housekeeping`, `journal`;
//!                                    `published` while something is removed
//!           observers/<digest>.so    libraries that see what a process reads
//!           shims/<digest>/          what stands before the C compilers of build scripts
//!           staging/                 files on their way to a final name
//!           quarantine/              damaged blobs, kept for inspection until the next sweep
//!           events.jsonl             one line per invocation
//!           kache.log                failures and, if configured, decisions
//!           events-<time>.jsonl      earlier events, moved aside
//!           kache-<time>.log         earlier lines of the log, moved aside
//!           index.redb               derived from all of this; may be deleted
//!           synced                   boots whose files are known to be on disk
//!           housekept                its mtime is the time of the last housekeeping
//! ```

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kache_key::{BlobId, Digest, EntryKey, UnitId};

/// The format version, which names the directory below the store's root.
pub const FORMAT_DIR: &str = "v1";

/// By how many digits of their names blobs, entries and records are spread over
/// directories. To make a directory costs as much as to make several files, and a new
/// store has to make them all.
const SHARD_DIGITS: usize = 1;

/// Computes the paths of one store. Touches nothing.
#[derive(Clone, Debug)]
pub struct Layout {
    base: PathBuf,
}

impl Layout {
    /// The layout of the store below `root`, the configured cache directory.
    pub fn at(root: &Path) -> Self {
        Self { base: root.join(FORMAT_DIR) }
    }

    /// `<root>/v1`.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The directory of all blobs.
    pub fn blobs(&self) -> PathBuf {
        self.base.join("blobs")
    }

    /// The directory of all entries.
    pub fn entries(&self) -> PathBuf {
        self.base.join("entries")
    }

    /// The directory of all input records.
    pub fn records(&self) -> PathBuf {
        self.base.join("records")
    }

    /// The file of one blob.
    pub fn blob(&self, id: BlobId) -> PathBuf {
        self.sharded("blobs", id.0)
    }

    /// The file of one entry.
    pub fn entry(&self, key: EntryKey) -> PathBuf {
        self.sharded("entries", key.0)
    }

    /// The file of one unit's input records.
    pub fn record(&self, unit: UnitId) -> PathBuf {
        self.sharded("records", unit.0)
    }

    /// The file of one memoised identity or query answer.
    pub fn toolchain(&self, id: Digest) -> PathBuf {
        self.base.join("toolchains").join(id.to_string())
    }

    /// The directory of memoised identities and query answers.
    pub fn toolchains(&self) -> PathBuf {
        self.base.join("toolchains")
    }

    /// Digests of files that many units read.
    pub fn known_digests(&self) -> PathBuf {
        self.base.join("digests")
    }

    /// The lock file of one unit, where there is no place for it in memory.
    pub fn unit_lock(&self, unit: UnitId) -> PathBuf {
        self.base.join("locks").join(unit.to_string())
    }

    /// The lock shared by publishers and taken exclusively by eviction.
    pub fn publish_lock(&self) -> PathBuf {
        self.base.join("locks/publish")
    }

    /// The lock held while the journal or the log is rotated.
    pub fn journal_lock(&self) -> PathBuf {
        self.base.join("locks/journal")
    }

    /// The lock held while housekeeping runs.
    pub fn housekeeping_lock(&self) -> PathBuf {
        self.base.join("locks/housekeeping")
    }

    /// The lock held while the index is opened or made anew.
    pub fn index_lock(&self) -> PathBuf {
        self.base.join("locks/index")
    }

    /// Keys of entries published while something is being removed; see [`crate::sweep`].
    pub fn published(&self) -> PathBuf {
        self.base.join("locks/published")
    }

    /// The file whose mtime is the time of the last housekeeping.
    pub fn housekept(&self) -> PathBuf {
        self.base.join("housekept")
    }

    /// The directory of lock files.
    pub fn locks(&self) -> PathBuf {
        self.base.join("locks")
    }

    /// The directory of libraries that are loaded into what is observed.
    pub fn observers(&self) -> PathBuf {
        self.base.join("observers")
    }

    /// Directories of what stands before the C compilers of build scripts.
    pub fn shims(&self) -> PathBuf {
        self.base.join("shims")
    }

    /// Where files wait for their final name.
    pub fn staging(&self) -> PathBuf {
        self.base.join("staging")
    }

    /// Where damaged blobs go.
    pub fn quarantine(&self) -> PathBuf {
        self.base.join("quarantine")
    }

    /// The event journal.
    pub fn journal(&self) -> PathBuf {
        self.base.join("events.jsonl")
    }

    /// The log of failures and, if asked for, decisions.
    pub fn log(&self) -> PathBuf {
        self.base.join("kache.log")
    }

    /// The derived index.
    pub fn index(&self) -> PathBuf {
        self.base.join("index.redb")
    }

    /// Which boots have been synced to disk.
    pub fn synced(&self) -> PathBuf {
        self.base.join("synced")
    }

    /// Returns whether `name` is that of a directory into which blobs, entries or records
    /// are spread.
    pub fn is_shard(name: &OsStr) -> bool {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        name.len() == SHARD_DIGITS && name.as_encoded_bytes().iter().all(is_digit)
    }

    fn sharded(&self, directory: &str, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        let shard = name.get(..SHARD_DIGITS).expect("a digest has 64 digits").to_owned();
        self.base.join(directory).join(shard).join(name)
    }
}
