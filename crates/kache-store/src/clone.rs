//! Copies that share their bytes with the original (reflinks).

use std::fs::File;
use std::io;
use std::path::Path;

/// Returns whether the file system that holds `path` may be able to clone files.
///
/// Asking costs one system call and spares file systems that cannot (ext4,
/// tmpfs) a created and removed file for every artifact.
#[cfg(target_os = "linux")]
pub(crate) fn may_work_at(path: &Path) -> bool {
    /// `f_type` values from linux/magic.h and the file systems' own headers.
    const CANNOT: [u64; 5] = [
        0xEF53,      // ext2, ext3, ext4
        0x0102_1994, // tmpfs
        0x2011_BAB0, // exfat
        0x4d44,      // vfat
        0x6573_5546, // fuse
    ];
    // A test wants to pass the points of a clone wherever it runs.
    cfg!(feature = "faults")
        || rustix::fs::statfs(path)
            .is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|t| !CANNOT.contains(&t)))
}

/// Returns whether the file system that holds `path` may be able to clone files.
#[cfg(not(target_os = "linux"))]
pub(crate) fn may_work_at(_path: &Path) -> bool {
    false
}

/// Makes the empty file `to` share the bytes of `from`.
///
/// # Errors
///
/// `Unsupported`, `CrossesDevices` and their like where the file system cannot.
#[cfg(target_os = "linux")]
pub(crate) fn clone_into(from: &File, to: &File) -> io::Result<()> {
    rustix::fs::ioctl_ficlone(to, from)?;
    Ok(())
}

/// Makes the empty file `to` share the bytes of `from`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn clone_into(_from: &File, _to: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
