//! Telling what stays true once, of however many processes find it out.
//!
//! A slot of a table is the upper half of a hash, and where the record is, in words.
//! The record itself is compared, so nothing is lost to two facts with one hash;
//! what finds no slot pushes another out of it and is told twice at worst.
//!
//! Where programs are hosts, a fact may count when one process tells it and not when
//! another does. There each life tells all of its own.

use core::sync::atomic::Ordering;

use crate::channel::{Channel, Record};
use crate::format::{HOSTED, RECORD_HEAD_BYTES, RECORDS_AT, TABLES, Table};

/// In how many slots, one behind the other, a fact may be.
const TRIES: usize = 8;

/// The half of a slot that says where.
const LOWER: usize = u32::MAX as usize;

impl Table {
    /// Where the slot is that `hash` has at an attempt.
    fn slot(&self, hash: usize, attempt: usize) -> usize {
        self.at + hash.wrapping_add(attempt) % self.slots * size_of::<usize>()
    }
}

enum Found {
    Told,
    /// Not told; it can be noted in the slot at this offset.
    Free(usize),
    Full,
}

/// Where it is to be noted that a fact was told.
pub(crate) struct Note {
    /// The offset of a slot, if there is one.
    slot: Option<usize>,
    hash: usize,
}

impl Channel {
    /// Returns where a record is to be noted, or `None` if the same was told before: by
    /// anybody or, where there are hosts, by this process since its record at `began`.
    pub(crate) fn untold(
        self,
        record: &Record<'_>,
        began: usize,
        back: impl Fn(*mut u8, usize) -> bool,
    ) -> Option<Note> {
        let hash = hash(record);
        let mut note = Note { slot: None, hash };
        for table in &TABLES {
            if !self.has(table, &back) {
                break;
            }
            match self.find(table, hash, record, began) {
                Found::Told => return None,
                Found::Free(slot) => return Some(Note { slot: Some(slot), hash }),
                Found::Full => note.slot = Some(table.slot(hash, 0)),
            }
        }
        Some(note)
    }

    /// Appends a record and notes that it was told.
    pub(crate) fn tell(
        self,
        note: &Note,
        record: &Record<'_>,
        back: impl Fn(*mut u8, usize) -> bool,
    ) {
        let offset = self.append(record, back).map(|offset| offset / size_of::<usize>());
        if let (Some(slot), Some(offset @ ..=LOWER)) = (note.slot, offset) {
            self.word(slot).store(note.hash & !LOWER | offset, Ordering::Release);
        }
    }

    fn find(self, table: &Table, hash: usize, record: &Record<'_>, began: usize) -> Found {
        for attempt in 0..TRIES {
            let slot = table.slot(hash, attempt);
            match self.word(slot).load(Ordering::Acquire) {
                0 => return Found::Free(slot),
                told if told & !LOWER != hash & !LOWER => {}
                told if self.says((told & LOWER) * size_of::<usize>(), record, began) => {
                    return Found::Told;
                }
                _ => {}
            }
        }
        Found::Full
    }

    /// Whether the record at `offset` says just this.
    fn says(self, offset: usize, record: &Record<'_>, began: usize) -> bool {
        let header = self.header();
        let length: usize = record.parts.iter().map(|part| part.len()).sum();
        let end = offset.saturating_add(RECORD_HEAD_BYTES + length);
        // A slot may be anything: other programs write to this memory.
        if offset < RECORDS_AT || end > header.backed.load(Ordering::Relaxed) {
            return false;
        }
        let word = self.word(offset).load(Ordering::Acquire);
        if word & 0xff != record.kind as usize || word >> 32 != length {
            return false;
        }
        // SAFETY: the word says that the record is complete and how long it is.
        let bytes = unsafe { self.bytes(offset, RECORD_HEAD_BYTES + length) };
        let Some((head, payload)) = bytes.split_at_checked(RECORD_HEAD_BYTES) else { return false };
        let is_hosted = header.flags.load(Ordering::Relaxed) & HOSTED != 0;
        let is_own = || offset > began && head.get(8..12) == Some(&record.pid.to_ne_bytes());
        head.get(12..) == Some(&record.extra.to_ne_bytes())
            && (!is_hosted || is_own())
            && is_all_of(record.parts, payload)
    }

    /// Whether a table can be touched; puts memory behind it the first time.
    fn has(self, table: &Table, back: impl Fn(*mut u8, usize) -> bool) -> bool {
        let flags = &self.header().flags;
        if flags.load(Ordering::Relaxed) & table.flag == table.flag {
            return true;
        }
        let is_backed = back(self.address(table.at), table.bytes());
        if is_backed {
            flags.fetch_or(table.flag, Ordering::Relaxed);
        }
        is_backed
    }
}

/// Whether `payload` is the parts one behind the other.
fn is_all_of(parts: &[&[u8]], mut payload: &[u8]) -> bool {
    parts.iter().all(|part| {
        payload.strip_prefix(*part).is_some_and(|rest| {
            payload = rest;
            true
        })
    })
}

/// A hash of the kind and of what the parts are together, however they are cut.
fn hash(record: &Record<'_>) -> usize {
    const FACTOR: usize = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: usize, word: usize| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut hash = mix(0, record.kind as usize);
    // Bytes that do not fill a word yet, and how many bits they are.
    let (mut pending, mut bits) = (0, 0);
    for part in record.parts {
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
