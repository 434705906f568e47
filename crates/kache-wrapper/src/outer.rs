//! Being observed: a build script that kache watches may start kache again, which
//! then says by itself what it reads. It is linked statically, so that no library
//! can be loaded into it that would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kache_key::{Input, RecordedInput, Roots};
use kache_observe::{Act, Participant, Trace};

use crate::compilation::git_index::WorkTree;
use crate::files;

static OUTER: OnceLock<Option<Participant>> = OnceLock::new();

/// Joins the trace of whoever observes this process, if anybody does. One look
/// at a variable if nobody does.
pub(crate) fn join() {
    OUTER.get_or_init(Participant::from_environment);
}

fn note(act: impl FnOnce() -> Act) {
    if let Some(Some(participant)) = OUTER.get() {
        participant.note(&act());
    }
}

/// Returns whether somebody observes this process.
pub(crate) fn is_observed() -> bool {
    matches!(OUTER.get(), Some(Some(_)))
}

/// Says that this process is about to become `program`.
pub(crate) fn about_to_become(program: &Path) {
    note(|| Act::Exec(found(program)));
}

/// Says that it did not.
pub(crate) fn has_not_become(program: &Path) {
    note(|| Act::ExecFailed(found(program)));
}

/// Says that `program` was started, as the process `child`.
pub(crate) fn has_started(program: &OsStr, child: u32) {
    note(|| Act::Spawned { child, program: found(Path::new(program)) });
}

/// Says what was seen of a process that nobody else observed.
pub(crate) fn has_watched(trace: &Trace) {
    if is_observed() {
        trace.acts().filter_map(retold).for_each(|act| note(|| act));
    }
}

/// Says that nobody saw the whole of what the process `child` did: it was started
/// and will never be seen to start.
pub(crate) fn has_lost_sight_of(child: u32) {
    note(|| Act::Spawned { child, program: PathBuf::from("a program that kache started") });
}

/// Returns an act of another process as one of this one: what is run is read.
fn retold(act: &Act) -> Option<Act> {
    match act {
        Act::Started { program: path, .. } | Act::Linked(path) | Act::Loaded(path) => {
            Some(Act::Read(path.clone()))
        }
        // What is run may be a script, and what could not be run was missing.
        Act::Exec(path) | Act::Spawned { program: path, .. } => {
            path.is_file().then(|| Act::Read(path.clone()))
        }
        Act::ExecFailed(_) | Act::Forked { .. } | Act::Shell => None,
        act => Some(act.clone()),
    }
}

/// Says that a file counted, for an answer that was given without asking.
pub(crate) fn has_read(path: &Path) {
    note(|| Act::Read(absolute(path)));
}

/// Says that nothing is where something would have counted.
pub(crate) fn has_missed(path: &Path) {
    note(|| Act::Missing(absolute(path)));
}

/// Says that variables counted.
pub(crate) fn has_asked_for(names: &[&str]) {
    for name in names {
        note(|| Act::Env(name.into()));
    }
}

/// Says that something was made.
pub(crate) fn has_written(path: &Path) {
    note(|| Act::Wrote(absolute(path)));
}

/// Says what an entry was found by, which stands for a run of the compiler.
pub(crate) fn has_looked_at(inputs: &[RecordedInput], cwd: &Path, roots: &Roots) {
    if is_observed() {
        inputs
            .iter()
            .flat_map(|recorded| acts(&recorded.input, cwd, roots))
            .for_each(|act| note(|| act));
    }
}

fn acts(input: &Input, cwd: &Path, roots: &Roots) -> Vec<Act> {
    let path = |token| roots.resolve(token).map(|path| cwd.join(path));
    match input {
        Input::File(token) | Input::Extern(token) | Input::LinkInput(token) => {
            path(token).map(Act::Read).into_iter().collect()
        }
        Input::Env(name) | Input::EnvPath(name) => vec![Act::Env(name.into())],
        Input::Absent(token) => path(token).map(Act::Missing).into_iter().collect(),
        Input::Absences { dir, names } => {
            let dir = path(dir);
            let missing = |name| dir.as_ref().map(|dir| Act::Missing(dir.join(name)));
            names.iter().filter_map(missing).collect()
        }
        Input::GitIndex(token) => {
            let tree = path(token).and_then(|top| WorkTree::at(&top));
            tree.map(|tree| Act::Read(tree.index)).into_iter().collect()
        }
        Input::Listing(token) => path(token).map(Act::Listed).into_iter().collect(),
        Input::Link(token) => path(token).map(Act::Link).into_iter().collect(),
        Input::Kind(token) => path(token).map(Act::Looked).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Returns the file that running `program` starts.
fn found(program: &Path) -> PathBuf {
    let name = program.to_string_lossy();
    let found = files::find_program(&name, std::env::var_os("PATH"));
    absolute(&found.unwrap_or_else(|| program.to_owned()))
}

fn absolute(path: &Path) -> PathBuf {
    if path.is_absolute() {
        return path.to_owned();
    }
    std::env::current_dir().unwrap_or_default().join(path)
}
