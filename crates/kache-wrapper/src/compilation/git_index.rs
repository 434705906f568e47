//! git's index on disk.

use std::fs;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::git_index::{GitIndex, may_have_untracked_cache};
use kache_key::input::missing_digest;
use kache_store::failure::IoFailure;

use super::sight::Sight;

/// Returns the digest of what the index `path` says. One read.
pub(crate) fn digest_of(path: &Path) -> Result<Digest, IoFailure> {
    let bytes = fs::read(path).map_err(|source| IoFailure {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    Ok(GitIndex::parse(&bytes).map_or_else(missing_digest, |index| index.digest()))
}

/// Takes each directory for listed that was only looked at, if git may have known by
/// its times what is in it.
pub(crate) fn list_what_is_known_by_times(sight: &mut Sight) {
    let is_index = |path: &&PathBuf| path.file_name().is_some_and(|name| name == "index");
    let knows = |path: &PathBuf| fs::read(path).is_ok_and(|it| may_have_untracked_cache(&it));
    // In its own directory git makes files for a moment.
    let is_of_git = |path: &Path| path.components().any(|part| part.as_os_str() == ".git");
    if sight.files.iter().filter(is_index).any(knows) {
        let dirs = sight.looked_at.iter().filter(|path| path.is_dir() && !is_of_git(path));
        sight.listed.extend(dirs.cloned());
    }
}
