//! Cheap evidence that a file still has the contents it had.
//!
//! Two kinds: a [`FileStamp`], kept in a record, for files that others write;
//! and a *tag*, an extended attribute that the store writes on files it knows
//! the digest of. A tag holds the digest with the file's mtime and size, and
//! counts only while both still agree, so a write by `strip` or a linker
//! takes it away without anybody's help. It also holds the boot during which
//! it was written: after a power cut the tag may be on disk and the bytes not.

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

/// What a tag says: the file's digest, and since when.
///
/// On disk it is 61 bytes, so that it fits beside the inode in ext4: a version
/// byte, then these fields in order with mtime and size, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The digest of the file's bytes.
    pub(crate) digest: Digest,
    /// The first bytes of the digest of the boot's identifier.
    boot: [u8; 8],
    /// When the tag was written, in seconds since the boot began.
    pub(crate) up_s: u32,
}

/// The format of a tag; any other is no tag.
const TAG_VERSION: u8 = 1;

const TAG_BYTES: usize = 1 + 32 + 8 + 8 + 8 + 4;

impl Tag {
    fn now(digest: Digest) -> Self {
        Self { digest, boot: boot_mark(clock::boot_id()), up_s: clock::up_s() }
    }

    /// Returns whether the tag was written since the machine was started.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        !clock::boot_id().is_empty() && self.is_of_boot(clock::boot_id())
    }

    /// Returns whether the tag was written during the boot called `boot`.
    pub(crate) fn is_of_boot(&self, boot: &str) -> bool {
        self.boot == boot_mark(boot)
    }

    fn to_bytes(self, metadata: &Metadata) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TAG_BYTES);
        bytes.push(TAG_VERSION);
        bytes.extend_from_slice(self.digest.as_bytes());
        bytes.extend_from_slice(&self.boot);
        bytes.extend_from_slice(&self.up_s.to_le_bytes());
        bytes.extend_from_slice(&mtime_ns(metadata).to_le_bytes());
        bytes.extend_from_slice(&metadata.size().to_le_bytes());
        bytes
    }

    /// Returns the tag in `bytes` if it was written for a file that looks like `metadata`.
    fn parse(bytes: &[u8], metadata: &Metadata) -> Option<Self> {
        let (digest, rest) = bytes.strip_prefix(&[TAG_VERSION])?.split_first_chunk::<32>()?;
        let (boot, rest) = rest.split_first_chunk::<8>()?;
        let (up_s, _) = rest.split_first_chunk::<4>()?;
        let digest = Digest::from_bytes(*digest);
        let tag = Self { digest, boot: *boot, up_s: u32::from_le_bytes(*up_s) };
        (tag.to_bytes(metadata) == bytes).then_some(tag)
    }
}

fn boot_mark(boot: &str) -> [u8; 8] {
    let digest = Digest::of(boot.as_bytes());
    *digest.as_bytes().first_chunk().expect("a digest has 32 bytes")
}

/// Returns `path`'s tag if it still agrees with `metadata`. One system call;
/// no tag, no support and garbage are `None`.
pub(crate) fn read_tag(path: &Path, metadata: &Metadata) -> Option<Tag> {
    let mut buffer = [0_u8; TAG_BYTES + 1];
    let length = rustix::fs::getxattr(path, TAG_NAME, &mut buffer[..]).ok()?;
    Tag::parse(buffer.get(..length)?, metadata)
}

/// Returns the digest that `path`'s tag claims, if the tag still agrees with
/// `metadata` and was written since the machine was started.
///
/// One system call; no tag, no support and garbage are `None`.
pub fn tagged_digest(path: &Path, metadata: &Metadata) -> Option<Digest> {
    read_tag(path, metadata).filter(Tag::is_of_this_boot).map(|tag| tag.digest)
}

/// Tags `path`, whose metadata was just read, with `digest`.
///
/// # Errors
///
/// Whatever the file system says; "not supported" among it. Callers go on
/// without a tag: the next reader hashes the bytes instead.
pub fn tag(path: &Path, digest: Digest, metadata: &Metadata) -> io::Result<()> {
    let bytes = Tag::now(digest).to_bytes(metadata);
    rustix::fs::setxattr(path, TAG_NAME, &bytes, XattrFlags::empty())?;
    Ok(())
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
    fn a_tag_of_another_boot_does_not_speak_for_itself() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("artifact");
        std::fs::write(&path, "one")?;
        let metadata = std::fs::metadata(&path)?;
        let tag = Tag { boot: boot_mark("yesterday"), ..Tag::now(Digest::of(b"one")) };
        rustix::fs::setxattr(&path, TAG_NAME, &tag.to_bytes(&metadata), XattrFlags::empty())?;
        assert_eq!(read_tag(&path, &metadata), Some(tag));
        assert_eq!(tagged_digest(&path, &metadata), None);
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
