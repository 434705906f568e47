//! Reading everything in the store to see whether it is as it should be.
//!
//! Nothing here keeps others out: a file that goes away meanwhile is not
//! damage, and removing one that was healed meanwhile costs a miss.

use std::path::{Path, PathBuf};

use kache_key::{BlobId, EntryKey};

use crate::blob;
use crate::entry::Manifest;
use crate::failure::IoFailure;
use crate::layout::Layout;
use crate::record;
use crate::removed::remove;
use crate::scan::{self, Found};

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: DamageKind,
    /// Whether it has been taken out of the way.
    pub repaired: bool,
}

/// What can be wrong with a file of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// A blob's bytes do not hash to its name.
    Corrupt,
    /// A blob is not a file.
    NotAFile,
    /// An entry is no manifest of this version.
    UnreadableEntry,
    /// An entry names a blob that is not there or has another size.
    DanglingEntry {
        /// Which blob.
        blob: BlobId,
    },
    /// A record file holds no records of this version.
    UnreadableRecord,
    /// The name means nothing in the store.
    Foreign,
}

/// What a verification read and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were read.
    pub entries: u64,
    /// How many blobs were hashed.
    pub blobs: u64,
    /// How many bytes were hashed.
    pub bytes: u64,
    /// How many record files were read.
    pub records: u64,
    /// What is damaged; empty for a sound store.
    pub damage: Vec<Damage>,
}

impl Verified {
    /// Returns whether nothing damaged is left in the store.
    pub fn is_sound(&self) -> bool {
        self.damage.iter().all(|damage| damage.repaired)
    }
}

/// Hashes every blob, then parses every entry and every record file.
///
/// With `repair`, damaged blobs go to quarantine, other damaged files are
/// removed, so that every later lookup is a plain miss. Memory: one entry, and
/// the list of damage.
pub fn verify(layout: &Layout, repair: bool) -> Result<Verified, IoFailure> {
    let mut verified = Verified::default();
    let mut reader = Reader { layout, repair, verified: &mut verified };
    scan::walk(&layout.blobs(), &mut |found| reader.blob(&found))?;
    scan::walk(&layout.entries(), &mut |found| reader.entry(&found))?;
    scan::walk(&layout.records(), &mut |found| reader.record(&found))?;
    Ok(verified)
}

struct Reader<'a> {
    layout: &'a Layout,
    repair: bool,
    verified: &'a mut Verified,
}

impl Reader<'_> {
    fn blob(&mut self, found: &Found) -> Result<(), IoFailure> {
        let Some(digest) = found.digest else {
            return self.remove(&found.path, DamageKind::Foreign);
        };
        let kind = if found.metadata.is_file() {
            let actual = match blob::digest_file(&found.path) {
                Err(failure) if failure.is_absence() => return Ok(()),
                result => result?,
            };
            self.verified.blobs += 1;
            self.verified.bytes += actual.1;
            if actual.0 == digest {
                return Ok(());
            }
            DamageKind::Corrupt
        } else {
            DamageKind::NotAFile
        };
        if self.repair {
            blob::quarantine(self.layout, BlobId(digest), &found.metadata)?;
        }
        self.note(&found.path, kind);
        Ok(())
    }

    fn entry(&mut self, found: &Found) -> Result<(), IoFailure> {
        let Some(digest) = found.digest else {
            return self.remove(&found.path, DamageKind::Foreign);
        };
        self.verified.entries += 1;
        let Some(manifest) = scan::read_entry(found) else {
            if scan::look(&found.path)?.is_none() {
                return Ok(());
            }
            return self.remove(&found.path, DamageKind::UnreadableEntry);
        };
        let Some(blob) = self.missing_blob(&manifest)? else { return Ok(()) };
        // An eviction removes the entry before its blobs.
        if scan::look(&self.layout.entry(EntryKey(digest)))?.is_none() {
            return Ok(());
        }
        self.remove(&found.path, DamageKind::DanglingEntry { blob })
    }

    fn missing_blob(&self, manifest: &Manifest) -> Result<Option<BlobId>, IoFailure> {
        for output in &manifest.outputs {
            let metadata = scan::look(&self.layout.blob(output.blob))?;
            if metadata.is_none_or(|metadata| metadata.len() != output.size) {
                return Ok(Some(output.blob));
            }
        }
        Ok(None)
    }

    fn record(&mut self, found: &Found) -> Result<(), IoFailure> {
        if found.digest.is_none() {
            return self.remove(&found.path, DamageKind::Foreign);
        }
        self.verified.records += 1;
        match std::fs::read(&found.path) {
            Ok(bytes) if record::parse(&bytes).is_some() => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            _ => self.remove(&found.path, DamageKind::UnreadableRecord),
        }
    }

    fn remove(&mut self, path: &Path, kind: DamageKind) -> Result<(), IoFailure> {
        if self.repair {
            remove(path, None)?;
        }
        self.note(path, kind);
        Ok(())
    }

    fn note(&mut self, path: &Path, kind: DamageKind) {
        let damage = Damage { path: path.to_owned(), kind, repaired: self.repair };
        self.verified.damage.push(damage);
    }
}
