//! The git repository around a package: what a script that looks into it depends on,
//! where that is less than the bytes of the files that git reads.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_key::git_index::GitIndex;
use kache_observe::{Act, Trace};

use crate::compilation::git_index::{WorkTree, read_index, written_s};
use crate::compilation::inputs::Inputs;
use crate::compilation::sight::{Sight, without_parents};
use crate::files::read_small;

/// A repository as it is before the script starts.
pub(super) struct Repository {
    tree: WorkTree,
    /// The index of then: this stays readable where git puts another file in its place.
    index_before: File,
    metadata_before: Metadata,
    /// What all work trees of the repository share.
    shared_dir: PathBuf,
}

impl Repository {
    /// Finds the nearest repository around `dir`, which git finds if nobody says otherwise.
    pub(super) fn around(dir: &Path) -> Option<Self> {
        let tree = dir.ancestors().find(|dir| dir.join(".git").exists()).and_then(WorkTree::at)?;
        let shared_dir = match read_small(&tree.git_dir.join("commondir")) {
            Some(shared) => tree.git_dir.join(shared.trim_end()).canonicalize().ok()?,
            None => tree.git_dir.clone(),
        };
        if !tree.index.is_file() {
            return None;
        }
        let index_before = File::open(&tree.index).ok()?;
        let metadata_before = index_before.metadata().ok()?;
        Some(Self { tree, index_before, metadata_before, shared_dir })
    }

    /// Adds the index by what it says, and leaves it out of `sight` and of the `declared`
    /// files, where it was used and that is all that matters about it. Returns how many files
    /// a hit then has to look at.
    pub(super) fn add_index(
        &self,
        sight: &mut Sight,
        declared: &mut Vec<PathBuf>,
        inputs: &mut Inputs<'_>,
        tops: &[&Path],
    ) -> usize {
        let is_index = |path: &PathBuf| without_parents(path) == self.tree.index;
        if !sight.mentioned.contains(&self.tree.index) && !declared.iter().any(is_index) {
            return 0;
        }
        let Some(index) = self.steady_index() else { return 0 };
        for places in [&mut sight.files, &mut sight.looked_at, &mut sight.written_elsewhere] {
            places.remove(&self.tree.index);
        }
        declared.retain(|path| !is_index(path));
        // The script saw the one of before.
        let digest = index.digest(written_s(&self.metadata_before));
        inputs.git_index(&self.tree.top, digest, tops);
        index.entries.len()
    }

    /// Adds objects by being there: their names say what is in them, and the packs of a
    /// repository may be larger than everything else that is read.
    pub(super) fn add_objects(
        &self,
        sight: &mut Sight,
        inputs: &mut Inputs<'_>,
        tops: &[&Path],
    ) -> Result<(), String> {
        let dir = self.shared_dir.join("objects");
        let is_object = |path: &PathBuf| path.strip_prefix(&dir).is_ok_and(is_named_by_contents);
        let mut objects = BTreeSet::new();
        for seen in [&mut sight.files, &mut sight.looked_at] {
            objects.extend(seen.extract_if(.., |path| is_object(path)));
        }
        objects.iter().try_for_each(|path| inputs.add_kind(path, tops).map(drop))
    }

    /// Returns whether nobody but git read the index, or the script itself, with a library
    /// for that: `sha1sum` reads bytes.
    pub(super) fn is_left_to_git(&self, trace: &Trace) -> bool {
        let first = trace.events.first().map(|event| event.pid);
        let mut programs: HashMap<u32, &Path> = HashMap::new();
        for event in trace.events.iter().filter(|event| event.counts) {
            match &event.act {
                Act::Started { program, .. } => drop(programs.insert(event.pid, program)),
                Act::Read(path) if without_parents(path) == self.tree.index => {
                    let program = programs.get(&event.pid).and_then(|path| path.file_name());
                    let is_git = program.is_some_and(|it| it.as_bytes().starts_with(b"git"));
                    if !is_git && first != Some(event.pid) {
                        return false;
                    }
                }
                _ => {}
            }
        }
        true
    }

    /// Returns the index as it was before the script ran, if it still says the same, and
    /// tracked files were and are as it says. git may have written it anew.
    ///
    /// About a file that is not, git finds out more when it refreshes the index, and some
    /// commands do not: `git diff-index` then answers by times.
    fn steady_index(&self) -> Option<GitIndex> {
        let now = GitIndex::parse(&read_index(&self.tree.index)?)?;
        let before = GitIndex::parse(&self.bytes_before()?)?;
        let says = |index: &GitIndex| index.digest(u32::MAX);
        let says_the_same = || {
            says(&before) == says(&now)
                // What directories count by their names was decided by the index of now.
                && before.has_untracked_cache == now.has_untracked_cache
                && self.tree.is_up_to_date(&now)
        };
        let is_steady = self.tree.is_up_to_date(&before) && (before == now || says_the_same());
        is_steady.then_some(before)
    }

    /// Returns what the index was, unless somebody wrote into that very file.
    fn bytes_before(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.index_before).read_to_end(&mut bytes).ok()?;
        let now = self.index_before.metadata().ok()?;
        let written =
            |metadata: &Metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        (written(&now) == written(&self.metadata_before)).then_some(bytes)
    }
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
