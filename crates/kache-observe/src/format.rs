//! The layout of a trace file, shared by those that write it and its reader.
//!
//! A header, tables of what was told, then records one behind the other. A record is
//! reserved by adding its size to the tail, filled in, and committed by a release store
//! of its first word, which is zero until then: whoever is killed in between leaves a
//! hole.
//!
//! ```text
//! word     u64   payload bytes << 32 | flags << 8 | kind
//! pid      u32   the process, as it sees itself
//! extra    u32   by kind: another process's id, a reason, the count of removals,
//!                where a relative name begins in the path that was read
//! payload        a path, a name, or two paths with a zero byte between them
//! padding        to a multiple of eight bytes
//! ```
//!
//! All of this is for machines with words of 64 bits, so `usize` is `u64`.

use core::sync::atomic::{AtomicU32, AtomicUsize};

/// The first eight bytes of every trace file.
pub(crate) const MAGIC: usize = usize::from_le_bytes(*b"kachetrc");

/// Changes with every change of this layout or of what a kind means.
pub(crate) const VERSION: u32 = 3;

/// Header flag: a record did not fit.
pub(crate) const OVERFLOW: u32 = 1;

/// Header flag: some programs are hosts, so that not everything counts that is told.
pub(crate) const HOSTED: u32 = 2;

/// Header flags: there is memory behind the second table, and behind the third.
pub(crate) const SECOND_TABLE: u32 = 4;
pub(crate) const THIRD_TABLE: u32 = 8;

/// Record flag: written by a program that hosts guests.
pub(crate) const BY_HOST: u8 = 1;

/// Record flag: written by a host on behalf of a guest.
pub(crate) const BY_GUEST: u8 = 2;

/// Bytes before the payload of a record.
pub(crate) const RECORD_HEAD_BYTES: usize = 16;

/// What stands at the start of a trace file.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: usize,
    pub(crate) version: u32,
    pub(crate) flags: AtomicU32,
    pub(crate) capacity_bytes: usize,
    /// Where the next record goes. Beyond the capacity after an overflow.
    pub(crate) tail: AtomicUsize,
    /// Up to here the file has memory behind it. Touching what lies beyond could
    /// end a process if the file system is full.
    pub(crate) backed: AtomicUsize,
    /// How often something was removed or renamed.
    pub(crate) removals: AtomicU32,
    pub(crate) reserved: [u32; 5],
}

/// No machine has larger pages.
pub(crate) const LARGEST_PAGE_BYTES: usize = 64 << 10;

/// A table of what was told.
pub(crate) struct Table {
    pub(crate) at: usize,
    pub(crate) slots: usize,
    /// The header flag that says that there is memory behind it; none for the first.
    pub(crate) flag: u32,
}

impl Table {
    /// How large it is.
    pub(crate) const fn bytes(&self) -> usize {
        self.slots * size_of::<usize>()
    }
}

/// The tables, each used when the one before has no place near where a fact belongs,
/// which is long before it is full. The first is on the header's page and does for most
/// programs, the second for compilers, the third for builds of hundreds of sources and
/// the largest compilations. The file is sparse: what nobody touches takes no memory,
/// and memory takes time.
pub(crate) const TABLES: [Table; 3] = [
    Table {
        at: size_of::<Header>(),
        slots: (4096 - size_of::<Header>()) / size_of::<usize>(),
        flag: 0,
    },
    Table { at: LARGEST_PAGE_BYTES, slots: 1 << 12, flag: SECOND_TABLE },
    Table { at: 2 * LARGEST_PAGE_BYTES, slots: 1 << 15, flag: THIRD_TABLE },
];

/// Where the first record goes.
pub(crate) const RECORDS_AT: usize = 6 * LARGEST_PAGE_BYTES;

const _: () = {
    let [first, second, third] = &TABLES;
    assert!(first.at + first.bytes() <= second.at, "the first table is before the second");
    assert!(second.at + second.bytes() <= third.at, "the second table is before the third");
    assert!(third.at + third.bytes() <= RECORDS_AT, "the tables are before the records");
};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Started = 1,
    Forked,
    Linked,
    Loaded,
    Read,
    Missing,
    Looked,
    Listed,
    Link,
    Resolved,
    Env,
    Wrote,
    Renamed,
    Removed,
    Exec,
    ExecFailed,
    Spawned,
    Shell,
    Network,
    Clock,
    LocalTime,
    Incomplete,
}

/// Why a process says that it was not seen whole, in `extra` of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Blind {
    /// A directory or a path given relative to one has no name.
    Place = 1,
    /// The C library walked a tree of directories by itself.
    Walk,
    /// A program that makes system calls without the C library.
    Runtime,
    /// A host loaded more guests than can be kept.
    Guests,
}
