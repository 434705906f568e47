//! The preload library and the launcher, which this crate carries with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::WatchError;

#[cfg(observed)]
const LIBRARY: Option<&[u8]> =
    Some(include_bytes!(concat!(env!("OUT_DIR"), "/libkache_observe.so")));
#[cfg(not(observed))]
const LIBRARY: Option<&[u8]> = None;

#[cfg(observed)]
const DIGEST: &str = env!("KACHE_OBSERVE_DIGEST");
#[cfg(not(observed))]
const DIGEST: &str = "";

/// What the name of every version of the library begins with.
pub(crate) const STEM: &str = "libkache_observe";

static STAGED: AtomicU32 = AtomicU32::new(0);

/// The preload library as a file's bytes; `None` where there cannot be one.
pub fn library() -> Option<&'static [u8]> {
    LIBRARY
}

#[cfg(observed)]
const LAUNCHER: Option<&[u8]> = Some(include_bytes!(concat!(env!("OUT_DIR"), "/launcher")));
#[cfg(not(observed))]
const LAUNCHER: Option<&[u8]> = None;

/// A program that stands in another's place, as a file's bytes; `None` where there
/// cannot be one.
///
/// Behind them go the path of a program, a verb, and the replaced one: by its whole
/// path, or by its name beside the launcher. A zero byte is after each, and how many
/// bytes that is, in four bytes, little-endian. It becomes the first with the verb, the
/// path of the replaced one, the name it was started by, and its arguments. Where the
/// first is gone it becomes the replaced one. If that is named by its whole path, the
/// launcher's directory is taken out of `PATH`.
pub fn launcher() -> Option<&'static [u8]> {
    LAUNCHER
}

/// Puts the library into a directory, which is made if it is not there, and
/// returns its path; `None` where there cannot be one.
///
/// The file is named for its contents and is written once. It must stay as long
/// as anything runs that was started with it: a program whose library is gone
/// complains on standard error. Costs reading the file when it is there: after a
/// power cut it may be as long as it should be, and empty.
pub fn unpack(directory: &Path) -> Result<Option<PathBuf>, WatchError> {
    let Some(bytes) = library() else { return Ok(None) };
    let path = directory.join(format!("{STEM}-{DIGEST}.so"));
    if fs::read(&path).is_ok_and(|found| found == bytes) {
        return Ok(Some(path));
    }
    fs::create_dir_all(directory).map_err(WatchError::io("create", directory))?;
    let number = STAGED.fetch_add(1, Ordering::Relaxed);
    let staged = directory.join(format!("{STEM}-{DIGEST}.{}-{number}", process::id()));
    fs::write(&staged, bytes).map_err(WatchError::io("write", &staged))?;
    fs::rename(&staged, &path).map_err(WatchError::io("rename", &staged))?;
    Ok(Some(path))
}
