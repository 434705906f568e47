//! git's index on disk.

use std::fs;
use std::path::Path;

use kache_key::Digest;
use kache_key::git_index::GitIndex;
use kache_key::input::missing_digest;
use kache_store::failure::IoFailure;

/// Returns the digest of what the index `path` says. One read.
pub(crate) fn digest_of(path: &Path) -> Result<Digest, IoFailure> {
    let bytes = fs::read(path).map_err(|source| IoFailure {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    Ok(GitIndex::parse(&bytes).map_or_else(missing_digest, |index| index.digest()))
}
