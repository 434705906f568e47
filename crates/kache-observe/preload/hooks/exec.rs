//! Becoming another program.
//!
//! A child of `vfork` shares its parent's memory and may be here, so the process
//! id is asked for and not kept.

use core::arch::naked_asm;
use core::ffi::{CStr, c_char, c_int};
use core::ptr::null;

use super::{missed, search};
use crate::format::Kind;
use crate::preload::next::next;
use crate::preload::sys::{self, AT_EMPTY_PATH, AT_FDCWD};
use crate::preload::{attach, path, process, record};

type Text = *const c_char;
type List = *const *const c_char;

fn write(kind: Kind, parts: &[&[u8]]) {
    let (id, parent) = process::ids();
    record::ancestry(kind, id, parent, parts);
}

fn note(kind: Kind, directory: c_int, path: &CStr) {
    if attach::channel().is_some() {
        path::absolute(directory, path.to_bytes(), &mut |parts| write(kind, parts));
    }
}

fn note_open(kind: Kind, descriptor: c_int) {
    if attach::channel().is_some()
        && !path::of_directory(descriptor, &mut |name| write(kind, &[name]))
    {
        write(kind, &[]);
    }
}

/// # Safety
///
/// `name` must be what the C library was given.
unsafe fn note_found(kind: Kind, name: Text) {
    let mut known = false;
    // SAFETY: by this function's contract.
    unsafe {
        search::program(name, &mut |found| {
            note(kind, AT_FDCWD, found);
            known = true;
        });
        if !known && attach::channel().is_some() {
            write(kind, &[CStr::from_ptr(name).to_bytes()]);
        }
    }
}

/// Records what is about to run, and what became of it if that returns.
///
/// # Safety
///
/// `path` must be what the C library was given.
pub(super) unsafe fn running(directory: c_int, path: Text, run: impl FnOnce() -> c_int) -> c_int {
    if path.is_null() {
        return run();
    }
    // SAFETY: by this function's contract.
    let name = unsafe { CStr::from_ptr(path) };
    note(Kind::Exec, directory, name);
    let result = run();
    // A script may be there, and its interpreter not.
    // SAFETY: by this function's contract.
    unsafe {
        let error = match sys::errno() {
            sys::ENOENT if sys::exists(directory, path) => sys::EACCES,
            error => error,
        };
        missed(error, directory, path);
    }
    note(Kind::ExecFailed, directory, name);
    result
}

