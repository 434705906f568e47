//! What a process and its children were seen to do, sorted by what it means.
//!
//! What they wrote themselves before they read it is no input, and neither is
//! what is the same on every machine that can run them, such as `/dev/null`.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use kache_observe::{Act, Trace};

use super::git_index::list_what_is_known_by_times;
use crate::files::folded;

/// Where the processes may do what they like.
pub(crate) struct Ground<'a> {
    /// Their own directory: what is in it was made by them, or left by an earlier run.
    pub(crate) own_dir: Option<&'a Path>,
    /// Whether an earlier run left something in it.
    pub(crate) has_leftovers: bool,
    /// Files, and directories of files, that are in the key already.
    pub(crate) known: &'a [PathBuf],
    /// Those of the compiler. What is not there may be added later, and the key says
    /// nothing of that.
    pub(crate) toolchain: &'a [PathBuf],
}

/// What was seen, each once. Paths are as the processes named them.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// Read whole or in part, or run.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Looked at, and there.
    pub(crate) looked_at: BTreeSet<PathBuf>,
    /// Looked for, and not there.
    pub(crate) absent: BTreeSet<PathBuf>,
    pub(crate) listed: BTreeSet<PathBuf>,
    pub(crate) links: BTreeSet<PathBuf>,
    pub(crate) variables: BTreeSet<String>,
    /// Programs and libraries.
    pub(crate) programs: BTreeSet<PathBuf>,
    /// Everything that was written and is not in the own directory.
    pub(crate) written_elsewhere: BTreeSet<PathBuf>,
    /// Removed from elsewhere, and not written before.
    pub(crate) taken_away: BTreeSet<PathBuf>,
    /// Every path that occurs, read or written.
    pub(crate) mentioned: BTreeSet<PathBuf>,
    /// Whether the time zone's idea of now was asked for: dates are made so.
    pub(crate) asked_for_date: bool,
    /// Whether the first process asked what time it is.
    pub(crate) asked_for_time: bool,
}

/// Sorts `trace`. An error is why what was done cannot be told again.
pub(crate) fn sort(trace: &Trace, ground: &Ground<'_>) -> Result<Sight, String> {
    let mut sorter = Sorter {
        ground,
        sight: Sight::default(),
        written: BTreeSet::new(),
        moved: BTreeSet::new(),
        own_dirs: own_dirs(ground),
        first: None,
    };
    // Some things are told again: what one process said says it all.
    let mut said: HashSet<&Act> = HashSet::new();
    for event in trace.events.iter().filter(|event| event.counts) {
        sorter.first.get_or_insert(event.pid);
        if said.insert(&event.act) || event.act == Act::Clock {
            sorter.take(event.pid, &event.act)?;
        }
    }
    let mut sight = sorter.sight;
    list_what_is_known_by_times(&mut sight);
    Ok(sight)
}

struct Sorter<'a> {
    ground: &'a Ground<'a>,
    sight: Sight,
    /// What was written up to here.
    written: BTreeSet<PathBuf>,
    /// What was put in its place by renaming, with all that is below.
    moved: BTreeSet<PathBuf>,
    /// Their own directory, by the name that they are given and by its real one.
    own_dirs: Vec<PathBuf>,
    first: Option<u32>,
}

fn own_dirs(ground: &Ground<'_>) -> Vec<PathBuf> {
    let named = ground.own_dir.map(Path::to_owned);
    let real = named.as_ref().and_then(|dir| fs::canonicalize(dir).ok());
    named.into_iter().chain(real).collect()
}

