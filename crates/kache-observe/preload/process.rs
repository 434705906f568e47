//! The id of this process, without asking for it each time.
//!
//! A child of `fork` is told by the C library. A child of `vfork` shares its
//! parent's memory and goes by its parent's id until it runs a program, and so does
//! a child that was made without the C library.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{modules, record, sys};
use crate::format::Kind;

hot! {
    static ID: AtomicU32 = AtomicU32::new(0);
}

type Handler = Option<unsafe extern "C" fn()>;
type Register = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;

/// Learns the id and asks to be told of forks.
pub(super) fn know() {
    ID.store(sys::getpid(), Ordering::Relaxed);
    let register = modules::next(c"__register_atfork");
    if register != 0 {
        // SAFETY: this is the type of the C library's function, which keeps the
        // handler for the process's life; this library is never unloaded.
        unsafe {
            let register = core::mem::transmute::<usize, Register>(register);
            register(None, None, Some(forked), null_mut());
        }
    }
}

/// The id of this process.
#[inline]
pub(super) fn id() -> u32 {
    ID.load(Ordering::Relaxed)
}

/// The ids of this process, even if it is a child of `vfork`, and of its parent.
pub(super) fn ids() -> (u32, u32) {
    if sys::sealed() { (id(), 0) } else { (sys::getpid(), sys::getppid()) }
}

/// Runs in a new child and records where it comes from.
pub(super) extern "C" fn forked() {
    if sys::sealed() {
        return;
    }
    let id = sys::getpid();
    // More than one way may lead here.
    if ID.swap(id, Ordering::Relaxed) != id {
        record::ancestry(Kind::Forked, id, sys::getppid(), &[]);
    }
}
