//! Records what a process and its children read.
//!
//! A [`Watch`] makes a trace file; a program that is started with the watch's
//! variables, and every program that it starts, loads the preload [`library`],
//! which appends what it sees of them to the trace; [`Watch::finish`] reads it
//! back. A trace is whole or it is [`NotObserved`], with the reason.
//!
//! The library sees calls of the C library. What a program asks the kernel for by
//! itself is not seen: statically linked programs (which are noticed), Go programs
//! (noticed too) and the few Rust libraries that bring system calls of their own
//! (which are not). Neither is which variables a program picks from the whole
//! list, as shells do.
//!
//! An observed process starts about a tenth of a millisecond later; what it does takes
//! about a tenth of a microsecond longer for each fact that is new, and a system call
//! where a relative path is to be made absolute. `examples/overhead.rs` measures it.
//!
//! What is observed are programs with glibc on Linux, on `x86_64` and `aarch64`. The
//! observer may be linked with musl, if rustc had the libraries for glibc when it was
//! built. Elsewhere [`library`] is `None` and nothing is observed.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::process::Command;
//!
//! use kache_observe::Watch;
//!
//! let library = kache_observe::unpack("/var/cache/observe".as_ref())?.ok_or("not here")?;
//! let watch = Watch::start()?;
//! let mut child = Command::new("cc")
//!     .args(["-c", "a.c"])
//!     .envs(watch.variables(&library, &[])?)
//!     .spawn()?;
//! child.wait()?;
//! let trace = watch.finish(child.id())?;
//! for act in trace.acts() {
//!     println!("{act:?}");
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(observed, expect(unsafe_code, reason = "a trace is memory that other processes write"))]

mod act;
#[cfg(observed)]
mod channel;
#[cfg(not(observed))]
mod elsewhere;
mod error;
#[cfg(observed)]
mod format;
mod library;
#[cfg(observed)]
mod lives;
#[cfg(observed)]
mod mapping;
mod names;
#[cfg(observed)]
mod participant;
// Compiled by `build.rs`, as a library of its own; here for clippy and rustfmt.
#[cfg(all(observed, clippy))]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the kernel takes and returns words"
)]
#[path = "../preload/preload.rs"]
mod preload;
#[cfg(observed)]
mod records;
#[cfg(observed)]
mod told;
mod trace;
#[cfg(observed)]
mod watch;

use std::env;
use std::ffi::{OsStr, OsString};

pub use act::{Act, Event};
#[cfg(not(observed))]
pub use elsewhere::{Participant, Watch, sweep};
pub use error::{NotObserved, WatchError};
pub use library::{launcher, library, unpack};
pub use trace::Trace;
#[cfg(observed)]
pub use {participant::Participant, watch::Watch, watch::sweep};

/// Whether a variable is one that observation sets, and so never an input.
///
/// `LD_PRELOAD` and `ASAN_OPTIONS` are among them.
pub fn ours(name: &OsStr) -> bool {
    OURS.iter().any(|ours| name == *ours)
}

/// The libraries that `LD_PRELOAD` names beside the one that observes this process,
/// if it is observed; `None` if there is none.
pub fn preloaded_by_others() -> Option<OsString> {
    let preloaded = env::var_os(names::PRELOAD_VARIABLE)?;
    if env::var_os(names::TRACE_VARIABLE).is_none() {
        return Some(preloaded);
    }
    // It stands first.
    let others = preloaded.to_str()?.split_once(':')?.1;
    (!others.is_empty()).then(|| others.into())
}

const OURS: [&str; 5] = [
    names::TRACE_VARIABLE,
    names::HOST_VARIABLE,
    names::PARTICIPANT_VARIABLE,
    names::PRELOAD_VARIABLE,
    names::SANITIZER_VARIABLE,
];
