//! Inputs that were seen being read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kache_key::input::{PathKind, absent_digest, env_digest};
use kache_key::{Digest, Input, PathToken, RootKind, Roots};
use kache_store::{UnitRecords, identity};

use super::absences::{self, joined};
use super::current::{self, Links, env_path_digest};
use super::inputs::{Inputs, changed, latest_change_ns};
use super::sight::{Sight, without_parents};

/// More inputs than this cost more to look at than most runs cost.
const MAX_INPUTS: usize = 200_000;

/// Larger files than this are not read to find out whether they changed.
const MAX_FILE_BYTES: u64 = 1 << 30;

impl Inputs<'_> {
    /// Adds all that is in `sight` but the variables. `tops` are directories
    /// that differ between checkouts: what lies above them is known by the way
    /// up as well.
    pub(crate) fn observed(
        &mut self,
        sight: &Sight,
        tops: &[&Path],
        earlier: &UnitRecords,
    ) -> Result<(), String> {
        let count = sight.files.len() + sight.looked_at.len() + sight.absent.len();
        if count > MAX_INPUTS {
            return Err(format!("{count} files and names are inputs"));
        }
        for path in sight.files.iter().chain(&sight.programs) {
            self.observed_file(path, tops, earlier)?;
        }
        for path in &sight.looked_at {
            let kind = self.add_kind(path, tops)?;
            let is_file = matches!(kind, PathKind::File | PathKind::Program);
            // How large a file is can be seen so, and with it what is in it.
            if is_file && !sight.files.contains(path) {
                self.observed_file(path, tops, earlier)?;
            }
        }
        for path in &sight.listed {
            self.check_directory(path)?;
            for token in self.tokens(path, tops) {
                self.add(Input::Listing(token), current::listing(path), None);
            }
        }
        for path in &sight.links {
            self.add_link(path, tops);
        }
        self.observed_absences(&sight.absent, tops)
    }

    fn observed_file(
        &mut self,
        path: &Path,
        tops: &[&Path],
        earlier: &UnitRecords,
    ) -> Result<(), String> {
        let metadata = fs::metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        if metadata.is_dir() {
            return self.add_kind(path, tops).map(drop);
        }
        if !metadata.is_file() {
            return Err(format!("`{}` is not a plain file", path.display()));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(format!("`{}` is too large for an input", path.display()));
        }
        // What the store wrote is known without being read.
        let is_artifact =
            matches!(self.roots().split(&path.to_string_lossy()), Some((RootKind::Target, _)));
        let tokens = self.tokens(path, tops);
        if is_artifact && let Some(digest) = identity::tagged_digest(path, &metadata) {
            for token in tokens {
                self.add(Input::LinkInput(token), digest, None);
            }
            return Ok(());
        }
        for token in tokens {
            self.digested(Input::File(token), path, earlier)?;
        }
        Ok(())
    }

    /// Adds what is at `path`, whatever is in it.
    pub(crate) fn add_kind(&mut self, path: &Path, tops: &[&Path]) -> Result<PathKind, String> {
        let (kind, digest) = current::kind(path);
        // A link that leads nowhere can be looked at too.
        if kind == PathKind::Nothing && fs::symlink_metadata(path).is_err() {
            return Err(changed(path));
        }
        // Nobody comes to the directory of temporary files on a way up, be it beside one.
        let tops = if path == std::env::temp_dir() { &[] } else { tops };
        for token in self.tokens(path, tops) {
            self.add(Input::Kind(token), digest, None);
        }
        if kind == PathKind::Directory && fs::canonicalize(path).is_ok_and(|real| real != path) {
            // What is read from there on has the directory's real name.
            self.add_link(path, tops);
        }
        Ok(kind)
    }

    /// Adds what git's index of the work tree `top` says.
    pub(crate) fn git_index(&mut self, top: &Path, digest: Digest, tops: &[&Path]) {
        for token in self.tokens(top, tops) {
            self.add(Input::GitIndex(token), digest, None);
        }
    }

    fn add_link(&mut self, path: &Path, tops: &[&Path]) {
        let digest = Links::default().digest(path, self.roots());
        for token in self.tokens(path, tops) {
            self.add(Input::Link(token), digest, None);
        }
    }

    /// Adds the names in a directory that somebody declared.
    pub(crate) fn declared_directory(&mut self, path: &Path) -> Result<(), String> {
        self.check_directory(path)?;
        let token = self.roots().tokenise(&path.to_string_lossy());
        self.add(Input::Listing(token), current::listing(path), None);
        Ok(())
    }

    /// Makes sure that a directory has the names it had.
    fn check_directory(&self, path: &Path) -> Result<(), String> {
        let metadata = fs::metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        if latest_change_ns(&identity::stamp_of(&metadata)) > self.start.wall_clock_ns {
            return Err(changed(path));
        }
        Ok(())
    }

    /// Adds names that were looked for in vain, by directory.
    fn observed_absences(
        &mut self,
        absent: &BTreeSet<PathBuf>,
        tops: &[&Path],
    ) -> Result<(), String> {
        let candidates: BTreeSet<String> =
            absent.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let looked = absences::look_for(Path::new("/"), &candidates);
        if let Some(present) = looked.present.first() {
            return Err(changed(Path::new(present)));
        }
        for link in &looked.leading_nowhere {
            for token in self.tokens(Path::new(link), tops) {
                self.add(Input::Absent(token), absent_digest(false), None);
            }
        }
        for (dir, names) in looked.absent {
            let place = if dir.is_empty() { Path::new("/") } else { Path::new(dir) };
            let stamp = fs::metadata(place).ok().map(|found| identity::stamp_of(&found));
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let tokens = self.tokens(place, tops);
            // `..` above a root is as good a directory as any.
            for token in tokens {
                let input = Input::Absences { dir: token, names: names.clone() };
                self.add(input, absent_digest(false), stamp);
            }
        }
        Ok(())
    }

    /// Adds a variable that was asked for: by what it says with roots as names if
    /// it only led to places, else by its value.
    pub(crate) fn observed_variable(&mut self, name: &str, is_locator: bool) {
        if is_locator {
            let digest = env_path_digest(name, self.roots());
            self.add(Input::EnvPath(name.to_owned()), digest, None);
        } else {
            let value = std::env::var_os(name);
            let digest = env_digest(value.as_ref().map(|value| value.as_encoded_bytes()));
            self.add(Input::Env(name.to_owned()), digest, None);
        }
    }

    /// Returns the names of `path` that must agree in another checkout: its own
    /// and, if it is beside the way up from one of `tops`, that from there. Who
    /// looks for a repository, for one, looks in each directory on the way.
    fn tokens(&self, path: &Path, tops: &[&Path]) -> Vec<PathToken> {
        let text = path.to_string_lossy();
        let roots = self.roots();
        // Who names a file in the temporary directory may mean just that one.
        let root = roots.split(&text).filter(|(kind, _)| *kind != RootKind::Temp);
        let named = if root.is_some() { roots } else { &Roots::default() };
        let mut tokens = vec![named.tokenise(&text)];
        if root.is_none() {
            tokens.extend(tops.iter().filter_map(|top| way_up(path, top, roots)));
            tokens.dedup();
        }
        tokens
    }
}

