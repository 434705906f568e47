//! What a compiler and the programs behind it were seen to do.
//!
//! Left out is what is in the key already, what they wrote themselves, and what is
//! the same on every machine that can run them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use kache_cc::recipe::{CC_ENV, REPORTING_ENV, WITHOUT_INFLUENCE};
use kache_key::RootKind;
use kache_observe::{Act, Event, Trace};

use super::facts::Facts;
use crate::compilation::sight::{Place, place_of};

/// Where compilers put temporary files, if no variable says otherwise.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/usr/tmp"];

/// Devices that always give the same, or what nobody can tell again anyway.
const DEVICES: [&str; 5] = ["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"];

/// Returns whether reading `path` gives what somebody writes meanwhile: standard
/// input by one of its names, for one.
fn is_stream(path: &Path) -> bool {
    if place_of(path) == Place::Disk {
        return false;
    }
    let is_device = path.starts_with("/dev") && !path.starts_with("/dev/shm");
    let is_descriptor = path.starts_with("/proc") && path.iter().any(|part| part == "fd");
    is_descriptor || is_device && !DEVICES.iter().any(|device| path == Path::new(device))
}

/// By which names a record knows files.
struct Names {
    /// The working directory, by the name that the kernel has for it and the one
    /// that compilers do, each with a slash at its end.
    cwd: [String; 2],
}

impl Names {
    fn of(facts: &Facts<'_>) -> Self {
        let real = std::env::current_dir().unwrap_or_default();
        let cwd = [&*real.to_string_lossy(), facts.compilation.cwd];
        Self { cwd: cwd.map(|path| format!("{}/", path.trim_end_matches('/'))) }
    }

    /// Returns `path` relative to the working directory, if it lies in there,
    /// without parts that lead nowhere. The directory itself is a dot.
    fn of_path<'p>(&self, path: &'p str) -> Cow<'p, str> {
        let below = self.cwd.iter().find_map(|cwd| path.strip_prefix(cwd.as_str()));
        let is_cwd =
            below.is_none() && self.cwd.iter().any(|cwd| cwd.trim_end_matches('/') == path);
        tidy(if is_cwd { "." } else { below.unwrap_or(path) })
    }
}

/// Returns `path` without `.` and without slashes that do nothing.
fn tidy(path: &str) -> Cow<'_, str> {
    let is_tidy = !path.contains("//")
        && !path.contains("/./")
        && !path.starts_with("./")
        && !path.ends_with('/')
        && !path.ends_with("/.");
    if is_tidy && !path.is_empty() {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let root = if path.starts_with('/') { "/" } else { "" };
    let tidied = format!("{root}{}", parts.join("/"));
    Cow::Owned(if tidied.is_empty() { ".".to_owned() } else { tidied })
}

/// What was seen, each once and by its [name](Names).
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) files: BTreeSet<String>,
    /// Roots below which a file was read by its absolute name.
    pub(super) named: BTreeSet<RootKind>,
    /// Programs and libraries that the compiler's identity does not know.
    pub(super) programs: BTreeSet<String>,
    /// Plugins, and what they need: those of the libraries that were loaded late.
    pub(super) plugins: BTreeSet<String>,
    /// Looked at, and there.
    pub(super) looked_at: BTreeSet<String>,
    /// Looked for, and not there.
    pub(super) absent: BTreeSet<String>,
    pub(super) listed: BTreeSet<String>,
    /// Links of which the text was read.
    pub(super) links: BTreeSet<String>,
    /// Of which the real path was asked for.
    pub(super) resolved: BTreeSet<String>,
    pub(super) variables: BTreeSet<String>,
    /// Written, and neither an output nor kache's own.
    pub(super) written: BTreeSet<String>,
    /// Whether a program ran that the compiler's identity does not know.
    pub(super) runs_others: bool,
    /// Whether a time was broken down into a date: compilers do for `__DATE__`,
    /// `__TIME__` and `__TIMESTAMP__`, if those are used and no variable fixes them.
    pub(super) asked_for_date: bool,
    /// Whether somebody asked what time it is.
    pub(super) asked_for_time: bool,
}

