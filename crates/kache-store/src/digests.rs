//! Digests of files that many units read, the system's headers above all.
//!
//! One file of slots of a fixed size. Where a file's slots are follows from the digest
//! of its path, so looking one up is one read of a few hundred bytes, and writing one
//! is one write. Each slot shows whether it is as it was written: of two writers at
//! once, or after a power cut, what is no slot is nothing. A digest counts only
//! under a stamp that [vouches](FileStamp::vouches_for) for the file as it is now.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use kache_key::Digest;
use kache_key::input::FileStamp;
use rustix::fs::OFlags;
use rustix::process::{Resource, getrlimit};

use crate::IoFailure;
use crate::blob::digest_of;
use crate::identity::stamp_of;
use crate::layout::Layout;
use crate::staging::with_parent;

/// The name's digest (shortened), the stamp, the digest, and the digest of all of that.
const SLOT_BYTES: usize = NAME_BYTES + STAMP_BYTES + 32 + 32;
const NAME_BYTES: usize = 16;
const STAMP_BYTES: usize = 6 * 8;

/// A file may be in any of as many slots, one behind the other.
const WAYS: usize = 4;

/// How many groups of slots there are: for the headers of a large system and of a few
/// large projects.
const GROUPS: u64 = 1 << 14;

/// Digests that are remembered.
#[derive(Debug)]
pub struct KnownDigests {
    /// `None` where nothing can be remembered.
    file: Option<File>,
}

impl KnownDigests {
    /// Opens the digests of a store; makes their file if there is none.
    pub fn open(layout: &Layout) -> Self {
        let path = layout.known_digests();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        Self { file: with_parent(&path, || options.open(&path)).ok() }
    }

    /// Returns the digest of the file `path`, which looks like `now`, and the stamp
    /// that vouches for it. Reads the file if nothing is remembered of it as it is.
    ///
    /// If it was another file by then, or changed while it was read, the stamp is
    /// another one too.
    pub fn of_file(&self, path: &Path, now: &FileStamp) -> Result<(Digest, FileStamp), IoFailure> {
        if let Some(known) = self.get(path, now) {
            return Ok(known);
        }
        let failed = IoFailure::on("read", path);
        let (digest, after) = digest_opened(path).map_err(failed)?;
        if now.is_of_same(&after) {
            self.put(path, now, digest);
            return Ok((digest, *now));
        }
        Ok((digest, after))
    }

    fn get(&self, path: &Path, now: &FileStamp) -> Option<(Digest, FileStamp)> {
        self.named(name_of(path, None), now)
    }

    /// Returns the digest of the file `path`, which looks like `now`, and the stamp
    /// that vouches for it, if it is remembered that nothing is in it of what has the
    /// digest `sought`.
    pub fn get_unremarkable(
        &self,
        path: &Path,
        sought: Digest,
        now: &FileStamp,
    ) -> Option<(Digest, FileStamp)> {
        self.named(name_of(path, Some(sought)), now)
    }

    /// Remembers the digest of the file `path` under `stamp`, if that can ever vouch
    /// for it, in the place of what is oldest. Forgetting costs a reader one reading.
    fn put(&self, path: &Path, stamp: &FileStamp, digest: Digest) {
        self.put_named(name_of(path, None), stamp, digest);
    }

    /// Remembers the digest of the file `path` under `stamp`, if that can ever vouch
    /// for it, and that nothing is in it of what has the digest `sought`.
    pub fn put_unremarkable(&self, path: &Path, sought: Digest, stamp: &FileStamp, digest: Digest) {
        self.put_named(name_of(path, Some(sought)), stamp, digest);
    }

    fn named(&self, name: Digest, now: &FileStamp) -> Option<(Digest, FileStamp)> {
        let slots = self.slots(name)?;
        let mut known = slots.chunks_exact(SLOT_BYTES).filter_map(|slot| known(name, slot));
        known.find(|(_, stamp)| stamp.vouches_for(now))
    }

    fn put_named(&self, name: Digest, stamp: &FileStamp, digest: Digest) {
        let (Some(file), Some(slots)) = (&self.file, self.slots(name)) else { return };
        let end = group(name) + (WAYS * SLOT_BYTES) as u64;
        // Who writes beyond the limit is killed.
        let is_allowed = getrlimit(Resource::Fsize).current.is_none_or(|limit| end <= limit);
        if !is_allowed || !stamp.is_settled() {
            return;
        }
        let age = |slot: &[u8]| match known(name, slot) {
            // What is known of the same file is replaced first.
            Some(_) => i64::MIN,
            None => stamp_in(slot).map_or(i64::MIN, |stamp| stamp.taken_ns),
        };
        let slots = slots.chunks_exact(SLOT_BYTES).enumerate();
        let (place, _) = slots.min_by_key(|(_, slot)| age(slot)).unwrap_or((0, &[]));
        drop(
            file.write_all_at(
                &slot(name, stamp, digest),
                group(name) + (place * SLOT_BYTES) as u64,
            ),
        );
    }

