//! Appending to a mapped trace file: no lock, no allocation, no system call.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::format::{Header, Kind, LARGEST_PAGE_BYTES, OVERFLOW, RECORD_HEAD_BYTES};

/// How much of the file gets memory behind it at a time. Memory costs time, too: most
/// traces need little.
pub(crate) const STEP_BYTES: usize = 16 << 10;

/// A mapped trace file.
#[derive(Clone, Copy)]
pub(crate) struct Channel {
    base: *mut u64,
}

/// What is about to be appended. The payload is the parts one behind the other.
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) pid: u32,
    pub(crate) extra: u32,
    pub(crate) parts: &'a [&'a [u8]],
}

impl Channel {
    /// # Safety
    ///
    /// `base` must be the start of a shared mapping of a whole trace file with a
    /// valid header, which stays mapped for as long as the channel is used.
    pub(crate) unsafe fn at(base: *mut u64) -> Self {
        Self { base }
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: by the contract of `at`; the fields that change are atomics.
        unsafe { &*self.base.cast::<Header>() }
    }

    /// The bytes of the file from `offset` on.
    ///
    /// # Safety
    ///
    /// The range must belong to a committed record, and the mapping must live as long
    /// as the result.
    pub(crate) unsafe fn bytes<'a>(self, offset: usize, length: usize) -> &'a [u8] {
        // SAFETY: committed records lie within the mapping and never change.
        unsafe { core::slice::from_raw_parts(self.base.cast::<u8>().add(offset), length) }
    }

    /// The address of `offset`, which is inside the file.
    pub(crate) fn address(&self, offset: usize) -> *mut u8 {
        // SAFETY: by the contract of `at`, the whole file is mapped.
        unsafe { self.base.cast::<u8>().add(offset) }
    }

    /// The first word of the record at `offset`, or a slot of a table. The offset is
    /// aligned and inside the file.
    pub(crate) fn word(&self, offset: usize) -> &AtomicUsize {
        // SAFETY: these start at multiples of eight, and are only ever accessed as
        // atomics.
        unsafe { &*self.base.add(offset / 8).cast::<AtomicUsize>() }
    }

    /// Appends one record and returns its offset; `None` says that it did not fit.
    ///
    /// `back` puts memory behind a range of the mapping, which starts with a page, and
    /// says whether it could.
    pub(crate) fn append(
        &self,
        record: &Record<'_>,
        back: impl Fn(*mut u8, usize) -> bool,
    ) -> Option<usize> {
        let header = self.header();
        let payload: usize = record.parts.iter().map(|part| part.len()).sum();
        let size = RECORD_HEAD_BYTES + payload.next_multiple_of(8);
        let offset = header.tail.fetch_add(size, Ordering::Relaxed);
        let end = offset.saturating_add(size);
        if end > header.capacity_bytes || !self.backed_up_to(end, back) {
            header.flags.fetch_or(OVERFLOW, Ordering::Relaxed);
            return None;
        }
        // SAFETY: the reservation above made these bytes this call's alone, and
        // they are inside the mapping.
        unsafe {
            let at = self.base.add(offset / 8);
            at.add(1).write(u64::from(record.extra) << 32 | u64::from(record.pid));
            let mut to = at.cast::<u8>().add(RECORD_HEAD_BYTES);
            for part in record.parts {
                core::ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
        }
        let word = payload << 32 | usize::from(record.flags) << 8 | record.kind as usize;
        self.word(offset).store(word, Ordering::Release);
        Some(offset)
    }

    fn backed_up_to(&self, end: usize, back: impl Fn(*mut u8, usize) -> bool) -> bool {
        let header = self.header();
        let backed = header.backed.load(Ordering::Relaxed);
        if end <= backed {
            return true;
        }
        let goal = end.next_multiple_of(STEP_BYTES).min(header.capacity_bytes);
        // A page begins here, whatever its size is.
        let from = backed - backed % LARGEST_PAGE_BYTES;
        if !back(self.address(from), goal - from) {
            return false;
        }
        header.backed.fetch_max(goal, Ordering::Relaxed);
        true
    }
}
