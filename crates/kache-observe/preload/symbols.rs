//! Finding a function in loaded modules without the loader's help.
//!
//! `dlsym` takes locks, may allocate and forgets the caller's last `dlerror`.
//! This reads the same tables.

use core::ffi::{CStr, c_char};
use core::ptr::null;

/// A symbol table in memory. All pointers are null or valid while the module is.
#[derive(Clone, Copy)]
pub(super) struct Symbols {
    base: usize,
    table: *const Symbol,
    names: *const c_char,
    hash: *const u64,
    versions: *const u16,
    /// Where this module looks for libraries that it opens: it has an opinion.
    pub(super) search_path: bool,
}

#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: usize,
    size: usize,
}

#[repr(C)]
struct Dynamic {
    tag: usize,
    value: usize,
}

impl Symbols {
    pub(super) const NONE: Self = Self {
        base: 0,
        table: null(),
        names: null(),
        hash: null(),
        versions: null(),
        search_path: false,
    };

    /// # Safety
    ///
    /// `dynamic` must be the dynamic section of a module that the loader has
    /// mapped at `base`.
    pub(super) unsafe fn of(base: usize, dynamic: usize) -> Self {
        const END: usize = 0;
        const NAMES: usize = 5;
        const TABLE: usize = 6;
        const RPATH: usize = 15;
        const RUNPATH: usize = 29;
        const HASH: usize = 0x6fff_fef5;
        const VERSIONS: usize = 0x6fff_fff0;

        let mut found = Self { base, ..Self::NONE };
        let mut entry = dynamic as *const Dynamic;
        loop {
            // SAFETY: the section ends with an entry of tag zero.
            let Dynamic { tag, value } = unsafe { entry.read() };
            // The loader has made addresses of most offsets.
            let at = if value < base { base.wrapping_add(value) } else { value };
            match tag {
                END => return found,
                NAMES => found.names = at as *const c_char,
                TABLE => found.table = at as *const Symbol,
                HASH => found.hash = at as *const u64,
                VERSIONS => found.versions = at as *const u16,
                RPATH | RUNPATH => found.search_path = true,
                _ => {}
            }
            // SAFETY: this was not the last entry.
            entry = unsafe { entry.add(1) };
        }
    }

    /// The address of a function that this module defines: the default version,
    /// else one that only old programs can name.
    pub(super) fn find(&self, name: &CStr, hash: u32) -> Option<usize> {
        if self.hash.is_null() || self.table.is_null() || self.names.is_null() {
            return None;
        }
        // SAFETY: the tables are those of a loaded module, in the format that the
        // linker gives them.
        unsafe { self.walk(name, hash) }
    }

    /// # Safety
    ///
    /// The tables must be there and well formed.
    unsafe fn walk(&self, name: &CStr, hash: u32) -> Option<usize> {
        // SAFETY: by this function's contract. The table starts with four counts,
        // the filter's words, the buckets, and the chains.
        unsafe {
            let [buckets, first, words, shift] = self.hash.cast::<[u32; 4]>().read();
            let filter = self.hash.add(2);
            let word = filter.add((hash / 64 % words) as usize).read();
            let wanted = 1_u64 << (hash % 64) | 1_u64 << ((hash >> (shift % 32)) % 64);
            if word & wanted != wanted {
                return None;
            }
            let bucket = filter.add(words as usize).cast::<u32>();
            let chain = bucket.add(buckets as usize);
            let mut index = bucket.add((hash % buckets) as usize).read();
            if index < first {
                return None;
            }
            let mut hidden = None;
            loop {
                let link = chain.add((index - first) as usize).read();
                if link | 1 == hash | 1 && self.defines(index, name) {
                    let address = self.address(index);
                    if self.is_default(index) {
                        return address;
                    }
                    hidden = hidden.or(address);
                }
                if link & 1 == 1 {
                    return hidden;
                }
                index += 1;
            }
        }
    }

    /// # Safety
    ///
    /// `index` must be in the table.
    unsafe fn defines(&self, index: u32, name: &CStr) -> bool {
        const FUNCTION: u8 = 2;
        const INDIRECT: u8 = 10;
        // SAFETY: by this function's contract; names end with a zero byte.
        unsafe {
            let symbol = &*self.table.add(index as usize);
            let kind = symbol.info & 0xf;
            symbol.section != 0
                && (kind == FUNCTION || kind == INDIRECT)
                && CStr::from_ptr(self.names.add(symbol.name as usize)) == name
        }
    }

    /// # Safety
    ///
    /// `index` must be in the table.
    unsafe fn is_default(&self, index: u32) -> bool {
        const HIDDEN: u16 = 0x8000;
        // SAFETY: there is one version for each symbol.
        self.versions.is_null() || unsafe { *self.versions.add(index as usize) } & HIDDEN == 0
    }

    /// # Safety
    ///
    /// `index` must be that of a defined function.
    unsafe fn address(&self, index: u32) -> Option<usize> {
        const INDIRECT: u8 = 10;
        // SAFETY: by this function's contract. An indirect function is one that
        // returns the function; those of the C library ignore what they are given.
        unsafe {
            let symbol = &*self.table.add(index as usize);
            let address = self.base.wrapping_add(symbol.value);
            if symbol.info & 0xf != INDIRECT {
                return Some(address);
            }
            let choose =
                core::mem::transmute::<usize, unsafe extern "C" fn(u64, usize) -> usize>(address);
            Some(choose(0, 0)).filter(|chosen| *chosen != 0)
        }
    }
}

/// The hash by which modules sort their symbols.
pub(super) fn hash_of(name: &CStr) -> u32 {
    name.to_bytes()
        .iter()
        .fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}
