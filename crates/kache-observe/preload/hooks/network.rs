//! Talking to others. With whom does not matter: no answer can be checked again.

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr::null_mut;
use core::sync::atomic::AtomicBool;

use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::record;

type Text = *const c_char;
type Opaque = *mut c_void;

fn talked() {
    static DONE: AtomicBool = AtomicBool::new(false);
    record::mark(&DONE, Kind::Network);
}

/// Whether an address names somebody; the one that ends a connection does not.
///
/// # Safety
///
/// The address must be what the C library was given, with its length.
unsafe fn names_somebody(address: *const c_void, length: c_uint) -> bool {
    const UNSPECIFIED: u16 = 0;
    // SAFETY: by this function's contract.
    !address.is_null()
        && length >= 2
        && unsafe { *address.cast::<[u8; 2]>() } != UNSPECIFIED.to_ne_bytes()
}

/// Whether a message says by itself where it goes.
///
/// # Safety
///
/// The message must be what the C library was given.
unsafe fn is_addressed(message: *const *const c_void) -> bool {
    // SAFETY: by this function's contract; the address is the first field.
    !message.is_null() && !unsafe { *message }.is_null()
}

hooks! {
    fn connect(socket: c_int, address: *const c_void, length: c_uint) -> c_int, else -1;
    |_result| if names_somebody(address, length) { talked() };
    fn bind(socket: c_int, address: *const c_void, length: c_uint) -> c_int, else -1;
    |_result| talked();
    fn listen(socket: c_int, backlog: c_int) -> c_int, else -1;
    |_result| talked();
    fn sendto(
        socket: c_int, bytes: *const c_void, size: usize, flags: c_int, address: *const c_void,
        length: c_uint,
    ) -> isize, else -1;
    |_result| if names_somebody(address, length) { talked() };
    fn sendmsg(socket: c_int, message: *const *const c_void, flags: c_int) -> isize, else -1;
    |_result| if is_addressed(message) { talked() };

    fn getaddrinfo(name: Text, service: Text, hints: Opaque, found: Opaque) -> c_int, else -11;
    |_result| talked();
    fn gethostbyname(name: Text) -> Opaque, else null_mut();
    |_result| talked();
    fn gethostbyname2(name: Text, family: c_int) -> Opaque, else null_mut();
    |_result| talked();
    fn gethostbyaddr(address: Opaque, length: c_uint, family: c_int) -> Opaque, else null_mut();
    |_result| talked();
    fn gethostbyname_r(
        name: Text, host: Opaque, buffer: Opaque, size: usize, found: Opaque, error: *mut c_int,
    ) -> c_int, else -1;
    |_result| talked();
    fn gethostbyname2_r(
        name: Text, family: c_int, host: Opaque, buffer: Opaque, size: usize, found: Opaque,
        error: *mut c_int,
    ) -> c_int, else -1;
    |_result| talked();
}
