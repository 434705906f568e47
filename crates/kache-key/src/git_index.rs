//! What git's index says: which files are tracked, and with which contents.
//!
//! The file `.git/index` also holds when each file was last changed, on which
//! device, and the like, so it differs between checkouts that are the same, and
//! git writes it anew just for having looked. Format: gitformat-index(5).

use std::cmp::Ordering;

use crate::digest::Digest;
use crate::fields::FieldHasher;

/// How many bytes an object's name has, by SHA-1 and by SHA-256. The file does not say.
const ID_BYTES: [usize; 2] = [20, 32];
/// The bits of an entry's flags that mean something beside the length of its name:
/// assumed unchanged, and its stage in a merge.
const FLAGS: u16 = 0xb000;
/// The bit that says that more flags follow.
const HAS_MORE_FLAGS: u16 = 0x4000;
/// The length of a name as far as it fits into the flags.
const NAME_LENGTH: u16 = 0x0fff;
/// The bits of the further flags that mean something: not in this sparse checkout,
/// and to be added later.
const MORE_FLAGS: u16 = 0x6000;
/// Extensions that say nothing new: trees made of the entries, and where entries are.
const DERIVED: [&[u8; 4]; 3] = [b"TREE", b"EOIE", b"IEOT"];
/// Extensions that say something more: how conflicts were resolved, which stays after
/// a merge, and that entries may be directories.
const MEANINGFUL: [&[u8; 4]; 2] = [b"REUC", b"sdir"];
/// The extension by which git knows without listing a directory what is in it.
const UNTRACKED_CACHE: &[u8; 4] = b"UNTR";

/// git's index, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct GitIndex {
    /// The tracked files, by path, then by stage.
    pub entries: Vec<Entry>,
    /// The bytes of what else it says.
    pub more: Vec<u8>,
    /// Whether git remembers which files are not tracked, and looks at the times of
    /// directories instead of listing them.
    pub has_untracked_cache: bool,
}

/// One tracked file.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, from the top of the work tree.
    pub path: Vec<u8>,
    /// What it is, and whether it may be executed, as in `st_mode`.
    pub mode: u32,
    /// The name of the object with its contents.
    pub id: Vec<u8>,
    /// Its stat data when it had those contents.
    pub stat_data: StatData,
    flags: u16,
    more_flags: u16,
}

/// What stat(2) tells of a file and git keeps, each number cut to 32 bits; times are
/// seconds, then nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of stat(2)")]
pub struct StatData {
    pub ctime: [u32; 2],
    pub mtime: [u32; 2],
    pub ino: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u32,
}

impl GitIndex {
    /// Takes the file's `bytes` apart.
    ///
    /// Returns `None` where that is no index, where it is damaged, or where it has a
    /// part that is not known, or that names another file with more entries. The
    /// checksum at its end is not looked at.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        ID_BYTES.iter().find_map(|id_bytes| parse(bytes, *id_bytes))
    }

    /// Returns the digest of what the index says, without times and the like, and of
    /// which files git compares with their objects all the same: those that are not older
    /// than the index, which was last written in the second `written_s` of the Unix epoch.
    ///
    /// The recipe is described in `docs/key-recipe.md`.
    pub fn digest(&self, written_s: u32) -> Digest {
        let mut hasher = FieldHasher::new("kache git index");
        for entry in &self.entries {
            let flags = [entry.flags, entry.more_flags].map(u16::to_le_bytes).concat();
            let is_compared = entry.is_asked() && entry.stat_data.mtime[0] >= written_s;
            hasher
                .bytes("path", &entry.path)
                .bytes("mode", &entry.mode.to_le_bytes())
                .bytes("id", &entry.id)
                .bytes("flags", &flags)
                .bytes("compared", &[u8::from(is_compared)]);
        }
        hasher.bytes("more", &self.more);
        hasher.finish()
    }
}

impl Entry {
    /// Returns whether git looks at the file to find out whether it changed.
    pub fn is_asked(&self) -> bool {
        const ASSUMED_UNCHANGED: u16 = 0x8000;
        const REPOSITORY: u32 = 0o160_000;
        self.flags & ASSUMED_UNCHANGED == 0 && self.mode != REPOSITORY
    }

    /// Returns whether the file need not be there, in a sparse checkout. If it is, git
    /// asks all the same.
    pub fn may_be_missing(&self) -> bool {
        const NOT_IN_THIS_CHECKOUT: u16 = 0x4000;
        self.more_flags & NOT_IN_THIS_CHECKOUT != 0
    }
}

/// Returns whether `bytes` may be an index by which git knows what is in a directory
/// without listing it: also whether they are one that is not understood.
pub fn may_have_untracked_cache(bytes: &[u8]) -> bool {
    bytes.starts_with(b"DIRC")
        && GitIndex::parse(bytes).is_none_or(|index| index.has_untracked_cache)
}

