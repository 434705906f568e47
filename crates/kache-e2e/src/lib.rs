//! End-to-end harness of the kache compiler cache.
//!
//! Everything here treats kache as a user does: it runs the built binaries
//! under real cargo, in an environment of their own, and believes only what
//! it can see: exit codes, files, what a built program prints, and the event
//! journal. Nothing is linked from kache's own crates.
//!
//! A test starts from a [`Scenario`]: a private environment, the binaries
//! under test and a fixture project. `demo` and `bench` are built from the
//! same parts.

pub mod bench;
pub mod bench_cc;
pub mod bench_scripts;
pub mod cargo;
pub mod demo;
pub mod env;
pub mod events;
pub mod filesystem;
pub mod kache;
pub mod oracle;
pub mod process;
pub mod project;
pub mod registry;
mod scenario;
pub mod toolchain;

pub use scenario::{HarnessError, Scenario};
