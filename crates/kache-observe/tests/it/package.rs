//! What the build script compiles: its source is part of the package and formatted, and
//! the library that was built of it disturbs nobody.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kache_observe::Act;

use crate::programs::has;
use crate::sandbox::{Sandbox, Tried, library, trace_of};

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

/// What `build.rs` compiles, and cargo does not know.
fn unknown_sources() -> Tried<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for directory in ["preload", "launcher"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &mut found)?;
    }
    assert!(found.len() > 10);
    Ok(found)
}

#[test]
fn the_package_has_what_its_build_script_compiles() -> Tried {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["package", "--list", "--allow-dirty"]);
    let output = cargo.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout)?;
    let listed: BTreeSet<&str> = listed.lines().collect();
    for source in unknown_sources()? {
        let name = source.strip_prefix(env!("CARGO_MANIFEST_DIR"))?;
        assert!(listed.contains(name.to_str().ok_or("names are text")?), "{}", name.display());
    }
    Ok(())
}

#[test]
fn what_the_build_script_compiles_is_formatted() -> Tried {
    // What a package contains has no such settings beside it.
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rustfmt.toml");
    if !settings.exists() {
        return Ok(());
    }
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2024", "--config-path"]).arg(settings);
    let output = rustfmt.args(unknown_sources()?).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// The names in a library's table of symbols, without their versions.
fn symbols(library: &Path, which: &str) -> Tried<BTreeSet<String>> {
    let output = Command::new("nm").args(["-D", "--format=posix", which]).arg(library).output()?;
    let listed = String::from_utf8(output.stdout)?;
    let names = listed.lines().filter_map(|line| line.split([' ', '@']).next());
    Ok(names.map(str::to_owned).collect())
}

#[test]
fn the_library_defines_what_the_c_library_does_and_nothing_else() -> Tried {
    // What newer ones have, and what some have under another name.
    const NEWER: [&str; 4] = ["fts64_open", "openat2", "pidfd_spawn", "pidfd_spawnp"];
    if !has("nm") {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let trace = trace_of(&mut sandbox.command("true"))?;
    let is_libc = |act: &&Act| act.path().is_some_and(|path| path.ends_with("libc.so.6"));
    let libc = trace.acts().find(is_libc).and_then(Act::path).ok_or("programs use it")?;
    let known = symbols(libc, "--defined-only")?;
    let defined = symbols(&library()?, "--defined-only")?;
    assert!(defined.contains("open") && defined.len() > 100, "{defined:?}");
    let foreign: Vec<_> = defined
        .difference(&known)
        // From 2.34 on these are in the C library, and from 2.33 on the old ones are not.
        .filter(|name| !NEWER.contains(&name.as_str()) && !name.starts_with("__"))
        .filter(|name| !["dlopen", "dlmopen", "_Fork"].contains(&name.as_str()))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    Ok(())
}

#[test]
fn the_library_needs_little() -> Tried {
    if !has("nm") || !has("readelf") {
        return Ok(());
    }
    let needed = symbols(&library()?, "--undefined-only")?;
    let allowed = [
        "__errno_location",
        "abort",
        "bcmp",
        "dl_iterate_phdr",
        "environ",
        "memcmp",
        "memcpy",
        "memmove",
        "memset",
        "strlen",
    ];
    let more: Vec<_> = needed.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "{more:?}");
    let output = Command::new("readelf").arg("-d").arg(library()?).output()?;
    let text = String::from_utf8(output.stdout)?;
    let libraries: Vec<&str> = text.lines().filter(|line| line.contains("(NEEDED)")).collect();
    assert!(matches!(libraries.as_slice(), [line] if line.contains("libc.so.6")), "{libraries:?}");
    Ok(())
}
