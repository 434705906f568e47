//! System calls that a program makes through the C library's `syscall`.
//!
//! The call may be one that returns twice, on another stack, or never, so whatever
//! is not known here is jumped to as if there were no hook.

use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_long, c_uint, c_ulong};

use super::{exec, list, open, remove, saw};
use crate::format::Kind;
use crate::preload::next::{Next, hooks, next};
use crate::preload::sys::{self, AT_FDCWD};

static NEXT: Next = Next::of(c"syscall");

/// How the arguments of a system call are to be read. Where the second name has a
/// directory before it, so has the first.
#[derive(Clone, Copy)]
enum Call {
    #[cfg(target_arch = "x86_64")]
    Open,
    #[cfg(target_arch = "x86_64")]
    Path(Kind),
    OpenAt,
    /// The flags are behind a pointer.
    OpenHow,
    PathAt(Kind),
    RemoveAt,
    RenameAt,
    List,
    Exec,
    ExecAt,
    Filter,
}

#[cfg(target_arch = "x86_64")]
const CALLS: [(c_long, Call); 22] = [
    (2, Call::Open),
    (4, Call::Path(Kind::Looked)),
    (6, Call::Path(Kind::Looked)),
    (21, Call::Path(Kind::Looked)),
    (59, Call::Exec),
    (83, Call::Path(Kind::Wrote)),
    (89, Call::Path(Kind::Link)),
    (217, Call::List),
    (257, Call::OpenAt),
    (258, Call::PathAt(Kind::Wrote)),
    (262, Call::PathAt(Kind::Looked)),
    (263, Call::RemoveAt),
    (264, Call::RenameAt),
    (267, Call::PathAt(Kind::Link)),
    (269, Call::PathAt(Kind::Looked)),
    (280, Call::PathAt(Kind::Wrote)),
    (316, Call::RenameAt),
    (317, Call::Filter),
    (322, Call::ExecAt),
    (332, Call::PathAt(Kind::Looked)),
    (437, Call::OpenHow),
    (439, Call::PathAt(Kind::Looked)),
];

#[cfg(target_arch = "aarch64")]
const CALLS: [(c_long, Call); 16] = [
    (34, Call::PathAt(Kind::Wrote)),
    (35, Call::RemoveAt),
    (38, Call::RenameAt),
    (48, Call::PathAt(Kind::Looked)),
    (56, Call::OpenAt),
    (61, Call::List),
    (78, Call::PathAt(Kind::Link)),
    (79, Call::PathAt(Kind::Looked)),
    (88, Call::PathAt(Kind::Wrote)),
    (221, Call::Exec),
    (276, Call::RenameAt),
    (277, Call::Filter),
    (281, Call::ExecAt),
    (291, Call::PathAt(Kind::Looked)),
    (437, Call::OpenHow),
    (439, Call::PathAt(Kind::Looked)),
];

fn known(number: c_long) -> Option<Call> {
    CALLS.iter().find(|(known, _)| *known == number).map(|(_, call)| *call)
}

/// The address to go on at.
extern "C" fn choose(number: c_long) -> usize {
    match (known(number), NEXT.get()) {
        (None, next) if next != 0 => next,
        _ => syscall_seen as *const () as usize,
    }
}

unsafe extern "C" fn syscall_seen(
    number: c_long,
    first: c_ulong,
    second: c_ulong,
    third: c_ulong,
    fourth: c_ulong,
    fifth: c_ulong,
    sixth: c_ulong,
) -> c_long {
    type Word = c_ulong;
    let next = next!(
        syscall(c_long, Word, Word, Word, Word, Word, Word) -> c_long, else -1
    );
    // SAFETY: these are the caller's own arguments.
    let run = || unsafe { next(number, first, second, third, fourth, fifth, sixth) };
    let arguments = [first, second, third, fourth];
    // SAFETY: as above; each call is read as the kernel reads it.
    unsafe {
        match known(number) {
            Some(Call::Exec) => exec::running(AT_FDCWD, text(first), || run() as c_int).into(),
            Some(Call::ExecAt) => {
                exec::running_at(first as c_int, text(second), fifth as c_int, || run() as c_int)
                    .into()
            }
            call => {
                let result = run();
                if let Some(call) = call {
                    note(call, arguments, result);
                }
                result
            }
        }
    }
}

fn text(argument: c_ulong) -> *const c_char {
    argument as *const c_char
}

/// # Safety
///
/// The arguments must be what the kernel was given.
unsafe fn note(call: Call, [first, second, third, fourth]: [c_ulong; 4], result: c_long) {
    let well = result >= 0;
    let directory = first as c_int;
    // SAFETY: by this function's contract.
    unsafe {
        match call {
            #[cfg(target_arch = "x86_64")]
            Call::Open => open::opened(AT_FDCWD, text(first), second as c_int, result as c_int),
            Call::OpenAt => {
                open::opened(directory, text(second), third as c_int, result as c_int);
            }
            Call::OpenHow => {
                let how = third as *const u64;
                if !how.is_null() && (well || sys::errno() != sys::EFAULT) {
                    open::opened(directory, text(second), *how as c_int, result as c_int);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Call::Path(kind) => saw(well, kind, AT_FDCWD, text(first)),
            Call::PathAt(kind) => saw(well, kind, directory, text(second)),
            Call::RemoveAt => remove::removed(result as c_int, directory, text(second)),
            Call::RenameAt => remove::renamed(
                result as c_int,
                (directory, text(second)),
                (third as c_int, text(fourth)),
            ),
            Call::List => list::listed(directory, well),
            Call::Filter => filtered(well),
            Call::Exec | Call::ExecAt => {}
        }
    }
}

/// A filter of system calls may be set up: none is made any more that the program
/// does not make itself.
fn filtered(well: bool) {
    if well {
        sys::seal();
    }
}

hooks! {
    fn prctl(
        option: c_int, second: c_ulong, third: c_ulong, fourth: c_ulong, fifth: c_ulong,
    ) -> c_int, else -1;
    |result| filtered(result == 0 && option == SET_FILTER);
}

const SET_FILTER: c_int = 22;

#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn syscall(number: c_long, first: c_uint) -> c_long {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "push rdi",
        "push rsi",
        "push rdx",
        "push rcx",
        "push r8",
        "push r9",
        "sub rsp, 8",
        "call {choose}",
        "add rsp, 8",
        "pop r9",
        "pop r8",
        "pop rcx",
        "pop rdx",
        "pop rsi",
        "pop rdi",
        "jmp rax",
        choose = sym choose,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "stp x29, x30, [sp, #-80]!",
        "stp x0, x1, [sp, #16]",
        "stp x2, x3, [sp, #32]",
        "stp x4, x5, [sp, #48]",
        "stp x6, x7, [sp, #64]",
        "bl {choose}",
        "mov x16, x0",
        "ldp x0, x1, [sp, #16]",
        "ldp x2, x3, [sp, #32]",
        "ldp x4, x5, [sp, #48]",
        "ldp x6, x7, [sp, #64]",
        "ldp x29, x30, [sp], #80",
        "br x16",
        choose = sym choose,
    );
}
