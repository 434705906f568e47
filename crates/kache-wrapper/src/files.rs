//! Looking at the file system before a decision: search paths, marks, stamps.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use kache_key::input::FileStamp;
use kache_store::identity;

/// Returns whether a watched file is as it was when its stamp was taken. One look.
pub(crate) fn is_unchanged((path, stamp): &(PathBuf, FileStamp)) -> bool {
    fs::metadata(path).is_ok_and(|now| stamp.vouches_for(&identity::stamp_of(&now)))
}

/// Looks at the program that runs.
pub(crate) fn own_program() -> io::Result<Metadata> {
    fs::metadata("/proc/self/exe").or_else(|_| fs::metadata(std::env::current_exe()?))
}

/// Returns the file that running `program` would start: itself if it names a
/// path, else the first executable of that name on `PATH`.
pub(crate) fn find_program(program: &str, path_var: Option<OsString>) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    std::env::split_paths(&path_var?).map(|dir| dir.join(program)).find(|candidate| {
        use std::os::unix::fs::PermissionsExt as _;

        fs::metadata(candidate)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}

/// Reads a text of a mebibyte at most, which is git's limit for its small files, and more
/// than linker scripts are. `None` where there is no plain file, or one of something else.
pub(crate) fn read_small(path: &Path) -> Option<String> {
    const MOST_BYTES: u64 = 1 << 20;
    let is_small = fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MOST_BYTES);
    if is_small { fs::read_to_string(path).ok() } else { None }
}

/// Returns `path` with each `..` taken with what stands before it.
pub(crate) fn folded(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            folded.pop();
        } else {
            folded.push(part);
        }
    }
    folded
}

/// Returns whether `path` leads to the same place now with each `..` [`folded`] away, be it
/// nowhere. Looks only where there is a `..`.
pub(crate) fn is_same_when_folded(path: &Path) -> bool {
    let mut parts = path.components();
    let real = |path: &Path| fs::canonicalize(path).ok();
    !parts.any(|part| part == Component::ParentDir) || real(path) == real(&folded(path))
}

/// Returns the directory above `out_dir` that cargo marked as a cache: the
/// target or build directory.
pub(crate) fn target_dir_above(out_dir: &Path) -> Option<PathBuf> {
    out_dir
        .ancestors()
        .take(10)
        .find(|dir| fs::symlink_metadata(dir.join("CACHEDIR.TAG")).is_ok())
        .map(Path::to_owned)
}
