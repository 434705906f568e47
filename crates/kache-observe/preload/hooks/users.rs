//! Asking for users and groups. The C library reads the files by itself.

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr::null_mut;

use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::{record, sys};

type Text = *const c_char;
type Opaque = *mut c_void;

fn user() {
    record::fact(Kind::Read, &[b"/etc/passwd"]);
}

fn group() {
    record::fact(Kind::Read, &[b"/etc/group"]);
}

hooks! {
    fn getpwnam(name: Text) -> Opaque, else null_mut();
    |_result| user();
    fn getpwuid(id: c_uint) -> Opaque, else null_mut();
    |_result| user();
    fn getpwent() -> Opaque, else null_mut();
    |_result| user();
    fn getpwnam_r(
        name: Text, user_found: Opaque, buffer: Opaque, size: usize, found: Opaque,
    ) -> c_int, else sys::ENOSYS;
    |_result| user();
    fn getpwuid_r(
        id: c_uint, user_found: Opaque, buffer: Opaque, size: usize, found: Opaque,
    ) -> c_int, else sys::ENOSYS;
    |_result| user();
    fn getgrnam(name: Text) -> Opaque, else null_mut();
    |_result| group();
    fn getgrgid(id: c_uint) -> Opaque, else null_mut();
    |_result| group();
    fn getgrent() -> Opaque, else null_mut();
    |_result| group();
    fn getgrnam_r(
        name: Text, group_found: Opaque, buffer: Opaque, size: usize, found: Opaque,
    ) -> c_int, else sys::ENOSYS;
    |_result| group();
    fn getgrgid_r(
        id: c_uint, group_found: Opaque, buffer: Opaque, size: usize, found: Opaque,
    ) -> c_int, else sys::ENOSYS;
    |_result| group();
}
