//! Writing down what was seen, once.

use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{attach, guest, path, process, sys};
use crate::channel::{Channel, Record};
use crate::format::{BY_GUEST, BY_HOST, Blind, Kind, RECORD_HEAD_BYTES};

/// Slots of a table of what was written down: the upper half of a hash, and where
/// the record is. The record itself is compared, so nothing is lost to two names
/// with one hash; what finds no slot pushes another out of it and is written twice
/// at worst.
///
/// Most processes need few, which are all on one page.
const FEW: usize = 256;
const MANY: usize = 8192;
const TRIES: usize = 4;

/// The half of a slot that says where.
const LOWER: usize = u32::MAX as usize;

hot! {
    static FIRST: [AtomicUsize; FEW] = [const { AtomicUsize::new(0) }; FEW];
}
static LATER: [AtomicUsize; MANY] = [const { AtomicUsize::new(0) }; MANY];

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
    let hash = hash(kind, parts);
    let said = |slot: usize| {
        slot & !LOWER == hash & !LOWER && says(channel, (slot & LOWER) * 8, kind, extra, parts)
    };
    let place = match find(&FIRST, hash, said) {
        Found::Said => return,
        Found::Free(slot) => Some(slot),
        Found::Full => match find(&LATER, hash, said) {
            Found::Said => return,
            Found::Free(slot) => Some(slot),
            Found::Full => LATER.get(hash % MANY),
        },
    };
    let Some(flags) = flags() else { return };
    let record = Record { kind, flags, pid: process::id(), extra, parts };
    if let Some(offset) = channel.append(&record, sys::populate).map(|offset| offset / 8)
        && offset <= LOWER
        && let Some(slot) = place
    {
        slot.store(hash & !LOWER | offset, Ordering::Release);
    }
}

enum Found {
    Said,
    Free(&'static AtomicUsize),
    Full,
}

/// Looks for what was said, or for a place to put it.
fn find(table: &'static [AtomicUsize], hash: usize, said: impl Fn(usize) -> bool) -> Found {
    for attempt in 0..TRIES {
        let Some(slot) = table.get(hash.wrapping_add(attempt) % table.len()) else { break };
        match slot.load(Ordering::Acquire) {
            0 => return Found::Free(slot),
            written if said(written) => return Found::Said,
            _ => {}
        }
    }
    Found::Full
}

/// Whether the record at `offset` says just this.
fn says(channel: Channel, offset: usize, kind: Kind, extra: u32, parts: &[&[u8]]) -> bool {
    let word = channel.word(offset).load(Ordering::Acquire);
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if word & 0xff != kind as usize || word >> 32 != length {
        return false;
    }
    // SAFETY: the word says that the record is complete and how long it is.
    let bytes = unsafe { channel.bytes(offset, RECORD_HEAD_BYTES + length) };
    let Some((head, mut payload)) = bytes.split_at_checked(RECORD_HEAD_BYTES) else { return false };
    if head.get(12..) != Some(&extra.to_ne_bytes()) {
        return false;
    }
    parts.iter().all(|part| {
        payload.strip_prefix(*part).is_some_and(|rest| {
            payload = rest;
            true
        })
    })
}

/// A hash of what the parts are together, however they are cut.
fn hash(kind: Kind, parts: &[&[u8]]) -> usize {
    const FACTOR: usize = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: usize, word: usize| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut hash = mix(0, kind as usize);
    // Bytes that do not fill a word yet, and how many bits they are.
    let (mut pending, mut bits) = (0, 0);
    for part in parts {
        let (words, rest) = part.as_chunks::<8>();
        for word in words {
            let word = usize::from_le_bytes(*word);
            hash = mix(hash, pending | word << bits);
            pending = word.unbounded_shr(64 - bits);
        }
        for byte in rest {
            pending |= usize::from(*byte) << bits;
            bits += 8;
            if bits == 64 {
                hash = mix(hash, pending);
                (pending, bits) = (0, 0);
            }
        }
    }
    hash = mix(hash, pending);
    // The lower bits of a product know only the lower bits of its factors.
    hash = mix(hash, hash >> 32);
    hash ^ hash >> 32
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
        channel.append(&Record { kind, flags, pid, extra, parts }, sys::populate);
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
