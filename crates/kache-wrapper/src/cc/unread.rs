//! What a compiler was seen to look at without reading it, or to look for in vain.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::Path;

use kache_key::input::{FileStamp, PathKind, absent_digest};
use kache_key::{Input, PathToken};
use kache_store::identity;

use super::collect::Collector;
use super::sight::Sight;
use crate::compilation::absences::joined;
use crate::compilation::current;
use crate::compilation::inputs::{changed, latest_change_ns};

/// More inputs than this cost more to look at than a compilation costs.
const MAX_INPUTS: usize = 100_000;

/// A directory in which something is missing.
struct Place<'a> {
    stamp: FileStamp,
    names: BTreeSet<&'a str>,
}

impl Place<'_> {
    /// Returns which names are in the directory `path`, where listing it takes less
    /// than looking for each; `None` where it may take more.
    fn present(&self, path: &Path) -> Option<HashSet<String>> {
        const FEW: usize = 8;
        const NAMES_BYTES: usize = 1024;

        let is_small = self.stamp.size <= (self.names.len() * NAMES_BYTES) as u64;
        if self.names.len() <= FEW || !is_small {
            return None;
        }
        let entries = fs::read_dir(path).ok()?;
        entries.map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }
}

impl Collector<'_> {
    /// Adds everything in `sight` but files.
    pub(super) fn unread(&mut self, sight: &Sight) -> Result<(), String> {
        let count = sight.files.len() + sight.looked_at.len() + sight.absent.len();
        if count > MAX_INPUTS {
            return Err(format!("the compiler looks for {count} files"));
        }
        for name in sight.looked_at.iter().filter(|name| !is_implied(name, &sight.files)) {
            self.looked_at(name)?;
        }
        for name in &sight.listed {
            self.listed(name)?;
        }
        for name in &sight.links {
            self.link(name);
        }
        self.resolved(&sight.resolved);
        self.variables(sight);
        self.absences(&sight.absent)
    }

    pub(super) fn token(&self, name: &str) -> PathToken {
        self.inputs.roots().tokenise(name)
    }

    /// Adds something that was looked at and not read. How large a file is can be
    /// seen so, and with it what is in it.
    fn looked_at(&mut self, name: &str) -> Result<(), String> {
        let path = self.facts.compilation.absolute(name);
        match current::kind(&path) {
            (PathKind::File | PathKind::Program, _) => self.digested(name),
            _ => self.kind(name, &path),
        }
    }

    pub(super) fn kind(&mut self, name: &str, path: &Path) -> Result<(), String> {
        let (kind, digest) = current::kind(path);
        // What may not be looked at is nothing now as then, and so is a link that
        // leads nowhere.
        let is_gone = || {
            let looked = fs::symlink_metadata(path);
            looked.is_err_and(|error| error.kind() != io::ErrorKind::PermissionDenied)
        };
        if kind == PathKind::Nothing && is_gone() {
            return Err(changed(path));
        }
        self.inputs.add(Input::Kind(self.token(name)), digest, None);
        Ok(())
    }

    fn listed(&mut self, name: &str) -> Result<(), String> {
        let path = self.facts.compilation.absolute(name);
        let found = fs::metadata(&path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        if self.is_later(&identity::stamp_of(&found)) {
            return Err(changed(&path));
        }
        self.inputs.add(Input::Listing(self.token(name)), current::listing(&path), None);
        Ok(())
    }

    fn link(&mut self, name: &str) {
        let path = self.facts.compilation.absolute(name);
        let digest = self.links.digest(&path, self.inputs.roots());
        self.inputs.add(Input::Link(self.token(name)), digest, None);
    }

    /// Adds where the directories of `names` lead, and those names that are links
    /// themselves.
    fn resolved(&mut self, names: &BTreeSet<String>) {
        let mut links: BTreeSet<&str> = BTreeSet::new();
        for name in names.iter().filter(|name| **name != self.facts.unit.source) {
            links.extend(name.rsplit_once('/').map(|(dir, _)| dir).filter(|dir| !dir.is_empty()));
            let path = || self.facts.compilation.absolute(name);
            let is_plain = self.plain.contains(name);
            if !is_plain && fs::symlink_metadata(path()).is_ok_and(|found| found.is_symlink()) {
                links.insert(name);
            }
        }
        for name in links {
            self.link(name);
        }
    }

    fn variables(&mut self, sight: &Sight) {
        // What finds other programs is not part of the compiler's identity.
        let path = sight.runs_others.then_some("PATH");
        for name in sight.variables.iter().map(String::as_str).chain(path) {
            self.inputs.observed_variable(name, false);
        }
    }

    /// Adds names that were looked for in vain, by directory.
    fn absences(&mut self, absent: &BTreeSet<String>) -> Result<(), String> {
        let cwd = Path::new(self.facts.compilation.cwd);
        let mut dirs: BTreeMap<&str, Option<FileStamp>> = BTreeMap::new();
        let mut places: BTreeMap<&str, Place<'_>> = BTreeMap::new();
        for name in absent {
            let mut missing = name.as_str();
            loop {
                let (dir, base) = split(missing);
                let look = || fs::metadata(cwd.join(dir)).ok().map(|it| identity::stamp_of(&it));
                if let Some(stamp) = *dirs.entry(dir).or_insert_with(look) {
                    let names = BTreeSet::new();
                    let place = places.entry(dir).or_insert(Place { stamp, names });
                    place.names.insert(base);
                    break;
                }
                if dir.is_empty() || dir == "/" {
                    return Err(format!("`{name}` is looked for in no directory"));
                }
                missing = dir;
            }
        }
        for (dir, place) in places {
            self.absent_in(dir, &place)?;
        }
        Ok(())
    }

    /// Adds the names that are not in one directory.
    fn absent_in(&mut self, dir: &str, place: &Place<'_>) -> Result<(), String> {
        let mut names = Vec::with_capacity(place.names.len());
        let there = place.present(&self.facts.compilation.absolute(dir));
        for base in &place.names {
            let may_be_there = there.as_ref().is_none_or(|there| there.contains(*base));
            if !may_be_there || !self.is_something_else(&joined(dir, base))? {
                names.push((*base).to_owned());
            }
        }
        if !names.is_empty() {
            let dir = self.token(if dir.is_empty() { "." } else { dir });
            let input = Input::Absences { dir, names };
            self.inputs.add(input, absent_digest(false), Some(place.stamp));
        }
        Ok(())
    }

    /// Returns whether there is something by a name that was looked for in vain, and
    /// adds what it is.
    fn is_something_else(&mut self, name: &str) -> Result<bool, String> {
        let path = self.facts.compilation.absolute(name);
        let Ok(found) = fs::symlink_metadata(&path) else { return Ok(false) };
        // Where it leads can appear without a change of its directory.
        if found.is_symlink() && fs::metadata(&path).is_err() {
            self.link(name);
        } else if self.is_later(&identity::stamp_of(&found)) {
            return Err(changed(&path));
        } else {
            // What should be a directory may be something else.
            self.looked_at(name)?;
        }
        Ok(true)
    }

    /// Returns whether something with this stamp may have changed since the
    /// compiler was started.
    fn is_later(&self, stamp: &FileStamp) -> bool {
        latest_change_ns(stamp) > self.inputs.start.wall_clock_ns
    }
}