impl Sorter<'_> {
    fn take(&mut self, pid: u32, act: &Act) -> Result<(), String> {
        match act {
            Act::Read(path) => {
                let input = self.input(path)?;
                self.sight.files.extend(input);
            }
            Act::Looked(path) => {
                let input = self.input(path)?;
                self.sight.looked_at.extend(input);
            }
            Act::Listed(path) => {
                let input = self.input(path)?;
                self.sight.listed.extend(input);
            }
            Act::Link(path) | Act::Resolved(path) => {
                let input = self.input(path)?;
                self.sight.links.extend(input);
            }
            Act::Missing(path) => {
                self.links_before_parents(path);
                self.missing(&without_parents(path));
            }
            Act::Env(name) => {
                self.sight.variables.insert(name.to_string_lossy().into_owned());
            }
            Act::Started { program, .. } => self.program(program),
            // What is run may be a script, and its interpreter is what starts.
            Act::Loaded(path)
            | Act::Linked(path)
            | Act::Exec(path)
            | Act::Spawned { program: path, .. } => self.program(path),
            Act::Wrote(path) => self.wrote(without_parents(path)),
            Act::Removed(path) => self.took_away(without_parents(path)),
            Act::Renamed { from, to } => {
                self.took_away(without_parents(from));
                self.moved.insert(without_parents(to));
                self.wrote(without_parents(to));
            }
            Act::Network => return Err("it uses the network".to_owned()),
            Act::LocalTime => self.sight.asked_for_date = true,
            Act::Clock => self.sight.asked_for_time |= self.first == Some(pid),
            // What could not be run for want of it is missing.
            Act::ExecFailed(path) if !path.exists() => {
                self.sight.programs.remove(path);
                self.missing(&without_parents(path));
            }
            Act::ExecFailed(_) | Act::Forked { .. } | Act::Shell => {}
        }
        Ok(())
    }

    fn missing(&mut self, path: &Path) {
        if is_below(path, self.ground.known) {
            return;
        }
        self.sight.mentioned.insert(path.to_owned());
        let is_own = self.is_in_own_dir(path) && !self.ground.has_leftovers;
        if !is_own && !self.is_written(path) && place_of(path) == Place::Disk {
            self.sight.absent.insert(path.to_owned());
        }
    }

    fn program(&mut self, path: &Path) {
        if !self.is_known(path) && !self.is_written(path) {
            self.sight.programs.insert(path.to_owned());
        }
    }

    fn took_away(&mut self, path: PathBuf) {
        let is_foreign = !self.is_in_own_dir(&path) && !self.is_written(&path);
        if is_foreign && place_of(&path) == Place::Disk {
            self.sight.taken_away.insert(path.clone());
        }
        self.wrote(path);
    }

    fn wrote(&mut self, path: PathBuf) {
        self.sight.mentioned.insert(path.clone());
        self.written.insert(path.clone());
        if !self.is_in_own_dir(&path) && place_of(&path) == Place::Disk {
            self.sight.written_elsewhere.insert(path);
        }
    }

    /// Returns `path` if what is there was there before the processes began.
    fn input(&mut self, path: &Path) -> Result<Option<PathBuf>, String> {
        self.links_before_parents(path);
        let path = without_parents(path);
        match place_of(&path) {
            Place::Same => return Ok(None),
            Place::Moving => return Err(format!("it reads `{}`", path.display())),
            Place::Disk => {}
        }
        if self.is_known(&path) {
            return Ok(None);
        }
        self.sight.mentioned.insert(path.clone());
        if self.is_written(&path) {
            return Ok(None);
        }
        if !self.is_in_own_dir(&path) {
            return Ok(Some(path));
        }
        if self.own_dirs.contains(&path) {
            return Ok(None);
        }
        if self.ground.has_leftovers {
            return Err(format!("it reads `{}`, which an earlier run left", path.display()));
        }
        Ok(None)
    }

    /// Adds what stands before a `..` in `path` if links lead somewhere else from there.
    fn links_before_parents(&mut self, path: &Path) {
        // Nearly all paths are without.
        if path.components().all(|part| part != Component::ParentDir) {
            return;
        }
        let mut before = PathBuf::new();
        for part in path.components() {
            let is_link = || fs::canonicalize(&before).is_ok_and(|real| real != folded(&before));
            if part == Component::ParentDir && is_link() {
                self.sight.links.insert(before.clone());
            }
            before.push(part);
        }
    }

    fn is_written(&self, path: &Path) -> bool {
        self.written.contains(path) || path.ancestors().any(|part| self.moved.contains(part))
    }

    fn is_in_own_dir(&self, path: &Path) -> bool {
        self.own_dirs.iter().any(|dir| path.starts_with(dir))
    }

    fn is_known(&self, path: &Path) -> bool {
        is_below(path, self.ground.known) || is_below(path, self.ground.toolchain)
    }
}

