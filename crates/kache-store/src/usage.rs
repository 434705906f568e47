//! What the store occupies on disk.

use std::path::Path;

use crate::failure::IoFailure;
use crate::journal;
use crate::layout::Layout;
use crate::scan::{self, occupied_bytes};

/// Files and what they occupy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// What they occupy on disk, in bytes.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What a store occupies, by kind of file. Blobs and entries are what the
/// configured cap is about; see [`crate::retention`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Entry files.
    pub entries: Amount,
    /// Blobs, each counted once.
    pub blobs: Amount,
    /// The blobs among them whose inode a target directory shares.
    pub shared_blobs: Amount,
    /// Input records.
    pub records: Amount,
    /// Journals, also those moved aside.
    pub journals: Amount,
    /// Damaged blobs.
    pub quarantine: Amount,
    /// Files on their way to a final name, or left behind on it.
    pub staging: Amount,
}

impl Usage {
    /// Returns what counts against the configured cap, in bytes.
    pub fn capped_bytes(&self) -> u64 {
        self.entries.bytes + self.blobs.bytes
    }
}

/// Measures the store. Looks at every file in it once and reads none.
pub fn measure(layout: &Layout) -> Result<Usage, IoFailure> {
    let mut usage = Usage::default();
    scan::walk(&layout.entries(), &mut |found| {
        usage.entries.add(occupied_bytes(&found.metadata));
        Ok(())
    })?;
    scan::walk(&layout.blobs(), &mut |found| {
        use std::os::unix::fs::MetadataExt as _;

        let bytes = occupied_bytes(&found.metadata);
        usage.blobs.add(bytes);
        if found.metadata.nlink() > 1 {
            usage.shared_blobs.add(bytes);
        }
        Ok(())
    })?;
    scan::walk(&layout.records(), &mut |found| {
        usage.records.add(occupied_bytes(&found.metadata));
        Ok(())
    })?;
    for path in journal::files(layout)? {
        add_file(&mut usage.journals, &path)?;
    }
    for path in scan::list(&layout.quarantine())? {
        add_file(&mut usage.quarantine, &path)?;
    }
    for path in scan::list(&layout.staging())? {
        add_file(&mut usage.staging, &path)?;
    }
    Ok(usage)
}

fn add_file(amount: &mut Amount, path: &Path) -> Result<(), IoFailure> {
    if let Some(metadata) = scan::look(path)? {
        amount.add(occupied_bytes(&metadata));
    }
    Ok(())
}
