//! Writing down what was seen, once.

use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{attach, guest, path, process, sys};
use crate::channel::{Channel, Record};
use crate::format::{BY_GUEST, BY_HOST, Blind, Kind};

hot! {
    /// Where this life's first record is.
    static BEGAN: AtomicUsize = AtomicUsize::new(0);
}

/// Records a path as the process named it, relative to a directory.
pub(super) fn path(kind: Kind, directory: c_int, path: &CStr) {
    if let Some(channel) = attach::channel() {
        let path = path.to_bytes();
        path::absolute(directory, path, &mut |parts| match kind {
            Kind::Read => {
                let length: usize = parts.iter().map(|part| part.len()).sum();
                once(channel, kind, (length - path.len()) as u32, parts);
            }
            _ => fact(kind, parts),
        });
    }
}

/// Records the path of an open file or directory.
pub(super) fn descriptor(kind: Kind, descriptor: c_int) {
    if attach::channel().is_some() {
        path::of_directory(descriptor, &mut |name| fact(kind, &[name]));
    }
}

/// Records what stays true: the second time says nothing new.
pub(super) fn fact(kind: Kind, parts: &[&[u8]]) {
    let Some(channel) = attach::channel() else { return };
    // A file may be written, removed, and written again: that is news.
    let extra = match kind {
        Kind::Wrote => channel.header().removals.load(Ordering::Relaxed),
        _ => 0,
    };
    once(channel, kind, extra, parts);
}

fn once(channel: Channel, kind: Kind, extra: u32, parts: &[&[u8]]) {
    let record = Record { kind, flags: 0, pid: process::id(), extra, parts };
    let began = BEGAN.load(Ordering::Relaxed);
    if let Some(note) = channel.untold(&record, began, sys::populate)
        && let Some(flags) = flags()
    {
        channel.tell(&note, &Record { flags, ..record }, sys::populate);
    }
}

/// Records an event that means something each time.
pub(super) fn event(kind: Kind, parts: &[&[u8]]) {
    if let Some(channel) = attach::channel()
        && let Some(flags) = flags()
    {
        if matches!(kind, Kind::Removed | Kind::Renamed) {
            channel.header().removals.fetch_add(1, Ordering::Relaxed);
        }
        let record = Record { kind, flags, pid: process::id(), extra: 0, parts };
        channel.append(&record, sys::populate);
    }
}

/// Records where processes come from, of a host's own doing too.
pub(super) fn ancestry(kind: Kind, pid: u32, extra: u32, parts: &[&[u8]]) {
    if let Some(channel) = attach::channel() {
        let flags = match (guest::is_host(), kind) {
            (false, _) => 0,
            (true, Kind::Started | Kind::Forked) => BY_HOST,
            (true, _) if guest::on_stack() => BY_HOST | BY_GUEST,
            (true, _) => BY_HOST,
        };
        let record = Record { kind, flags, pid, extra, parts };
        let offset = channel.append(&record, sys::populate);
        if let (Kind::Started | Kind::Forked, Some(offset)) = (kind, offset) {
            BEGAN.store(offset, Ordering::Relaxed);
        }
    }
}

/// Records, once for each reason, that something could not be seen.
pub(super) fn blind(reason: Blind, parts: &[&[u8]]) {
    if let Some(channel) = attach::channel() {
        once(channel, Kind::Incomplete, reason as u32, parts);
    }
}

/// Records, by a flag of its own, what is called too often to be looked up.
pub(super) fn mark(done: &AtomicBool, kind: Kind) {
    if !done.load(Ordering::Relaxed)
        && let Some(channel) = attach::channel()
        && let Some(flags) = flags()
    {
        let record = Record { kind, flags, pid: process::id(), extra: 0, parts: &[] };
        channel.append(&record, sys::populate);
        done.store(true, Ordering::Relaxed);
    }
}

/// The flags of a record; `None` if it is a host's own and nobody's business.
fn flags() -> Option<u8> {
    guest::settle();
    if !guest::is_host() {
        return Some(0);
    }
    guest::on_stack().then_some(BY_HOST | BY_GUEST)
}
