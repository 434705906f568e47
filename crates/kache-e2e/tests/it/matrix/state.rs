//! Puts what a reader reads into a state.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use kache_e2e::project::{Project, remove};

use super::cells::Reader;
use crate::files::{make_executable, set_time};
use crate::trial::Trial;

/// Puts what `reader` reads into `state`, and touches nothing that another reads
/// but for the directories of programs, which all share.
pub(super) fn set(trial: &mut Trial, reader: &Reader, state: usize) {
    let dir = trial.path(&format!("cells/{}/data", reader.name()));
    match reader.what {
        "env" => variable(trial, reader, state),
        "file" => file(&dir.join("file"), &[Some("one"), Some("two"), Some("three"), None], state),
        "size" => file(&dir.join("file"), &[Some("123"), Some("12345"), None, None], state),
        "there" => {
            file(&dir.join("late"), &[None, Some(""), Some(""), None], state);
            file(&dir.join("gone"), &[Some(""), Some(""), None, None], state);
        }
        "list" => list(&dir.join("list"), &["a b", "a b c", "b c", "b d"], state),
        "link" => link(&dir.join("link"), &[Some("one"), Some("two"), None], state),
        "via" => {
            versions(&dir, state);
            link(&dir.join("current"), &[Some("v1"), Some("v1"), Some("v2")], state);
        }
        "alias" => {
            versions(&dir, state);
            let targets = [Some("v1/file"), Some("v1/file"), Some("v2/file")];
            link(&dir.join("alias"), &targets, state);
        }
        "real" => {
            versions(&dir, 0);
            link(&dir.join("current"), &[Some("v1"), Some("v2"), None], state);
            if state == 2 {
                write(&dir.join("current/file"), "");
            }
        }
        "mode" => {
            write(&dir.join("file"), "");
            set_mode(&dir.join("file"), if state == 0 { 0o644 } else { 0o755 });
        }
        "nature" if state == 0 => {
            versions(&dir, 0);
            link(&dir.join("alias"), &[Some("v1/file"), None, None], 0);
        }
        "nature" => {
            remove(&dir.join("alias")).expect("it can be removed");
            write(&dir.join("alias"), "first");
        }
        "time" => {
            write(&dir.join("file"), "");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + state as u64);
            set_time(&dir.join("file"), time);
        }
        "program" => program(trial, reader, state),
        what => unreachable!("no states of `{what}`"),
    }
}

fn variable(trial: &mut Trial, reader: &Reader, state: usize) {
    // Half of them begin without a value.
    let values = if reader.way.len().is_multiple_of(2) {
        [None, Some("one"), Some("two"), Some("")]
    } else {
        [Some("one"), None, Some(""), Some("two")]
    };
    match values.get(state).copied().flatten() {
        Some(value) => trial.set(&reader.variable(), value),
        None => trial.unset(&reader.variable()),
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it is below the checkout")).expect("it can be made");
    fs::write(path, text).expect("it can be written");
}

/// Writes the text of this state, or sees to it that there is no file.
fn file(path: &Path, texts: &[Option<&str>], state: usize) {
    write(path, texts.get(state).copied().flatten().unwrap_or_default());
    if texts.get(state).copied().flatten().is_none() {
        remove(path).expect("it can be removed");
    }
}

fn list(path: &Path, names: &[&str], state: usize) {
    fs::create_dir_all(path).expect("it can be made");
    let wanted: Vec<&str> = names.get(state).copied().unwrap_or_default().split(' ').collect();
    for name in ["a", "b", "c", "d"] {
        match wanted.contains(&name) {
            true if !path.join(name).exists() => write(&path.join(name), ""),
            true => {}
            false => remove(&path.join(name)).expect("it can be removed"),
        }
    }
}

/// Makes the link of this state, if it has one.
fn link(path: &Path, targets: &[Option<&str>], state: usize) {
    remove(path).expect("it can be removed");
    fs::create_dir_all(path.parent().expect("it is below the checkout")).expect("it can be made");
    if let Some(target) = targets.get(state).copied().flatten() {
        symlink(target, path).expect("a link can be made");
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is the test's");
}

/// Two versions of a file; the first changes in later states.
fn versions(dir: &Path, state: usize) {
    write(&dir.join("v1/file"), if state == 0 { "first" } else { "FIRST" });
    write(&dir.join("v2/file"), "second");
}

/// A program that is found late on the path, then early, then another one there.
fn program(trial: &Trial, reader: &Reader, state: usize) {
    let name = reader.variable().to_lowercase();
    let place = |dir: &str| program_dir(trial.project(), dir).join(&name);
    let put = |dir: &str, says: &str| {
        write(&place(dir), &format!("#!/bin/sh\necho {says}\n"));
        make_executable(&place(dir));
    };
    put("late", "late");
    match state {
        0 => remove(&place("early")).expect("it can be removed"),
        1 => put("early", "early"),
        _ => put("early", "other"),
    }
}

/// Returns a directory of programs, outside of all checkouts.
pub(super) fn program_dir(project: &Project, name: &str) -> std::path::PathBuf {
    let work = project.dir().ancestors().find(|dir| dir.ends_with("work"));
    work.expect("checkouts are below it").with_file_name("programs").join(name)
}
