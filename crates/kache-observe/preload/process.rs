//! The id of this process, without asking for it each time.
//!
//! The id is kept on a page that the kernel clears in children, so that a child
//! knows that it is new however it was made. A child of `vfork` shares its
//! parent's memory and goes by its parent's id until it runs a program.

use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::{record, sys};
use crate::format::Kind;

const PAGE_BYTES: usize = 4096;

static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(core::ptr::null_mut());

/// Prepares the page. Without it the id is asked for each time.
pub(super) fn know_forks() {
    let Some(page) = sys::map(None, PAGE_BYTES) else { return };
    if !sys::wipe_on_fork(page, PAGE_BYTES) {
        // SAFETY: nobody else knows it.
        unsafe { sys::unmap(page, PAGE_BYTES) };
        return;
    }
    let page = page.cast::<AtomicU32>();
    // SAFETY: a page starts with a place for a number.
    unsafe { (*page).store(sys::getpid(), Ordering::Relaxed) };
    PAGE.store(page, Ordering::Relaxed);
}

/// The id of this process. In a new child this records where it comes from.
#[inline]
pub(super) fn id() -> u32 {
    let page = PAGE.load(Ordering::Relaxed);
    if page.is_null() {
        return sys::getpid();
    }
    // SAFETY: set by `know_forks` and never unmapped.
    let known = unsafe { &*page };
    match known.load(Ordering::Relaxed) {
        0 => forked(known),
        id => id,
    }
}

#[cold]
fn forked(known: &AtomicU32) -> u32 {
    let id = sys::getpid();
    known.store(id, Ordering::Relaxed);
    record::ancestry(Kind::Forked, id, sys::getppid(), &[]);
    id
}