/// Sorts `trace`. An error is why what was done cannot be told again.
pub(super) fn sort(
    facts: &Facts<'_>,
    own_file: Option<&Path>,
    trace: &Trace,
) -> Result<Sight, String> {
    if !trace.left_behind.is_empty() {
        return Err("the compiler leaves a process behind".to_owned());
    }
    let first = trace.acts().find_map(|act| match act {
        Act::Started { program, .. } => Some(program),
        _ => None,
    });
    if first.is_some_and(|first| !facts.call.compiler.is_started_as(first)) {
        let program = facts.call.compiler.program.display();
        return Err(format!("not observed: `{program}` did not load the library"));
    }
    let names = &Names::of(facts);
    let compiler = &facts.call.compiler;
    let known = compiler.watched.iter().map(|(path, _)| path).chain(&compiler.absent);
    let products = facts.compilation.products.iter().map(|product| product.path.as_path());
    let own = products.chain(own_file).filter_map(Path::to_str);
    let mut sorter = Sorter {
        names,
        facts,
        known: known.filter_map(|path| path.to_str()).collect(),
        own: own.map(|path| names.of_path(path).into_owned()).collect(),
        temporary: std::env::temp_dir().to_string_lossy().into_owned(),
        moved: Vec::new(),
        sight: Sight::default(),
    };
    trace.events.iter().filter(|event| event.counts).try_for_each(|event| sorter.take(event))?;
    Ok(sorter.sight)
}

struct Sorter<'a> {
    names: &'a Names,
    facts: &'a Facts<'a>,
    /// What the compiler's identity stands for.
    known: HashSet<&'a str>,
    /// Outputs, and kache's own file.
    own: HashSet<String>,
    temporary: String,
    /// Directories that got their names while the compiler ran.
    moved: Vec<String>,
    sight: Sight,
}

