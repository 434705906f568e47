//! Archives that rustc put together itself, without a linker to ask.
//!
//! An rlib holds the objects of its own crate and those of the static
//! libraries it bundles. A static library holds the objects of every crate it
//! depends on. Each member must come from a file that is known and keyed; what
//! tells members apart is their bytes, for many archives have a `util.o`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::archive::{self, Member};

use super::Collector;

/// What is accounted for.
#[derive(Default)]
struct Known {
    members: BTreeSet<(String, Digest)>,
    /// Static libraries, by file name, with their bytes.
    libraries: Vec<(String, Vec<u8>)>,
}

impl Known {
    /// Returns whether `member` is known, or wraps a library that is: rustc
    /// puts one that is to be linked as a whole into a section of an object.
    fn has(&self, member: &Member<'_>) -> bool {
        let wraps = |library: &[u8]| {
            !library.is_empty() && member.contents.windows(library.len()).any(|it| it == library)
        };
        self.members.contains(&(member.name.clone(), Digest::of(member.contents)))
            || self.libraries.iter().any(|(name, bytes)| *name == member.name && wraps(bytes))
    }
}

impl Collector<'_> {
    /// Accounts for the members of an rlib. Reads it only where it bundles something.
    pub(super) fn rlib_members(&mut self, path: &Path) -> Result<(), String> {
        let crate_name = &self.facts.unit.crate_name;
        let known = self.static_library_members()?;
        let unreadable = |error| format!("`{}`: {error}", path.display());
        let rlib = File::open(path).map_err(unreadable)?;
        if archive::has_foreign_members(rlib, crate_name).map_err(|error| error.to_string())? {
            let rlib = fs::read(path).map_err(unreadable)?;
            let foreign = archive::foreign_members(&rlib, crate_name);
            all_known(&foreign.map_err(|error| error.to_string())?, &known)?;
        }
        Ok(())
    }

    /// Accounts for the members of a static library: each object of another
    /// crate leads to that crate's rlib.
    pub(super) fn staticlib_members(&mut self, path: &Path) -> Result<(), String> {
        let library = fs::read(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let members = archive::members(&library).map_err(|error| error.to_string())?;
        let mut known = self.static_library_members()?;
        let own = format!("{}{}", self.facts.unit.crate_name, self.facts.unit.extra_filename);
        let owners: BTreeSet<&str> = members
            .iter()
            .filter(|member| member.name.ends_with(".rcgu.o"))
            .filter_map(|member| member.name.split('.').next())
            .filter(|owner| *owner != own)
            .collect();
        for owner in owners {
            let rlib = self
                .place_rlib(owner)
                .ok_or_else(|| format!("the crate of `{owner}` in the archive cannot be placed"))?;
            drop(self.add_members(&rlib, &mut known)?);
        }
        let is_own =
            |member: &Member<'_>| member.name.ends_with(".rcgu.o") && member.name.starts_with(&own);
        let foreign: Vec<Member<'_>> =
            members.into_iter().filter(|member| !is_own(member)).collect();
        all_known(&foreign, &known)
    }

    /// Adds the static libraries on the command line; returns their members.
    fn static_library_members(&mut self) -> Result<Known, String> {
        let facts = self.facts;
        let mut known = Known::default();
        let libraries = facts.unit.native_libs.iter();
        for library in libraries.filter(|library| library.kind.as_deref() == Some("static")) {
            let path = self
                .place_static_library(&library.name)?
                .ok_or_else(|| format!("static library `{}` cannot be placed", library.name))?;
            let bytes = self.add_members(&path, &mut known)?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            known.libraries.extend(name.map(|name| (name, bytes)));
        }
        Ok(known)
    }

    /// Adds the archive `path` and makes its members known; returns its bytes.
    fn add_members(&mut self, path: &Path, known: &mut Known) -> Result<Vec<u8>, String> {
        let bytes = fs::read(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let members = archive::members(&bytes).map_err(|error| error.to_string())?;
        known.members.extend(members.into_iter().map(|it| (it.name, Digest::of(it.contents))));
        self.link_input(path)?;
        Ok(bytes)
    }

    /// Finds a static library as rustc does: in the `-L` directories in order.
    fn place_static_library(&mut self, name: &str) -> Result<Option<PathBuf>, String> {
        for dir in self.facts.native_dirs() {
            for file_name in [format!("lib{name}.a"), format!("{name}.lib")] {
                let path = dir.join(&file_name);
                if path.is_file() {
                    return Ok(Some(path));
                }
                self.passed_over(&dir, &file_name)?;
            }
        }
        Ok(None)
    }

    /// Finds the rlib whose objects are called `owner`: among the
    /// dependencies, or in the compiler's own tree.
    pub(super) fn place_rlib(&self, owner: &str) -> Option<PathBuf> {
        let file_name = format!("lib{owner}.rlib");
        let dependencies = self
            .facts
            .unit
            .search_paths
            .iter()
            .filter(|path| matches!(path.kind.as_str(), "dependency" | "crate" | "all"))
            .map(|path| self.facts.compilation.absolute(&path.path));
        let own = Path::new(&self.facts.target_lib_dir).to_owned();
        let found: Vec<PathBuf> = dependencies
            .chain([own])
            .map(|dir| dir.join(&file_name))
            .filter(|path| path.is_file())
            .collect();
        // Two candidates would leave open which one was read.
        <[PathBuf; 1]>::try_from(found).ok().map(|[path]| path)
    }
}

fn all_known(members: &[Member<'_>], known: &Known) -> Result<(), String> {
    match members.iter().find(|member| !known.has(member)) {
        Some(Member { name, .. }) => {
            Err(format!("where `{name}` in the archive came from is not known"))
        }
        None => Ok(()),
    }
}
