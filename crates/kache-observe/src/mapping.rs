//! A trace file in memory.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use crate::channel::{Channel, Record, STEP_BYTES};
use crate::error::WatchError;
use crate::format::{Header, MAGIC, RECORDS_AT, TABLES, VERSION};

/// A mapping of a whole trace file, which ends with this value.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u64,
    bytes: usize,
}

// SAFETY: all access goes through atomics, or to bytes that one writer reserved
// for itself, or that were committed.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

/// Returns how large a file of this process may be. Who tries more is killed.
pub(crate) fn largest_file_bytes() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current.unwrap_or(u64::MAX)
}

impl Mapping {
    /// Makes a trace of a fixed size, without anything in it, of an empty file. The size
    /// is at least that of the tables and a page.
    pub(crate) fn create(file: &File, path: &Path, bytes: usize) -> Result<Self, WatchError> {
        file.set_len(bytes as u64).map_err(WatchError::io("resize", path))?;
        let mapping = Self::of(file, bytes).map_err(WatchError::io("map", path))?;
        let channel = mapping.channel();
        let step = STEP_BYTES.min(bytes - RECORDS_AT);
        let [first, second, third] = &TABLES;
        let head = first.at + first.bytes();
        let (backed, flags) =
            if back(channel.address(0), head) && back(channel.address(RECORDS_AT), step) {
                (RECORDS_AT + step, 0)
            } else {
                // Kernels before 5.14 can put memory behind a file, but not behind a mapping.
                rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64)
                    .map_err(|error| WatchError::io("allocate", path)(error.into()))?;
                (bytes, second.flag | third.flag)
            };
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            flags: flags.into(),
            capacity_bytes: bytes,
            tail: RECORDS_AT.into(),
            backed: backed.into(),
            removals: 0.into(),
            reserved: [0; 5],
        };
        // SAFETY: the file is longer than a header, and nobody else knows it yet.
        unsafe { mapping.base.cast::<Header>().write(header) };
        Ok(mapping)
    }

    /// Maps a trace file that another process made; `None` if it is not one.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        let bytes = usize::try_from(file.metadata().ok()?.len()).ok()?;
        if bytes < RECORDS_AT {
            return None;
        }
        let mapping = Self::of(&file, bytes).ok()?;
        let channel = mapping.channel();
        let header = channel.header();
        let valid =
            header.magic == MAGIC && header.version == VERSION && header.capacity_bytes <= bytes;
        valid.then_some(mapping)
    }

    fn of(file: &File, bytes: usize) -> std::io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping at a place of the kernel's choice disturbs nobody. Nobody
        // makes a trace file shorter.
        let base = unsafe { mmap(std::ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0)? };
        Ok(Self { base: base.cast(), bytes })
    }

    fn channel(&self) -> Channel {
        // SAFETY: the mapping is of a whole file with a header, and the channel does
        // not outlive the borrow in any caller here.
        unsafe { Channel::at(self.base) }
    }

    /// The file's header.
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: as for `channel`.
        unsafe { &*self.base.cast::<Header>() }
    }

    /// Appends a record and returns where; without effect but on the overflow flag if
    /// it does not fit.
    pub(crate) fn append(&self, record: &Record<'_>) -> Option<usize> {
        self.channel().append(record, back)
    }

    /// Appends a record of what stays true, unless it was told before, as
    /// [`Channel::untold`] finds out.
    pub(crate) fn tell(&self, record: &Record<'_>, began: usize) {
        let channel = self.channel();
        if let Some(note) = channel.untold(record, began, back) {
            channel.tell(&note, record, back);
        }
    }

    /// The first word of the record at `offset`; `None` beyond the file's end.
    pub(crate) fn word(&self, offset: usize) -> Option<usize> {
        let inside = offset.is_multiple_of(8) && offset.checked_add(8)? <= self.bytes;
        inside.then(|| self.channel().word(offset).load(Ordering::Acquire))
    }

    /// The bytes of a committed record; `None` beyond the file's end.
    pub(crate) fn bytes(&self, offset: usize, length: usize) -> Option<&[u8]> {
        let end = offset.checked_add(length)?;
        // SAFETY: it lies within the mapping, which lives as long as `self`, and
        // committed records do not change.
        (end <= self.bytes).then(|| unsafe { self.channel().bytes(offset, length) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nothing that borrows from it is left.
        let unmapped = unsafe { munmap(self.base.cast(), self.bytes) };
        debug_assert!(unmapped.is_ok(), "it was mapped at that place");
    }
}

fn back(start: *mut u8, bytes: usize) -> bool {
    // SAFETY: it changes no contents.
    unsafe { madvise(start.cast(), bytes, Advice::LinuxPopulateWrite) }.is_ok()
}

/// Where trace files go, best first: memory, else where other temporary files are.
pub(crate) fn directories() -> [PathBuf; 2] {
    [PathBuf::from("/dev/shm"), std::env::temp_dir()]
}
