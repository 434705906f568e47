//! System calls that leave `errno` alone.

use core::arch::asm;
use core::ffi::{CStr, c_char, c_int, c_long, c_uint};
use core::sync::atomic::{AtomicBool, Ordering};

pub(super) const AT_FDCWD: c_int = -100;
pub(super) const AT_EMPTY_PATH: c_int = 0x1000;
pub(super) const ENOENT: c_int = 2;
pub(super) const EACCES: c_int = 13;
pub(super) const EFAULT: c_int = 14;
pub(super) const ENOSYS: c_int = 38;

#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const LSEEK: usize = 8;
    pub(super) const CLOSE: usize = 3;
    pub(super) const MMAP: usize = 9;
    pub(super) const MUNMAP: usize = 11;
    pub(super) const SIGPROCMASK: usize = 14;
    pub(super) const SCHED_YIELD: usize = 24;
    pub(super) const MADVISE: usize = 28;
    pub(super) const GETPID: usize = 39;
    pub(super) const GETCWD: usize = 79;
    pub(super) const GETPPID: usize = 110;
    pub(super) const OPENAT: usize = 257;
    pub(super) const READLINKAT: usize = 267;
    pub(super) const FACCESSAT: usize = 269;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub(super) const GETCWD: usize = 17;
    pub(super) const FACCESSAT: usize = 48;
    pub(super) const OPENAT: usize = 56;
    pub(super) const CLOSE: usize = 57;
    pub(super) const LSEEK: usize = 62;
    pub(super) const READLINKAT: usize = 78;
    pub(super) const SCHED_YIELD: usize = 124;
    pub(super) const SIGPROCMASK: usize = 135;
    pub(super) const GETPID: usize = 172;
    pub(super) const GETPPID: usize = 173;
    pub(super) const MUNMAP: usize = 215;
    pub(super) const MMAP: usize = 222;
    pub(super) const MADVISE: usize = 233;
}

/// # Safety
///
/// As for the system call of that number with these arguments.
#[cfg(target_arch = "x86_64")]
unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let result;
    // SAFETY: by this function's contract; the kernel changes only rax, rcx, r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            in("r8") fifth,
            in("r9") sixth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// # Safety
///
/// As for the system call of that number with these arguments.
#[cfg(target_arch = "aarch64")]
unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let result;
    // SAFETY: by this function's contract; the kernel changes only x0.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") first => result,
            in("x1") second,
            in("x2") third,
            in("x3") fourth,
            in("x4") fifth,
            in("x5") sixth,
            options(nostack),
        );
    }
    result
}

hot! {
    /// Whether a system call that the program does not make itself may end it.
    static SEALED: AtomicBool = AtomicBool::new(false);
}

/// From here on, does without system calls where that is possible.
pub(super) fn seal() {
    SEALED.store(true, Ordering::Relaxed);
}

pub(super) fn sealed() -> bool {
    SEALED.load(Ordering::Relaxed)
}

fn number_of(descriptor: c_int) -> usize {
    descriptor as isize as usize
}

/// The id of this process, asked of the kernel.
pub(super) fn getpid() -> u32 {
    // SAFETY: it takes nothing.
    unsafe { call(number::GETPID, [0; 6]) as u32 }
}

/// The id of the parent process, asked of the kernel.
pub(super) fn getppid() -> u32 {
    // SAFETY: it takes nothing.
    unsafe { call(number::GETPPID, [0; 6]) as u32 }
}

/// Lets others run.
pub(super) fn yield_now() {
    // SAFETY: it takes nothing.
    unsafe { call(number::SCHED_YIELD, [0; 6]) };
}

/// The working directory, without its zero byte; `None` if it does not fit.
pub(super) fn getcwd(buffer: &mut [u8]) -> Option<&[u8]> {
    if sealed() {
        return None;
    }
    let at = buffer.as_mut_ptr() as usize;
    // SAFETY: the kernel writes no more than the buffer's length.
    let length = unsafe { call(number::GETCWD, [at, buffer.len(), 0, 0, 0, 0]) };
    let length = usize::try_from(length).ok()?.checked_sub(1)?;
    buffer.get(..length)
}

