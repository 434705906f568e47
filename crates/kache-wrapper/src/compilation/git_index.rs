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

/// A work tree of git's.
pub(crate) struct WorkTree {
    pub(crate) top: PathBuf,
    /// Where its `HEAD` and its index are: `.git`, or what that file names.
    pub(crate) git_dir: PathBuf,
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
        Some(Self { top: top.to_owned(), git_dir })
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    /// Returns whether each tracked file has the stat data that `index` has of it, so
    /// that git takes it for unchanged. One look at each file.
    pub(crate) fn is_up_to_date(&self, index: &GitIndex) -> bool {
        index.entries.iter().all(|entry| {
            let path = self.top.join(OsStr::from_bytes(&entry.path));
            let is_asked = !entry.is_never_looked_at() && !entry.is_repository();
            !is_asked || fs::symlink_metadata(path).is_ok_and(|found| is_as_said(entry, &found))
        })
    }
}

/// Returns the digest of what the index of the work tree `top` says. One constant stands
/// for all that git answers by looking closer: no index, one that is not understood, or a
/// tracked file that is not as it says.
pub(crate) fn digest_of(top: &Path) -> Digest {
    let said = || {
        let tree = WorkTree::at(top)?;
        let index = GitIndex::parse(&read_index(&tree.index())?)?;
        tree.is_up_to_date(&index).then(|| index.digest())
    };
    said().unwrap_or_else(missing_digest)
}

/// Takes each directory of a work tree for listed that was only looked at, if git may
/// have known by its times what is in it.
pub(crate) fn list_what_is_known_by_times(sight: &mut Sight) {
    let is_of_git = |path: &Path| path.components().any(|part| part.as_os_str() == ".git");
    let may_be_index = |path: &&PathBuf| is_of_git(path) || path.ends_with("index");
    let knows = |path: &&PathBuf| read_index(path).is_some_and(|it| may_have_untracked_cache(&it));
    let indexes = sight.files.iter().filter(may_be_index).filter(knows);
    let tops: Vec<PathBuf> = indexes.map(|index| top_of(index)).collect();
    let is_known = |dir: &&PathBuf| {
        // In its own directory git makes files for a moment.
        tops.iter().any(|top| dir.starts_with(top)) && !is_of_git(dir) && dir.is_dir()
    };
    sight.listed.extend(sight.looked_at.iter().filter(is_known).cloned());
}

/// Returns the top of the work tree that `index` is of; the root directory where nobody
/// can say.
fn top_of(index: &Path) -> PathBuf {
    let git_dir = index.parent().unwrap_or(Path::new("/"));
    // Of a further work tree, its directory at the repository names the file `.git`.
    let named = read_small(&git_dir.join("gitdir")).map(|text| PathBuf::from(text.trim_end()));
    let dot_git = named.or_else(|| git_dir.ends_with(".git").then(|| git_dir.to_owned()));
    dot_git.as_deref().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned()
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

/// Reads a text that is no longer than git's own limit for such files.
pub(crate) fn read_small(path: &Path) -> Option<String> {
    const MOST_BYTES: u64 = 1 << 20;
    let is_small = fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MOST_BYTES);
    if is_small { fs::read_to_string(path).ok() } else { None }
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
    fn the_top_of_a_work_tree_is_where_git_is() {
        assert_eq!(top_of(Path::new("/no/such/.git/index")), Path::new("/no/such"));
        assert_eq!(top_of(Path::new("/no/such/.git/modules/m/index")), Path::new("/"));
    }
}
