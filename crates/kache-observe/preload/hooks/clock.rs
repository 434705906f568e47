//! Asking for the time of day, and for the time zone.

use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr::null_mut;
use core::sync::atomic::AtomicBool;

use crate::format::Kind;
use crate::preload::next::hooks;
use crate::preload::record;

/// The clocks that tell the time of day, and not since when a machine runs.
const DAY_CLOCKS: [c_int; 4] = [0, 5, 8, 11];

fn asked() {
    static DONE: AtomicBool = AtomicBool::new(false);
    record::mark(&DONE, Kind::Clock);
}

fn asked_zone() {
    static DONE: AtomicBool = AtomicBool::new(false);
    record::mark(&DONE, Kind::LocalTime);
}

hooks! {
    fn clock_gettime(clock: c_int, time: *mut c_void) -> c_int, else -1;
    |_result| if DAY_CLOCKS.contains(&clock) { asked() };
    fn gettimeofday(time: *mut c_void, zone: *mut c_void) -> c_int, else -1;
    |_result| asked();
    fn time(time: *mut c_long) -> c_long, else -1;
    |_result| asked();
    fn timespec_get(time: *mut c_void, base: c_int) -> c_int, else 0;
    |_result| asked();

    fn localtime(time: *const c_long) -> *mut c_void, else null_mut();
    |_result| asked_zone();
    fn localtime_r(time: *const c_long, parts: *mut c_void) -> *mut c_void, else null_mut();
    |_result| asked_zone();
    fn ctime(time: *const c_long) -> *mut c_char, else null_mut();
    |_result| asked_zone();
    fn ctime_r(time: *const c_long, text: *mut c_char) -> *mut c_char, else null_mut();
    |_result| asked_zone();
    fn mktime(parts: *mut c_void) -> c_long, else -1;
    |_result| asked_zone();
    fn timelocal(parts: *mut c_void) -> c_long, else -1;
    |_result| asked_zone();
    // It returns nothing, and nobody looks.
    fn tzset() -> c_int, else 0;
    |_result| asked_zone();
}
