//! Absolute paths, as the process named them.
//!
//! Links are not followed and `..` is not folded: what was looked at is what the
//! kernel made of just this name.

use core::ffi::{CStr, c_int};

use super::{record, sys};
use crate::format::Blind;

/// Enough for most names; the others take a second try.
const SHORT: usize = 512;
const LONG: usize = 4096;

/// Calls `then` with the pieces of an absolute path.
///
/// An absolute `path` costs nothing, another one a system call. An empty one
/// names nothing. One whose directory has no path makes the trace incomplete.
pub(super) fn absolute(directory: c_int, path: &[u8], then: &mut dyn FnMut(&[&[u8]])) {
    match path.first() {
        None => {}
        Some(b'/') => then(&[path]),
        Some(_) => {
            let known = of_directory(directory, &mut |start| match start {
                [b'/'] => then(&[start, path]),
                _ => then(&[start, b"/", path]),
            });
            if !known {
                record::blind(Blind::Place, &[path]);
            }
        }
    }
}

/// Calls `then` with the path of an open file or directory, or of the working
/// directory; says whether it has one.
pub(super) fn of_directory(directory: c_int, then: &mut dyn FnMut(&[u8])) -> bool {
    let mut buffer = [0; SHORT];
    match name(directory, &mut buffer) {
        Some(name) => then(name),
        None => return of_deep_directory(directory, then),
    }
    true
}

/// Apart, so that only few calls need so much of the stack.
#[cold]
#[inline(never)]
fn of_deep_directory(directory: c_int, then: &mut dyn FnMut(&[u8])) -> bool {
    let mut buffer = [0; LONG];
    name(directory, &mut buffer).map(then).is_some()
}

fn name(directory: c_int, buffer: &mut [u8]) -> Option<&[u8]> {
    let name = if directory == sys::AT_FDCWD {
        sys::getcwd(buffer)?
    } else {
        let mut link = [0; 32];
        sys::readlink(link_of(directory, &mut link)?, buffer)?
    };
    name.starts_with(b"/").then_some(name)
}

/// `/proc/self/fd/<number>`
fn link_of(descriptor: c_int, buffer: &mut [u8; 32]) -> Option<&CStr> {
    const START: &[u8] = b"/proc/self/fd/";
    let number = u32::try_from(descriptor).ok()?;
    let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let (start, rest) = buffer.split_at_mut_checked(START.len())?;
    start.copy_from_slice(START);
    let mut left = number;
    for place in rest.get_mut(..digits)?.iter_mut().rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
    }
    CStr::from_bytes_with_nul(buffer.get(..=START.len() + digits)?).ok()
}
