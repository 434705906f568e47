//! What a unit read, and the entry key made from it.
//!
//! A record says *where to look*; a key is always made of what is there *now*.
//! A record that is out of date can cost a miss and can never cause a wrong hit.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, EntryKey, UnitId};
use crate::fields::FieldHasher;
use crate::roots::{PathToken, RootKind};

/// One thing that a compilation depended on beyond its command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// The bytes of a file.
    File(PathToken),
    /// The raw value of an environment variable, or that it is unset.
    Env(String),
    /// The value of an environment variable with roots written as names: for
    /// variables that only say where something is.
    EnvPath(String),
    /// The bytes of a crate passed with `--extern`.
    Extern(PathToken),
    /// The bytes of a file that the linker read.
    LinkInput(PathToken),
    /// Whether a path exists that did not exist when the unit was compiled.
    Absent(PathToken),
    /// Whether any of some names exists in a directory in which none did when
    /// the unit was compiled. With the stamp of the directory: unless that
    /// changes, no name appears.
    Absences {
        /// The directory.
        dir: PathToken,
        /// The names, sorted.
        names: Vec<String>,
    },
    /// The names in a directory, and what each is.
    Listing(PathToken),
    /// Where a symbolic link leads, and the real path of what is named.
    Link(PathToken),
    /// What is at a path that was looked at and not read.
    Kind(PathToken),
    /// Where a root is: an output names it, so the entry is bound to it.
    Root(RootKind),
    /// How wide the terminals are by which a compiler breaks and cuts what it
    /// says: for one that said something on a terminal.
    TerminalWidth,
    /// What git's index of the work tree with this top says, whatever times it holds
    /// ([`GitIndex::digest`](crate::git_index::GitIndex::digest)), where tracked files are
    /// as it says.
    GitIndex(PathToken),
}

impl Input {
    /// Returns the kind and the name that go into the entry key.
    pub fn label(&self) -> (&'static str, String) {
        match self {
            Self::File(path) => ("file", path.0.clone()),
            Self::Env(name) => ("env", name.clone()),
            Self::EnvPath(name) => ("env_path", name.clone()),
            Self::Extern(path) => ("extern", path.0.clone()),
            Self::LinkInput(path) => ("link_input", path.0.clone()),
            Self::Absent(path) => ("absent", path.0.clone()),
            Self::Absences { dir, names } => ("absences", format!("{dir}\0{}", names.join("\0"))),
            Self::Listing(path) => ("listing", path.0.clone()),
            Self::Link(path) => ("link", path.0.clone()),
            Self::Kind(path) => ("kind", path.0.clone()),
            Self::Root(kind) => ("root", kind.name()),
            Self::TerminalWidth => ("terminal", "width".to_owned()),
            Self::GitIndex(path) => ("git_index", path.0.clone()),
        }
    }
}

/// A cheap hint that a file has not changed; never its identity.
///
/// Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the contents.
    pub mtime_ns: i64,
    /// Time of the last change of the inode, which no program can set.
    pub ctime_ns: i64,
    /// When this stamp was taken.
    pub taken_ns: i64,
}

impl FileStamp {
    /// How long a file must have been quiet before its stamp can vouch for it.
    ///
    /// File systems with coarse clocks (FAT: two seconds) can show two
    /// different contents under one time.
    pub const QUIET_NS: i64 = 2_000_000_000;

    /// Returns whether a digest taken with this stamp still holds for a file
    /// that now looks like `now`.
    pub fn vouches_for(&self, now: &Self) -> bool {
        self.is_of_same(now) && self.is_settled()
    }

    /// Returns whether both are of one file that looks the same, whenever they were taken.
    pub fn is_of_same(&self, other: &Self) -> bool {
        (self.dev, self.ino, self.size, self.mtime_ns, self.ctime_ns)
            == (other.dev, other.ino, other.size, other.mtime_ns, other.ctime_ns)
    }

    /// Returns whether the file had been quiet for long enough when the stamp was taken.
    pub fn is_settled(&self) -> bool {
        let changed_ns = self.mtime_ns.max(self.ctime_ns);
        self.taken_ns.saturating_sub(changed_ns) >= Self::QUIET_NS
    }
}

