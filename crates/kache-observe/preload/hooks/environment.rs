//! Asking for variables.

use core::ffi::{CStr, c_char};
use core::ptr::null_mut;

use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::record;

/// # Safety
///
/// `name` must be what the C library was given.
unsafe fn asked(name: *const c_char) {
    // SAFETY: by this function's contract; the C library has read it.
    record::fact(Kind::Env, &[unsafe { CStr::from_ptr(name) }.to_bytes()]);
}

hooks! {
    fn getenv(name: *const c_char) -> *mut c_char, else null_mut();
    |value| asked(name);
    fn secure_getenv(name: *const c_char) -> *mut c_char, else null_mut();
    |value| asked(name);
    fn __secure_getenv(name: *const c_char) -> *mut c_char, else null_mut();
    |value| asked(name);
}
