//! Listing directories.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

use super::saw;
use crate::format::Kind::Listed;
use crate::preload::next::hooks;
use crate::preload::record;
use crate::preload::sys::AT_FDCWD;

type Path = *const c_char;

pub(super) fn listed(descriptor: c_int, well: bool) {
    if well {
        record::descriptor(Listed, descriptor);
    }
}

hooks! {
    fn opendir(path: Path) -> *mut c_void, else null_mut();
    |directory| saw(!directory.is_null(), Listed, AT_FDCWD, path);
    fn fdopendir(descriptor: c_int) -> *mut c_void, else null_mut();
    |directory| listed(descriptor, !directory.is_null());
    fn getdents64(descriptor: c_int, buffer: *mut c_void, size: usize) -> isize, else -1;
    |result| listed(descriptor, result >= 0);
    fn scandir(
        path: Path, list: *mut c_void, select: *const c_void, compare: *const c_void,
    ) -> c_int, else -1;
    |result| saw(result >= 0, Listed, AT_FDCWD, path);
    fn scandir64(
        path: Path, list: *mut c_void, select: *const c_void, compare: *const c_void,
    ) -> c_int, else -1;
    |result| saw(result >= 0, Listed, AT_FDCWD, path);
    fn scandirat(
        directory: c_int, path: Path, list: *mut c_void, select: *const c_void,
        compare: *const c_void,
    ) -> c_int, else -1;
    |result| saw(result >= 0, Listed, directory, path);
    fn scandirat64(
        directory: c_int, path: Path, list: *mut c_void, select: *const c_void,
        compare: *const c_void,
    ) -> c_int, else -1;
    |result| saw(result >= 0, Listed, directory, path);
}
