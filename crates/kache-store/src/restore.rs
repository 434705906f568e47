//! Putting a blob's bytes where a compiler would have written them.
//!
//! Tried in this order: a reflink; a hard link, as far as the [sharing](Sharing)
//! of inodes allows; a copy.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use kache_key::BlobId;
use rustix::fs::{CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use crate::blob::{self, BlobError, SoundBlob, Trust};
use crate::clock;
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
    /// With whom the target may share its inode.
    pub sharing: Sharing,
}

/// Who may share the inode of a blob, where bytes cannot be shared by reflink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody: whoever made such a file likes to change it in place later.
    Never,
    /// One file at a time. One inode has one mtime, and cargo compares mtimes
    /// within a target directory, so an inode never serves two of them.
    OneFile,
    /// Any number of files: nobody goes by their mtime, because another output
    /// of the same unit has one of now. It stays as it is.
    AnyFile,
}

impl Wanted<'_> {
    /// The permission bits proper: no artifact is set-user-id.
    fn permissions(&self) -> u32 {
        self.mode & 0o777
    }
}

/// Puts a blob in place, with a tag and, unless any file may share it, an mtime of now.
///
/// What was at the target is unlinked first, never written to.
///
/// # Errors
///
/// Every error makes the entry a miss; nothing is left at the target then.
pub fn restore(layout: &Layout, wanted: &Wanted<'_>, trust: Trust) -> Result<Restored, BlobError> {
    // First: what is in the way is often a link to this very blob, and then in
    // the way of linking it again.
    unlink(wanted.target)?;
    let sound = blob::check(layout, wanted.blob, wanted.size_bytes, trust)?;
    let restored = put_in_place(&sound, wanted);
    if restored.is_err() {
        // Half a file would be newer than what cargo compares it with.
        drop(fs::remove_file(wanted.target));
    }
    restored
}

fn put_in_place(sound: &SoundBlob, wanted: &Wanted<'_>) -> Result<Restored, BlobError> {
    if clone::may_work_at(&sound.path) {
        if try_clone(sound, wanted).is_ok() {
            return Ok(Restored::Cloned);
        }
        // Where cloning does not work, an empty file may be in a link's way.
        drop(fs::remove_file(wanted.target));
    }
    let is_linked = match wanted.sharing {
        Sharing::Never => false,
        Sharing::OneFile => sound.metadata.nlink() == 1 && try_link(sound, wanted).unwrap_or(false),
        Sharing::AnyFile => try_share(sound, wanted),
    };
    if is_linked {
        return Ok(Restored::Linked);
    }
    copy(sound, wanted)?;
    Ok(Restored::Copied)
}

/// Writes a small text in place of whatever was at `target`.
pub fn restore_text(target: &Path, text: &str) -> Result<(), IoFailure> {
    use std::io::Write as _;

    unlink(target)?;
    let mut file = with_parent(target, || create_new(target, 0o666))
        .map_err(IoFailure::on("create", target))?;
    let written = fault::point("restore.text").and_then(|()| file.write_all(text.as_bytes()));
    if written.is_err() {
        drop(fs::remove_file(target));
    }
    written.map_err(IoFailure::on("write", target))
}

fn unlink(target: &Path) -> Result<(), IoFailure> {
    fault::point("restore.unlink")
        .and_then(|()| absent_is_none(fs::remove_file(target)))
        .map(|_| ())
        .map_err(IoFailure::on("unlink", target))
}

fn try_clone(sound: &SoundBlob, wanted: &Wanted<'_>) -> Result<(), BlobError> {
    let failed = |error| BlobError::from(IoFailure::on("clone to", wanted.target)(error));
    fault::point("restore.clone").map_err(failed)?;
    let source = File::open(&sound.path).map_err(failed)?;
    let file = create(wanted).map_err(failed)?;
    clone::clone_into(&source, &file).map_err(failed)?;
    check_unchanged(sound, &source, wanted)?;
    finish(&file, wanted).map_err(failed)
}

