//! Looking for a program as the C library does for a name without a slash.

use core::ffi::{CStr, c_char};

use crate::format::Kind;
use crate::preload::sys::{self, AT_FDCWD};
use crate::preload::{attach, record};

/// Where programs are if `PATH` is not set.
const DEFAULT: &CStr = c"/bin:/usr/bin";
const MAX_PATH_BYTES: usize = 4096;

/// Whether a name is looked for at all.
///
/// # Safety
///
/// `name` must be null or end with a zero byte.
pub(super) unsafe fn is_searched(name: *const c_char) -> bool {
    if name.is_null() {
        return false;
    }
    // SAFETY: by this function's contract.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    !name.is_empty() && !name.contains(&b'/')
}

/// Calls `found` with the program that the name stands for, if there is one.
/// What would have been taken before it, had it been there, is recorded.
///
/// # Safety
///
/// `name` must end with a zero byte.
#[inline(never)]
pub(super) unsafe fn program(name: *const c_char, found: &mut dyn FnMut(&CStr)) {
    if attach::channel().is_none() || name.is_null() {
        return;
    }
    // SAFETY: by this function's contract.
    let searched = unsafe { is_searched(name) };
    // SAFETY: as above.
    let name = unsafe { CStr::from_ptr(name) };
    if !searched {
        found(name);
        return;
    }
    if sys::sealed() {
        return;
    }
    record::fact(Kind::Env, &[b"PATH"]);
    let path = attach::variable(b"PATH").unwrap_or(DEFAULT);
    let mut buffer = [0; MAX_PATH_BYTES];
    for directory in path.to_bytes().split(|byte| *byte == b':') {
        if let Some(candidate) = join(directory, name.to_bytes(), &mut buffer)
            && is_program(candidate)
        {
            found(candidate);
            return;
        }
    }
}

/// Writes `directory/name` into the buffer; an empty directory is the working one.
fn join<'a>(
    directory: &[u8],
    name: &[u8],
    buffer: &'a mut [u8; MAX_PATH_BYTES],
) -> Option<&'a CStr> {
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    let mut length = 0;
    for part in [directory, slash, name, b"\0"] {
        buffer.get_mut(length..length + part.len())?.copy_from_slice(part);
        length += part.len();
    }
    CStr::from_bytes_with_nul(buffer.get(..length)?).ok()
}

fn is_program(candidate: &CStr) -> bool {
    const ENOTDIR: i32 = 20;
    match sys::may_execute(candidate) {
        Ok(()) if sys::is_directory(candidate) => {
            record::path(Kind::Looked, AT_FDCWD, candidate);
            false
        }
        Ok(()) => true,
        Err(sys::ENOENT | ENOTDIR) => {
            record::path(Kind::Missing, AT_FDCWD, candidate);
            false
        }
        Err(_) => {
            record::path(Kind::Looked, AT_FDCWD, candidate);
            false
        }
    }
}
