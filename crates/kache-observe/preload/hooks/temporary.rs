//! Making files under names that nobody chose.

use core::ffi::{c_char, c_int};
use core::ptr::null_mut;

use super::saw;
use crate::format::Kind::Wrote;
use crate::preload::next::hooks;
use crate::preload::sys::AT_FDCWD;

/// Becomes the name, in place.
type Pattern = *mut c_char;

hooks! {
    fn mkstemp(name: Pattern) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkstemp64(name: Pattern) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkostemp(name: Pattern, flags: c_int) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkostemp64(name: Pattern, flags: c_int) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkstemps(name: Pattern, suffix: c_int) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkstemps64(name: Pattern, suffix: c_int) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkostemps(name: Pattern, suffix: c_int, flags: c_int) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkostemps64(name: Pattern, suffix: c_int, flags: c_int) -> c_int, else -1;
    |result| saw(result >= 0, Wrote, AT_FDCWD, name);
    fn mkdtemp(name: Pattern) -> Pattern, else null_mut();
    |result| saw(!result.is_null(), Wrote, AT_FDCWD, name);
}
