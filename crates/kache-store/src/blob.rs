//! Content-addressed blob files.
//!
//! A blob lives at `blobs/<first hex digit>/<digest>` and its bytes never
//! change after publication. It may share its inode with an artifact in a
//! target directory, so somebody may write to it all the same; its tag then no
//! longer agrees, the bytes are hashed again, and damage is a miss.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_key::{BlobId, Digest};

use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::identity;
use crate::layout::Layout;
use crate::scan;
use crate::synced;

/// Why a blob cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The store does not have it.
    #[error("blob {id} is missing")]
    Missing {
        /// Which blob.
        id: BlobId,
    },
    /// Its bytes do not hash to its name; it has been moved to quarantine.
    #[error("blob {id} is corrupt")]
    Corrupt {
        /// Which blob.
        id: BlobId,
    },
    /// An output was written to while it was being stored.
    #[error("`{}` changed while it was being stored", path.display())]
    Changed {
        /// Which output.
        path: PathBuf,
    },
    /// The file system refused an operation.
    #[error(transparent)]
    Io(#[from] IoFailure),
}

/// How sure a reader wants to be of a blob's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A tag that agrees is enough; without one the bytes are hashed.
    Tag,
    /// The bytes are always hashed.
    Nothing,
}

/// A blob that was found sound.
#[derive(Debug)]
pub struct SoundBlob {
    /// Where it is.
    pub path: PathBuf,
    /// Its metadata, read while checking.
    pub metadata: Metadata,
}

/// Returns the digest of a file's bytes and their number. Reads the file once.
pub fn digest_file(path: &Path) -> Result<(Digest, u64), IoFailure> {
    File::open(path).and_then(|file| digest_of(&file)).map_err(IoFailure::on("read", path))
}

/// Returns the digest of an open file's bytes and their number.
pub(crate) fn digest_of(file: &File) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), hasher.count()))
}

/// Finds the blob `id` and makes sure of its bytes.
///
/// Two system calls where a tag vouches for it, one pass over the bytes where
/// none does.
///
/// # Errors
///
/// `Missing` if there is none; `Corrupt` if its bytes are others, in which
/// case it has been moved to quarantine, or if it does not have the size that
/// the caller expects.
pub fn check(
    layout: &Layout,
    id: BlobId,
    size_bytes: u64,
    trust: Trust,
) -> Result<SoundBlob, BlobError> {
    let path = layout.blob(id);
    let metadata = absent_is_none(fs::symlink_metadata(&path))
        .map_err(IoFailure::on("look at", &path))?
        .ok_or(BlobError::Missing { id })?;
    let has_size = metadata.is_file() && metadata.len() == size_bytes;
    if has_size && trust == Trust::Tag && is_vouched_for(layout, &path, id, &metadata) {
        return Ok(SoundBlob { path, metadata });
    }
    let actual = if metadata.is_file() { digest_if_there(&path, id)? } else { None };
    if actual != Some(id.0) {
        quarantine(layout, id, &metadata)?;
        return Err(BlobError::Corrupt { id });
    }
    // Only spares the next reader this pass; a file system without attributes is fine.
    drop(identity::tag(&path, id.0, &metadata));
    // The blob is right, so it is the caller who was told something wrong.
    if has_size { Ok(SoundBlob { path, metadata }) } else { Err(BlobError::Corrupt { id }) }
}

fn is_vouched_for(layout: &Layout, path: &Path, id: BlobId, metadata: &Metadata) -> bool {
    identity::read_tag(path, metadata).is_some_and(|tag| {
        tag.digest == id.0 && (tag.is_of_this_boot() || synced::holds(layout, &tag))
    })
}

fn digest_if_there(path: &Path, id: BlobId) -> Result<Option<Digest>, BlobError> {
    match digest_file(path) {
        Err(failure) if failure.is_absence() => Err(BlobError::Missing { id }),
        result => Ok(Some(result?.0)),
    }
}

/// Moves a damaged blob out of the way, so that the next store heals it.
///
/// `judged` is the metadata of the file that was found damaged: one that has
/// taken its place meanwhile stays.
pub(crate) fn quarantine(layout: &Layout, id: BlobId, judged: &Metadata) -> Result<(), IoFailure> {
    let path = layout.blob(id);
    let same = |now: Metadata| (now.dev(), now.ino()) == (judged.dev(), judged.ino());
    if !scan::look(&path)?.is_some_and(same) {
        return Ok(());
    }
    let target = layout.quarantine().join(id.to_string());
    let moved = fault::point("quarantine.rename").and_then(|()| {
        crate::staging::with_parent(&target, || match fs::rename(&path, &target) {
            // Both the blob and the directory may be what is missing.
            Err(error) if absent_is_none(fs::symlink_metadata(&path))?.is_none() => {
                drop(error);
                Ok(())
            }
            result => result,
        })
    });
    match moved {
        Ok(()) => Ok(()),
        Err(_) => absent_is_none(remove_any(&path))
            .map(|_| ())
            .map_err(IoFailure::on("remove the damaged", &path)),
    }
}

/// Removes a file, or a directory where a file should be.
pub(crate) fn remove_any(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path),
        result => result,
    }
}
