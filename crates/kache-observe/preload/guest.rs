//! Telling a guest's doings from its host's.
//!
//! rustc reads much by itself; what counts is what a macro does, whose code sits
//! in a library that rustc loads, and whose reads go through the standard library
//! that rustc itself uses. So the stack is searched for an address in a guest's
//! code: whoever called, directly or not, left one there. A word that merely
//! looks like one makes an event count that need not.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{modules, record, sys};
use crate::format::{Blind, Kind};

/// How far up the stack a guest is looked for.
const DEPTH_BYTES: usize = 32 << 10;
const PAGE_BYTES: usize = 4096;
const WORD_BYTES: usize = size_of::<usize>();

const MAX_GUESTS: usize = 512;
const MAX_PREFIX_BYTES: usize = 4096;

struct Prefixes(UnsafeCell<([u8; MAX_PREFIX_BYTES], usize)>);

// SAFETY: written once, before `HOST` says that there is anything to read.
unsafe impl Sync for Prefixes {}

static PREFIXES: Prefixes = Prefixes(UnsafeCell::new(([0; MAX_PREFIX_BYTES], 0)));
hot! {
    static EXPECTED: AtomicBool = AtomicBool::new(false);
    static LOADING: AtomicUsize = AtomicUsize::new(0);
    static LOOKING: AtomicBool = AtomicBool::new(false);
    static HOST: AtomicBool = AtomicBool::new(false);
}

/// Ranges of guests' code: start and end, by turns.
static CODE: [AtomicUsize; 2 * MAX_GUESTS] = [const { AtomicUsize::new(0) }; 2 * MAX_GUESTS];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The range around all of them.
static LOWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Whether this process is a host.
#[inline]
pub(super) fn is_host() -> bool {
    HOST.load(Ordering::Relaxed)
}

/// Makes this process a host if its program is below one of the prefixes; says
/// whether it is. Called once, before anything is recorded.
pub(super) fn set_hosts(prefixes: &[u8], program: &[u8]) -> bool {
    // SAFETY: nobody reads them yet.
    let kept = unsafe { &mut *PREFIXES.0.get() };
    let Some(place) = kept.0.get_mut(..prefixes.len()) else { return false };
    place.copy_from_slice(prefixes);
    kept.1 = prefixes.len();
    let is_host = is_below(prefixes, program);
    HOST.store(is_host, Ordering::Release);
    is_host
}

fn is_below(prefixes: &[u8], path: &[u8]) -> bool {
    let mut prefixes = prefixes.split(|byte| *byte == b':').filter(|prefix| !prefix.is_empty());
    prefixes.any(|prefix| matches!(path.strip_prefix(prefix), Some([b'/', ..] | [])))
}

/// Looks for modules that are new: records them and, in a host, learns which are guests.
pub(super) fn look_for_modules() {
    let at_start = modules::at_start();
    modules::each(|number, module| {
        if number >= at_start {
            if is_host() {
                learn(module);
            }
            record::path(Kind::Loaded, sys::AT_FDCWD, module.name());
        }
        true
    });
}

/// Says that a library is being loaded by a call that does not come back here.
pub(super) fn expect_modules() {
    EXPECTED.store(true, Ordering::Release);
}

/// Says that a library is being loaded, until as many calls of `loaded`.
pub(super) fn loading() {
    LOADING.fetch_add(1, Ordering::AcqRel);
}

/// Says that a library was loaded, or could not be.
pub(super) fn loaded() {
    LOADING.fetch_sub(1, Ordering::AcqRel);
}

/// Looks for the modules that were expected.
#[inline]
pub(super) fn settle() {
    let due = LOADING.load(Ordering::Acquire) > 0 && is_host()
        || EXPECTED.load(Ordering::Acquire) && EXPECTED.swap(false, Ordering::AcqRel);
    // Looking for them comes back here.
    if due && !LOOKING.swap(true, Ordering::AcqRel) {
        look_for_modules();
        LOOKING.store(false, Ordering::Release);
    }
}

