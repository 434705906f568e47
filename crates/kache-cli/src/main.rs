//! The `kache-cli` program, which `kache <verb>` becomes.
//!
//! Everything is in the library, so that this file never needs a reader.

use std::process::ExitCode;

fn main() -> ExitCode {
    kache_cli::run(std::env::args_os())
}
