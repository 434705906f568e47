//! Putting a blob's bytes where a compiler would have written them.
//!
//! Tried in this order: a reflink; a hard link, if nothing else shares the
//! blob's inode; a copy. One inode has one mtime, and cargo compares mtimes
//! within a target directory, so an inode never serves two of them.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use kache_key::BlobId;
use rustix::fs::{CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use crate::blob::{self, BlobError, SoundBlob, Trust};
use crate::clone;
use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::identity;
use crate::layout::Layout;
use crate::staging::{create_new, with_parent};

/// How a file was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// By a reflink.
    Cloned,
    /// By a hard link to the blob.
    Linked,
    /// By copying the bytes.
    Copied,
}

/// A blob, and the file it is to become.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Which bytes.
    pub blob: BlobId,
    /// How many there are, by the manifest.
    pub size_bytes: u64,
    /// Permission bits of the file.
    pub mode: u32,
    /// Where the file goes; its directory is made if it is missing.
    pub target: &'a Path,
}

/// Puts a blob in place, with an mtime of now and a tag.
///
/// What was at the target is unlinked first, never written to.
///
/// # Errors
///
/// `Missing` and `Corrupt` make the entry a miss; the target may then be gone.
pub fn restore(layout: &Layout, wanted: &Wanted<'_>, trust: Trust) -> Result<Restored, BlobError> {
    let sound = blob::check(layout, wanted.blob, wanted.size_bytes, trust)?;
    unlink(wanted.target)?;
    if clone::may_work_at(&sound.path) && try_clone(&sound, wanted).is_ok() {
        return Ok(Restored::Cloned);
    }
    if sound.metadata.nlink() == 1 && try_link(&sound, wanted).unwrap_or(false) {
        return Ok(Restored::Linked);
    }
    copy(&sound, wanted)?;
    Ok(Restored::Copied)
}

/// Writes a small text in place of whatever was at `target`.
pub fn restore_text(target: &Path, text: &str) -> Result<(), IoFailure> {
    use std::io::Write as _;

    unlink(target)?;
    fault::point("restore.text")
        .and_then(|()| with_parent(target, || create_new(target, 0o666)))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(IoFailure::on("write", target))
}

fn unlink(target: &Path) -> Result<(), IoFailure> {
    fault::point("restore.unlink")
        .and_then(|()| absent_is_none(fs::remove_file(target)))
        .map(|_| ())
        .map_err(IoFailure::on("unlink", target))
}

fn try_clone(sound: &SoundBlob, wanted: &Wanted<'_>) -> io::Result<()> {
    fault::point("restore.clone")?;
    let source = File::open(&sound.path)?;
    let file = with_parent(wanted.target, || create_new(wanted.target, wanted.mode))?;
    if let Err(error) = clone::clone_into(&source, &file) {
        fs::remove_file(wanted.target)?;
        return Err(error);
    }
    finish(&file, wanted)
}

/// Returns whether the target is now a link to the blob that nobody else shares.
fn try_link(sound: &SoundBlob, wanted: &Wanted<'_>) -> io::Result<bool> {
    fault::point("restore.link")?;
    with_parent(wanted.target, || fs::hard_link(&sound.path, wanted.target))?;
    if fs::symlink_metadata(wanted.target)?.nlink() != 2 {
        // Another restore of this blob came between; both step back and copy.
        fs::remove_file(wanted.target)?;
        return Ok(false);
    }
    if sound.metadata.mode() & 0o777 != wanted.mode {
        fs::set_permissions(wanted.target, fs::Permissions::from_mode(wanted.mode))?;
    }
    fault::point("restore.touch")?;
    touch(wanted.target)?;
    tag_restored(wanted, &fs::symlink_metadata(wanted.target)?)?;
    Ok(true)
}

fn copy(sound: &SoundBlob, wanted: &Wanted<'_>) -> Result<(), BlobError> {
    // A link attempt that failed half-way may have left the name behind.
    unlink(wanted.target)?;
    let mut source = match File::open(&sound.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BlobError::Missing { id: wanted.blob });
        }
        result => result.map_err(IoFailure::on("open", &sound.path))?,
    };
    let copied = fault::point("restore.copy")
        .and_then(|()| with_parent(wanted.target, || create_new(wanted.target, wanted.mode)))
        .and_then(|mut file| {
            let length = io::copy(&mut source, &mut file)?;
            if length != wanted.size_bytes {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            finish(&file, wanted)
        });
    copied.map_err(IoFailure::on("copy to", wanted.target)).map_err(BlobError::from)
}

/// Gives a new file the wanted permissions, whatever the umask, and its tag.
fn finish(file: &File, wanted: &Wanted<'_>) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.mode() & 0o777 != wanted.mode {
        file.set_permissions(fs::Permissions::from_mode(wanted.mode))?;
    }
    tag_restored(wanted, &metadata)
}

/// Tags a restored file; one without a tag is hashed by its next reader.
fn tag_restored(wanted: &Wanted<'_>, metadata: &Metadata) -> io::Result<()> {
    fault::point("restore.tag")?;
    drop(identity::tag(wanted.target, wanted.blob.0, metadata));
    Ok(())
}

/// Sets a file's mtime to now, by the clock that file times come from.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
    };
    rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::empty())?;
    Ok(())
}
