//! The launcher that cargo starts in the place of a build script: it stands where
//! the script was compiled to, and the script beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::VERB;
use crate::launcher;

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
    let script = script_beside(place);
    let name = script.file_name().unwrap_or_default();
    let Some(bytes) = launcher::bytes(&std::env::current_exe()?, VERB, name) else {
        return Ok(());
    };
    let staged = with_ending(place, ".launcher");
    drop(fs::remove_file(&staged));
    launcher::write(&staged, &bytes)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stands_beside_its_launcher() {
        let beside = script_beside(Path::new("/t/build_script_build-1"));
        assert_eq!(beside, Path::new("/t/build_script_build-1.script"));
    }
}
