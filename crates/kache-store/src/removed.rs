//! Counting what is removed from the store.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::blob::remove_any;
use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::scan;

/// What was removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// Entries.
    pub entries: u64,
    /// Blobs.
    pub blobs: u64,
    /// Input records.
    pub records: u64,
    /// Everything else: leftovers, damaged and foreign files, old journals.
    pub other: u64,
    /// What the store no longer holds on to, in bytes.
    pub bytes: u64,
    /// The part of `bytes` that the file system got back; the rest lives on
    /// in target directories that share it.
    pub freed_bytes: u64,
    /// Entries that were planned to go and stay, because they were used since.
    pub used_since: u64,
    /// Removals that the file system refused.
    pub refused: u64,
    /// The first refusal.
    pub first_refusal: Option<IoFailure>,
}

impl Removed {
    /// Adds what another step removed.
    pub fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.blobs += other.blobs;
        self.records += other.records;
        self.other += other.other;
        self.bytes += other.bytes;
        self.freed_bytes += other.freed_bytes;
        self.used_since += other.used_since;
        self.refused += other.refused;
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
    }

    /// Counts a removal, or why it was refused. Returns whether it happened.
    pub(crate) fn count(&mut self, kind: Kind, removal: Result<Option<Gone>, IoFailure>) -> bool {
        match removal {
            Ok(gone) => {
                let Some(gone) = gone else { return true };
                *match kind {
                    Kind::Entry => &mut self.entries,
                    Kind::Blob => &mut self.blobs,
                    Kind::Record => &mut self.records,
                    Kind::Other => &mut self.other,
                } += 1;
                self.bytes += gone.bytes;
                self.freed_bytes += if gone.is_last_link { gone.bytes } else { 0 };
                true
            }
            Err(failure) => {
                self.refused += 1;
                self.first_refusal.get_or_insert(failure);
                false
            }
        }
    }
}

/// What kind of file is removed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Entry,
    Blob,
    Record,
    Other,
}

/// A file that has just been removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone {
    bytes: u64,
    is_last_link: bool,
}

/// Removes a file, passing the fault point `step`; `None` if it was gone already.
pub(crate) fn remove(path: &Path, step: Option<&'static str>) -> Result<Option<Gone>, IoFailure> {
    let Some(metadata) = scan::look(path)? else { return Ok(None) };
    step.map_or(Ok(()), fault::point)
        .and_then(|()| absent_is_none(remove_any(path)))
        .map_err(IoFailure::on("remove", path))?;
    Ok(Some(Gone {
        bytes: scan::occupied_bytes(&metadata),
        is_last_link: metadata.is_dir() || metadata.nlink() == 1,
    }))
}
