//! git's index on disk, and the work tree that it is of.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::git_index::{Entry, GitIndex, StatData, may_have_untracked_cache};
use kache_key::input::missing_digest;

use super::sight::Sight;
use crate::files::read_small;

/// A work tree of git's.
pub(crate) struct WorkTree {
    pub(crate) top: PathBuf,
    /// Where its `HEAD` and its index are: `.git`, or what that file names.
    pub(crate) git_dir: PathBuf,
    pub(crate) index: PathBuf,
}

impl WorkTree {
    /// Returns the work tree whose top is `top`. Looks at one name, and reads a small
    /// file where that is one.
    pub(crate) fn at(top: &Path) -> Option<Self> {
        let dot_git = top.join(".git");
        let git_dir = if dot_git.is_dir() {
            dot_git
        } else {
            let text = read_small(&dot_git)?;
            top.join(text.strip_prefix("gitdir: ")?.trim_end()).canonicalize().ok()?
        };
        Some(Self { top: top.to_owned(), index: git_dir.join("index"), git_dir })
    }

    /// Returns whether each tracked file has the stat data that `index` has of it, so
    /// that git does not look closer unless the file is as young as the index. One look
    /// at each file.
    pub(crate) fn is_up_to_date(&self, index: &GitIndex) -> bool {
        index.entries.iter().filter(|entry| entry.is_asked()).all(|entry| {
            let path = self.top.join(OsStr::from_bytes(&entry.path));
            match fs::symlink_metadata(path) {
                Ok(found) => is_as_said(entry, &found),
                Err(_) => entry.may_be_missing(),
            }
        })
    }
}

/// Returns the digest of what the index of the work tree `top` says. No result is stored
/// under the constant that stands for no index, for one that is not understood, and for
/// one that does not have the stat data of a tracked file.
pub(crate) fn digest_of(top: &Path) -> Digest {
    let said = || {
        let tree = WorkTree::at(top)?;
        let written_s = written_s(&fs::metadata(&tree.index).ok()?);
        let index = GitIndex::parse(&read_index(&tree.index)?)?;
        tree.is_up_to_date(&index).then(|| index.digest(written_s))
    };
    said().unwrap_or_else(missing_digest)
}

/// Returns the second in which a file was last written, as git keeps it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as git cuts it")]
pub(crate) fn written_s(metadata: &Metadata) -> u32 {
    metadata.mtime() as u32
}

/// Takes each directory for listed that was only looked at, if git may have known by its
/// times what is in it.
///
/// Nobody says which work tree the index is of, so all directories count but those in which
/// others make files for a moment: `.git`, the ones above it, and that for temporary files.
pub(crate) fn list_what_is_known_by_times(sight: &mut Sight) {
    let knows = |path: &&PathBuf| read_index(path).is_some_and(|it| may_have_untracked_cache(&it));
    let indexes: Vec<&PathBuf> = sight.files.iter().filter(knows).collect();
    if indexes.is_empty() {
        return;
    }
    let is_of_git = |dir: &Path| dir.components().any(|part| part.as_os_str() == ".git");
    let temp_dir = std::env::temp_dir();
    let is_known = |dir: &&PathBuf| {
        let is_above = indexes.iter().any(|index| is_above_work_tree(dir, index));
        !is_of_git(dir) && !is_above && **dir != temp_dir && dir.is_dir()
    };
    sight.listed.extend(sight.looked_at.iter().filter(is_known).cloned());
}

/// Returns whether `dir` is above the directory that has `.git` with `index` in it.
fn is_above_work_tree(dir: &Path, index: &Path) -> bool {
    let dot_git = index.parent().filter(|git_dir| git_dir.ends_with(".git"));
    let top = dot_git.and_then(Path::parent);
    top.is_some_and(|top| top != dir && top.starts_with(dir))
}

/// Reads a file that may be an index, whole if it begins as one does.
pub(crate) fn read_index(path: &Path) -> Option<Vec<u8>> {
    const BEGINNING: &[u8] = b"DIRC";
    const MOST_BYTES: u64 = 1 << 30;
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut bytes = vec![0; BEGINNING.len()];
    file.read_exact(&mut bytes).ok()?;
    if bytes != BEGINNING {
        return None;
    }
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn is_as_said(entry: &Entry, metadata: &Metadata) -> bool {
    const LINK: u32 = 0o120_000;
    const FILE: u32 = 0o100_644;
    const PROGRAM: u32 = 0o100_755;
    let is_program = metadata.mode() & 0o100 != 0;
    let mode = match () {
        () if metadata.is_symlink() => LINK,
        () if metadata.is_file() && is_program => PROGRAM,
        () if metadata.is_file() => FILE,
        () => return false,
    };
    mode == entry.mode && stat_data(metadata) == entry.stat_data
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as git cuts them")]
fn stat_data(metadata: &Metadata) -> StatData {
    StatData {
        ctime: [metadata.ctime() as u32, metadata.ctime_nsec() as u32],
        mtime: [metadata.mtime() as u32, metadata.mtime_nsec() as u32],
        ino: metadata.ino() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.len() as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_no_repository_and_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join(".git");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(WorkTree::at(dir.path()).is_none());
        assert_eq!(read_index(&pipe), None);
    }

    #[test]
    fn only_what_begins_like_an_index_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        fs::write(&path, "DIRC and more").unwrap();
        assert_eq!(read_index(&path).as_deref(), Some(b"DIRC and more".as_slice()));
        fs::write(&path, "a list of words").unwrap();
        assert_eq!(read_index(&path), None);
    }

    #[test]
    fn a_work_tree_is_not_above_itself() {
        let index = Path::new("/w/tree/.git/index");
        let above = ["/w", "/w/tree", "/w/tree/dir", "/w/tr", "/x"];
        let above = above.map(|dir| is_above_work_tree(Path::new(dir), index));
        assert_eq!(above, [true, false, false, false, false]);
    }
}
