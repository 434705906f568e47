//! What the linker says it read.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kache_key::{Input, depfile};
use kache_store::identity;

use super::Collector;
use crate::compilation::inputs::{changed, latest_change_ns};
use crate::files::folded;

impl Collector<'_> {
    /// Adds every file of the linker's own list.
    pub(super) fn link_inputs(&mut self) -> Result<(), String> {
        let Some(list) = &self.before.dependency_file else { return Ok(()) };
        let text = fs::read_to_string(list)
            .map_err(|error| format!("the linker did not say what it read: {error}"))?;
        let files = depfile::parse(&text).map_err(|error| error.to_string())?;
        for file in files {
            let path = self.unfolded(self.facts.compilation.absolute(&file));
            if !self.is_own_object(&path) {
                self.link_input(&path)?;
            } else if path.extension().is_some_and(|extension| extension == "rlib") {
                self.copied_rlib(&path)?;
            }
        }
        Ok(())
    }

    /// Returns `path` below the root as the call names that: lld folds a `..` in the place of
    /// the target directory away.
    fn unfolded(&self, path: PathBuf) -> PathBuf {
        let named = self.facts.compilation.roots.iter().find_map(|(_, root)| {
            let rest = path.strip_prefix(folded(Path::new(root))).ok()?;
            Some(Path::new(root).join(rest))
        });
        named.unwrap_or(path)
    }

    /// Adds the rlib that rustc made a copy of: where it has optimised the
    /// whole program, the linker sees only the native objects of each crate.
    fn copied_rlib(&mut self, copy: &Path) -> Result<(), String> {
        let name = copy.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
        let rlib = name.strip_prefix("lib").and_then(|owner| self.place_rlib(owner));
        let rlib =
            rlib.ok_or_else(|| format!("the origin of `{}` is not known", copy.display()))?;
        self.link_input(&rlib)
    }

    /// Returns whether `path` is a file that this compilation made and removed again.
    fn is_own_object(&self, path: &Path) -> bool {
        let unit = &self.facts.unit;
        let stem = format!("{}{}.", unit.crate_name, unit.extra_filename);
        let in_out_dir = path.strip_prefix(&self.facts.out_dir).is_ok_and(|rest| {
            let rest = rest.to_string_lossy();
            (rest.starts_with(&stem) && rest.ends_with(".o")) || rest.starts_with("rustc")
        });
        let in_temp = path.strip_prefix(std::env::temp_dir()).is_ok_and(|rest| {
            rest.components().count() == 2 && rest.to_string_lossy().starts_with("rustc")
        });
        let in_incremental = unit
            .incremental
            .as_ref()
            .is_some_and(|dir| path.starts_with(self.facts.compilation.absolute(dir)));
        (in_out_dir || in_temp || in_incremental) && !path.exists()
    }

    /// Adds one file that was linked, and the places where another would have
    /// been found in its stead.
    pub(super) fn link_input(&mut self, path: &Path) -> Result<(), String> {
        let metadata = fs::metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let stamp = identity::stamp_of(&metadata);
        let token = self.facts.compilation.roots.tokenise(&path.to_string_lossy());
        self.shadowing_files(path)?;
        // A file the store tagged may have been linked since, which changes its ctime.
        if let Some(digest) = identity::tagged_digest(path, &metadata)
            && stamp.mtime_ns <= self.before.start.wall_clock_ns
        {
            self.inputs.add(Input::LinkInput(token), digest, None);
            return Ok(());
        }
        if !metadata.is_file() || latest_change_ns(&stamp) > self.before.start.wall_clock_ns {
            return Err(changed(path));
        }
        if is_thin_archive(path) {
            return Err(format!(
                "`{}` is a thin archive: its members are elsewhere",
                path.display()
            ));
        }
        if is_script_with_parent(path) {
            return Err(format!("`{}` is a linker script that names `..`", path.display()));
        }
        let (digest, stamp) = self.inputs.digest(path, &stamp)?;
        self.inputs.add(Input::LinkInput(token), digest, Some(stamp));
        Ok(())
    }
}

/// Returns whether `path` is a linker script with a `..` in it, which lld folds away in what
/// it says it read: a directory on the way may become a symbolic link.
fn is_script_with_parent(path: &Path) -> bool {
    const LONGEST_SCRIPT_BYTES: u64 = 1 << 20;
    let is_object = |start: [u8; 8]| start.starts_with(b"\x7fELF") || start.starts_with(b"!<");
    if start_of(path).is_some_and(is_object) {
        return false;
    }
    let has_parent = |bytes: Vec<u8>| str::from_utf8(&bytes).is_ok_and(|it| it.contains("../"));
    fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LONGEST_SCRIPT_BYTES)
        && fs::read(path).is_ok_and(has_parent)
}

/// Returns whether `path` is an archive that only names its members, which no
/// linker lists among what it read.
fn is_thin_archive(path: &Path) -> bool {
    start_of(path).is_some_and(|start| start == *b"!<thin>\n")
}

fn start_of(path: &Path) -> Option<[u8; 8]> {
    let mut start = [0; 8];
    File::open(path).ok()?.read_exact(&mut start).ok()?;
    Some(start)
}
