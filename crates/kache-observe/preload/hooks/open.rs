//! Opening files.

use core::ffi::{c_char, c_int};

use super::{missed, saw};
use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::sys::{self, AT_FDCWD, Mode, flag};

/// Records what opening with these flags means.
///
/// # Safety
///
/// `path` must be what the C library was given.
pub(super) unsafe fn opened(directory: c_int, path: *const c_char, flags: c_int, result: c_int) {
    // SAFETY: by this function's contract.
    let saw = |kind| unsafe { saw(true, kind, directory, path) };
    if result < 0 {
        // SAFETY: by this function's contract.
        unsafe { missed(sys::errno(), directory, path) };
    } else if flags & flag::TEMPORARY == flag::TEMPORARY {
        // A file without a name.
    } else if flags & (flag::PATH | flag::DIRECTORY) != 0 {
        saw(Kind::Looked);
    } else {
        let access = flags & flag::ACCESS_MODE;
        // Who writes into a file and leaves the rest makes something of what was there.
        let is_new = flags & flag::NEW == flag::NEW || flags & flag::TRUNCATE != 0;
        if !is_new {
            saw(Kind::Read);
        }
        if access == flag::WRITE_ONLY
            || access == flag::READ_WRITE
            || flags & (flag::CREATE | flag::TRUNCATE) != 0
        {
            saw(Kind::Wrote);
        }
    }
}

hooks! {
    // Variable arguments are passed as others are, and who passes no mode does
    // not have it read.
    fn open(path: *const c_char, flags: c_int, mode: Mode) -> c_int, else -1;
    |result| opened(AT_FDCWD, path, flags, result);
    fn open64(path: *const c_char, flags: c_int, mode: Mode) -> c_int, else -1;
    |result| opened(AT_FDCWD, path, flags, result);
    fn __open(path: *const c_char, flags: c_int, mode: Mode) -> c_int, else -1;
    |result| opened(AT_FDCWD, path, flags, result);
    fn __open64(path: *const c_char, flags: c_int, mode: Mode) -> c_int, else -1;
    |result| opened(AT_FDCWD, path, flags, result);
    fn __open_2(path: *const c_char, flags: c_int) -> c_int, else -1;
    |result| opened(AT_FDCWD, path, flags, result);
    fn __open64_2(path: *const c_char, flags: c_int) -> c_int, else -1;
    |result| opened(AT_FDCWD, path, flags, result);
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: Mode) -> c_int, else -1;
    |result| opened(directory, path, flags, result);
    fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: Mode) -> c_int, else -1;
    |result| opened(directory, path, flags, result);
    fn __openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int, else -1;
    |result| opened(directory, path, flags, result);
    fn __openat64_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int, else -1;
    |result| opened(directory, path, flags, result);
    fn openat2(
        directory: c_int, path: *const c_char, how: *const u64, size: usize,
    ) -> c_int, else -1;
    |result| if result >= 0 || sys::errno() != sys::EFAULT {
        opened(directory, path, *how as c_int, result);
    };
    fn creat(path: *const c_char, mode: Mode) -> c_int, else -1;
    |result| saw(result >= 0, Kind::Wrote, AT_FDCWD, path);
    fn creat64(path: *const c_char, mode: Mode) -> c_int, else -1;
    |result| saw(result >= 0, Kind::Wrote, AT_FDCWD, path);
}