fn learn(module: &modules::Module) {
    // SAFETY: `HOST` is set, so nobody writes it any more.
    let (prefixes, length) = unsafe { &*PREFIXES.0.get() };
    let prefixes = prefixes.get(..*length).unwrap_or_default();
    if is_below(prefixes, module.name().to_bytes()) {
        return;
    }
    for (start, end) in module.code() {
        if !is_guest(start) {
            add(start, end);
        }
    }
}

fn add(start: usize, end: usize) {
    let index = COUNT.fetch_add(1, Ordering::Relaxed);
    let (Some(low), Some(high)) = (CODE.get(2 * index), CODE.get(2 * index + 1)) else {
        COUNT.store(MAX_GUESTS, Ordering::Relaxed);
        record::blind(Blind::Guests, &[]);
        return;
    };
    low.store(start, Ordering::Relaxed);
    high.store(end, Ordering::Relaxed);
    LOWEST.fetch_min(start, Ordering::Relaxed);
    HIGHEST.fetch_max(end, Ordering::Release);
}

fn is_guest(address: usize) -> bool {
    let count = COUNT.load(Ordering::Relaxed).min(MAX_GUESTS);
    CODE.as_chunks::<2>().0.iter().take(count).any(|[low, high]| {
        low.load(Ordering::Relaxed) <= address && address < high.load(Ordering::Relaxed)
    })
}

/// Whether a guest's code is on the stack of this thread, not too far up.
///
/// Reads no further than the end of what is mapped there.
#[inline(never)]
pub(super) fn on_stack() -> bool {
    let highest = HIGHEST.load(Ordering::Acquire);
    if highest == 0 {
        return false;
    }
    let lowest = LOWEST.load(Ordering::Relaxed);
    let from = stack_pointer().next_multiple_of(WORD_BYTES);
    let end = from.saturating_add(DEPTH_BYTES);
    let mut at = from;
    while at < end {
        let page_end = (at + 1).next_multiple_of(PAGE_BYTES).min(end);
        if at != from && !sys::readable(at) {
            return false;
        }
        while at < page_end {
            // SAFETY: this thread's stack, or a page that can be read.
            let word = unsafe { (at as *const usize).read_volatile() };
            if word.wrapping_sub(lowest) < highest.wrapping_sub(lowest)
                && is_guest(word)
                && follows_call(word)
            {
                return true;
            }
            at += WORD_BYTES;
        }
    }
    false
}

fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: it copies a register.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    pointer
}

/// Whether an address in code is one that a call returns to. Others are
/// functions' own addresses, of which a host keeps some of each guest.
#[cfg(target_arch = "x86_64")]
fn follows_call(address: usize) -> bool {
    // A near call is E8 and four bytes, or FF /2 with two to seven bytes in all.
    const LONGEST: usize = 7;
    // The guest may have been unloaded.
    if !is_guest(address - LONGEST) || !sys::readable(address - LONGEST) {
        return false;
    }
    // SAFETY: it can be read.
    let before = unsafe { *((address - LONGEST) as *const [u8; LONGEST]) };
    let indirect = |length: usize| {
        let call = before.get(LONGEST - length..);
        matches!(call, Some([0xff, register, ..]) if register & 0x38 == 0x10)
    };
    before.get(2) == Some(&0xe8) || (2..=LONGEST).any(indirect)
}

/// Whether an address in code is one that a call returns to. Others are
/// functions' own addresses, of which a host keeps some of each guest.
#[cfg(target_arch = "aarch64")]
fn follows_call(address: usize) -> bool {
    // The guest may have been unloaded.
    if !address.is_multiple_of(4) || !is_guest(address - 4) || !sys::readable(address - 4) {
        return false;
    }
    // SAFETY: it can be read.
    let before = unsafe { *((address - 4) as *const u32) };
    let to_label = before >> 26 == 0b10_0101;
    let to_register = before & 0xffff_fc1f == 0xd63f_0000;
    to_label || to_register
}