/// An input as one past compilation saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedInput {
    /// What was read.
    pub input: Input,
    /// Its digest then.
    pub digest: Digest,
    /// The stamp then of the file, or of the directory of [`Input::Absences`];
    /// other inputs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<FileStamp>,
}

/// Everything one past compilation of a unit read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// The inputs, sorted and without repeats.
    pub inputs: Vec<RecordedInput>,
}

impl InputRecord {
    /// Builds a record: sorts the inputs and drops repeats.
    pub fn of(mut inputs: Vec<RecordedInput>) -> Self {
        inputs.sort_by(|a, b| a.input.cmp(&b.input));
        inputs.dedup_by(|a, b| a.input == b.input);
        Self { inputs }
    }

    /// Returns the key of the entry that this record's own compilation made.
    pub fn entry_key(&self, unit: UnitId) -> EntryKey {
        entry_key(unit, self.inputs.iter().map(|i| (&i.input, i.digest)))
    }

    /// Returns whether both records look at the same inputs, whatever they found.
    pub fn same_inputs(&self, other: &Self) -> bool {
        self.inputs.iter().map(|i| &i.input).eq(other.inputs.iter().map(|i| &i.input))
    }
}

/// Returns the entry key of `unit` with `inputs` in the order of a record.
///
/// The recipe is pinned by a golden vector and described in `docs/key-recipe.md`.
pub fn entry_key<'a>(
    unit: UnitId,
    inputs: impl IntoIterator<Item = (&'a Input, Digest)>,
) -> EntryKey {
    let mut hasher = FieldHasher::new("kache entry");
    hasher.digest("unit", unit.0);
    for (input, digest) in inputs {
        let (kind, name) = input.label();
        hasher.text(kind, &name).digest("digest", digest);
    }
    EntryKey(hasher.finish())
}

/// Returns the digest that stands for a file which is not there.
pub fn missing_digest() -> Digest {
    FieldHasher::new("kache missing file").finish()
}

/// Returns the digest of an environment variable's value; unset differs from empty.
pub fn env_digest(value: Option<&[u8]>) -> Digest {
    FieldHasher::new("kache env").option("value", value).finish()
}

/// Returns the digest of whether a path, or any of several, exists.
pub fn absent_digest(exists: bool) -> Digest {
    FieldHasher::new("kache absent").text("exists", if exists { "yes" } else { "no" }).finish()
}

/// What is at a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathKind {
    /// Nothing, or a link that leads nowhere.
    Nothing,
    /// A plain file.
    File,
    /// A plain file that somebody may execute.
    Program,
    /// A directory.
    Directory,
    /// A device, a socket, a pipe.
    Other,
}

impl PathKind {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::File => "file",
            Self::Program => "program",
            Self::Directory => "directory",
            Self::Other => "other",
        }
    }
}

/// Returns the digest of what is at a path, and whether a symbolic link leads there.
pub fn kind_digest(kind: PathKind, is_link: bool) -> Digest {
    let mut hasher = FieldHasher::new("kache kind");
    hasher.text("kind", kind.name()).text("link", if is_link { "yes" } else { "no" });
    hasher.finish()
}

/// Returns the digest of a directory's names with what each is, in whatever
/// order they come; `None` stands for a directory that cannot be listed.
pub fn listing_digest(names: Option<Vec<(Vec<u8>, PathKind)>>) -> Digest {
    let mut hasher = FieldHasher::new("kache listing");
    hasher.text("is", if names.is_some() { "listed" } else { "unlisted" });
    let mut names = names.unwrap_or_default();
    names.sort();
    for (name, kind) in names {
        hasher.bytes("name", &name).text("kind", kind.name());
    }
    hasher.finish()
}

/// Returns the digest of a link: its `target` as written, `None` if the path
/// is no link, and the `real` path of what is named, both with roots as names.
pub fn link_digest(target: Option<&str>, real: Option<&str>) -> Digest {
    FieldHasher::new("kache link")
        .option("target", target.map(str::as_bytes))
        .option("real", real.map(str::as_bytes))
        .finish()
}

