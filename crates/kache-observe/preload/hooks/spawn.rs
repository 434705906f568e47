//! Starting other programs.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

use super::{missed, open, search};
use crate::format::Kind;
use crate::preload::next::{Next, hooks, next};
use crate::preload::sys::{self, AT_FDCWD, Mode};
use crate::preload::{attach, path, process, record};

type Text = *const c_char;
type List = *const *const c_char;
type Opaque = *const c_void;

/// Records what starting a program came to.
///
/// # Safety
///
/// `path` must be what the C library was given.
unsafe fn started(result: c_int, path: Text, child: impl FnOnce() -> c_int) {
    if attach::channel().is_some() {
        // SAFETY: by this function's contract; it was read if all went well.
        unsafe {
            match result {
                0 => spawned(child(), CStr::from_ptr(path)),
                error => missed(error, AT_FDCWD, path),
            }
        }
    }
}

/// The same for a name that is looked for.
///
/// # Safety
///
/// `name` must be what the C library was given.
unsafe fn searched(result: c_int, name: Text, child: impl Fn() -> c_int) {
    let mut known = false;
    // SAFETY: by this function's contract; it was read if all went well.
    unsafe {
        search::program(name, &mut |program| {
            started(result, program.as_ptr(), &child);
            known = true;
        });
        if !known && result == 0 {
            started(result, name, child);
        }
    }
}

fn spawned(child: c_int, program: &CStr) {
    path::absolute(AT_FDCWD, program.to_bytes(), &mut |parts| {
        record::ancestry(Kind::Spawned, process::id(), child.cast_unsigned(), parts);
    });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawn(
    child: *mut c_int,
    path: Text,
    actions: Opaque,
    attributes: Opaque,
    arguments: List,
    environment: List,
) -> c_int {
    let next = next!(
        posix_spawn(*mut c_int, Text, Opaque, Opaque, List, List) -> c_int, else sys::ENOSYS
    );
    let mut id = 0;
    let id = if child.is_null() { &raw mut id } else { child };
    // SAFETY: these are the caller's own arguments, but for the place of the answer.
    unsafe {
        let result = next(id, path, actions, attributes, arguments, environment);
        started(result, path, || *id);
        result
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    child: *mut c_int,
    name: Text,
    actions: Opaque,
    attributes: Opaque,
    arguments: List,
    environment: List,
) -> c_int {
    let next = next!(
        posix_spawnp(*mut c_int, Text, Opaque, Opaque, List, List) -> c_int, else sys::ENOSYS
    );
    let mut id = 0;
    let id = if child.is_null() { &raw mut id } else { child };
    // SAFETY: these are the caller's own arguments, but for the place of the answer.
    unsafe {
        let result = next(id, name, actions, attributes, arguments, environment);
        searched(result, name, || *id);
        result
    }
}

/// The id of a child that is known by a descriptor. Whoever makes such children can
/// tell.
fn id_of(descriptor: c_int) -> c_int {
    static NEXT: Next = Next::of(c"pidfd_getpid");
    match NEXT.get() {
        0 => 0,
        // SAFETY: this is the type of the C library's function.
        address => unsafe {
            core::mem::transmute::<usize, unsafe extern "C" fn(c_int) -> c_int>(address)(descriptor)
        },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pidfd_spawn(
    child: *mut c_int,
    path: Text,
    actions: Opaque,
    attributes: Opaque,
    arguments: List,
    environment: List,
) -> c_int {
    let next = next!(
        pidfd_spawn(*mut c_int, Text, Opaque, Opaque, List, List) -> c_int, else sys::ENOSYS
    );
    // SAFETY: these are the caller's own arguments.
    unsafe {
        let result = next(child, path, actions, attributes, arguments, environment);
        started(result, path, || id_of(*child));
        result
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pidfd_spawnp(
    child: *mut c_int,
    name: Text,
    actions: Opaque,
    attributes: Opaque,
    arguments: List,
    environment: List,
) -> c_int {
    let next = next!(
        pidfd_spawnp(*mut c_int, Text, Opaque, Opaque, List, List) -> c_int, else sys::ENOSYS
    );
    // SAFETY: these are the caller's own arguments.
    unsafe {
        let result = next(child, name, actions, attributes, arguments, environment);
        searched(result, name, || id_of(*child));
        result
    }
}

/// A shell is about to be started, by a call of the C library's own.
fn shell() {
    record::ancestry(Kind::Shell, process::id(), 0, &[]);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn system(command: Text) -> c_int {
    let next = next!(system(Text) -> c_int, else -1);
    shell();
    // SAFETY: this is the caller's own argument.
    unsafe { next(command) }
}

hooks! {
    // The child opens it where no hook stands, and as often as it is told.
    fn posix_spawn_file_actions_addopen(
        actions: *mut c_void, descriptor: c_int, path: Text, flags: c_int, mode: Mode,
    ) -> c_int, else sys::ENOSYS;
    |result| if result == 0 { open::opened(AT_FDCWD, path, flags, 0) };

    // `fork` itself tells.
    fn _Fork() -> c_int, else -1;
    |child| if child == 0 && attach::channel().is_some() { process::forked() };
    fn popen(command: Text, mode: Text) -> *mut c_void, else null_mut();
    |stream| if !stream.is_null() { shell() };
}