impl Sorter<'_> {
    fn take(&mut self, event: &Event) -> Result<(), String> {
        match &event.act {
            Act::Read(path) => {
                if is_stream(path) {
                    return Err(format!("the compiler reads `{}`", path.display()));
                }
                if let Some(name) = self.input(path)? {
                    self.read(path, name, event.spelt_from == 0);
                }
            }
            Act::Linked(path) => {
                let input = self.input(path)?;
                self.sight.programs.extend(input);
            }
            Act::Loaded(path) => {
                let input = self.input(path)?;
                self.sight.plugins.extend(input);
            }
            Act::Looked(path) => {
                let input = self.input(path)?;
                self.sight.looked_at.extend(input);
            }
            Act::Missing(path) => {
                let input = self.input(path)?;
                self.sight.absent.extend(input);
            }
            Act::Listed(path) => {
                let input = self.input(path)?;
                self.sight.listed.extend(input);
            }
            Act::Link(path) => {
                let input = self.input(path)?;
                self.sight.links.extend(input);
            }
            Act::Resolved(path) => {
                let input = self.input(path)?;
                self.sight.resolved.extend(input);
            }
            // What is run may be a script, and its interpreter is what starts.
            Act::Started { program: path, .. }
            | Act::Exec(path)
            | Act::Spawned { program: path, .. } => self.program(path)?,
            Act::Wrote(path) | Act::Removed(path) => self.wrote(path)?,
            Act::Renamed { from, to } => {
                self.wrote(from)?;
                self.wrote(to)?;
                if to.is_dir() {
                    self.moved.push(format!("{}/", self.name(to)?));
                }
            }
            Act::Env(name) => self.variable(&name.to_string_lossy()),
            Act::Network => return Err("the compiler uses the network".to_owned()),
            Act::LocalTime => self.sight.asked_for_date = true,
            // What could not be run for want of it is missing, and that was seen too.
            Act::ExecFailed(path) => {
                let name = self.name(path)?.into_owned();
                if !path.exists() {
                    self.sight.programs.remove(&name);
                }
            }
            Act::Clock => self.sight.asked_for_time = true,
            Act::Forked { .. } | Act::Shell => {}
        }
        Ok(())
    }

    fn name<'p>(&self, path: &'p Path) -> Result<Cow<'p, str>, String> {
        let text = path.to_str().ok_or_else(|| format!("`{}` is not UTF-8", path.display()))?;
        Ok(self.names.of_path(text))
    }

    /// Returns the name of `path` if what is there, or not there, is an input.
    fn input(&self, path: &Path) -> Result<Option<String>, String> {
        let name = self.name(path)?;
        if self.is_known(path) || self.own.contains(&*name) || self.is_written(&name) {
            return Ok(None);
        }
        match place_of(path) {
            Place::Same => Ok(None),
            // It is a fact of the unit.
            Place::Moving
                if &*name == "/proc/cpuinfo" && self.facts.unit.facts.may_use_native_cpu() =>
            {
                Ok(None)
            }
            Place::Moving => Err(format!("the compiler reads `{name}`")),
            Place::Disk if TEMPORARY.contains(&&*name) || *name == self.temporary => Ok(None),
            Place::Disk => Ok(Some(name.into_owned())),
        }
    }

    fn read(&mut self, path: &Path, name: String, is_absolute: bool) {
        let root = path.to_str().filter(|_| is_absolute);
        let root = root.and_then(|path| self.facts.compilation.roots.split(path));
        self.sight.named.extend(root.map(|(kind, _)| kind));
        self.sight.files.insert(name);
    }

    fn program(&mut self, path: &Path) -> Result<(), String> {
        if let Some(program) = self.input(path)?
            && !self.facts.call.compiler.is_made_from(path)
        {
            self.sight.runs_others = true;
            self.sight.programs.insert(program);
        }
        Ok(())
    }

    fn wrote(&mut self, path: &Path) -> Result<(), String> {
        let name = self.name(path)?;
        if !self.own.contains(&*name) && place_of(path) == Place::Disk {
            let name = name.into_owned();
            self.sight.written.insert(name);
        }
        Ok(())
    }

    fn variable(&mut self, name: &str) {
        let lists = [CC_ENV, REPORTING_ENV, WITHOUT_INFLUENCE];
        let is_known = lists.iter().any(|list| list.binary_search(&name).is_ok());
        if !is_known && !kache_observe::ours(name.as_ref()) {
            self.sight.variables.insert(name.to_owned());
        }
    }

    fn is_known(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.known.contains(path))
    }

    fn is_written(&self, name: &str) -> bool {
        self.sight.written.contains(name)
            || self.moved.iter().any(|dir| name.starts_with(dir.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, name: &str) {
        let names = Names { cwd: ["/real/ws/".to_owned(), "/link/".to_owned()] };
        assert_eq!(names.of_path(path), name);
    }

    #[test]
    fn names_are_relative_to_the_working_directory() {
        check("/real/ws/inc/a.h", "inc/a.h");
        check("/link/inc/a.h", "inc/a.h");
        check("/real/ws/../b.h", "../b.h");
        check("/real/ws", ".");
        check("/real/ws/.", ".");
        check("/real/wsx/a.h", "/real/wsx/a.h");
        check("/usr/include", "/usr/include");
    }

    #[test]
    fn streams_are_told_from_files_and_devices_without_contents() {
        for (path, expected) in [
            ("/dev/stdin", true),
            ("/dev/fd/63", true),
            ("/proc/self/fd/0", true),
            ("/dev/null", false),
            ("/dev/urandom", false),
            ("/dev/shm/part.h", false),
            ("/proc/self/maps", false),
            ("/home/fd/a.h", false),
        ] {
            assert_eq!(is_stream(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn parts_that_lead_nowhere_are_left_out() {
        check("/real/ws/./a.h", "a.h");
        check("/usr//include/./x/", "/usr/include/x");
        check("/usr/lib/..", "/usr/lib/..");
        check("./a.h", "a.h");
        check("/", "/");
    }
}
