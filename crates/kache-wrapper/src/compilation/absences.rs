//! Names that were looked for and are not there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// Returns the path of `name` in `dir`, which is empty for the working directory.
pub(crate) fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() || name.starts_with('/') { name.to_owned() } else { format!("{dir}/{name}") }
}

/// What is there of some candidates, and what is not.
#[derive(Default)]
pub(crate) struct Looked<'a> {
    pub(crate) present: Vec<&'a str>,
    /// By the deepest directory there is, the names that are not in it.
    pub(crate) absent: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Symbolic links that lead nowhere. Where they lead something can appear
    /// without a change in the link's own directory.
    pub(crate) leading_nowhere: Vec<String>,
}

/// Looks which of `candidates` are there.
pub(crate) fn look_for<'a>(cwd: &'a Path, candidates: &'a BTreeSet<String>) -> Looked<'a> {
    let mut looks = Looks { cwd, is_there: HashMap::new() };
    let mut looked = Looked::default();
    for candidate in candidates {
        match looks.first_absent(candidate) {
            Some((dir, name)) => {
                looked.absent.entry(dir).or_default().insert(name);
            }
            None => looked.present.push(candidate),
        }
    }
    for (dir, names) in &mut looked.absent {
        let leads_nowhere = |name: &&str| fs::symlink_metadata(cwd.join(dir).join(name)).is_ok();
        let (links, absent): (BTreeSet<&str>, _) = names.iter().copied().partition(leads_nowhere);
        *names = absent;
        looked.leading_nowhere.extend(links.into_iter().map(|name| joined(dir, name)));
    }
    looked.absent.retain(|_, names| !names.is_empty());
    looked
}

/// Looks at paths, at each once.
struct Looks<'a> {
    cwd: &'a Path,
    is_there: HashMap<&'a str, bool>,
}

impl<'a> Looks<'a> {
    /// Returns the first part of `path` that is not there, as the directory it
    /// is missing in and its name.
    fn first_absent(&mut self, path: &'a str) -> Option<(&'a str, &'a str)> {
        let mut absent = None;
        let mut part = path;
        while !part.is_empty() && !self.is_there(part) {
            let (dir, name) = part.rsplit_once('/').unwrap_or(("", part));
            absent = Some((dir, name));
            part = dir;
        }
        absent
    }

    fn is_there(&mut self, path: &'a str) -> bool {
        let cwd = self.cwd;
        *self.is_there.entry(path).or_insert_with(|| fs::metadata(cwd.join(path)).is_ok())
    }
}