/// Returns whether the target is now a link to the blob, as others may be.
fn try_share(sound: &SoundBlob, wanted: &Wanted<'_>) -> bool {
    let is_of_the_future = identity::mtime_ns(&sound.metadata) > clock::now_ns();
    if is_of_the_future || sound.metadata.mode() & 0o777 != wanted.permissions() {
        return false;
    }
    let link = || with_parent(wanted.target, || fs::hard_link(&sound.path, wanted.target));
    if fault::point("restore.link").and_then(|()| link()).is_err() {
        return false;
    }
    // The blob's own tag is the target's too; it may be of an earlier boot.
    tag_restored(wanted, &sound.metadata);
    true
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
    fault::point("restore.touch")?;
    touch(wanted.target)?;
    tag_restored(wanted, &fs::symlink_metadata(wanted.target)?);
    if sound.metadata.mode() & 0o777 != wanted.permissions() {
        let permissions = fs::Permissions::from_mode(wanted.permissions());
        without_permissions_is_fine(fs::set_permissions(wanted.target, permissions))?;
    }
    Ok(true)
}

fn copy(sound: &SoundBlob, wanted: &Wanted<'_>) -> Result<(), BlobError> {
    // An attempt to clone or link that failed half-way may have left the name behind.
    unlink(wanted.target)?;
    let mut source = match File::open(&sound.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BlobError::Missing { id: wanted.blob });
        }
        result => result.map_err(IoFailure::on("open", &sound.path))?,
    };
    let failed = |error| BlobError::from(IoFailure::on("copy to", wanted.target)(error));
    let mut file = create(wanted).map_err(failed)?;
    let length = fault::point("restore.copy")
        .and_then(|()| io::copy(&mut source, &mut file))
        .map_err(failed)?;
    if length != wanted.size_bytes {
        return Err(BlobError::Corrupt { id: wanted.blob });
    }
    check_unchanged(sound, &source, wanted)?;
    finish(&file, wanted).map_err(failed)
}

/// Makes sure of what was read from a blob that a target directory shares:
/// somebody may have written to it meanwhile.
fn check_unchanged(sound: &SoundBlob, source: &File, wanted: &Wanted<'_>) -> Result<(), BlobError> {
    let now = source.metadata().map_err(IoFailure::on("look at", &sound.path))?;
    let seen = |metadata: &Metadata| {
        (metadata.dev(), metadata.ino(), metadata.size(), identity::mtime_ns(metadata))
    };
    if seen(&now) == seen(&sound.metadata) {
        return Ok(());
    }
    // Most often another restore has only set the time.
    let (digest, _) = blob::digest_file(wanted.target)?;
    if digest == wanted.blob.0 { Ok(()) } else { Err(BlobError::Corrupt { id: wanted.blob }) }
}

/// Creates the target; its owner may write until [`finish`] sets the wanted permissions.
fn create(wanted: &Wanted<'_>) -> io::Result<File> {
    let mode = wanted.permissions() | 0o200;
    with_parent(wanted.target, || create_new(wanted.target, mode))
}

/// Gives a new file its tag and the wanted permissions, whatever the umask.
fn finish(file: &File, wanted: &Wanted<'_>) -> io::Result<()> {
    let metadata = file.metadata()?;
    tag_restored(wanted, &metadata);
    if metadata.mode() & 0o777 != wanted.permissions() {
        let permissions = fs::Permissions::from_mode(wanted.permissions());
        without_permissions_is_fine(file.set_permissions(permissions))?;
    }
    Ok(())
}

/// Passes over the refusal of a file system on which all files have the same
/// permissions: a compiler would have got no others there.
fn without_permissions_is_fine(changed: io::Result<()>) -> io::Result<()> {
    match changed {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Tags a restored file; one without a tag is hashed by its next reader.
fn tag_restored(wanted: &Wanted<'_>, metadata: &Metadata) {
    let tag = || identity::tag(wanted.target, wanted.blob.0, metadata);
    drop(fault::point("restore.tag").and_then(|()| tag()));
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
