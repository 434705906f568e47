//! The functions of the C library that are seen, by what they are about.

mod clock;
mod direct;
mod environment;
mod exec;
mod link;
mod list;
mod load;
mod locale;
mod look;
mod network;
mod open;
mod remove;
mod search;
mod spawn;
mod stdio;
mod temporary;
mod users;
mod walk;
mod write;

use core::ffi::{CStr, c_char, c_int};

use super::{record, sys};
use crate::format::Kind;

const EEXIST: c_int = 17;

/// Records what a call said about a path: `kind` if it went well.
///
/// # Safety
///
/// `path` must be what the C library was given.
unsafe fn saw(well: bool, kind: Kind, directory: c_int, path: *const c_char) {
    if !well {
        // SAFETY: by this function's contract.
        unsafe { missed(sys::errno(), directory, path) };
    } else if !path.is_null() {
        // SAFETY: the kernel has read it.
        record::path(kind, directory, unsafe { CStr::from_ptr(path) });
    }
}

/// Records that a call with two names failed. Either may be the one that is missing.
///
/// # Safety
///
/// The paths must be what the C library was given.
unsafe fn missed_either(
    (from_in, from): (c_int, *const c_char),
    (to_in, to): (c_int, *const c_char),
) {
    let error = sys::errno();
    // SAFETY: by this function's contract; the kernel has read both, as this was not
    // `EFAULT`.
    unsafe {
        let there = error == sys::ENOENT && !from.is_null() && sys::exists(from_in, from);
        if !there {
            missed(error, from_in, from);
        }
        if there || error == EEXIST {
            missed(error, to_in, to);
        }
    }
}

/// Records a look that failed: nothing there, or something of another kind.
///
/// # Safety
///
/// `path` must be what the C library was given.
unsafe fn missed(error: c_int, directory: c_int, path: *const c_char) {
    const EINTR: c_int = 4;
    const EBADF: c_int = 9;
    const ENOMEM: c_int = 12;
    const ENOTDIR: c_int = 20;
    const ENFILE: c_int = 23;
    const EMFILE: c_int = 24;
    const ENAMETOOLONG: c_int = 36;
    let kind = match error {
        sys::ENOENT | ENOTDIR => Kind::Missing,
        // Nothing was learnt about the path.
        EINTR | EBADF | ENOMEM | sys::EFAULT | ENFILE | EMFILE | ENAMETOOLONG | sys::ENOSYS => {
            return;
        }
        _ => Kind::Looked,
    };
    if !path.is_null() {
        // SAFETY: the kernel has read it, since this was not `EFAULT`.
        record::path(kind, directory, unsafe { CStr::from_ptr(path) });
    }
}
