//! The program that cargo starts in the place of a build script.
//!
//! It stands where the script was compiled to, and the script beside it. It
//! becomes `kache` or, where that is gone, the script. What it needs to know is
//! behind its own bytes: the path of `kache` and the name of the script.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Returns where the script stands of which the launcher is at `place`.
pub(crate) fn script_beside(place: &Path) -> PathBuf {
    with_ending(place, ".script")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Moves the script at `place` aside and puts a launcher there.
///
/// # Errors
///
/// The script is at `place` then, as it was.
pub(crate) fn install(place: &Path) -> io::Result<()> {
    let Some(launcher) = kache_observe::launcher() else { return Ok(()) };
    let kache = std::env::current_exe()?;
    let script = script_beside(place);
    let staged = with_ending(place, ".launcher");
    write(&staged, launcher, &kache, &script)?;
    let moved = fs::rename(place, &script).and_then(|()| {
        fs::rename(&staged, place).inspect_err(|_| drop(fs::rename(&script, place)))
    });
    moved.inspect_err(|_| drop(fs::remove_file(&staged)))
}

/// Removes the script of an earlier launcher at `place`: it may share its inode
/// with what is to be put there.
pub(crate) fn forget(place: &Path) {
    // Mostly there is none.
    drop(fs::remove_file(script_beside(place)));
}

fn write(path: &Path, launcher: &[u8], kache: &Path, script: &Path) -> io::Result<()> {
    drop(fs::remove_file(path));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o777).open(path)?;
    file.write_all(launcher)?;
    file.write_all(&trailer(kache.as_os_str(), script.file_name().unwrap_or_default()))
        .inspect_err(|_| drop(fs::remove_file(path)))
}

/// Returns what stands behind a launcher's own bytes: two texts that end with a
/// zero byte each, then how many bytes that is.
fn trailer(kache: &OsStr, script: &OsStr) -> Vec<u8> {
    let mut bytes = [kache.as_bytes(), b"\0", script.as_bytes(), b"\0"].concat();
    let length = u32::try_from(bytes.len()).expect("paths are short");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_ends_with_its_own_length() {
        let bytes = trailer(OsStr::new("/k"), OsStr::new("s"));
        assert_eq!(bytes, b"/k\0s\0\x05\0\0\0");
    }

    #[test]
    fn the_script_stands_beside_its_launcher() {
        let beside = script_beside(Path::new("/t/build_script_build-1"));
        assert_eq!(beside, Path::new("/t/build_script_build-1.script"));
    }
}
