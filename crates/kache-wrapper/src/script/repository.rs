//! The git repository around a package: what a script that looks into it depends on,
//! where that is less than the bytes of the files that git reads.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::git_index::{Entry, GitIndex, Look};
use kache_key::input::FileStamp;
use kache_store::identity;

use crate::compilation::inputs::Inputs;
use crate::compilation::sight::Sight;

/// A repository as it is before the script starts.
pub(super) struct Repository {
    /// The top of the work tree.
    top: PathBuf,
    index: PathBuf,
    /// Stays what it is: git puts another file in its place.
    index_before: File,
    before: Metadata,
    objects: PathBuf,
}

impl Repository {
    /// Finds the repository around `dir` as git does.
    pub(super) fn around(dir: &Path) -> Option<Self> {
        let top = dir.ancestors().find(|dir| dir.join(".git").exists())?;
        let git_dir = git_dir(&top.join(".git"))?;
        // Of several work trees, each has its own index, and they share the rest.
        let shared = match fs::read_to_string(git_dir.join("commondir")) {
            Ok(shared) => git_dir.join(shared.trim_end()).canonicalize().ok()?,
            Err(_) => git_dir.clone(),
        };
        let index = git_dir.join("index");
        let index_before = File::open(&index).ok()?;
        let before = index_before.metadata().ok()?;
        let top = top.to_owned();
        Some(Self { top, index, index_before, before, objects: shared.join("objects") })
    }

    /// Adds what was seen of the repository to `inputs`, and leaves that out of `sight` and of
    /// the `declared` files, as far as the meaning of a file is less than its bytes.
    pub(super) fn add_meanings(
        &self,
        sight: &mut Sight,
        declared: &mut Vec<PathBuf>,
        inputs: &mut Inputs<'_>,
        tops: &[&Path],
    ) -> Result<(), String> {
        self.add_objects(sight, inputs, tops)?;
        let is_used = sight.mentioned.contains(&self.index) || declared.contains(&self.index);
        let was_written = sight.written_elsewhere.contains(&self.index);
        let meaning = is_used.then(|| self.index_meaning(was_written, inputs)).flatten();
        if let Some((digest, stamp)) = meaning {
            sight.files.remove(&self.index);
            sight.looked_at.remove(&self.index);
            sight.written_elsewhere.remove(&self.index);
            declared.retain(|path| *path != self.index);
            inputs.git_index(&self.index, digest, stamp, tops);
        }
        Ok(())
    }

    /// Adds objects by being there: their names say what is in them, and the packs of a
    /// repository may be larger than everything else that is read.
    fn add_objects(
        &self,
        sight: &mut Sight,
        inputs: &mut Inputs<'_>,
        tops: &[&Path],
    ) -> Result<(), String> {
        let is_object =
            |path: &PathBuf| path.strip_prefix(&self.objects).is_ok_and(is_named_by_contents);
        let mut objects = BTreeSet::new();
        for seen in [&mut sight.files, &mut sight.looked_at] {
            objects.extend(seen.extract_if(.., |path| is_object(path)));
        }
        objects.iter().try_for_each(|path| inputs.add_kind(path, tops).map(drop))
    }

    /// Returns the digest of what the index says, and its stamp.
    ///
    /// Nothing where it changed, other than that the script's own git wrote the same once
    /// more; or where a file does not look as the index says. Which of these are the same
    /// nevertheless, git finds out when it is asked, or it does not ask: what it answers
    /// then depends on times.
    fn index_meaning(&self, was_written: bool, inputs: &Inputs<'_>) -> Option<(Digest, FileStamp)> {
        let (now, metadata) = read(&File::open(&self.index).ok()?)?;
        let stamp = if was_written {
            identity::stamp_of(&metadata)
        } else {
            inputs.unchanged(&self.index, &metadata).ok()?
        };
        let (before, metadata) = read(&self.index_before)?;
        let is_same_file = metadata.len() == self.before.len()
            && metadata.mtime() == self.before.mtime()
            && metadata.mtime_nsec() == self.before.mtime_nsec();
        let [before, now] = [before, now].map(|bytes| GitIndex::parse(&bytes));
        let (before, now) = (before?, now?);
        let says_the_same = is_same_file
            && before.digest() == now.digest()
            && before.has_untracked_cache == now.has_untracked_cache;
        let is_right = || before.entries.iter().all(|entry| self.looks_as_said(entry));
        (says_the_same && is_right()).then(|| (now.digest(), stamp))
    }

    /// Returns whether a tracked file looks as the index says, or git does not care.
    fn looks_as_said(&self, entry: &Entry) -> bool {
        if entry.is_never_looked_at() || entry.is_repository() {
            return true;
        }
        let path = self.top.join(OsStr::from_bytes(&entry.path));
        fs::symlink_metadata(path).is_ok_and(|metadata| {
            look_of(&metadata) == entry.look && tracked_mode(&metadata) == Some(entry.mode)
        })
    }
}

/// Returns the directory for which `.git` stands: itself, or what is named in the file.
fn git_dir(dot_git: &Path) -> Option<PathBuf> {
    if dot_git.is_dir() {
        return Some(dot_git.to_owned());
    }
    let text = fs::read_to_string(dot_git).ok()?;
    dot_git.parent()?.join(text.strip_prefix("gitdir: ")?.trim_end()).canonicalize().ok()
}

/// Returns whether a file below the directory of objects is one that is named by what is in
/// it: a loose object, a pack, or a table of what is where in one.
fn is_named_by_contents(path: &Path) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = |text: &str| [40, 64].contains(&text.len()) && is_hex(text);
    let Some((dir, name)) = path.to_str().and_then(|path| path.split_once('/')) else {
        return false;
    };
    if dir != "pack" {
        return dir.len() == 2 && is_id(&[dir, name].concat());
    }
    let pack = name.strip_prefix("pack-").and_then(|name| name.split_once('.'));
    pack.is_some_and(|(id, kind)| is_id(id) && ["pack", "idx", "rev"].contains(&kind))
}

fn read(mut file: &File) -> Option<(Vec<u8>, Metadata)> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some((bytes, file.metadata().ok()?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as git cuts them")]
fn look_of(metadata: &Metadata) -> Look {
    Look {
        ctime: [metadata.ctime() as u32, metadata.ctime_nsec() as u32],
        mtime: [metadata.mtime() as u32, metadata.mtime_nsec() as u32],
        ino: metadata.ino() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.len() as u32,
    }
}

/// Returns the mode that git would track a file with.
fn tracked_mode(metadata: &Metadata) -> Option<u32> {
    if metadata.is_symlink() {
        return Some(0o120_000);
    }
    let is_program = metadata.mode() & 0o100 != 0;
    metadata.is_file().then_some(if is_program { 0o100_755 } else { 0o100_644 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_packs_are_named_by_what_is_in_them() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let check = |path: &str, expected| {
            assert_eq!(is_named_by_contents(Path::new(path)), expected, "{path}");
        };
        check(&format!("{}/{}", &id[..2], &id[2..]), true);
        check(&format!("pack/pack-{id}.pack"), true);
        check(&format!("pack/pack-{id}.idx"), true);
        check(&format!("pack/pack-{id}.keep"), false);
        check("pack/multi-pack-index", false);
        check("info/alternates", false);
        check(&format!("{}/{}", &id[..2], &id[3..]), false);
        check(&format!("pack/{id}.pack"), false);
        check(&format!("{}/{}.tmp", &id[..2], &id[2..]), false);
    }
}
