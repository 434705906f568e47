//! Comparing what a cached build left with what an uncached one leaves.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use walkdir::WalkDir;

use crate::env::Env;
use crate::process::{self, Finished, RunError};

/// The files below a directory, by their path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// One value a file; folders are not in it.
    pub files: BTreeMap<PathBuf, FileFacts>,
}

/// What matters about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Length in bytes.
    pub len: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// BLAKE3 digest of its bytes; of its target where it is a symbolic link.
    pub digest: blake3::Hash,
}

/// A file that could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`", path.display())]
pub struct TreeError {
    /// The file or directory.
    pub path: PathBuf,
    /// The operating system's answer.
    pub source: io::Error,
}

impl Tree {
    /// Reads every file below `dir` for which `wanted` holds; `wanted` sees
    /// the path relative to `dir`.
    pub fn of(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Self, TreeError> {
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(dir) {
            let entry =
                entry.map_err(|error| TreeError { path: dir.to_owned(), source: error.into() })?;
            let below = entry.path().strip_prefix(dir).unwrap_or(entry.path());
            if !entry.file_type().is_dir() && wanted(below) {
                let facts = facts_of(entry.path())
                    .map_err(|source| TreeError { path: entry.path().to_owned(), source })?;
                let _ = files.insert(below.to_owned(), facts);
            }
        }
        Ok(Self { files })
    }

    /// Reads what compilers left below a target directory: `deps`, `build`
    /// and the final programs, without cargo's own bookkeeping, incremental
    /// state, build scripts' results and dep-info (which names the checkout).
    pub fn of_artifacts(target_dir: &Path) -> Result<Self, TreeError> {
        Self::of(target_dir, is_artifact)
    }

    /// Lists the files that only one side has or that differ in bytes or
    /// permission, one sentence each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found: Vec<String> = self.missing_in(other, "the second");
        found.extend(other.missing_in(self, "the first"));
        for (path, ours) in &self.files {
            let Some(theirs) = other.files.get(path) else { continue };
            if ours.digest != theirs.digest {
                found.push(format!(
                    "{} differs: {} and {} bytes",
                    path.display(),
                    ours.len,
                    theirs.len
                ));
            } else if ours.executable != theirs.executable {
                found.push(format!("{} is executable on one side only", path.display()));
            }
        }
        found
    }

    /// Lists the files that only one side has, one sentence each.
    pub fn differences_in_names(&self, other: &Self) -> Vec<String> {
        let mut found = self.missing_in(other, "the second");
        found.extend(other.missing_in(self, "the first"));
        found
    }

    fn missing_in(&self, other: &Self, side: &str) -> Vec<String> {
        let missing = self.files.keys().filter(|path| !other.files.contains_key(*path));
        missing.map(|path| format!("{} is missing in {side} tree", path.display())).collect()
    }
}

/// Runs a built program and returns what it did.
pub fn run_program(env: &Env, program: &Path, args: &[&str]) -> Result<Finished, RunError> {
    process::run(env.command(program).args(args))
}

/// Whether a path below a target directory is a compiler's or linker's output
/// that is not text.
pub fn is_artifact(path: &Path) -> bool {
    let has_folder = |name: &str| path.components().any(|part| part.as_os_str() == name);
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let extension =
        path.extension().map(|extension| extension.to_string_lossy()).unwrap_or_default();
    let bookkeeping = [".fingerprint", "incremental", "out"].into_iter().any(has_folder)
        || ["d", "json", "timestamp", "TAG"].contains(&&*extension)
        || name == ".cargo-lock";
    // Beside a build script's program lie what it printed and where it ran, and
    // beside the launcher in its place the script itself.
    let of_a_script = has_folder("build") && (!name.starts_with("build") || extension == "script");
    !bookkeeping && !of_a_script
}

fn facts_of(path: &Path) -> io::Result<FileFacts> {
    let meta = path.symlink_metadata()?;
    let executable = meta.permissions().mode() & 0o100 != 0;
    let bytes = if meta.is_symlink() {
        fs::read_link(path)?.into_os_string().into_encoded_bytes()
    } else {
        fs::read(path)?
    };
    Ok(FileFacts { len: meta.len(), executable, digest: blake3::hash(&bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_differ_by_name_by_byte_and_by_permission() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/same", "1");
        write("b/same", "1");
        assert_eq!(tree(dir.path(), "a").differences(&tree(dir.path(), "b")), Vec::<String>::new());
        write("a/bytes", "1");
        write("b/bytes", "2");
        write("a/only", "");
        let found = tree(dir.path(), "a").differences(&tree(dir.path(), "b"));
        assert_eq!(found, ["only is missing in the second tree", "bytes differs: 1 and 1 bytes"]);
        let names = tree(dir.path(), "b").differences_in_names(&tree(dir.path(), "a"));
        assert_eq!(names, ["only is missing in the first tree"]);
    }

    fn tree(dir: &Path, name: &str) -> Tree {
        Tree::of(&dir.join(name), |_| true).unwrap()
    }

    #[test]
    fn artifacts_leave_out_what_only_cargo_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let kept = ["debug/app", "debug/deps/liba-1.rlib", "debug/build/a-1/build-script-build"];
        let left_out = [
            "CACHEDIR.TAG",
            ".rustc_info.json",
            "debug/.cargo-lock",
            "debug/app.d",
            "debug/deps/a-1.d",
            "debug/incremental/a/x.bin",
            "debug/build/a-1/out/code.rs",
            "debug/build/a-1/stderr",
            "debug/.fingerprint/a/lib-a",
        ];
        for name in kept.iter().chain(&left_out) {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut expected: Vec<_> = kept.iter().map(PathBuf::from).collect();
        expected.sort();
        let found: Vec<_> = Tree::of_artifacts(dir.path()).unwrap().files.into_keys().collect();
        assert_eq!(found, expected);
    }
}
