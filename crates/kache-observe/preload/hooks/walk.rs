//! Functions of the C library that walk directories by themselves.
//!
//! What they call on the way does not pass the hooks. Of a walk that goes deeper
//! than one directory only the top is known, and the trace says so.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

use super::saw;
use crate::format::{Blind, Kind};
use crate::preload::next::hooks;
use crate::preload::sys::{self, AT_FDCWD};
use crate::preload::{path, record};

type Text = *const c_char;
type Opaque = *mut c_void;

const NO_MATCH: c_int = 3;

/// # Safety
///
/// `top` must be what the C library was given.
unsafe fn walked(top: Text) {
    // SAFETY: by this function's contract.
    unsafe {
        if !top.is_null() && listed(CStr::from_ptr(top)) {
            blind(CStr::from_ptr(top).to_bytes());
        }
    }
}

/// Records that a directory was listed, and returns whether it could be.
fn listed(directory: &CStr) -> bool {
    // SAFETY: it ends with a zero byte.
    let there = sys::sealed() || unsafe { sys::exists(AT_FDCWD, directory.as_ptr()) };
    let kind = if there { Kind::Listed } else { Kind::Missing };
    record::path(kind, AT_FDCWD, directory);
    there
}

fn blind(top: &[u8]) {
    path::absolute(AT_FDCWD, top, &mut |parts| record::blind(Blind::Walk, parts));
}

/// # Safety
///
/// `pattern` must be what the C library was given.
unsafe fn globbed(pattern: Text, flags: c_int, result: c_int) {
    const BRACES: c_int = 1 << 10;
    const HOMES: c_int = 1 << 12 | 1 << 14;

    // SAFETY: by this function's contract.
    let text = unsafe { CStr::from_ptr(pattern) }.to_bytes();
    let special = |byte: &u8| {
        b"*?[\\".contains(byte)
            || flags & BRACES != 0 && *byte == b'{'
            || flags & HOMES != 0 && *byte == b'~'
    };
    let Some(first) = text.iter().position(special) else {
        let kind = if result == NO_MATCH { Kind::Missing } else { Kind::Looked };
        // SAFETY: by this function's contract.
        unsafe { saw(true, kind, AT_FDCWD, pattern) };
        return;
    };
    let (before, after) = text.split_at(first);
    let top = match before.iter().rposition(|byte| *byte == b'/') {
        Some(0) => b"/".as_slice(),
        Some(slash) => text.get(..slash).unwrap_or_default(),
        None => b".".as_slice(),
    };
    let mut buffer = [0; 512];
    let fits = buffer.get_mut(..top.len()).map(|place| place.copy_from_slice(top));
    if fits.is_some() && CStr::from_bytes_until_nul(&buffer).is_ok_and(|top| !listed(top)) {
        return;
    }
    let simple =
        |byte: &u8| b"*?[]!-.".contains(byte) || byte.is_ascii_alphanumeric() || *byte == b'_';
    if fits.is_none() || !after.iter().all(simple) {
        blind(top);
    }
}

hooks! {
    fn ftw(top: Text, visit: Opaque, open: c_int) -> c_int, else -1;
    |_result| walked(top);
    fn ftw64(top: Text, visit: Opaque, open: c_int) -> c_int, else -1;
    |_result| walked(top);
    fn nftw(top: Text, visit: Opaque, open: c_int, flags: c_int) -> c_int, else -1;
    |_result| walked(top);
    fn nftw64(top: Text, visit: Opaque, open: c_int, flags: c_int) -> c_int, else -1;
    |_result| walked(top);
    fn fts_open(tops: *const Text, flags: c_int, compare: Opaque) -> Opaque, else null_mut();
    |_result| walked(*tops);
    fn fts64_open(tops: *const Text, flags: c_int, compare: Opaque) -> Opaque, else null_mut();
    |_result| walked(*tops);
    fn glob(pattern: Text, flags: c_int, failed: Opaque, found: Opaque) -> c_int, else 1;
    |result| globbed(pattern, flags, result);
    fn glob64(pattern: Text, flags: c_int, failed: Opaque, found: Opaque) -> c_int, else 1;
    |result| globbed(pattern, flags, result);
    // It may list directories, ask for variables and run a shell.
    fn wordexp(words: Text, found: Opaque, flags: c_int) -> c_int, else sys::ENOSYS;
    |_result| walked(c".".as_ptr());
}
