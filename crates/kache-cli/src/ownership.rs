//! Making sure that what is about to be removed belongs to a store.
//!
//! `cache_dir` may be any directory by mistake, a home among them. The store
//! only ever writes below `<cache_dir>/v1`, so that is looked at: a name there
//! that no store makes means that the directory is somebody else's.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use kache_store::Layout;
use kache_store::rotation::Series;

use crate::error::{CliError, ErrorKind};

/// Refuses a directory that holds what no store holds.
///
/// Looks at the names in it, and at those of the shards of blobs, entries and records.
pub(crate) fn check(layout: &Layout) -> Result<(), CliError> {
    for path in listed(layout.base())? {
        if !path.file_name().is_some_and(|name| is_known(layout, name)) {
            return Err(foreign(&path));
        }
    }
    for dir in [layout.blobs(), layout.entries(), layout.records()] {
        if !dir.is_dir() {
            continue;
        }
        for path in listed(&dir)? {
            if path.is_dir() && !path.file_name().is_some_and(Layout::is_shard) {
                return Err(foreign(&path));
            }
        }
    }
    Ok(())
}

fn listed(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let paths = fs::read_dir(dir).and_then(|files| {
        files.map(|file| file.map(|file| file.path())).collect::<Result<Vec<_>, _>>()
    });
    paths.map_err(CliError::io("list", dir))
}

fn foreign(path: &Path) -> CliError {
    let message = format!("`{}` is not a file of a kache store", path.display());
    CliError::new(ErrorKind::Store, message)
        .hint("nothing was removed; is `cache_dir` right? if so, move that file away first")
}

/// Returns whether the store makes a file or directory of this name.
fn is_known(layout: &Layout, name: &OsStr) -> bool {
    let known = [
        layout.blobs(),
        layout.entries(),
        layout.records(),
        layout.toolchains(),
        layout.known_digests(),
        layout.locks(),
        layout.staging(),
        layout.quarantine(),
        layout.observers(),
        layout.shims(),
        layout.journal(),
        layout.log(),
        layout.index(),
        layout.synced(),
        layout.housekept(),
        layout.base().join("spool"),
    ];
    let is_rotated = [Series::journal(layout), Series::log(layout)]
        .iter()
        .any(|series| series.is_moved_aside(name.as_ref()));
    is_rotated || known.iter().any(|path| path.file_name() == Some(name))
}