/// Returns `path` from `top` upward, unless only the root directory holds both.
fn way_up(path: &Path, top: &Path, roots: &Roots) -> Option<PathToken> {
    let mut up = roots.tokenise(&top.to_string_lossy()).0;
    for dir in top.ancestors().skip(1) {
        up.push_str("/..");
        dir.parent()?;
        if path == dir {
            return Some(PathToken(up));
        }
        if let Ok(rest) = path.strip_prefix(dir) {
            return Some(PathToken(joined(&up, &rest.to_string_lossy())));
        }
    }
    None
}

/// The places that variables name which were asked for.
///
/// Something that is sought below several of them was found by the one that is
/// nearest: who reads `$OUT_DIR/x` need not have used the directory of the package.
pub(crate) struct Places(Vec<PathBuf>);

impl Places {
    /// The places that are the values of the variables `names`.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let values = names.filter_map(std::env::var_os).map(PathBuf::from);
        let places = values.filter(|value| value.is_absolute());
        Self(places.map(|place| without_parents(&place)).collect())
    }

    /// Returns whether something was sought at the place `value`, or below it and
    /// below no other.
    pub(crate) fn is_sought(&self, value: &str, sight: &Sight) -> bool {
        let place = &without_parents(Path::new(value));
        let below = sight.mentioned.range(place.clone()..);
        let mut below = below.take_while(|seen| seen.starts_with(place));
        let is_nearer = |other: &&PathBuf| other.starts_with(place) && *other != place;
        let nearer: Vec<&PathBuf> = self.0.iter().filter(is_nearer).collect();
        below.any(|seen| !nearer.iter().any(|other| seen.starts_with(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots {
        Roots::of([(RootKind::Workspace, "/home/u/ws".to_owned())])
    }

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let found = way_up(Path::new(path), Path::new("/home/u/ws"), &roots());
        assert_eq!(found.map(|token| token.0).as_deref(), expected);
    }

    #[test]
    fn the_way_up_from_a_checkout_ends_below_the_root_directory() {
        check("/home/u/.git", Some("{workspace}/../.git"));
        check("/home/u", Some("{workspace}/.."));
        check("/home/x/y", Some("{workspace}/../../x/y"));
        check("/usr/bin/git", None);
    }

    #[test]
    fn a_place_is_sought_at_it_and_below_it_and_not_below_a_nearer_one() {
        let seen = |path: &str| Sight { mentioned: [path.into()].into(), ..Sight::default() };
        let places = Places(["/p".into(), "/p/out".into()].into());
        assert!(places.is_sought("/p", &seen("/p/Cargo.toml")));
        assert!(places.is_sought("/p", &seen("/p")));
        assert!(!places.is_sought("/p", &seen("/pq")));
        assert!(!places.is_sought("/p", &seen("/o")));
        assert!(!places.is_sought("/p", &seen("/p/out/x")));
        assert!(places.is_sought("/p/out", &seen("/p/out/x")));
    }
}
