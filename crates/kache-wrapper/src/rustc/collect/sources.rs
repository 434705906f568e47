//! What the compiler says it read, and what its macros may have read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kache_key::evidence::RootSearch;
use kache_key::input::env_digest;
use kache_key::rustc::dep_info::DepInfo;
use kache_key::{Input, RootKind};
use kache_store::identity;

use super::Collector;
use super::survey::Survey;
use crate::compilation::current::env_path_digest;
use crate::compilation::inputs::{artifact_digest, changed};
use crate::places::variable;

/// Variables that cargo sets for each package and that a proc macro may read
/// while it expands, without rustc noticing.
const PACKAGE_VARIABLES: &[&str] = &[
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    OUT_DIR,
];

const OUT_DIR: &str = "OUT_DIR";

impl Collector<'_> {
    /// Adds the source files, and returns what their texts show.
    ///
    /// A source that names a root may include a file by its absolute path,
    /// which in another checkout would be taken for the file there.
    pub(super) fn sources(&mut self, dep_info: &DepInfo) -> Result<Survey, String> {
        let names = dep_info.env().map(|(name, _)| name);
        let mut survey = Survey::new(names.filter(|name| self.is_place(name)).map(str::to_owned));
        let mut roots = RootSearch::new(&self.facts.compilation.roots);
        for file in dep_info.files() {
            let source = self.inputs.file(file)?;
            survey.look_at(&source);
            roots.look_at(&source, true);
            self.other_place_of_module(file);
        }
        self.inputs.bind(roots.named);
        if survey.may_read_by_assembler() {
            return Err("the assembler may have read files that nobody names".to_owned());
        }
        self.unchanged_directories(dep_info)?;
        Ok(survey)
    }

    /// Makes sure that no directory or link on the way to a source was replaced
    /// while the compiler ran: the files behind it now may not be those it read.
    ///
    /// Looks below the workspace and below `OUT_DIR`, at each directory once.
    fn unchanged_directories(&self, dep_info: &DepInfo) -> Result<(), String> {
        let out_dir = std::env::var_os("OUT_DIR").map(PathBuf::from);
        let workspace = self.facts.compilation.roots.path(RootKind::Workspace).map(PathBuf::from);
        let target = self.facts.compilation.roots.path(RootKind::Target);
        let mut seen = BTreeSet::new();
        for file in dep_info.files() {
            let path = self.facts.compilation.absolute(file);
            // Other crates' build scripts make directories in the target directory.
            let in_target = target.is_some_and(|target| path.starts_with(target));
            let Some(top) = (if in_target { &out_dir } else { &workspace }) else { continue };
            let below = |dir: &&Path| dir.starts_with(top) && *dir != top;
            for dir in path.ancestors().skip(1).take_while(below) {
                if seen.insert(dir.to_owned()) {
                    let found = fs::symlink_metadata(dir).map_err(|_| changed(dir))?;
                    if identity::stamp_of(&found).ctime_ns > self.before.start.wall_clock_ns {
                        return Err(changed(dir));
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes that a module is in one place only: rustc refuses `foo.rs` beside
    /// `foo/mod.rs`. A package that cargo fetched, which does not change, has no
    /// workspace among its roots and is left out.
    fn other_place_of_module(&mut self, file: &str) {
        let is_fetched = self.facts.compilation.roots.path(RootKind::Workspace).is_none();
        if is_fetched || file == self.facts.unit.source {
            return;
        }
        if let Some(other) = other_place(Path::new(file)) {
            let other = self.facts.compilation.absolute(&other.to_string_lossy());
            if !other.exists() {
                self.inputs.absent(&other);
            }
        }
    }

    /// Adds the variables that the compiler says it read.
    pub(super) fn variables(&mut self, dep_info: &DepInfo, survey: &Survey) -> Result<(), String> {
        for (name, _) in dep_info.env() {
            if self.only_locates_includes(name, survey)? {
                self.variable_as_path(name);
            } else {
                self.variable(name);
            }
        }
        Ok(())
    }

    /// Returns whether a variable's value is a path below a root.
    fn is_place(&self, name: &str) -> bool {
        let roots = &self.facts.compilation.roots;
        variable(name).is_some_and(|value| roots.split(&value).is_some())
    }

    /// Returns whether a variable only says where generated sources are, and
    /// whether its value would be seen in the outputs if it were used otherwise.
    fn only_locates_includes(&self, name: &str, survey: &Survey) -> Result<bool, String> {
        Ok(survey.only_locates_includes(name)
            && !self.facts.unit.bitcode_only
            && !self.is_named_in_reach(name)?)
    }

    fn variable(&mut self, name: &str) {
        let value = std::env::var_os(name);
        let digest = env_digest(value.as_ref().map(|value| value.as_encoded_bytes()));
        self.inputs.add(Input::Env(name.to_owned()), digest, None);
    }

    fn variable_as_path(&mut self, name: &str) {
        let digest = env_path_digest(name, &self.facts.compilation.roots);
        self.inputs.add(Input::EnvPath(name.to_owned()), digest, None);
    }

    /// Adds the crates on the command line.
    pub(super) fn externs(&mut self) -> Result<(), String> {
        let before = self.before;
        for (path, stamp_before) in &before.externs {
            let metadata = fs::metadata(path).map_err(|_| changed(path))?;
            let stamp = identity::stamp_of(&metadata);
            // Storing the extern may have linked and tagged it meanwhile, which
            // changes its ctime and nothing else.
            let is_same = stamp_before.is_some_and(|old| {
                (old.dev, old.ino, old.size, old.mtime_ns)
                    == (stamp.dev, stamp.ino, stamp.size, stamp.mtime_ns)
            });
            if !is_same {
                return Err(changed(path));
            }
            let digest = artifact_digest(path, &metadata)?;
            let token = self.facts.compilation.roots.tokenise(&path.to_string_lossy());
            self.inputs.add(Input::Extern(token), digest, None);
        }
        Ok(())
    }

    /// Adds the variables that macros may have read where nobody saw them.
    pub(super) fn taken_for_read(&mut self) {
        for name in PACKAGE_VARIABLES {
            self.variable_as_path(name);
        }
        let facts = self.facts;
        for name in &facts.declared.variables {
            self.variable(name);
        }
    }
}

/// Returns where else rustc would look for the module in `file`.
fn other_place(file: &Path) -> Option<PathBuf> {
    if file.extension()? != "rs" {
        return None;
    }
    if file.file_stem()? == "mod" {
        let directory = file.parent().filter(|dir| dir.file_name().is_some())?;
        return Some(directory.with_extension("rs"));
    }
    Some(file.with_extension("").join("mod.rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, other: Option<&str>) {
        assert_eq!(other_place(Path::new(file)), other.map(PathBuf::from));
    }

    #[test]
    fn a_module_has_two_possible_places() {
        check("src/foo.rs", Some("src/foo/mod.rs"));
        check("src/foo/mod.rs", Some("src/foo.rs"));
        check("src/a/b.rs", Some("src/a/b/mod.rs"));
        check("mod.rs", None);
        check("src/table.bin", None);
    }
}