fn parse(bytes: &[u8], id_bytes: usize) -> Option<GitIndex> {
    let mut rest = Rest(bytes);
    if rest.take(4)? != b"DIRC" {
        return None;
    }
    let version = rest.number()?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let count = rest.number()?;
    let mut entries: Vec<Entry> = Vec::new();
    for _ in 0..count {
        let entry = rest.entry(version, id_bytes, entries.last())?;
        if entries.last().is_some_and(|last| last.compare(&entry) != Ordering::Less) {
            return None;
        }
        entries.push(entry);
    }
    let (mut more, mut has_untracked_cache) = (Vec::new(), false);
    while rest.0.len() > id_bytes {
        let name = rest.take(4)?;
        let length = usize::try_from(rest.number()?).ok()?;
        let contents = rest.take(length)?;
        if name == UNTRACKED_CACHE {
            has_untracked_cache = true;
        } else if MEANINGFUL.iter().any(|meaningful| name == *meaningful) {
            more.extend([name, contents].concat());
        } else if !DERIVED.iter().any(|derived| name == *derived) {
            return None;
        }
    }
    (rest.0.len() == id_bytes).then_some(GitIndex { entries, more, has_untracked_cache })
}

impl Entry {
    fn compare(&self, other: &Self) -> Ordering {
        const STAGE: u16 = 0x3000;
        let stage = |entry: &Self| entry.flags & STAGE;
        self.path.cmp(&other.path).then(stage(self).cmp(&stage(other)))
    }
}

