//! Storing a compilation: blobs first, then the entry, then the record.
//!
//! Whoever finds a record finds its entry, and whoever finds an entry finds
//! its blobs. Killed at any point, a publisher leaves at most files that
//! nothing names, which the next sweep removes.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use kache_key::{BlobId, EntryKey, UnitId};

use crate::adopt::{self, Adopted};
use crate::blob::BlobError;
use crate::entry::{self, Manifest};
use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::record::{self, UnitRecords};
use crate::restore::Sharing;

/// Removing things takes the lock for a few milliseconds at a time; a process
/// that was stopped while it held it must not stop builds.
const PATIENCE: Duration = Duration::from_secs(5);

/// One publication under way.
///
/// It holds the publishers' shared lock, so that eviction cannot remove a blob
/// between "this blob exists" and "my entry names it".
#[derive(Debug)]
pub struct Publisher<'a> {
    layout: &'a Layout,
    /// Absent where the file system has no locks; eviction then refuses to run.
    _lock: Option<FileLock>,
}

impl<'a> Publisher<'a> {
    /// Takes the lock; `TimedOut` if whoever removes things does not come to an end.
    pub(crate) fn start(layout: &'a Layout) -> Result<Self, IoFailure> {
        let lock = match FileLock::shared(&layout.publish_lock(), PATIENCE) {
            Err(failure) if failure.source.kind() == io::ErrorKind::TimedOut => {
                return Err(failure);
            }
            lock => lock.ok(),
        };
        Ok(Self { layout, _lock: lock })
    }

    /// Takes one output file in; see [`adopt::adopt`].
    pub fn adopt(
        &self,
        output: &Path,
        id: BlobId,
        metadata: &Metadata,
        sharing: Sharing,
    ) -> Result<Adopted, BlobError> {
        adopt::adopt(self.layout, output, id, metadata, sharing)
    }

    /// Publishes the entry and what its unit read. All its blobs must have been
    /// adopted, or seen, by this publisher.
    pub fn finish(
        &self,
        key: EntryKey,
        manifest: &Manifest,
        unit: UnitId,
        records: &UnitRecords,
    ) -> Result<(), IoFailure> {
        self.announce(key)?;
        entry::write(self.layout, key, manifest)?;
        record::write(self.layout, unit, records)
    }

    /// Returns whether the store has all blobs of `manifest`. They will not go
    /// while this publisher is there, if an entry is published that names them.
    pub fn has_blobs(&self, manifest: &Manifest) -> bool {
        manifest.outputs.iter().all(|output| self.layout.blob(output.blob).is_file())
    }

    /// Tells whoever is removing things about the entry; see [`crate::sweep`].
    fn announce(&self, key: EntryKey) -> Result<(), IoFailure> {
        let path = self.layout.published();
        let line = format!("{key}\n");
        fault::point("publish.announce")
            .and_then(|()| absent_is_none(OpenOptions::new().append(true).open(&path)))
            .and_then(|file| file.map_or(Ok(()), |mut file| file.write_all(line.as_bytes())))
            .map_err(IoFailure::on("append to", &path))
    }
}
