//! `kache`: the compiler wrapper.
//!
//! `RUSTC_WRAPPER=kache` makes cargo start `kache <rustc> <arguments>` for
//! every compilation. What is known is restored from the store, the rest is
//! compiled. Any other first argument is a verb of the command line tool,
//! which `kache` becomes.

mod command_line;
mod compilation;
mod files;
mod housekeeping;
mod linker;
mod log;
mod process;
mod report;
mod rustc;
mod served;
mod toolchain;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((program, rest)) if is_rustc_call(program, rest) => rustc::run(&args),
        Some((verb, _)) if verb == housekeeping::VERB => housekeeping::run(&args),
        _ => command_line::become_command_line(&args),
    }
}

/// Returns whether cargo is calling: a compiler follows, not a verb.
fn is_rustc_call(program: &OsStr, rest: &[OsString]) -> bool {
    let has_directory = program.as_encoded_bytes().contains(&b'/');
    let stem = Path::new(program).file_stem().unwrap_or_default();
    let asks_like_cargo =
        rest.first().is_some_and(|arg| arg == "-vV" || arg == "--crate-name" || arg == "-");
    has_directory || stem == "rustc" || stem == "clippy-driver" || asks_like_cargo
}
