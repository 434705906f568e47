//! What the linker says it read.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kache_key::{Input, depfile};
use kache_store::identity;

use super::Collector;
use crate::compilation::inputs::{changed, latest_change_ns};
use crate::files::{folded, read_small};

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
        let start = start_of(path);
        // It only names its members, which no linker lists among what it read.
        if start == *b"!<thin>\n" {
            return Err(format!(
                "`{}` is a thin archive: its members are elsewhere",
                path.display()
            ));
        }
        if is_script_with_parent(path, &start) {
            return Err(format!("`{}` is a linker script that names `..`", path.display()));
        }
        let (digest, stamp) = self.inputs.digest(path, &stamp)?;
        self.inputs.add(Input::LinkInput(token), digest, Some(stamp));
        Ok(())
    }
}

/// Returns whether `path`, which begins with `start`, is a linker script with a `..` in it.
/// lld folds that away in what it says it read, and a directory on the way may become a
/// symbolic link.
fn is_script_with_parent(path: &Path, start: &[u8]) -> bool {
    let is_object = start.starts_with(b"\x7fELF") || start.starts_with(b"!<");
    !is_object && read_small(path).is_some_and(|text| text.contains("../"))
}

/// Returns the first bytes of a file, which tell what it is; zeros where it has fewer.
fn start_of(path: &Path) -> [u8; 8] {
    let mut start = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    if read.is_ok() { start } else { [0; 8] }
}
