//! Reading a trace file's records.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::act::Act;
use crate::error::NotObserved;
use crate::format::{BY_GUEST, BY_HOST, Kind, OVERFLOW, RECORD_HEAD_BYTES, RECORDS_AT};
use crate::mapping::Mapping;

/// One record, as a process wrote it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) pid: u32,
    /// For an [`Act::Exec`] the parent's process id; for an [`Act::Read`] where
    /// what the process named begins in the path.
    pub(crate) extra: u32,
    pub(crate) by_host: bool,
    pub(crate) by_guest: bool,
    pub(crate) said: Said,
}

/// What a record says.
#[derive(Debug)]
pub(crate) enum Said {
    /// Somebody did something.
    Did(Act),
    /// Somebody did something that could not be seen.
    Unseen(NotObserved),
}

/// Reads all records, in order.
pub(crate) fn read(mapping: &Mapping) -> Result<Vec<Entry>, NotObserved> {
    let header = mapping.header();
    let end = header.tail.load(Ordering::Acquire);
    if header.flags.load(Ordering::Relaxed) & OVERFLOW != 0 || end > header.capacity_bytes {
        return Err(NotObserved::Overflow);
    }
    let mut entries = Vec::new();
    let mut offset = RECORDS_AT;
    while offset < end {
        let malformed = || NotObserved::Malformed { offset };
        let word = mapping.word(offset).ok_or_else(malformed)?;
        if word == 0 {
            return Err(NotObserved::Hole);
        }
        let payload = word >> 32;
        let next = offset + RECORD_HEAD_BYTES + payload.next_multiple_of(8);
        if next > end {
            return Err(malformed());
        }
        let bytes = mapping.bytes(offset, RECORD_HEAD_BYTES + payload).ok_or_else(malformed)?;
        entries.push(entry(word, bytes).ok_or_else(malformed)?);
        offset = next;
    }
    Ok(entries)
}

fn entry(word: usize, bytes: &[u8]) -> Option<Entry> {
    let (head, payload) = bytes.split_at_checked(RECORD_HEAD_BYTES)?;
    let number = |at: usize| Some(u32::from_ne_bytes(*head.get(at..)?.first_chunk()?));
    let [kind, flags, ..] = word.to_le_bytes();
    let (pid, extra) = (number(8)?, number(12)?);
    let said = said(kind, extra, payload)?;
    let (by_host, by_guest) = (flags & BY_HOST != 0, flags & BY_GUEST != 0);
    Some(Entry { pid, extra, by_host, by_guest, said })
}

fn said(kind: u8, extra: u32, payload: &[u8]) -> Option<Said> {
    let path = || PathBuf::from(OsStr::from_bytes(payload));
    let is = |candidate: Kind| kind == candidate as u8;
    let act = match kind {
        _ if is(Kind::Started) => Act::Started { parent: extra, program: path() },
        _ if is(Kind::Forked) => Act::Forked { parent: extra },
        _ if is(Kind::Linked) => Act::Linked(path()),
        _ if is(Kind::Loaded) => Act::Loaded(path()),
        _ if is(Kind::Read) => Act::Read(path()),
        _ if is(Kind::Missing) => Act::Missing(path()),
        _ if is(Kind::Looked) => Act::Looked(path()),
        _ if is(Kind::Listed) => Act::Listed(path()),
        _ if is(Kind::Link) => Act::Link(path()),
        _ if is(Kind::Resolved) => Act::Resolved(path()),
        _ if is(Kind::Env) => Act::Env(OsString::from(OsStr::from_bytes(payload))),
        _ if is(Kind::Wrote) => Act::Wrote(path()),
        _ if is(Kind::Renamed) => renamed(payload)?,
        _ if is(Kind::Removed) => Act::Removed(path()),
        _ if is(Kind::Exec) => Act::Exec(path()),
        _ if is(Kind::ExecFailed) => Act::ExecFailed(path()),
        _ if is(Kind::Spawned) => Act::Spawned { child: extra, program: path() },
        _ if is(Kind::Shell) => Act::Shell,
        _ if is(Kind::Network) => Act::Network,
        _ if is(Kind::Clock) => Act::Clock,
        _ if is(Kind::LocalTime) => Act::LocalTime,
        _ if is(Kind::Incomplete) => return Some(Said::Unseen(unseen(extra, path())?)),
        _ => return None,
    };
    Some(Said::Did(act))
}

fn renamed(payload: &[u8]) -> Option<Act> {
    let middle = payload.iter().position(|byte| *byte == 0)?;
    let (from, to) = (payload.get(..middle)?, payload.get(middle + 1..)?);
    let path = |bytes| PathBuf::from(OsStr::from_bytes(bytes));
    Some(Act::Renamed { from: path(from), to: path(to) })
}

fn unseen(reason: u32, path: PathBuf) -> Option<NotObserved> {
    use crate::format::Blind;
    Some(match reason {
        _ if reason == Blind::Place as u32 => NotObserved::Place { name: path },
        _ if reason == Blind::Walk as u32 => NotObserved::Walk { top: path },
        _ if reason == Blind::Runtime as u32 => NotObserved::Runtime { program: path },
        _ if reason == Blind::Guests as u32 => NotObserved::Guests,
        _ => return None,
    })
}

/// The kind, the number and the payload by which an act is written.
pub(crate) fn written(act: &Act) -> (Kind, u32, [&[u8]; 3]) {
    let path = act.path().map_or::<&[u8], _>(b"", |path| path.as_os_str().as_bytes());
    let one = |kind| (kind, 0, [path, b"", b""]);
    match act {
        Act::Started { parent, .. } => (Kind::Started, *parent, [path, b"", b""]),
        Act::Forked { parent } => (Kind::Forked, *parent, [b"", b"", b""]),
        Act::Linked(_) => one(Kind::Linked),
        Act::Loaded(_) => one(Kind::Loaded),
        Act::Read(_) => one(Kind::Read),
        Act::Missing(_) => one(Kind::Missing),
        Act::Looked(_) => one(Kind::Looked),
        Act::Listed(_) => one(Kind::Listed),
        Act::Link(_) => one(Kind::Link),
        Act::Resolved(_) => one(Kind::Resolved),
        Act::Env(name) => (Kind::Env, 0, [name.as_bytes(), b"", b""]),
        Act::Wrote(_) => one(Kind::Wrote),
        Act::Renamed { to, .. } => (Kind::Renamed, 0, [path, b"\0", to.as_os_str().as_bytes()]),
        Act::Removed(_) => one(Kind::Removed),
        Act::Exec(_) => one(Kind::Exec),
        Act::ExecFailed(_) => one(Kind::ExecFailed),
        Act::Spawned { child, .. } => (Kind::Spawned, *child, [path, b"", b""]),
        Act::Shell => one(Kind::Shell),
        Act::Network => one(Kind::Network),
        Act::Clock => one(Kind::Clock),
        Act::LocalTime => one(Kind::LocalTime),
    }
}
