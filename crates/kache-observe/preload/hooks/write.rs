//! Making and changing files other than by opening them.

use core::ffi::{c_char, c_int, c_uint, c_void};

use super::{missed_either, saw};
use crate::format::Kind::{Read, Wrote};
use crate::preload::next::hooks;
use crate::preload::record;
use crate::preload::sys::{AT_FDCWD, Mode, Offset};

type Path = *const c_char;
type Times = *const c_void;

/// # Safety
///
/// The paths must be what the C library was given.
unsafe fn linked(result: c_int, (from_in, from): (c_int, Path), (to_in, to): (c_int, Path)) {
    // SAFETY: by this function's contract.
    unsafe {
        if result == 0 {
            saw(true, Read, from_in, from);
            saw(true, Wrote, to_in, to);
        } else {
            missed_either((from_in, from), (to_in, to));
        }
    }
}

/// A change of times may name a descriptor instead of a path.
///
/// # Safety
///
/// `path` must be what the C library was given.
unsafe fn touched(result: c_int, directory: c_int, path: Path) {
    if path.is_null() {
        changed(result, directory);
    } else {
        // SAFETY: by this function's contract.
        unsafe { saw(result == 0, Wrote, directory, path) };
    }
}

fn changed(result: c_int, descriptor: c_int) {
    if result == 0 {
        record::descriptor(Wrote, descriptor);
    }
}

hooks! {
    fn truncate(path: Path, length: Offset) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn truncate64(path: Path, length: Offset) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);

    fn mkdir(path: Path, mode: Mode) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn mkdirat(directory: c_int, path: Path, mode: Mode) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);
    fn mkfifo(path: Path, mode: Mode) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn mkfifoat(directory: c_int, path: Path, mode: Mode) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);
    fn mknod(path: Path, mode: Mode, device: u64) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn mknodat(directory: c_int, path: Path, mode: Mode, device: u64) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);
    fn __xmknod(version: c_int, path: Path, mode: Mode, device: *mut u64) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn __xmknodat(
        version: c_int, directory: c_int, path: Path, mode: Mode, device: *mut u64,
    ) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);

    fn symlink(text: Path, path: Path) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn symlinkat(text: Path, directory: c_int, path: Path) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);
    fn link(from: Path, to: Path) -> c_int, else -1;
    |result| linked(result, (AT_FDCWD, from), (AT_FDCWD, to));
    fn linkat(
        from_in: c_int, from: Path, to_in: c_int, to: Path, flags: c_int,
    ) -> c_int, else -1;
    |result| linked(result, (from_in, from), (to_in, to));

    fn chmod(path: Path, mode: Mode) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn lchmod(path: Path, mode: Mode) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn fchmodat(directory: c_int, path: Path, mode: Mode, flags: c_int) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);
    fn fchmod(descriptor: c_int, mode: Mode) -> c_int, else -1;
    |result| changed(result, descriptor);
    fn chown(path: Path, user: c_uint, group: c_uint) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn lchown(path: Path, user: c_uint, group: c_uint) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn fchownat(
        directory: c_int, path: Path, user: c_uint, group: c_uint, flags: c_int,
    ) -> c_int, else -1;
    |result| saw(result == 0, Wrote, directory, path);
    fn fchown(descriptor: c_int, user: c_uint, group: c_uint) -> c_int, else -1;
    |result| changed(result, descriptor);

    fn utime(path: Path, times: Times) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn utimes(path: Path, times: Times) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn lutimes(path: Path, times: Times) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn futimesat(directory: c_int, path: Path, times: Times) -> c_int, else -1;
    |result| touched(result, directory, path);
    fn utimensat(directory: c_int, path: Path, times: Times, flags: c_int) -> c_int, else -1;
    |result| touched(result, directory, path);
    fn futimens(descriptor: c_int, times: Times) -> c_int, else -1;
    |result| changed(result, descriptor);
    fn futimes(descriptor: c_int, times: Times) -> c_int, else -1;
    |result| changed(result, descriptor);

    fn setxattr(
        path: Path, name: Path, value: Times, size: usize, flags: c_int,
    ) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn lsetxattr(
        path: Path, name: Path, value: Times, size: usize, flags: c_int,
    ) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn fsetxattr(
        descriptor: c_int, name: Path, value: Times, size: usize, flags: c_int,
    ) -> c_int, else -1;
    |result| changed(result, descriptor);
    fn removexattr(path: Path, name: Path) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn lremovexattr(path: Path, name: Path) -> c_int, else -1;
    |result| saw(result == 0, Wrote, AT_FDCWD, path);
    fn fremovexattr(descriptor: c_int, name: Path) -> c_int, else -1;
    |result| changed(result, descriptor);
}
