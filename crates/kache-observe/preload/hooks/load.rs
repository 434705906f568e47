//! Loading libraries.
//!
//! The loader looks for a library as the module that asks for it prescribes, and
//! knows that module by the address that the call returns to. So where the module
//! has a search path of its own and the name leaves room for it, the hidden
//! function is not called but jumped to, and what it loaded is found out later.

use core::arch::naked_asm;
use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::ptr::null_mut;

use crate::format::{Blind, Kind};
use crate::preload::next::{Next, hooks, next};
use crate::preload::sys::{self, AT_FDCWD};
use crate::preload::{attach, guest, modules, record};

type Text = *const c_char;

static NEXT: Next = Next::of(c"dlopen");

unsafe extern "C" fn dlopen_and_look(name: Text, mode: c_int) -> *mut c_void {
    let next = next!(dlopen(Text, c_int) -> *mut c_void, else null_mut());
    if attach::channel().is_none() {
        // SAFETY: these are the caller's own arguments.
        return unsafe { next(name, mode) };
    }
    // What the library does while it is being loaded is its own doing, too.
    guest::loading();
    // SAFETY: these are the caller's own arguments.
    let handle = unsafe { next(name, mode) };
    guest::loaded();
    if handle.is_null() {
        // SAFETY: the loader has read the name.
        unsafe { failed(name) };
    } else {
        guest::look_for_modules();
    }
    handle
}

/// # Safety
///
/// `name` must be what the C library was given, and could load.
unsafe fn apart(name: Text) {
    // SAFETY: by this function's contract.
    record::blind(Blind::Runtime, &[unsafe { CStr::from_ptr(name) }.to_bytes()]);
}

hooks! {
    // Into a world of its own, with a C library of its own.
    fn dlmopen(world: c_long, name: Text, mode: c_int) -> *mut c_void, else null_mut();
    |handle| if world != 0 && !handle.is_null() { apart(name) };
}

/// Records that a library was not there, or could not be used. One without a slash in
/// its name was looked for where only the loader knows.
///
/// # Safety
///
/// `name` must be what the C library was given.
unsafe fn failed(name: Text) {
    if is_searched(name) || name.is_null() {
        return;
    }
    // SAFETY: by this function's contract.
    unsafe {
        let kind = if sys::exists(AT_FDCWD, name) { Kind::Looked } else { Kind::Missing };
        record::path(kind, AT_FDCWD, CStr::from_ptr(name));
    }
}

fn is_searched(name: Text) -> bool {
    // SAFETY: the name is null or ends with a zero byte, or the caller's call of the C
    // library would not end well either.
    !name.is_null() && !unsafe { CStr::from_ptr(name) }.to_bytes().contains(&b'/')
}

/// The address to go on at.
unsafe extern "C" fn choose(name: Text, caller: usize) -> usize {
    let next = NEXT.get();
    if is_searched(name) && next != 0 && attach::channel().is_some() && has_search_path(caller) {
        guest::expect_modules();
        return next;
    }
    dlopen_and_look as *const () as usize
}

fn has_search_path(caller: usize) -> bool {
    let mut has = false;
    modules::each(|_, module| {
        let found = module.holds(caller);
        has |= found && module.symbols().search_path;
        !found
    });
    has
}

#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn dlopen(name: Text, mode: c_int) -> *mut c_void {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "push rdi",
        "push rsi",
        "sub rsp, 8",
        "mov rsi, [rsp + 24]",
        "call {choose}",
        "add rsp, 8",
        "pop rsi",
        "pop rdi",
        "jmp rax",
        choose = sym choose,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "stp x29, x30, [sp, #-32]!",
        "stp x0, x1, [sp, #16]",
        "mov x1, x30",
        "bl {choose}",
        "mov x16, x0",
        "ldp x0, x1, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        "br x16",
        choose = sym choose,
    );
}
