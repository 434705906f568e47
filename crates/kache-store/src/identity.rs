//! Cheap evidence that a file still has the contents it had.
//!
//! Two kinds: a [`FileStamp`], kept in a record, for files that others write;
//! and a *tag*, an extended attribute that the store writes on files it knows
//! the digest of. A tag holds the digest with the file's mtime and size, and
//! counts only while both still agree, so a write by `strip` or a linker
//! takes it away without anybody's help.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use kache_key::Digest;
use kache_key::input::FileStamp;
use rustix::fs::XattrFlags;

use crate::clock;

/// The extended attribute that holds a tag.
pub const TAG_NAME: &str = "user.kache.id";

/// Returns the stamp of a file whose metadata was just read.
pub fn stamp_of(metadata: &Metadata) -> FileStamp {
    FileStamp {
        dev: metadata.dev(),
        ino: metadata.ino(),
        size: metadata.size(),
        mtime_ns: mtime_ns(metadata),
        ctime_ns: metadata
            .ctime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.ctime_nsec()),
        taken_ns: clock::now_ns(),
    }
}

/// Returns a file's mtime in nanoseconds since the Unix epoch.
pub fn mtime_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

/// Returns the digest that `path`'s tag claims, if the tag still agrees with
/// `metadata`. One system call; no tag, no support and garbage are `None`.
pub fn tagged_digest(path: &Path, metadata: &Metadata) -> Option<Digest> {
    let mut buffer = [0_u8; 128];
    let length = rustix::fs::getxattr(path, TAG_NAME, &mut buffer[..]).ok()?;
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    let (digest, rest) = text.split_once(' ')?;
    (rest == tag_suffix(metadata)).then(|| digest.parse().ok()).flatten()
}

/// Tags `path`, whose metadata was just read, with `digest`.
///
/// # Errors
///
/// Whatever the file system says; "not supported" among it. Callers go on
/// without a tag: the next reader hashes the bytes instead.
pub fn tag(path: &Path, digest: Digest, metadata: &Metadata) -> io::Result<()> {
    let text = format!("{digest} {}", tag_suffix(metadata));
    rustix::fs::setxattr(path, TAG_NAME, text.as_bytes(), XattrFlags::empty())?;
    Ok(())
}

fn tag_suffix(metadata: &Metadata) -> String {
    format!("{} {}", mtime_ns(metadata), metadata.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_until_the_file_is_written() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("artifact");
        std::fs::write(&path, "one")?;
        let before = std::fs::metadata(&path)?;
        tag(&path, Digest::of(b"one"), &before)?;
        assert_eq!(tagged_digest(&path, &std::fs::metadata(&path)?), Some(Digest::of(b"one")));

        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&path, "two")?;
        assert_eq!(tagged_digest(&path, &std::fs::metadata(&path)?), None, "same size, new mtime");
        Ok(())
    }

    #[test]
    fn garbage_in_a_tag_is_no_tag() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("artifact");
        std::fs::write(&path, "one")?;
        for garbage in [&b""[..], b"zz 1 2", &[0xff; 40], &[b'a'; 127]] {
            rustix::fs::setxattr(&path, TAG_NAME, garbage, XattrFlags::empty())?;
            assert_eq!(tagged_digest(&path, &std::fs::metadata(&path)?), None);
        }
        Ok(())
    }
}
