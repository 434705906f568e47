//! The event journal: one JSON object a line, one line per invocation.
//!
//! The fields are described in `docs/journal.md`. A line is one `write(2)` on a
//! descriptor opened for appending, so lines of processes that run at the same
//! time do not mix.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::staging::with_parent;

/// The version of the event schema.
pub const EVENT_VERSION: u32 = 1;

/// What became of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Served from the store.
    Hit,
    /// Compiled.
    Miss,
    /// Compiled, and every byte was known already.
    Dup,
    /// Handed to the compiler without looking.
    Passthrough,
    /// The compiler failed; nothing was stored.
    Error,
}

/// One invocation. Times are microseconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_VERSION`].
    pub v: u32,
    /// When the invocation ended, RFC 3339 in UTC.
    pub ts: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for people: empty for a plain hit.
    pub reason: String,
    /// `rust`, `c` or `c++`.
    pub lang: String,
    /// Crate name or source file; the query for a query.
    pub name: String,
    /// Crate types.
    pub crate_types: Vec<String>,
    /// The unit, if it was computed.
    pub unit: Option<String>,
    /// The entry key, if it was computed.
    pub key: Option<String>,
    /// Which build this was part of: the parent process and when it started.
    pub session: String,
    /// The working directory.
    pub cwd: String,
    /// The whole invocation.
    pub wall_us: u64,
    /// Its parts.
    pub phases_us: Phases,
    /// How long the compiler ran: now, or when the entry was made. Milliseconds.
    pub compile_ms: u64,
    /// Bytes restored by hard link.
    pub bytes_linked: u64,
    /// Bytes restored by reflink.
    pub bytes_cloned: u64,
    /// Bytes restored by copying.
    pub bytes_copied: u64,
    /// Processes this invocation started.
    pub processes_spawned: u32,
}

/// Where an invocation's time went, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Configuration, arguments, compiler identity.
    pub parse: u64,
    /// Reading the unit's input records.
    pub record: u64,
    /// Digests of the current inputs.
    pub inputs: u64,
    /// Reading the entry.
    pub lookup: u64,
    /// Putting outputs in place.
    pub restore: u64,
    /// Running the compiler.
    pub compile: u64,
    /// Hashing and storing outputs.
    pub publish: u64,
}

/// Appends one event. Three system calls.
pub fn append(layout: &Layout, event: &Event) -> Result<(), IoFailure> {
    let path = layout.journal();
    let mut line = serde_json::to_vec(event).expect("an event is plain data");
    line.push(b'\n');
    let opened = fault::point("journal.append").and_then(|()| {
        with_parent(&path, || OpenOptions::new().append(true).create(true).open(&path))
    });
    opened.and_then(|mut file| file.write_all(&line)).map_err(IoFailure::on("append to", &path))
}

/// Moves the journal aside once it is larger than `max_bytes`.
///
/// Writers that opened it before still reach the moved file, so no line is
/// lost. Returns whether it was moved.
pub fn rotate(layout: &Layout, max_bytes: u64) -> Result<bool, IoFailure> {
    let path = layout.journal();
    let _lock = FileLock::exclusive(&layout.journal_lock())?;
    let size = absent_is_none(fs::metadata(&path))
        .map_err(IoFailure::on("look at", &path))?
        .map_or(0, |metadata| metadata.len());
    if size <= max_bytes {
        return Ok(false);
    }
    let target = layout.base().join(format!("events-{:020}.jsonl", crate::clock::now_ns()));
    fault::point("journal.rotate")
        .and_then(|()| fs::rename(&path, &target))
        .map_err(IoFailure::on("rotate", &path))?;
    Ok(true)
}

/// Returns the journal's files, oldest first; the one being written is last.
pub fn files(layout: &Layout) -> Result<Vec<PathBuf>, IoFailure> {
    let Some(entries) = absent_is_none(fs::read_dir(layout.base()))
        .map_err(IoFailure::on("list", layout.base()))?
    else {
        return Ok(Vec::new());
    };
    let names = entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>();
    let mut names = names.map_err(IoFailure::on("list", layout.base()))?;
    names.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name.starts_with("events-") && name.ends_with(".jsonl")
        })
    });
    names.sort();
    if layout.journal().exists() {
        names.push(layout.journal());
    }
    Ok(names)
}

/// Returns the events in the text of a journal file; lines that are not events are skipped.
pub fn parse(text: &str) -> impl Iterator<Item = Event> + '_ {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}
