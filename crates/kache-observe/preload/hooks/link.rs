//! Following links.

use core::ffi::{c_char, c_int};
use core::ptr::null_mut;

use super::saw;
use crate::format::Kind::{Link, Resolved};
use crate::preload::next::hooks;
use crate::preload::record;
use crate::preload::sys::AT_FDCWD;

type Path = *const c_char;
type Text = *mut c_char;

/// Records that a link was read; without a name, the one that is open.
///
/// # Safety
///
/// `path` must be what the C library was given.
unsafe fn followed(well: bool, directory: c_int, path: Path) {
    // SAFETY: by this function's contract; the kernel has read the path if all went well.
    unsafe {
        if well && *path == 0 {
            record::descriptor(Link, directory);
        } else {
            saw(well, Link, directory, path);
        }
    }
}

hooks! {
    fn readlink(path: Path, text: Text, size: usize) -> isize, else -1;
    |result| saw(result >= 0, Link, AT_FDCWD, path);
    fn __readlink_chk(path: Path, text: Text, size: usize, room: usize) -> isize, else -1;
    |result| saw(result >= 0, Link, AT_FDCWD, path);
    fn readlinkat(directory: c_int, path: Path, text: Text, size: usize) -> isize, else -1;
    |result| followed(result >= 0, directory, path);
    fn __readlinkat_chk(
        directory: c_int, path: Path, text: Text, size: usize, room: usize,
    ) -> isize, else -1;
    |result| followed(result >= 0, directory, path);
    fn realpath(path: Path, resolved: Text) -> Text, else null_mut();
    |result| saw(!result.is_null(), Resolved, AT_FDCWD, path);
    fn __realpath_chk(path: Path, resolved: Text, room: usize) -> Text, else null_mut();
    |result| saw(!result.is_null(), Resolved, AT_FDCWD, path);
    fn canonicalize_file_name(path: Path) -> Text, else null_mut();
    |result| saw(!result.is_null(), Resolved, AT_FDCWD, path);
}