    /// Returns the slots that the file with this `name` may be in; beyond the
    /// file's end they are empty.
    fn slots(&self, name: Digest) -> Option<[u8; WAYS * SLOT_BYTES]> {
        let mut slots = [0; WAYS * SLOT_BYTES];
        let mut read = 0;
        while read < slots.len() {
            let rest = slots.get_mut(read..)?;
            match self.file.as_ref()?.read_at(rest, group(name) + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(_) => return None,
            }
        }
        Some(slots)
    }
}

/// Returns the digest of a file, and what it looked like when its last byte was read.
fn digest_opened(path: &Path) -> io::Result<(Digest, FileStamp)> {
    // Opening a pipe might wait for ever.
    let mut options = File::options();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    let (digest, _) = digest_of(&file)?;
    Ok((digest, stamp_of(&file.metadata()?)))
}

/// Returns the name by which a file is found, or one without what has the digest `sought`.
fn name_of(path: &Path, sought: Option<Digest>) -> Digest {
    let path = path.as_os_str().as_encoded_bytes();
    match sought {
        None => Digest::of(path),
        // No path has a zero byte in it.
        Some(sought) => Digest::of(&[path, b"\0", sought.as_bytes()].concat()),
    }
}

/// Returns where the slots are that the file with this name may be in.
fn group(name: Digest) -> u64 {
    let number = name.as_bytes().last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    number % GROUPS * (WAYS * SLOT_BYTES) as u64
}

fn slot(name: Digest, stamp: &FileStamp, digest: Digest) -> [u8; SLOT_BYTES] {
    let numbers = [
        stamp.dev,
        stamp.ino,
        stamp.size,
        stamp.mtime_ns.cast_unsigned(),
        stamp.ctime_ns.cast_unsigned(),
        stamp.taken_ns.cast_unsigned(),
    ];
    let numbers = numbers.into_iter().flat_map(u64::to_le_bytes);
    let short = name.as_bytes().iter().take(NAME_BYTES).copied();
    let mut bytes: Vec<u8> = short.chain(numbers).chain(*digest.as_bytes()).collect();
    bytes.extend(Digest::of(&bytes).as_bytes());
    bytes.try_into().expect("the parts of a slot are as long as it")
}

/// Returns the digest in `slot` and its stamp, if it is that of the file with this `name`.
fn known(name: Digest, slot: &[u8]) -> Option<(Digest, FileStamp)> {
    let (content, check) = slot.split_last_chunk::<32>()?;
    let is_same = content.iter().take(NAME_BYTES).eq(name.as_bytes().iter().take(NAME_BYTES));
    // Most slots are empty, or another path's.
    if !is_same || Digest::of(content).as_bytes() != check {
        return None;
    }
    Some((Digest::from_bytes(*content.last_chunk()?), stamp_in(slot)?))
}

