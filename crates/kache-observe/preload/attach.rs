//! Joining the trace that the environment names, once in each process.

use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::{guest, modules, process, record, sys};
use crate::channel::Channel;
use crate::format::{Blind, Kind, MAGIC, RECORDS_AT, VERSION};
use crate::names::{HOST_VARIABLE, PARTICIPANT_VARIABLE, TRACE_VARIABLE};

const NEW: u32 = 0;
const BUSY: u32 = 1;
const DONE: u32 = 2;

hot! {
    static STATE: AtomicU32 = AtomicU32::new(NEW);
    static BASE: AtomicUsize = AtomicUsize::new(0);
}

/// Runs before `main`, and after the constructors of the program's libraries,
/// which may have called a hook by then.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    once();
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The trace, if this process is observed.
#[inline]
pub(super) fn channel() -> Option<Channel> {
    match BASE.load(Ordering::Relaxed) {
        0 => None,
        // SAFETY: `map` checked the header, and nobody unmaps it.
        base => Some(unsafe { Channel::at(base as *mut u64) }),
    }
}

/// Joins the trace on the first call. Costs one load afterwards.
#[inline]
pub(super) fn once() {
    if STATE.load(Ordering::Acquire) != DONE {
        join();
    }
}

#[cold]
fn join() {
    // A signal handler that found this thread halfway would wait for itself.
    let signals = sys::block_signals();
    match STATE.compare_exchange(NEW, BUSY, Ordering::Acquire, Ordering::Acquire) {
        Ok(_) => {
            modules::survey();
            if let Some(trace) = variable(TRACE_VARIABLE.as_bytes()) {
                with_program(|program| join_as(trace, program));
            }
            STATE.store(DONE, Ordering::Release);
        }
        Err(_) => {
            while STATE.load(Ordering::Acquire) != DONE {
                sys::yield_now();
            }
        }
    }
    sys::restore_signals(signals);
}

/// The current value of a variable.
pub(super) fn variable(name: &[u8]) -> Option<&'static CStr> {
    // SAFETY: the C library keeps a list that ends with a null pointer.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            let text = CStr::from_ptr(*entry);
            if let Some([b'=', ..]) = text.to_bytes().strip_prefix(name) {
                return Some(CStr::from_ptr((*entry).add(name.len() + 1)));
            }
            entry = entry.add(1);
        }
    }
    None
}

/// Maps the trace, if it is one.
fn map(path: &CStr) -> Option<*mut u64> {
    // SAFETY: the path ends with a zero byte.
    let file = unsafe { sys::open_shared(path.as_ptr()) };
    if file < 0 {
        return None;
    }
    let mapped = sys::size_of_file(file).filter(|size| *size >= RECORDS_AT).and_then(|size| {
        let base = sys::map(Some(file), size)?;
        // SAFETY: it is longer than a header, and mapped.
        let header = unsafe { Channel::at(base) };
        let header = header.header();
        let ours = header.magic == MAGIC && header.version == VERSION;
        if ours && header.capacity_bytes <= size {
            return Some(base);
        }
        // SAFETY: nobody else knows it.
        unsafe { sys::unmap(base, size) };
        None
    });
    sys::close(file);
    mapped
}

/// Calls `then` with the path of the running program.
#[inline(never)]
fn with_program(then: impl FnOnce(&[u8])) {
    let (mut short, mut long);
    let link = c"/proc/self/exe";
    short = [0; 512];
    if let Some(program) = sys::readlink(link, &mut short) {
        then(program);
    } else {
        long = [0; 4096];
        then(sys::readlink(link, &mut long).unwrap_or_default());
    }
}

/// Joins the trace, unless the program does so by itself, and says what the process
/// consists of.
fn join_as(trace: &CStr, program: &[u8]) {
    if variable(PARTICIPANT_VARIABLE.as_bytes()).is_some_and(|it| it.to_bytes() == program) {
        return;
    }
    let Some(base) = map(trace) else { return };
    process::know();
    BASE.store(base as usize, Ordering::Relaxed);
    if let Some(hosts) = variable(HOST_VARIABLE.as_bytes())
        && guest::set_hosts(hosts.to_bytes(), program)
    {
        // What it starts is no host, not even another of its kind: a macro that runs
        // a compiler reads what the compiler reads.
        // SAFETY: this is the program's own copy of its environment, before anybody
        // looks at it.
        unsafe { hosts.as_ptr().cast_mut().write(0) };
    }
    record::ancestry(Kind::Started, process::id(), sys::getppid(), &[program]);
    let here = join_as as *const () as usize;
    modules::each(|number, module| {
        if number == 0 && module.is_go() {
            record::blind(Blind::Runtime, &[program]);
        }
        if number > 0 && !module.is_kernel() && !module.holds(here) {
            record::path(Kind::Linked, sys::AT_FDCWD, module.name());
        }
        true
    });
}