/// What is left to be taken apart.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*taken))
    }

    fn short_number(&mut self) -> Option<u16> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*taken))
    }

    fn entry(&mut self, version: u32, id_bytes: usize, last: Option<&Entry>) -> Option<Entry> {
        let before = self.0.len();
        let [ctime, mtime] = [self.numbers()?, self.numbers()?];
        let [_device, ino, mode, uid, gid, size] = self.numbers()?;
        let id = self.take(id_bytes)?.to_vec();
        let flags = self.short_number()?;
        let more_flags = if flags & HAS_MORE_FLAGS == 0 { 0 } else { self.short_number()? };
        if more_flags & !MORE_FLAGS != 0 {
            return None;
        }
        let path = if version == 4 {
            self.compressed_path(last)?
        } else {
            let path = self.until_zero()?.to_vec();
            // Entries are filled up to a multiple of eight bytes, with at least one.
            let used = before - self.0.len();
            let filling = self.take(used.next_multiple_of(8) - used)?;
            if filling.iter().any(|byte| *byte != 0) {
                return None;
            }
            path
        };
        let length = u16::try_from(path.len()).unwrap_or(NAME_LENGTH).min(NAME_LENGTH);
        let stat_data = StatData { ctime, mtime, ino, uid, gid, size };
        let entry = Entry { path, mode, id, stat_data, flags: flags & FLAGS, more_flags };
        (flags & NAME_LENGTH == length && !entry.path.is_empty()).then_some(entry)
    }

    fn numbers<const COUNT: usize>(&mut self) -> Option<[u32; COUNT]> {
        let mut numbers = [0; COUNT];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Some(numbers)
    }

    /// Takes bytes up to a zero, and that.
    fn until_zero(&mut self) -> Option<&'a [u8]> {
        let length = self.0.iter().position(|byte| *byte == 0)?;
        let taken = self.take(length)?;
        self.take(1)?;
        Some(taken)
    }

    /// Takes a path that is written as how much to cut from the end of the last one,
    /// and what to add.
    fn compressed_path(&mut self, last: Option<&Entry>) -> Option<Vec<u8>> {
        let cut = self.offset()?;
        let last = last.map_or(&[][..], |last| &last.path);
        let kept = last.get(..last.len().checked_sub(cut)?)?;
        Some([kept, self.until_zero()?].concat())
    }

    /// Takes a number in seven bits a byte, as packs have them: each further byte
    /// adds one to what stands before it.
    fn offset(&mut self) -> Option<usize> {
        const MORE: u8 = 0x80;
        let mut value = 0_usize;
        loop {
            let byte = *self.take(1)?.first()?;
            value = value.checked_mul(1 << 7)?.checked_add(usize::from(byte & !MORE))?;
            if byte & MORE == 0 {
                return Some(value);
            }
            value = value.checked_add(1)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Made by git 2.47 from the same files: `a`, `bin/run`, a link `l`, a path
    // too long for the flags. In versions 3 and 4 `a` is not in the checkout.
    const VERSION_2: &[u8] = include_bytes!("../testdata/git-index-2");
    const VERSION_3: &[u8] = include_bytes!("../testdata/git-index-3");
    const VERSION_4: &[u8] = include_bytes!("../testdata/git-index-4");
    const SHA256: &[u8] = include_bytes!("../testdata/git-index-sha256");
    const UNTRACKED: &[u8] = include_bytes!("../testdata/git-index-untracked");
    const SPLIT: &[u8] = include_bytes!("../testdata/git-index-split");

    #[track_caller]
    fn index(bytes: &[u8]) -> GitIndex {
        GitIndex::parse(bytes).unwrap()
    }

    fn paths(index: &GitIndex) -> Vec<(&[u8], u32)> {
        index.entries.iter().map(|entry| (entry.path.as_slice(), entry.mode)).collect()
    }

    #[test]
    fn the_entries_of_all_versions_and_hashes_are_found() {
        let long = ["d".repeat(250).as_str(); 17].join("/");
        let expected = [
            (b"a".as_slice(), 0o100_644),
            (b"bin/run", 0o100_755),
            (long.as_bytes(), 0o100_644),
            (b"l", 0o120_000),
        ];
        for bytes in [VERSION_2, VERSION_3, VERSION_4, SHA256, UNTRACKED] {
            assert_eq!(paths(&index(bytes)), expected);
        }
        assert_eq!(index(VERSION_2).entries[0].stat_data.size, 2);
        assert_eq!(index(SHA256).entries[0].id.len(), 32);
    }

    #[test]
    fn the_digest_is_of_what_is_said_and_not_of_how_it_is_written_or_of_times() {
        assert_eq!(index(VERSION_3).digest(u32::MAX), index(VERSION_4).digest(u32::MAX));
        assert_eq!(index(VERSION_2).digest(u32::MAX), index(UNTRACKED).digest(u32::MAX));
        let mut other = index(VERSION_2);
        other.entries[0].stat_data = StatData { size: 99, ..other.entries[0].stat_data };
        assert_eq!(other.digest(u32::MAX), index(VERSION_2).digest(u32::MAX));
        assert_ne!(index(VERSION_2).digest(u32::MAX), index(VERSION_3).digest(u32::MAX));
    }

    #[test]
    fn the_recipe_is_pinned() {
        assert_eq!(
            index(VERSION_2).digest(u32::MAX).to_string(),
            "eedccd7750694c7e52baae89df800e3e3835e6703bdf4845bfc5d213a1c00861"
        );
    }

    #[track_caller]
    fn changes_the_digest(change: impl FnOnce(&mut Vec<Entry>)) {
        let mut changed = index(VERSION_2);
        change(&mut changed.entries);
        assert_ne!(changed.digest(u32::MAX), index(VERSION_2).digest(u32::MAX));
    }

    #[test]
    fn everything_that_is_said_counts() {
        changes_the_digest(|entries| entries[0].path.push(b'a'));
        changes_the_digest(|entries| entries[0].mode = 0o100_755);
        changes_the_digest(|entries| entries[0].id[0] ^= 1);
        changes_the_digest(|entries| entries[0].flags = 0x8000);
        changes_the_digest(|entries| entries[0].more_flags = 0x2000);
        changes_the_digest(|entries| drop(entries.pop()));
    }

    #[test]
    fn a_file_that_is_not_in_a_sparse_checkout_may_be_missing() {
        let missing = |bytes| index(bytes).entries.iter().filter(|it| it.may_be_missing()).count();
        assert_eq!([missing(VERSION_2), missing(VERSION_3), missing(VERSION_4)], [0, 1, 1]);
    }

    #[test]
    fn which_files_are_compared_counts_and_no_other_times() {
        let index = index(VERSION_2);
        let written_s = index.entries[0].stat_data.mtime[0];
        assert_ne!(index.digest(written_s), index.digest(written_s + 1));
        assert_eq!(index.digest(written_s + 1), index.digest(written_s + 2));
    }

    #[test]
    fn an_index_that_remembers_what_is_not_tracked_is_known() {
        assert!(may_have_untracked_cache(UNTRACKED));
        assert!(may_have_untracked_cache(SPLIT), "nobody can say");
        assert!(!may_have_untracked_cache(VERSION_2));
        assert!(!may_have_untracked_cache(b"an index of another kind"));
    }

    #[test]
    fn what_needs_another_file_to_be_understood_is_not() {
        assert_eq!(GitIndex::parse(SPLIT), None);
    }

    #[test]
    fn an_index_that_is_cut_off_is_none() {
        for length in 0..VERSION_2.len() {
            assert_eq!(GitIndex::parse(&VERSION_2[..length]), None, "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, at in 0..VERSION_4.len(), byte: u8) {
            let _any = GitIndex::parse(&[b"DIRC\0\0\0\x04", bytes.as_slice()].concat());
            let mut damaged = VERSION_4.to_vec();
            damaged[at] = byte;
            let _any = GitIndex::parse(&damaged);
        }
    }
}
