//! Crates that no argument names: those that the compiler may find by itself,
//! and those that a crate can reach through the ones it names.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::DLL_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};

use memchr::{memchr_iter, memmem};

use super::Collector;

/// Files with metadata by the suffix of the crate's files.
type Others = BTreeMap<String, BTreeSet<PathBuf>>;

impl Collector<'_> {
    /// Makes sure that no search directory holds a crate for `extern crate` to
    /// find. Which one it was the compiler does not say.
    pub(super) fn no_crates_to_be_found(&self) -> Result<(), String> {
        let paths = self.facts.unit.search_paths.iter();
        for path in paths.filter(|path| matches!(path.kind.as_str(), "all" | "crate")) {
            let dir = self.facts.compilation.absolute(&path.path);
            if files_in(&dir).any(|file| is_crate(&file)) {
                return Err(format!("crates may be found in `{}`", dir.display()));
            }
        }
        Ok(())
    }

    /// Returns whether a macro of another crate may name `variable`: whether
    /// the metadata of a crate in reach has the name, or cannot be searched.
    ///
    /// Reads the metadata of each extern and of each crate that those name.
    pub(super) fn is_named_in_reach(&self, variable: &str) -> Result<bool, String> {
        let mut others = self.others_by_suffix();
        let mut named = BTreeSet::new();
        for (path, _) in &self.before.externs {
            let bytes = read(&metadata_file(path))?;
            if may_name(&bytes, variable) {
                return Ok(true);
            }
            suffixes_in(&bytes, &others, &mut named);
        }
        // A crate without a suffix looks like any other to who is named by one.
        named.extend(others.contains_key("").then(String::new));
        others.retain(|suffix, _| named.contains(suffix));
        for path in others.into_values().flatten() {
            if may_name(&read(&path)?, variable) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns where the metadata of the crates beside the dependencies is that
    /// are no externs, by the suffix of their files: `-` and a hash, or nothing.
    fn others_by_suffix(&self) -> Others {
        let mut others = Others::new();
        let externs: Vec<PathBuf> =
            self.before.externs.iter().map(|(path, _)| metadata_file(path)).collect();
        if externs.is_empty() {
            return others;
        }
        let dirs = self.facts.unit.search_paths.iter().filter(|dir| dir.kind == "dependency");
        let files = dirs.flat_map(|dir| files_in(&self.facts.compilation.absolute(&dir.path)));
        let crates = files.filter(|file| is_crate(file) || is_shared(file));
        let crates = crates.map(|file| metadata_file(&file));
        for path in crates.filter(|path| !externs.contains(path)) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let suffix = stem.find('-').and_then(|at| stem.get(at..)).unwrap_or_default();
            others.entry(suffix.to_owned()).or_default().insert(path);
        }
        others
    }
}

pub(super) fn files_in(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path())
}

fn is_crate(path: &Path) -> bool {
    let is_library = path.extension().is_some_and(|it| it == "rlib" || it == "rmeta");
    is_library && path.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"lib"))
}

pub(super) fn is_shared(path: &Path) -> bool {
    path.file_name().is_some_and(|it| it.as_encoded_bytes().ends_with(DLL_SUFFIX.as_bytes()))
}

/// Returns where the metadata of the crate in `path` is: of an rlib in the file
/// beside it, which is smaller, or else in `path` itself.
pub(super) fn metadata_file(path: &Path) -> PathBuf {
    let beside = path.with_extension("rmeta");
    let is_beside = path.extension().is_some_and(|it| it == "rlib") && beside.is_file();
    if is_beside { beside } else { path.to_owned() }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Returns whether the crate in `bytes` may name `variable` as a value: it has the
/// name, or it is a shared Rust library, whose metadata is compressed. A proc
/// macro exports nothing but code, in which the name would be seen.
fn may_name(bytes: &[u8], variable: &str) -> bool {
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    if bytes.starts_with(b"\x7fELF") {
        return has(variable) || (has("rust_metadata_") && !has("rustc_proc_macro_decls"));
    }
    memmem::find_iter(bytes, variable.as_bytes()).any(|at| {
        let after = bytes.get(at + variable.len()..).unwrap_or_default();
        !goes_on_to_a_source(after)
    })
}

/// Returns whether the next text in metadata is the rest of a path to a source,
/// as in a macro that says `include!(concat!(env!("OUT_DIR"), "/private.rs"))`.
///
/// Texts stand behind their length in bytes, with a few marks between them.
fn goes_on_to_a_source(after: &[u8]) -> bool {
    const MARKS: usize = 32;
    let slash = after.iter().take(MARKS).position(|byte| *byte == b'/');
    let text = slash.and_then(|at| {
        let length = usize::from(*after.get(at.checked_sub(1)?)?);
        after.get(at..at + length)
    });
    text.is_some_and(|text| text.ends_with(b".rs"))
}

/// Adds to `named` each suffix of `others` that occurs in `metadata`.
fn suffixes_in(metadata: &[u8], others: &Others, named: &mut BTreeSet<String>) {
    let lengths: BTreeSet<usize> = others.keys().map(String::len).filter(|it| *it > 0).collect();
    for at in memchr_iter(b'-', metadata) {
        for length in &lengths {
            let text = metadata.get(at..at + length).and_then(|it| std::str::from_utf8(it).ok());
            if let Some(suffix) = text.filter(|suffix| others.contains_key(*suffix)) {
                named.insert(suffix.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_any_length_are_found_in_metadata() {
        let others = ["-0a1b", "-0a1b2c3d", "-ffff", ""];
        let others = others.map(|suffix| (suffix.to_owned(), BTreeSet::new())).into();
        let mut named = BTreeSet::new();
        suffixes_in(b"\xff\x05serde-0a1b2c3d\x02--\xfe-fff", &others, &mut named);
        assert_eq!(named, ["-0a1b", "-0a1b2c3d"].map(str::to_owned).into());
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: bool) {
        assert_eq!(may_name(bytes, "OUT_DIR"), expected);
    }

    #[test]
    fn a_crate_may_name_what_its_bytes_hold_or_hide() {
        check(b"rust\0\0 env OUT_DIR", true);
        check(b"rust\0\0 env rust_metadata_app", false);
        check(
            b"\x07OUT_DIR\xc1\0L\xd75\x01\x02\0$\x0c\xe15\x01\0\x007\x05\0\x0b/private.rs\xc1",
            false,
        );
        check(b"rust\0\0 \x07OUT_DIR\xc1\0L\xd7\x05/data\xc1", true);
        check(b"rust\0\0 \x07OUT_DIR\x05/a.rs \x07OUT_DIR.len()", true);
        check(b"\x7fELF rust_metadata_app", true);
        check(b"\x7fELF rust_metadata_bake __rustc_proc_macro_decls_", false);
        check(b"\x7fELF OUT_DIR rustc_proc_macro_decls", true);
        check(b"\x7fELF plain", false);
    }

    #[test]
    fn only_rust_libraries_are_crates() {
        let files = ["libfoo.rlib", "libfoo-1.rmeta", "foo.rlib", "libfoo.a", "libfoo.so"];
        let crates = files.map(|file| is_crate(Path::new(file)));
        assert_eq!(crates, [true, true, false, false, false]);
    }
}
