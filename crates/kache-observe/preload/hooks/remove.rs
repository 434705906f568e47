//! Removing and renaming files.

use core::ffi::{CStr, c_char, c_int, c_uint};

use super::{missed, missed_either};
use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::sys::AT_FDCWD;
use crate::preload::{path, record, sys};

type Path = *const c_char;

/// # Safety
///
/// `path` must be what the C library was given.
pub(super) unsafe fn removed(result: c_int, directory: c_int, path: Path) {
    // SAFETY: by this function's contract; the kernel has read the path if all went well.
    unsafe {
        if result == 0 {
            let name = CStr::from_ptr(path).to_bytes();
            path::absolute(directory, name, &mut |parts| record::event(Kind::Removed, parts));
        } else {
            missed(sys::errno(), directory, path);
        }
    }
}

/// # Safety
///
/// The paths must be what the C library was given.
pub(super) unsafe fn renamed(
    result: c_int,
    (from_in, from): (c_int, Path),
    (to_in, to): (c_int, Path),
) {
    // SAFETY: by this function's contract; the kernel has read the paths if all went well.
    unsafe {
        if result != 0 {
            missed_either((from_in, from), (to_in, to));
            return;
        }
        let (from, to) = (CStr::from_ptr(from).to_bytes(), CStr::from_ptr(to).to_bytes());
        path::absolute(from_in, from, &mut |from| {
            path::absolute(to_in, to, &mut |to| {
                let mut parts: [&[u8]; 7] = [b""; 7];
                let between: [&[u8]; 1] = [b"\0"];
                let all = from.iter().chain(&between).chain(to);
                for (place, part) in parts.iter_mut().zip(all) {
                    *place = part;
                }
                record::event(Kind::Renamed, &parts);
            });
        });
    }
}

hooks! {
    fn unlink(path: Path) -> c_int, else -1;
    |result| removed(result, AT_FDCWD, path);
    fn unlinkat(directory: c_int, path: Path, flags: c_int) -> c_int, else -1;
    |result| removed(result, directory, path);
    fn rmdir(path: Path) -> c_int, else -1;
    |result| removed(result, AT_FDCWD, path);
    fn remove(path: Path) -> c_int, else -1;
    |result| removed(result, AT_FDCWD, path);
    fn rename(from: Path, to: Path) -> c_int, else -1;
    |result| renamed(result, (AT_FDCWD, from), (AT_FDCWD, to));
    fn renameat(from_in: c_int, from: Path, to_in: c_int, to: Path) -> c_int, else -1;
    |result| renamed(result, (from_in, from), (to_in, to));
    fn renameat2(
        from_in: c_int, from: Path, to_in: c_int, to: Path, flags: c_uint,
    ) -> c_int, else -1;
    |result| renamed(result, (from_in, from), (to_in, to));
}
