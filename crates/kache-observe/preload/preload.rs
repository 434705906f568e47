//! The preload library: hooks in front of the C library's functions.
//!
//! A hook calls the function that it stands before, and then appends to the
//! trace what the call said. Everything here runs inside of other programs, at
//! any moment: in signal handlers, after fork, beside threads. So nothing
//! allocates, locks, keeps a descriptor or touches `errno`.

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
