//! The event journal: one JSON object a line, one line per invocation.
//!
//! The fields are described in `docs/journal.md`. A line is one `write(2)` on a
//! descriptor opened for appending, so lines of processes that run at the same
//! time do not mix.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::rotation::Series;
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

/// How long a reader waits for a rotation, which is one `rename`.
const READ_PATIENCE: Duration = Duration::from_secs(5);

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

/// Moves the journal aside once it is larger than `max_bytes`; see [`Series::rotate`].
pub fn rotate(layout: &Layout, max_bytes: u64) -> Result<bool, IoFailure> {
    Series::journal(layout).rotate(max_bytes)
}

/// Returns the journals that were moved aside, oldest first.
pub fn rotated(layout: &Layout) -> Result<Vec<PathBuf>, IoFailure> {
    Series::journal(layout).moved_aside()
}

/// Returns the journal's files, oldest first; the one being written is last.
pub fn files(layout: &Layout) -> Result<Vec<PathBuf>, IoFailure> {
    Ok(open_all(layout)?.into_iter().map(|(path, _)| path).collect())
}

/// Opens the journal's files, oldest first; the one being written is last.
///
/// No rotation comes between, so none is left out and none is there twice.
pub(crate) fn open_all(layout: &Layout) -> Result<Vec<(PathBuf, File)>, IoFailure> {
    if !layout.base().is_dir() {
        return Ok(Vec::new());
    }
    // Where there are no locks, nothing is rotated.
    let _lock = FileLock::shared(&layout.journal_lock(), READ_PATIENCE).ok();
    let mut paths = rotated(layout)?;
    paths.push(layout.journal());
    let mut opened = Vec::with_capacity(paths.len());
    for path in paths {
        let file = absent_is_none(File::open(&path)).map_err(IoFailure::on("open", &path))?;
        opened.extend(file.map(|file| (path, file)));
    }
    Ok(opened)
}

/// Returns the events in the text of a journal file; lines that are not events are skipped.
pub fn parse(text: &str) -> impl Iterator<Item = Event> + '_ {
    text.lines().filter_map(parse_line)
}

/// Returns the event in one line.
///
/// A full disk can leave half a line, to which the next event is then
/// appended; the last event that begins in the line is the whole one.
pub fn parse_line(line: &str) -> Option<Event> {
    const START: &str = "{\"v\":";

    let whole = || serde_json::from_str(line).ok();
    let after_half = || {
        let at = line.rfind(START).filter(|at| *at > 0)?;
        serde_json::from_str(line.get(at..)?).ok()
    };
    let event: Event = whole().or_else(after_half)?;
    (event.v == EVENT_VERSION).then_some(event)
}

/// Calls `each` with every event, oldest file first. Files that nobody wrote
/// to since `since_ns` are left out; one line is in memory at a time.
pub fn read_all(
    layout: &Layout,
    since_ns: Option<i64>,
    each: &mut dyn FnMut(&Event),
) -> Result<(), IoFailure> {
    for (path, file) in open_all(layout)? {
        let metadata = file.metadata().map_err(IoFailure::on("look at", &path))?;
        if since_ns.is_none_or(|since| crate::identity::mtime_ns(&metadata) >= since) {
            read_lines(&mut BufReader::new(file), &mut |event| event.iter().for_each(&mut *each))
                .map_err(IoFailure::on("read", &path))?;
        }
    }
    Ok(())
}

/// Calls `each` with the events in the complete lines of `from`, `None` for a
/// line that is none, and returns how many bytes those lines are.
pub(crate) fn read_lines(
    from: &mut impl BufRead,
    each: &mut dyn FnMut(Option<Event>),
) -> io::Result<u64> {
    let mut total = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = from.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(total);
        }
        total += length as u64;
        if line != b"\n" {
            each(event_in(&line));
        }
    }
}

/// Returns the event in a line that is complete.
pub(crate) fn event_in(line: &[u8]) -> Option<Event> {
    parse_line(std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?.trim_end())
}