/// Returns the digest of where a root is.
pub fn root_digest(path: Option<&str>) -> Digest {
    FieldHasher::new("kache root").option("path", path.map(str::as_bytes)).finish()
}

/// Returns the digest of how wide the terminals are at standard input and
/// standard error, in columns; 0 where there is none, or none that says.
pub fn terminal_digest([input, error]: [u16; 2]) -> Digest {
    let mut hasher = FieldHasher::new("kache terminal");
    hasher.bytes("input", &input.to_le_bytes()).bytes("error", &error.to_le_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(changed_s: i64, taken_s: i64) -> FileStamp {
        let ns = 1_000_000_000;
        FileStamp {
            dev: 1,
            ino: 2,
            size: 3,
            mtime_ns: changed_s * ns,
            ctime_ns: changed_s * ns,
            taken_ns: taken_s * ns,
        }
    }

    #[test]
    fn a_stamp_vouches_only_for_a_file_that_was_quiet_and_did_not_change() {
        let now = stamp(10, 99);
        assert!(stamp(10, 12).vouches_for(&now));
        assert!(!stamp(10, 11).vouches_for(&now), "taken within two seconds of the change");
        assert!(!stamp(9, 12).vouches_for(&now), "changed since");
        assert!(!stamp(10, 5).vouches_for(&now), "changed in the future");
        let mut moved = now;
        moved.ino = 7;
        assert!(!stamp(10, 12).vouches_for(&moved), "replaced by another file");
    }

    fn file(path: &str, contents: &[u8]) -> RecordedInput {
        RecordedInput {
            input: Input::File(PathToken(path.to_owned())),
            digest: Digest::of(contents),
            stamp: None,
        }
    }

    #[test]
    fn a_key_depends_on_which_file_has_which_contents() {
        let unit = UnitId(Digest::of(b"unit"));
        let key = |inputs: Vec<RecordedInput>| InputRecord::of(inputs).entry_key(unit);
        let plain = key(vec![file("a", b"1"), file("b", b"2")]);
        assert_eq!(plain, key(vec![file("b", b"2"), file("a", b"1")]), "order is canonical");
        assert_ne!(plain, key(vec![file("a", b"2"), file("b", b"1")]), "contents swapped");
        assert_ne!(plain, key(vec![file("a", b"1")]));
    }

    #[test]
    fn what_may_be_executed_and_what_is_behind_a_link_are_other_things() {
        let plain = kind_digest(PathKind::File, false);
        assert_ne!(plain, kind_digest(PathKind::Program, false));
        assert_ne!(plain, kind_digest(PathKind::File, true));
    }

    #[test]
    fn a_listing_is_the_same_in_any_order_and_tells_kinds_apart() {
        let name = |name: &str, kind| (name.as_bytes().to_vec(), kind);
        let [file, dir] = [PathKind::File, PathKind::Directory];
        let listed = listing_digest(Some(vec![name("a", file), name("b", dir)]));
        assert_eq!(listed, listing_digest(Some(vec![name("b", dir), name("a", file)])));
        assert_ne!(listed, listing_digest(Some(vec![name("a", file), name("b", file)])));
        assert_ne!(listed, listing_digest(Some(vec![name("a", file)])));
        assert_ne!(listing_digest(Some(Vec::new())), listing_digest(None));
    }

    #[test]
    fn the_entry_key_recipe_is_pinned() {
        let unit = UnitId(Digest::of(b"unit"));
        let env = RecordedInput {
            input: Input::Env("CARGO_PKG_VERSION".to_owned()),
            digest: env_digest(Some(b"1.0.0")),
            stamp: None,
        };
        let root = RecordedInput {
            input: Input::Root(RootKind::Target),
            digest: root_digest(Some("/ws/target")),
            stamp: None,
        };
        let record = InputRecord::of(vec![file("src/lib.rs", b"fn f() {}"), env, root]);
        assert_eq!(
            record.entry_key(unit).to_string(),
            "b81a87cfdbff338f84450e951553931cec7725f7304a5b20bd863dd63f130d47"
        );
    }
}