/// The same for a name that is looked for.
///
/// # Safety
///
/// `name` must be what the C library was given.
unsafe fn searching(name: Text, run: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if !search::is_searched(name) {
            return running(AT_FDCWD, name, run);
        }
        note_found(Kind::Exec, name);
        let result = run();
        note_found(Kind::ExecFailed, name);
        result
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execve(path: Text, arguments: List, environment: List) -> c_int {
    let next = next!(execve(Text, List, List) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    unsafe { running(AT_FDCWD, path, || next(path, arguments, environment)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execv(path: Text, arguments: List) -> c_int {
    let next = next!(execv(Text, List) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    unsafe { running(AT_FDCWD, path, || next(path, arguments)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(name: Text, arguments: List) -> c_int {
    let next = next!(execvp(Text, List) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    unsafe { searching(name, || next(name, arguments)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execvpe(name: Text, arguments: List, environment: List) -> c_int {
    let next = next!(execvpe(Text, List, List) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    unsafe { searching(name, || next(name, arguments, environment)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execveat(
    directory: c_int,
    path: Text,
    arguments: List,
    environment: List,
    flags: c_int,
) -> c_int {
    let next = next!(execveat(c_int, Text, List, List, c_int) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    unsafe {
        running_at(directory, path, flags, || next(directory, path, arguments, environment, flags))
    }
}

/// The same for a path that may be empty and mean the directory itself.
///
/// # Safety
///
/// `path` must be what the C library was given.
pub(super) unsafe fn running_at(
    directory: c_int,
    path: Text,
    flags: c_int,
    run: impl FnOnce() -> c_int,
) -> c_int {
    // SAFETY: the caller's path is null or ends with a zero byte.
    unsafe {
        if flags & AT_EMPTY_PATH != 0 && !path.is_null() && *path == 0 {
            running_open(directory, run)
        } else {
            running(directory, path, run)
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fexecve(descriptor: c_int, arguments: List, environment: List) -> c_int {
    let next = next!(fexecve(c_int, List, List) -> c_int, else -1);
    // SAFETY: these are the caller's own arguments.
    running_open(descriptor, || unsafe { next(descriptor, arguments, environment) })
}

fn running_open(descriptor: c_int, run: impl FnOnce() -> c_int) -> c_int {
    note_open(Kind::Exec, descriptor);
    let result = run();
    note_open(Kind::ExecFailed, descriptor);
    result
}

/// How many arguments of a function, after the first, are in registers.
#[cfg(target_arch = "x86_64")]
const IN_REGISTERS: usize = 5;
#[cfg(target_arch = "aarch64")]
const IN_REGISTERS: usize = 7;

/// The arguments after the first of a function that takes any number of them.
struct Variable {
    registers: List,
    stack: List,
}

impl Variable {
    /// # Safety
    ///
    /// All arguments before this one must have been there.
    unsafe fn nth(&self, index: usize) -> Text {
        // SAFETY: by this function's contract.
        unsafe {
            match index.checked_sub(IN_REGISTERS) {
                None => self.registers.add(index).read(),
                Some(index) => self.stack.add(index).read(),
            }
        }
    }

    /// Calls `then` with a list of the arguments up to a null pointer, and with the
    /// argument behind that.
    ///
    /// # Safety
    ///
    /// There must be a null pointer among them.
    unsafe fn listed(&self, with_more: bool, then: impl FnOnce(List, List) -> c_int) -> c_int {
        const FEW: usize = 512;
        let mut count = 0;
        // SAFETY: by this function's contract.
        while !unsafe { self.nth(count) }.is_null() {
            count += 1;
        }
        // SAFETY: the caller says that there is one more.
        let more = if with_more { unsafe { self.nth(count + 1) }.cast() } else { null() };
        let fill = |list: *mut Text| {
            for index in 0..=count {
                // SAFETY: the list has a place for each and for the null pointer.
                unsafe { list.add(index).write(self.nth(index)) };
            }
        };
        if count < FEW {
            let mut list = [null(); FEW];
            fill(list.as_mut_ptr());
            return then(list.as_ptr(), more);
        }
        let bytes = (count + 1) * size_of::<Text>();
        let Some(list) = sys::map(None, bytes) else {
            const ENOMEM: c_int = 12;
            sys::set_errno(ENOMEM);
            return -1;
        };
        fill(list.cast());
        let result = then(list.cast::<Text>().cast_const(), more);
        // SAFETY: the call that used it has returned.
        unsafe { sys::unmap(list, bytes) };
        result
    }
}

unsafe extern "C" fn execl_listed(path: Text, registers: List, stack: List) -> c_int {
    // SAFETY: what `execl` was called with.
    unsafe { Variable { registers, stack }.listed(false, |arguments, _| execv(path, arguments)) }
}

unsafe extern "C" fn execlp_listed(name: Text, registers: List, stack: List) -> c_int {
    // SAFETY: what `execlp` was called with.
    unsafe { Variable { registers, stack }.listed(false, |arguments, _| execvp(name, arguments)) }
}

unsafe extern "C" fn execle_listed(path: Text, registers: List, stack: List) -> c_int {
    // SAFETY: what `execle` was called with.
    unsafe {
        Variable { registers, stack }
            .listed(true, |arguments, environment| execve(path, arguments, environment))
    }
}

/// Functions that take any number of arguments: Rust cannot define them, so the
/// registers are put down one behind the other and what is on the stack is pointed to.
macro_rules! variable_arguments {
    ($($name:ident => $listed:ident;)+) => {$(
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name(path: Text, first: Text) -> c_int {
            #[cfg(target_arch = "x86_64")]
            naked_asm!(
                "lea rax, [rsp + 8]",
                "push r9",
                "push r8",
                "push rcx",
                "push rdx",
                "push rsi",
                "mov rsi, rsp",
                "mov rdx, rax",
                "call {listed}",
                "add rsp, 40",
                "ret",
                listed = sym $listed,
            );
            #[cfg(target_arch = "aarch64")]
            naked_asm!(
                "stp x29, x30, [sp, #-80]!",
                "stp x1, x2, [sp, #16]",
                "stp x3, x4, [sp, #32]",
                "stp x5, x6, [sp, #48]",
                "str x7, [sp, #64]",
                "add x1, sp, #16",
                "add x2, sp, #80",
                "bl {listed}",
                "ldp x29, x30, [sp], #80",
                "ret",
                listed = sym $listed,
            );
        }
    )+};
}

variable_arguments! {
    execl => execl_listed;
    execlp => execlp_listed;
    execle => execle_listed;
}