/// Returns the stamp in `slot`; of an empty one it is all zero.
fn stamp_in(slot: &[u8]) -> Option<FileStamp> {
    let numbers = slot.get(NAME_BYTES..NAME_BYTES + STAMP_BYTES)?;
    let number = |at: usize| Some(u64::from_le_bytes(*numbers.get(at * 8..)?.first_chunk()?));
    Some(FileStamp {
        dev: number(0)?,
        ino: number(1)?,
        size: number(2)?,
        mtime_ns: number(3)?.cast_signed(),
        ctime_ns: number(4)?.cast_signed(),
        taken_ns: number(5)?.cast_signed(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: FileStamp =
        FileStamp { dev: 1, ino: 2, size: 3, mtime_ns: 4, ctime_ns: 5, taken_ns: 6 };
    const LATE: FileStamp = FileStamp { taken_ns: 5 + FileStamp::QUIET_NS, ..NOW };

    fn digests() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path());
        (dir, layout)
    }

    #[test]
    fn a_digest_is_found_again_while_its_stamp_vouches_for_the_file() {
        let (_dir, layout) = digests();
        let (path, digest) = (Path::new("/usr/include/a.h"), Digest::of(b"a"));
        KnownDigests::open(&layout).put(path, &LATE, digest);
        let known = KnownDigests::open(&layout);
        assert_eq!(known.get(path, &NOW), Some((digest, LATE)));
        assert_eq!(known.get(path, &FileStamp { size: 4, ..NOW }), None);
        assert_eq!(known.get(Path::new("/usr/include/b.h"), &NOW), None);
        known.put(path, &FileStamp { size: 4, ..LATE }, Digest::of(b"b"));
        assert_eq!(known.get(path, &NOW), None, "one place is enough for a file");
    }

    #[test]
    fn a_file_is_read_once() {
        let (dir, layout) = digests();
        let path = dir.path().join("a.h");
        fs::write(&path, "a").unwrap();
        let fresh = stamp_of(&fs::metadata(&path).unwrap());
        let known = KnownDigests::open(&layout);
        assert_eq!(known.of_file(&path, &fresh).unwrap(), (Digest::of(b"a"), fresh));
        assert_eq!(known.get(&path, &fresh), None, "it may have changed in the same moment");
        let later = FileStamp { taken_ns: fresh.taken_ns + 2 * FileStamp::QUIET_NS, ..fresh };
        assert_eq!(known.of_file(&path, &later).unwrap(), (Digest::of(b"a"), later));
        assert_eq!(known.get(&path, &fresh), Some((Digest::of(b"a"), later)));
        let gone = FileStamp { ino: later.ino + 1, ..later };
        let (digest, stamp) = known.of_file(&path, &gone).unwrap();
        assert_eq!((digest, stamp.ino), (Digest::of(b"a"), later.ino), "another file was read");
        assert_eq!(known.get(&path, &gone), None);
    }

    #[test]
    fn what_is_not_in_a_file_is_known_by_what_was_sought() {
        let (_dir, layout) = digests();
        let (path, digest) = (Path::new("/ws/a.h"), Digest::of(b"a"));
        let [sought, other] = [b"x", b"y"].map(|sought| Digest::of(sought));
        let known = KnownDigests::open(&layout);
        known.put_unremarkable(path, sought, &LATE, digest);
        assert_eq!(known.get_unremarkable(path, sought, &NOW), Some((digest, LATE)));
        assert_eq!(known.get_unremarkable(path, other, &NOW), None);
        assert_eq!(known.get(path, &NOW), None);
        known.put(path, &LATE, digest);
        assert_eq!(known.get_unremarkable(path, other, &NOW), None);
    }

    #[test]
    fn a_digest_that_nothing_can_vouch_for_is_not_kept() {
        let (_dir, layout) = digests();
        let known = KnownDigests::open(&layout);
        known.put(Path::new("a"), &NOW, Digest::of(b"a"));
        assert_eq!(known.get(Path::new("a"), &NOW), None);
    }

    #[test]
    fn many_more_files_than_places_push_each_other_out_and_nothing_else() {
        let (_dir, layout) = digests();
        let known = KnownDigests::open(&layout);
        let path = |number: u64| format!("/{number}");
        for number in 0..GROUPS * 6 {
            let digest = Digest::of(&number.to_le_bytes());
            known.put(Path::new(&path(number)), &LATE, digest);
            assert_eq!(known.get(Path::new(&path(number)), &NOW), Some((digest, LATE)));
        }
        let kept = (0..GROUPS * 6).filter_map(|number| {
            let (digest, _) = known.get(Path::new(&path(number)), &NOW)?;
            assert_eq!(digest, Digest::of(&number.to_le_bytes()));
            Some(number)
        });
        assert!(kept.count() as u64 > GROUPS * 2);
    }

    #[test]
    fn what_is_no_slot_is_nothing() {
        let (_dir, layout) = digests();
        let (path, digest) = (Path::new("/usr/include/a.h"), Digest::of(b"a"));
        KnownDigests::open(&layout).put(path, &LATE, digest);
        let file = layout.known_digests();
        let good = fs::read(&file).unwrap();
        let start = good.len() - SLOT_BYTES;
        for at in start..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&file, bad).unwrap();
            assert_eq!(KnownDigests::open(&layout).get(path, &NOW), None, "byte {at}");
            fs::write(&file, &good[..at]).unwrap();
            assert_eq!(KnownDigests::open(&layout).get(path, &NOW), None, "cut at {at}");
        }
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_known() {
        let (_dir, layout) = digests();
        fs::create_dir_all(layout.known_digests()).unwrap();
        let known = KnownDigests::open(&layout);
        known.put(Path::new("a"), &LATE, Digest::of(b"a"));
        assert_eq!(known.get(Path::new("a"), &NOW), None);
    }
}
