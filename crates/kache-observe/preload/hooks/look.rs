//! Looking at files without opening them.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};

use super::saw;
use crate::format::Blind;
use crate::format::Kind::Looked;
use crate::preload::next::{hooks, next};
use crate::preload::sys::AT_FDCWD;
use crate::preload::{attach, path, record};

type Path = *const c_char;
type Answer = *mut c_void;

hooks! {
    fn stat(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn stat64(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn lstat(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn lstat64(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn fstatat(directory: c_int, path: Path, answer: Answer, flags: c_int) -> c_int, else -1;
    |result| saw(result == 0, Looked, directory, path);
    fn fstatat64(directory: c_int, path: Path, answer: Answer, flags: c_int) -> c_int, else -1;
    |result| saw(result == 0, Looked, directory, path);
    fn statx(
        directory: c_int, path: Path, flags: c_int, mask: c_uint, answer: Answer,
    ) -> c_int, else -1;
    |result| saw(result == 0, Looked, directory, path);

    // What programs call that were built for a C library before 2.33.
    fn __xstat(version: c_int, path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn __xstat64(version: c_int, path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn __lxstat(version: c_int, path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn __lxstat64(version: c_int, path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn __fxstatat(
        version: c_int, directory: c_int, path: Path, answer: Answer, flags: c_int,
    ) -> c_int, else -1;
    |result| saw(result == 0, Looked, directory, path);
    fn __fxstatat64(
        version: c_int, directory: c_int, path: Path, answer: Answer, flags: c_int,
    ) -> c_int, else -1;
    |result| saw(result == 0, Looked, directory, path);

    fn access(path: Path, mode: c_int) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn eaccess(path: Path, mode: c_int) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn euidaccess(path: Path, mode: c_int) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn faccessat(directory: c_int, path: Path, mode: c_int, flags: c_int) -> c_int, else -1;
    |result| saw(result == 0, Looked, directory, path);

    fn statfs(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn statfs64(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn statvfs(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    fn statvfs64(path: Path, answer: Answer) -> c_int, else -1;
    |result| saw(result == 0, Looked, AT_FDCWD, path);
    // Every absolute path means something else from here on.
    fn chroot(path: Path) -> c_int, else -1;
    |result| moved(result == 0, path);

    fn getxattr(path: Path, name: Path, value: Answer, size: usize) -> isize, else -1;
    |result| saw(result >= 0, Looked, AT_FDCWD, path);
    fn lgetxattr(path: Path, name: Path, value: Answer, size: usize) -> isize, else -1;
    |result| saw(result >= 0, Looked, AT_FDCWD, path);
    fn listxattr(path: Path, list: Answer, size: usize) -> isize, else -1;
    |result| saw(result >= 0, Looked, AT_FDCWD, path);
    fn llistxattr(path: Path, list: Answer, size: usize) -> isize, else -1;
    |result| saw(result >= 0, Looked, AT_FDCWD, path);
}

/// # Safety
///
/// `path` must be what the C library was given.
unsafe fn moved(well: bool, path: Path) {
    if well {
        // SAFETY: by this function's contract.
        record::blind(Blind::Place, &[unsafe { CStr::from_ptr(path) }.to_bytes()]);
    }
}

/// Links on the way to a directory count, as what is read from there on has its real
/// name. Where a relative path starts can only be told before.
#[unsafe(no_mangle)]
unsafe extern "C" fn chdir(path: Path) -> c_int {
    let next = next!(chdir(Path) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    let go = || unsafe { next(path) };
    if path.is_null() || attach::channel().is_none() {
        return go();
    }
    let mut went = None;
    // SAFETY: the caller's path ends with a zero byte.
    let name = unsafe { CStr::from_ptr(path) };
    path::absolute(AT_FDCWD, name.to_bytes(), &mut |parts| {
        let result = go();
        if result == 0 {
            record::fact(Looked, parts);
        }
        went = Some(result);
    });
    let result = went.unwrap_or_else(go);
    if result != 0 {
        // SAFETY: as above; the working directory is what it was.
        unsafe { saw(false, Looked, AT_FDCWD, path) };
    }
    result
}
