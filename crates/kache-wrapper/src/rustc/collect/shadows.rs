//! Where a file that was linked was looked for, and not found.
//!
//! A library that appears there would be linked in its stead. Names are noted
//! by directory: as long as the directory does not change, one look tells that
//! none appeared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use kache_key::Input;
use kache_key::input::{FileStamp, absent_digest};
use kache_store::identity;

use super::Collector;
use crate::compilation::inputs::{changed, latest_change_ns};
use crate::linker;
use crate::rustc::facts::Facts;

/// The directories in which a link looks for libraries.
#[derive(Default)]
pub(super) struct LinkDirs {
    /// Those that the command line and the environment give. Their order, also
    /// against the others, is left open.
    given: Vec<PathBuf>,
    /// All that the driver passes on and the linker's own, in order, by their
    /// real paths.
    ordered: Vec<PathBuf>,
}

impl LinkDirs {
    /// Returns the directories for a unit; asks the driver where it links.
    pub(super) fn of(facts: &Facts<'_>) -> Result<Self, String> {
        let given = facts.link_dirs();
        if !facts.unit.links() {
            return Ok(Self { given, ordered: Vec::new() });
        }
        let compilation = &facts.compilation;
        let path_var = std::env::var_os("PATH");
        let dirs = linker::search_dirs(&compilation.store, &facts.unit, &facts.toolchain, path_var);
        let dirs = dirs.map_err(|error| error.to_string())?;
        let mut ordered = Vec::new();
        for dir in dirs {
            let dir = Path::new(compilation.cwd).join(dir);
            let dir = fs::canonicalize(&dir).unwrap_or(dir);
            if !ordered.contains(&dir) {
                ordered.push(dir);
            }
        }
        Ok(Self { given, ordered })
    }

    /// Returns where a file in `dir` was looked for: in every given directory, in
    /// those of the order up to `dir`, and in `dir`, which may hold another of
    /// that name.
    fn up_to(&self, dir: &Path) -> Vec<PathBuf> {
        let mut dirs = self.given.clone();
        let real = fs::canonicalize(dir);
        let position = real.ok().and_then(|real| self.ordered.iter().position(|it| *it == real));
        dirs.extend(self.ordered.iter().take(position.map_or(0, |at| at + 1)).cloned());
        if position.is_none() && !dirs.iter().any(|it| it == dir) {
            dirs.push(dir.to_owned());
        }
        dirs
    }
}

/// Names that no file has, by directory, with the directory's stamp.
#[derive(Default)]
pub(super) struct Absences {
    dirs: BTreeMap<PathBuf, (Option<FileStamp>, BTreeSet<String>)>,
}

impl Absences {
    /// Notes that `dir`, if it is there at all, has no `name`.
    fn add(&mut self, dir: &Path, name: &str) {
        let (_, names) = self.dirs.entry(dir.to_owned()).or_default();
        names.insert(name.to_owned());
    }

    /// Takes the stamp of `dir`, before any name is looked for in it.
    fn begin(&mut self, dir: &Path) {
        self.dirs.entry(dir.to_owned()).or_insert_with(|| {
            let metadata = fs::metadata(dir).ok();
            (metadata.map(|metadata| identity::stamp_of(&metadata)), BTreeSet::new())
        });
    }
}

impl Collector<'_> {
    /// Notes that nothing else is where `path` was looked for.
    pub(super) fn shadowing_files(&mut self, path: &Path) -> Result<(), String> {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return Ok(()) };
        let Some(dir) = path.parent() else { return Ok(()) };
        let names = names_looked_for(&name);
        if names.is_empty() {
            return Ok(());
        }
        // A linker script, and what it includes, is looked for where the linker runs first.
        let here = is_script(&name).then(|| PathBuf::from(self.facts.compilation.cwd));
        for dir in here.into_iter().chain(self.link_dirs.up_to(dir)) {
            for name in &names {
                self.passed_over(&dir, name)?;
            }
        }
        Ok(())
    }

    /// Notes whether `name` could have been in `dir`. What is there was passed
    /// over, or is what was linked, unless it came later.
    pub(super) fn passed_over(&mut self, dir: &Path, name: &str) -> Result<(), String> {
        self.absences.begin(dir);
        let candidate = dir.join(name);
        match fs::metadata(&candidate) {
            Ok(metadata) if self.came_later(&candidate, &metadata) => Err(changed(&candidate)),
            Ok(_) => Ok(()),
            // A link that leads nowhere may lead somewhere without a change here.
            Err(_) if fs::symlink_metadata(&candidate).is_ok() => {
                self.inputs.absent(&candidate);
                Ok(())
            }
            Err(_) => {
                self.absences.add(dir, name);
                Ok(())
            }
        }
    }

    /// Returns whether `path` changed since the compiler started. A file that the
    /// store tagged may have been linked since, which changes its ctime.
    pub(super) fn came_later(&self, path: &Path, metadata: &Metadata) -> bool {
        let start_ns = self.before.start.wall_clock_ns;
        let stamp = identity::stamp_of(metadata);
        latest_change_ns(&stamp) > start_ns
            && (stamp.mtime_ns > start_ns || identity::tagged_digest(path, metadata).is_none())
    }

    /// Adds the names that were not found, as one input for each directory.
    pub(super) fn absences(&mut self) {
        for (dir, (stamp, names)) in std::mem::take(&mut self.absences.dirs) {
            if !names.is_empty() {
                let dir = self.facts.compilation.roots.tokenise(&dir.to_string_lossy());
                let input = Input::Absences { dir, names: names.into_iter().collect() };
                self.inputs.add(input, absent_digest(false), stamp);
            }
        }
    }
}

/// Returns whether the linked file `name` may be a linker script, by what it is not.
fn is_script(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    library_stem(name).is_none() && !matches!(extension, Some("a" | "o" | "rlib" | "rmeta" | "so"))
}

/// Returns the names under which the linked file `name` was looked for, or may
/// have been: a library by its stem or by its own name, an object or a linker script
/// by its own.
fn names_looked_for(name: &str) -> BTreeSet<String> {
    let stem = library_stem(name);
    let by_stem = stem.iter().flat_map(|stem| ["so", "a"].map(|it| format!("lib{stem}.{it}")));
    let is_object = Path::new(name).extension().is_some_and(|extension| extension == "o");
    let is_looked_for = is_object || is_script(name) || stem.is_some();
    by_stem.chain(is_looked_for.then(|| name.to_owned())).collect()
}

/// Returns `foo` of `libfoo.a`, `libfoo.so` or `libfoo.so.1`.
fn library_stem(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("lib")?;
    let end = rest.find(".so").or_else(|| rest.strip_suffix(".a").map(str::len))?;
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, looked_for: &[&str]) {
        let names: Vec<String> = names_looked_for(name).into_iter().collect();
        assert_eq!(names, looked_for, "{name}");
    }

    #[test]
    fn libraries_are_looked_for_by_stem_and_by_name_and_rlibs_are_not() {
        check("libfoo.a", &["libfoo.a", "libfoo.so"]);
        check("libfoo.so", &["libfoo.a", "libfoo.so"]);
        check("libfoo.so.1.2", &["libfoo.a", "libfoo.so", "libfoo.so.1.2"]);
        check("crt1.o", &["crt1.o"]);
        check("libfoo.rlib", &[]);
        check("foo.a", &[]);
        check("memory.x", &["memory.x"]);
        check("script", &["script"]);
    }
}
