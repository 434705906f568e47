//! Walking the store: every file below a sharded directory, and the whole
//! store as one inventory.
//!
//! Names that are not digests, and shards that are not directories, are
//! reported as foreign; nothing here fails because of what others left in the
//! store. A walk takes no lock, so files may come and go while it runs.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_key::{BlobId, Digest, EntryKey, UnitId};

use crate::entry::{self, Manifest};
use crate::failure::{IoFailure, absent_is_none};
use crate::identity;
use crate::layout::Layout;

/// One file found below a sharded directory.
#[derive(Debug)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its name as a digest; `None` for a foreign file.
    pub digest: Option<Digest>,
    /// Its metadata; a symbolic link is not followed.
    pub metadata: Metadata,
}

/// One entry: what it names, how large it is and when it was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryUse {
    /// Its key.
    pub key: EntryKey,
    /// The unit it is a result of.
    pub unit: UnitId,
    /// When it was last used, in nanoseconds since the Unix epoch.
    pub last_use_ns: i64,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// What its own file occupies, in bytes.
    pub file_bytes: u64,
    /// The blobs it names, each once.
    pub blobs: Vec<BlobId>,
}

/// One blob's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobFile {
    /// What it occupies on disk, in bytes.
    pub bytes: u64,
    /// How many names its inode has; more than one where a target directory shares it.
    pub links: u64,
}

/// Every entry and every blob of a store at about one moment.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The entries that can be read.
    pub entries: Vec<EntryUse>,
    /// The blobs that are there.
    pub blobs: HashMap<BlobId, BlobFile>,
    /// Entry files that are no manifest of this version.
    pub unreadable: Vec<PathBuf>,
    /// Files and directories whose name is not a digest, below entries and blobs.
    pub foreign: Vec<PathBuf>,
}

impl Inventory {
    /// Walks the store. Reads every entry and looks at every blob; about 40
    /// microseconds for each entry and 160 bytes of memory for each of both.
    pub fn take(layout: &Layout) -> Result<Self, IoFailure> {
        let mut inventory = Self::default();
        walk(&layout.entries(), &mut |found| {
            inventory.add_entry(found);
            Ok(())
        })?;
        walk(&layout.blobs(), &mut |found| {
            inventory.add_blob(found);
            Ok(())
        })?;
        Ok(inventory)
    }

    /// Returns what all readable entries and all blobs occupy, in bytes.
    ///
    /// A blob counts once however many entries name it, and in full however
    /// many target directories share its inode.
    pub fn total_bytes(&self) -> u64 {
        let entries: u64 = self.entries.iter().map(|entry| entry.file_bytes).sum();
        entries + self.blobs.values().map(|blob| blob.bytes).sum::<u64>()
    }

    fn add_entry(&mut self, found: Found) {
        let Some(digest) = found.digest else { return self.foreign.push(found.path) };
        if let Some(manifest) = read_entry(&found) {
            self.entries.push(entry_use(EntryKey(digest), &manifest, &found.metadata));
        } else {
            self.unreadable.push(found.path);
        }
    }

    fn add_blob(&mut self, found: Found) {
        let Some(digest) = found.digest else { return self.foreign.push(found.path) };
        if !found.metadata.is_file() {
            return self.foreign.push(found.path);
        }
        let links = found.metadata.nlink();
        let bytes = occupied_bytes(&found.metadata);
        self.blobs.insert(BlobId(digest), BlobFile { bytes, links });
    }
}

/// Returns the manifest in an entry file, or `None` if there is none to be read.
///
/// Unlike a hit, this does not count as a use of the entry.
pub(crate) fn read_entry(found: &Found) -> Option<Manifest> {
    entry::read_file(&found.path).ok().flatten().map(|(manifest, _)| manifest)
}

/// Returns what matters for eviction about one entry.
pub(crate) fn entry_use(key: EntryKey, manifest: &Manifest, metadata: &Metadata) -> EntryUse {
    let mut blobs: Vec<BlobId> = manifest.outputs.iter().map(|output| output.blob).collect();
    blobs.sort_unstable();
    blobs.dedup();
    EntryUse {
        key,
        unit: manifest.unit,
        last_use_ns: identity::mtime_ns(metadata),
        created_ns: manifest.created_ns,
        file_bytes: occupied_bytes(metadata),
        blobs,
    }
}

/// Calls `each` with the key, the manifest and the last use of every readable entry.
///
/// One entry is in memory at a time.
pub fn entries(
    layout: &Layout,
    mut each: impl FnMut(EntryKey, Manifest, i64),
) -> Result<(), IoFailure> {
    walk(&layout.entries(), &mut |found| {
        if let (Some(digest), Some(manifest)) = (found.digest, read_entry(&found)) {
            each(EntryKey(digest), manifest, identity::mtime_ns(&found.metadata));
        }
        Ok(())
    })
}

/// Calls `each` with every file below the shards of `dir`; a missing `dir` is empty.
pub(crate) fn walk(
    dir: &Path,
    each: &mut dyn FnMut(Found) -> Result<(), IoFailure>,
) -> Result<(), IoFailure> {
    for shard in list(dir)? {
        let Some(metadata) = look(&shard)? else { continue };
        if !metadata.is_dir() || !shard.file_name().is_some_and(Layout::is_shard) {
            each(Found { path: shard, digest: None, metadata })?;
            continue;
        }
        for path in list(&shard)? {
            let Some(metadata) = look(&path)? else { continue };
            each(Found { digest: name_digest(&path), path, metadata })?;
        }
    }
    Ok(())
}

/// Returns the paths in a directory in the order of their names; a missing one is empty.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, IoFailure> {
    let listed = absent_is_none(fs::read_dir(dir)).and_then(|entries| {
        entries.into_iter().flatten().map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()
    });
    let mut paths = listed.map_err(IoFailure::on("list", dir))?;
    paths.sort_unstable();
    Ok(paths)
}

/// Returns a path's own metadata, or `None` if it has gone meanwhile.
pub(crate) fn look(path: &Path) -> Result<Option<Metadata>, IoFailure> {
    absent_is_none(fs::symlink_metadata(path)).map_err(IoFailure::on("look at", path))
}

/// Returns what a file occupies on disk, in bytes: holes are free.
pub(crate) fn occupied_bytes(metadata: &Metadata) -> u64 {
    metadata.blocks().saturating_mul(512)
}

/// Returns the digest that a file is named by, if it stands in that digest's shard.
fn name_digest(path: &Path) -> Option<Digest> {
    let name = path.file_name()?.to_str()?;
    let shard = path.parent()?.file_name()?.to_str()?;
    if name.starts_with(shard) { name.parse().ok() } else { None }
}