/// Splits a path into its directory, which is empty for the working directory,
/// and its name there.
fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        None => ("", path),
        Some(("", name)) => ("/", name),
        Some((dir, name)) => (dir, name),
    }
}

/// Returns whether something below `name` was `read`, which says what it is.
fn is_implied(name: &str, read: &BTreeSet<String>) -> bool {
    let below = if name.ends_with('/') { name.to_owned() } else { format!("{name}/") };
    let mut after = read.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
    name == "."
        || read.contains(name)
        || after.next().is_some_and(|first| first.starts_with(below.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_implied_by_what_was_read_in_it() {
        let read = ["/usr/include/stdio.h", "inc/a.h", "main.c"].map(str::to_owned).into();
        for (name, expected) in [
            ("/usr/include", true),
            ("/usr", true),
            ("/", true),
            ("/usr/includes", false),
            ("inc", true),
            ("in", false),
            ("inc/a.h", true),
            (".", true),
            ("out", false),
        ] {
            assert_eq!(is_implied(name, &read), expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_missing_in_its_directory() {
        assert_eq!(split("a.h"), ("", "a.h"));
        assert_eq!(split("/a"), ("/", "a"));
        assert_eq!(split("/usr/a"), ("/usr", "a"));
        assert_eq!(split("../inc/a"), ("../inc", "a"));
    }
}
