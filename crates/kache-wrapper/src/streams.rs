//! The standard streams, above all those that were closed when this process began.
//!
//! Rust opens `/dev/null` in the place of each before `main` begins. What this
//! process becomes must find them closed all the same: compilers end otherwise
//! where a warning can go nowhere.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::FdFlags;

/// Whether standard input, output and error were closed.
static WERE_CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// Run by the C library before Rust's own start.
#[cfg(target_os = "linux")]
#[used]
#[expect(unsafe_code, reason = "there is no other way to run before the streams are opened")]
// SAFETY: the section holds pointers to functions, which are called once, with
// arguments that they may ignore. This one makes system calls and nothing else.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for (stream, was_closed) in streams().into_iter().zip(&WERE_CLOSED) {
        was_closed.store(rustix::io::fcntl_getfd(stream).is_err(), Ordering::Relaxed);
    }
}

fn streams() -> [BorrowedFd<'static>; 3] {
    [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
}

/// Returns whether standard error was closed.
pub(crate) fn stderr_was_closed() -> bool {
    let [_, _, stderr] = &WERE_CLOSED;
    stderr.load(Ordering::Relaxed)
}

/// Sees to it that the program which this process becomes finds closed what was closed.
pub(crate) fn close_on_exec() {
    for (stream, was_closed) in streams().into_iter().zip(&WERE_CLOSED) {
        if was_closed.load(Ordering::Relaxed) {
            // It cannot fail for a stream that is open, and Rust opened it.
            let _ = rustix::io::fcntl_setfd(stream, FdFlags::CLOEXEC);
        }
    }
}

/// Returns whether `stream` is the null device: nothing comes from it, and what is
/// written to it goes nowhere.
pub(crate) fn is_null_device(stream: impl AsFd) -> bool {
    let null = fs::metadata("/dev/null").map(|metadata| metadata.rdev());
    let stream = rustix::fs::fstat(stream);
    matches!((null, stream), (Ok(null), Ok(stream)) if stream.st_rdev == null)
}
