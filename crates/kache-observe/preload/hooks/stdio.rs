//! Opening streams.

use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

use super::{missed, saw};
use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::sys::{self, AT_FDCWD};

/// # Safety
///
/// `path` and `mode` must be what the C library was given.
unsafe fn opened(path: *const c_char, mode: *const c_char, stream: *mut c_void) {
    if path.is_null() || mode.is_null() {
        return;
    }
    // SAFETY: by this function's contract.
    unsafe {
        if stream.is_null() {
            missed(sys::errno(), AT_FDCWD, path);
            return;
        }
        let mode = core::ffi::CStr::from_ptr(mode).to_bytes();
        let updates = mode.iter().take_while(|byte| **byte != b',').any(|byte| *byte == b'+');
        // Who adds to a file makes something of what was there.
        let reads = matches!(mode.first(), Some(b'r' | b'a'));
        if reads {
            saw(true, Kind::Read, AT_FDCWD, path);
        }
        if updates || mode.first() != Some(&b'r') {
            saw(true, Kind::Wrote, AT_FDCWD, path);
        }
    }
}

hooks! {
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut c_void, else null_mut();
    |stream| opened(path, mode, stream);
    fn fopen64(path: *const c_char, mode: *const c_char) -> *mut c_void, else null_mut();
    |stream| opened(path, mode, stream);
    fn freopen(path: *const c_char, mode: *const c_char, old: *mut c_void) -> *mut c_void,
        else null_mut();
    |stream| opened(path, mode, stream);
    fn freopen64(path: *const c_char, mode: *const c_char, old: *mut c_void) -> *mut c_void,
        else null_mut();
    |stream| opened(path, mode, stream);
    fn setmntent(path: *const c_char, mode: *const c_char) -> *mut c_void, else null_mut();
    |stream| opened(path, mode, stream);
}