/// Where a link leads; `None` if there is none or the answer may be cut off.
pub(super) fn readlink<'a>(path: &CStr, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    if sealed() {
        return None;
    }
    let at = buffer.as_mut_ptr() as usize;
    let arguments = [number_of(AT_FDCWD), path.as_ptr() as usize, at, buffer.len(), 0, 0];
    // SAFETY: the path ends with a zero byte, and no more than the buffer is written.
    let length = unsafe { call(number::READLINKAT, arguments) };
    let length = usize::try_from(length).ok()?;
    if length < buffer.len() { buffer.get(..length) } else { None }
}

/// Opens a file for reading and writing; negative if that fails.
///
/// # Safety
///
/// `path` must end with a zero byte.
pub(super) unsafe fn open_shared(path: *const c_char) -> c_int {
    const READ_WRITE_CLOSE_ON_EXEC: usize = 0o2 | 0o2_000_000;
    let arguments = [number_of(AT_FDCWD), path as usize, READ_WRITE_CLOSE_ON_EXEC, 0, 0, 0];
    // SAFETY: by this function's contract.
    unsafe { call(number::OPENAT, arguments) as c_int }
}

/// The size of an open file in bytes.
pub(super) fn size_of_file(descriptor: c_int) -> Option<usize> {
    const FROM_END: usize = 2;
    // SAFETY: it touches no memory.
    let end = unsafe { call(number::LSEEK, [number_of(descriptor), 0, FROM_END, 0, 0, 0]) };
    usize::try_from(end).ok()
}

/// Closes a descriptor.
pub(super) fn close(descriptor: c_int) {
    // SAFETY: callers own the descriptor.
    unsafe { call(number::CLOSE, [number_of(descriptor), 0, 0, 0, 0, 0]) };
}

/// Maps an open file, shared, or fresh memory if there is none.
pub(super) fn map(descriptor: Option<c_int>, length: usize) -> Option<*mut u64> {
    const READ_WRITE: usize = 1 | 2;
    const SHARED: usize = 1;
    const PRIVATE_ANONYMOUS: usize = 2 | 0x20;
    let (flags, descriptor) = match descriptor {
        Some(descriptor) => (SHARED, number_of(descriptor)),
        None => (PRIVATE_ANONYMOUS, usize::MAX),
    };
    // SAFETY: a mapping at a place of the kernel's choice disturbs nobody.
    let at = unsafe { call(number::MMAP, [0, length, READ_WRITE, flags, descriptor, 0]) };
    (at > 0).then_some(at as *mut u64)
}

/// # Safety
///
/// Nobody may use the mapping any more.
pub(super) unsafe fn unmap(at: *mut u64, length: usize) {
    // SAFETY: by this function's contract.
    unsafe { call(number::MUNMAP, [at as usize, length, 0, 0, 0, 0]) };
}

/// Puts memory behind a part of a shared mapping. Fails, where a touch would
/// end the process, if there is none to be had.
pub(super) fn populate(at: *mut u8, length: usize) -> bool {
    const POPULATE_WRITE: usize = 23;
    if sealed() {
        return false;
    }
    // SAFETY: it changes no contents.
    unsafe { call(number::MADVISE, [at as usize, length, POPULATE_WRITE, 0, 0, 0]) == 0 }
}

/// Whether the eight bytes at `address` can be read.
///
/// The kernel copies the new signal mask before it looks at what to do with it,
/// and there is no such thing to do as this one.
pub(super) fn readable(address: usize) -> bool {
    const EINVAL: isize = 22;
    const NO_SUCH_CHANGE: usize = 0x7fff_ffff;
    if sealed() {
        return false;
    }
    // SAFETY: the kernel checks the address and, given this change, makes none.
    let result = unsafe { call(number::SIGPROCMASK, [NO_SUCH_CHANGE, address, 0, 8, 0, 0]) };
    result == -EINVAL
}

