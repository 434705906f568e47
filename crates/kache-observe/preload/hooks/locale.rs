//! Setting up the language. The C library asks for the variables by itself.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::record;

type Text = *const c_char;

const VARIABLES: [&[u8]; 9] = [
    b"LC_ALL",
    b"LANG",
    b"LANGUAGE",
    b"LC_COLLATE",
    b"LC_CTYPE",
    b"LC_MESSAGES",
    b"LC_MONETARY",
    b"LC_NUMERIC",
    b"LC_TIME",
];

/// An empty name asks for what the environment says.
///
/// # Safety
///
/// `name` must be what the C library was given.
unsafe fn set(name: Text) {
    // SAFETY: by this function's contract; the C library has read it.
    if !name.is_null() && unsafe { *name } == 0 {
        for variable in VARIABLES {
            record::fact(Kind::Env, &[variable]);
        }
    }
}

hooks! {
    fn setlocale(category: c_int, name: Text) -> *mut c_char, else null_mut();
    |_result| set(name);
    fn newlocale(categories: c_int, name: Text, base: *mut c_void) -> *mut c_void,
        else null_mut();
    |_result| set(name);
}