fn is_below(path: &Path, places: &[PathBuf]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

/// Returns `path` without `..` in it, as [`Sight`] has it. A link on the way is followed first.
pub(crate) fn without_parents(path: &Path) -> PathBuf {
    let is_parent = |part: &Component<'_>| *part == Component::ParentDir;
    let Some(last) = path.components().collect::<Vec<_>>().iter().rposition(is_parent) else {
        return path.to_owned();
    };
    let up_to: PathBuf = path.components().take(last + 1).collect();
    let rest = path.components().skip(last + 1);
    let real = fs::canonicalize(&up_to).unwrap_or_else(|_| folded(&up_to));
    real.iter().map(OsStr::to_owned).chain(rest.map(|part| part.as_os_str().to_owned())).collect()
}

/// What kind of file system a path is on, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Files that stay what they are.
    Disk,
    /// The same everywhere, or without influence on what is made.
    Same,
    /// Another content at every look.
    Moving,
}

/// What every system has below `/dev`; below `/proc` and `/sys`: about the process
/// itself, how many jobs may run, how much memory there is.
const WITHOUT_INFLUENCE: &[&str] = &[
    "/dev/console",
    "/dev/fd",
    "/dev/full",
    "/dev/null",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/random",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/mounts",
    "/proc/self",
    "/proc/stat",
    "/proc/sys",
    "/proc/thread-self",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
];

/// Among those, what is made anew for whoever reads it and wants just that. From
/// `/dev/urandom` interpreters read when they start, whatever they do then.
const RANDOM: &str = "/proc/sys/kernel/random";

/// Returns what kind of file system `path` is on.
pub(crate) fn place_of(path: &Path) -> Place {
    let text = path.as_os_str().as_encoded_bytes();
    if ![b"/dev".as_slice(), b"/proc", b"/sys"].iter().any(|start| text.starts_with(start)) {
        return Place::Disk;
    }
    if path.starts_with(RANDOM) || path.strip_prefix("/proc").is_ok_and(leads_elsewhere) {
        return Place::Moving;
    }
    if WITHOUT_INFLUENCE.iter().any(|known| path.starts_with(known)) {
        return Place::Same;
    }
    let Ok(below_proc) = path.strip_prefix("/proc") else {
        return if path.starts_with("/sys") { Place::Moving } else { Place::Disk };
    };
    let first = below_proc.components().next().map(|part| part.as_os_str().to_string_lossy());
    // A process by its number, mostly the one that looks.
    match first {
        None => Place::Same,
        Some(name) if name.bytes().all(|byte| byte.is_ascii_digit()) => Place::Same,
        Some(_) => Place::Moving,
    }
}

/// Returns whether a path below `/proc` is a file anywhere, by way of a process's
/// directory or root, or has all variables of a process in it.
fn leads_elsewhere(below_proc: &Path) -> bool {
    let is_way = |part: &OsStr| part == "cwd" || part == "root";
    let mut above = below_proc.ancestors().skip(1).filter_map(Path::file_name);
    below_proc.file_name().is_some_and(|name| name == "environ") || above.any(is_way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_taken_out_of_paths() {
        assert_eq!(without_parents(Path::new("/usr/bin/../lib/x")), Path::new("/usr/lib/x"));
        assert_eq!(without_parents(Path::new("/no/such/../x")), Path::new("/no/x"));
        assert_eq!(without_parents(Path::new("/a/b")), Path::new("/a/b"));
    }

    #[track_caller]
    fn check(path: &str, place: Place) {
        assert_eq!(place_of(Path::new(path)), place, "{path}");
    }

    #[test]
    fn what_moves_is_told_from_what_stays() {
        check("/home/u/x", Place::Disk);
        check("/device/x", Place::Disk);
        check("/dev/null", Place::Same);
        check("/dev", Place::Disk);
        check("/dev/kvm", Place::Disk);
        check("/dev/pts/3", Place::Same);
        check("/proc/self/maps", Place::Same);
        check("/proc/123/status", Place::Same);
        check("/proc", Place::Same);
        check("/proc/self/cwd", Place::Same);
        check("/proc/self/cwd/x", Place::Moving);
        check("/proc/123/task/4/root/etc/x", Place::Moving);
        check("/proc/self/environ", Place::Moving);
        check("/dev/shm/x", Place::Disk);
        check("/dev/urandom", Place::Same);
        check("/proc/sys/kernel/random/uuid", Place::Moving);
        check("/proc/sys/kernel/osrelease", Place::Same);
        check("/proc/cpuinfo", Place::Moving);
        check("/proc/uptime", Place::Moving);
        check("/sys/class/net", Place::Moving);
    }
}