/// Blocks all signals and returns the mask before.
pub(super) fn block_signals() -> u64 {
    const SET: usize = 2;
    let all = u64::MAX;
    let mut before = 0_u64;
    let arguments = [SET, &raw const all as usize, &raw mut before as usize, 8, 0, 0];
    // SAFETY: both masks are live and of the size that is passed.
    unsafe { call(number::SIGPROCMASK, arguments) };
    before
}

/// Puts a signal mask back.
pub(super) fn restore_signals(mask: u64) {
    const SET: usize = 2;
    // SAFETY: the mask is live and of the size that is passed.
    unsafe { call(number::SIGPROCMASK, [SET, &raw const mask as usize, 0, 8, 0, 0]) };
}

/// Whether this process may run the file, which it may also if it is a directory.
pub(super) fn may_execute(path: &CStr) -> Result<(), c_int> {
    const EXECUTE: usize = 1;
    // SAFETY: the path ends with a zero byte.
    match unsafe { access(AT_FDCWD, path.as_ptr(), EXECUTE) } {
        0 => Ok(()),
        error => Err(-error),
    }
}

/// Whether there is something of that name.
///
/// # Safety
///
/// `path` must end with a zero byte.
pub(super) unsafe fn exists(directory: c_int, path: *const c_char) -> bool {
    // SAFETY: by this function's contract.
    !sealed() && unsafe { access(directory, path, 0) } == 0
}

/// # Safety
///
/// `path` must end with a zero byte.
unsafe fn access(directory: c_int, path: *const c_char, mode: usize) -> c_int {
    let arguments = [number_of(directory), path as usize, mode, 0, 0, 0];
    // SAFETY: by this function's contract.
    unsafe { call(number::FACCESSAT, arguments) as c_int }
}

/// Whether there is a directory of that name.
pub(super) fn is_directory(path: &CStr) -> bool {
    const DIRECTORY_PATH_CLOSE_ON_EXEC: usize =
        (flag::DIRECTORY | flag::PATH) as usize | 0o2_000_000;
    let path = path.as_ptr() as usize;
    let arguments = [number_of(AT_FDCWD), path, DIRECTORY_PATH_CLOSE_ON_EXEC, 0, 0, 0];
    // SAFETY: the path ends with a zero byte.
    let directory = unsafe { call(number::OPENAT, arguments) as c_int };
    if directory >= 0 {
        close(directory);
    }
    directory >= 0
}

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
}

/// The calling thread's `errno`.
pub(super) fn errno() -> c_int {
    // SAFETY: the C library's answer is valid in this thread.
    unsafe { *__errno_location() }
}

/// Sets the calling thread's `errno`.
pub(super) fn set_errno(error: c_int) {
    // SAFETY: as above.
    unsafe { *__errno_location() = error }
}

/// The flags of `open` that matter, which are the same wherever this builds.
pub(super) mod flag {
    use super::c_int;

    pub(crate) const ACCESS_MODE: c_int = 0o3;
    pub(crate) const WRITE_ONLY: c_int = 0o1;
    pub(crate) const READ_WRITE: c_int = 0o2;
    pub(crate) const CREATE: c_int = 0o100;
    /// To make a file, and fail if there is one.
    pub(crate) const NEW: c_int = CREATE | 0o200;
    pub(crate) const TRUNCATE: c_int = 0o1000;
    pub(crate) const PATH: c_int = 0o10_000_000;
    #[cfg(target_arch = "x86_64")]
    pub(crate) const DIRECTORY: c_int = 0o200_000;
    #[cfg(target_arch = "aarch64")]
    pub(crate) const DIRECTORY: c_int = 0o40_000;
    pub(crate) const TEMPORARY: c_int = 0o20_000_000 | DIRECTORY;
}

/// Types of the C library that Rust has no name for.
pub(super) type Mode = c_uint;
pub(super) type Offset = c_long;
