//! The preload library: hooks in front of the C library's functions.
//!
//! A hook calls the function that it stands before, and then appends to the
//! trace what the call said. Everything here runs inside of other programs, at
//! any moment: in signal handlers, after fork, beside threads. So nothing
//! allocates, locks, keeps a descriptor or touches `errno`.

/// Marks what every process writes to, so that the linker puts it side by side: each
/// page of it costs every process a fault.
macro_rules! hot {
    ($($(#[$attribute:meta])* static $name:ident: $kind:ty = $value:expr;)+) => {$(
        $(#[$attribute])*
        #[unsafe(link_section = ".bss.hot")]
        static $name: $kind = $value;
    )+};
}

mod attach;
mod guest;
mod hooks;
mod modules;
mod next;
mod path;
mod process;
mod record;
mod symbols;
mod sys;
