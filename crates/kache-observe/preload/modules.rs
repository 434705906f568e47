//! The modules of this process: which were there from the start, and where the
//! functions are that the hooks stand before.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::symbols::{Symbols, hash_of};

const LOADABLE: u32 = 1;
const DYNAMIC: u32 = 2;
const NOTE: u32 = 4;
const EXECUTABLE: u32 = 1;

#[repr(C)]
pub(super) struct Segment {
    kind: u32,
    flags: u32,
    offset: usize,
    address: usize,
    physical: usize,
    file_bytes: usize,
    memory_bytes: usize,
    align: usize,
}

/// What the loader says about a module, as far as it is needed.
#[repr(C)]
pub(super) struct Module {
    base: usize,
    name: *const c_char,
    segments: *const Segment,
    count: u16,
}

type Visit = unsafe extern "C" fn(*const Module, usize, *mut c_void) -> c_int;

unsafe extern "C" {
    fn dl_iterate_phdr(visit: Visit, data: *mut c_void) -> c_int;
}

impl Module {
    fn segments(&self) -> &[Segment] {
        // SAFETY: the loader's tables live as long as the module.
        unsafe { core::slice::from_raw_parts(self.segments, usize::from(self.count)) }
    }

    /// As the loader found it; empty for the program itself.
    pub(super) fn name(&self) -> &CStr {
        // SAFETY: the loader's names are never null.
        unsafe { CStr::from_ptr(self.name) }
    }

    /// The ranges of addresses that hold code.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let code = self
            .segments()
            .iter()
            .filter(|segment| segment.kind == LOADABLE && segment.flags & EXECUTABLE != 0);
        code.map(|segment| {
            let start = self.base.wrapping_add(segment.address);
            (start, start.wrapping_add(segment.memory_bytes))
        })
    }

    pub(super) fn holds(&self, address: usize) -> bool {
        self.code().any(|(start, end)| (start..end).contains(&address))
    }

    pub(super) fn symbols(&self) -> Symbols {
        let dynamic = self.segments().iter().find(|segment| segment.kind == DYNAMIC);
        dynamic.map_or(Symbols::NONE, |segment| {
            // SAFETY: this is where the loader mapped the module's dynamic section.
            unsafe { Symbols::of(self.base, self.base.wrapping_add(segment.address)) }
        })
    }

    /// The kernel's own module, whose functions have the names of the C library's.
    pub(super) fn is_kernel(&self) -> bool {
        self.name().to_bytes().starts_with(b"linux-vdso")
    }

    /// Whether the Go toolchain made it: its programs call the kernel directly.
    pub(super) fn is_go(&self) -> bool {
        let mut notes = self.segments().iter().filter(|segment| segment.kind == NOTE);
        notes.any(|segment| {
            let start = self.base.wrapping_add(segment.address) as *const u8;
            // SAFETY: the loader has mapped the segment.
            has_go_note(unsafe { core::slice::from_raw_parts(start, segment.memory_bytes) })
        })
    }
}

/// Looks through notes: the sizes of the owner's name and of what it says, a type, and
/// both, each up to a multiple of four bytes.
fn has_go_note(mut notes: &[u8]) -> bool {
    loop {
        let [Some(name), Some(said), Some(_)] = [0, 4, 8].map(|at| {
            let number = notes.get(at..)?.first_chunk()?;
            Some(u32::from_le_bytes(*number) as usize)
        }) else {
            return false;
        };
        if notes.get(12..12 + name) == Some(b"Go\0\0".as_slice()) {
            return true;
        }
        let size = 12 + name.next_multiple_of(4) + said.next_multiple_of(4);
        let Some(rest) = notes.get(size..) else { return false };
        notes = rest;
    }
}

/// Calls `visit` with each module and its number; the first ones, in order, are
/// the program and what it was started with. Stops when `visit` returns false.
pub(super) fn each<F: FnMut(usize, &Module) -> bool>(visit: F) {
    unsafe extern "C" fn step<F: FnMut(usize, &Module) -> bool>(
        module: *const Module,
        _: usize,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: `data` is what `each` passed, and the loader's module is valid.
        let ((visit, number), module) = unsafe { (&mut *data.cast::<(F, usize)>(), &*module) };
        let number_now = *number;
        *number += 1;
        c_int::from(!visit(number_now, module))
    }
    let mut state = (visit, 0_usize);
    // SAFETY: `step` gets back the type that it was made for.
    unsafe { dl_iterate_phdr(step::<F>, (&raw mut state).cast()) };
}

/// How many modules' tables are kept. Beyond that the loader is asked.
const KEPT: usize = 24;

struct Chain(UnsafeCell<[Symbols; KEPT]>);

// SAFETY: written once, before `CHAINED` says how much of it there is.
unsafe impl Sync for Chain {}

hot! {
    static CHAIN: Chain = Chain(UnsafeCell::new([Symbols::NONE; KEPT]));
    static CHAINED: AtomicUsize = AtomicUsize::new(0);
    static AT_START: AtomicUsize = AtomicUsize::new(0);
}

/// How many modules there were when the process started.
pub(super) fn at_start() -> usize {
    AT_START.load(Ordering::Relaxed)
}

/// Remembers the modules that come after this one in the order of symbols.
///
/// Called once, before any hook needs them.
pub(super) fn survey() {
    let here = survey as *const () as usize;
    let mut after_us = false;
    let mut kept = 0;
    let mut all = 0;
    each(|number, module| {
        all = number + 1;
        // SAFETY: nobody reads the chain before it is published below.
        let chain = unsafe { &mut *CHAIN.0.get() };
        if after_us
            && !module.is_kernel()
            && let Some(place) = chain.get_mut(kept)
        {
            *place = module.symbols();
            kept += 1;
        }
        after_us |= module.holds(here);
        true
    });
    AT_START.store(all, Ordering::Relaxed);
    CHAINED.store(kept, Ordering::Release);
}

/// The address of the function of that name that this library hides; zero if
/// there is none.
pub(super) fn next(name: &CStr) -> usize {
    let hash = hash_of(name);
    let kept = CHAINED.load(Ordering::Acquire);
    // SAFETY: published, so nobody writes it any more.
    let chain = unsafe { &*CHAIN.0.get() };
    let found = chain.iter().take(kept).find_map(|module| module.find(name, hash));
    found.or_else(|| ask_loader(name, hash)).unwrap_or(0)
}

#[cold]
fn ask_loader(name: &CStr, hash: u32) -> Option<usize> {
    let here = ask_loader as *const () as usize;
    let mut after_us = false;
    let mut found = None;
    each(|_, module| {
        if after_us && !module.is_kernel() {
            found = module.symbols().find(name, hash);
        }
        after_us |= module.holds(here);
        found.is_none()
    });
    found
}
