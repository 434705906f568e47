//! The preload library's source is part of the package, and formatted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::Tried;

fn sources(directory: &Path, found: &mut BTreeSet<PathBuf>) -> Tried {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

fn preload_sources() -> Tried<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("preload"), &mut found)?;
    assert!(found.len() > 10);
    Ok(found)
}

#[test]
fn the_package_has_the_preload_library() -> Tried {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["package", "--list", "--allow-dirty"]);
    let output = cargo.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout)?;
    let listed: BTreeSet<&str> = listed.lines().collect();
    for source in preload_sources()? {
        let name = source.strip_prefix(env!("CARGO_MANIFEST_DIR"))?;
        assert!(listed.contains(name.to_str().ok_or("names are text")?), "{}", name.display());
    }
    Ok(())
}

#[test]
fn the_preload_library_is_formatted() -> Tried {
    // What a package contains has no such settings beside it.
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rustfmt.toml");
    if !settings.exists() {
        return Ok(());
    }
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2024", "--config-path"]).arg(settings);
    let output = rustfmt.args(preload_sources()?).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
