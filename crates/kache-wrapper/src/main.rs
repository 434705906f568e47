//! `kache`: the compiler wrapper.
//!
//! `RUSTC_WRAPPER=kache` makes cargo start `kache <rustc> <arguments>` for
//! every compilation; `CC="kache cc"`, and a symbolic link called `gcc`, make it
//! stand before a C compiler. What is known is restored from the store, the
//! rest is compiled. Any other first argument is a verb of the command line
//! tool, which `kache` becomes.

mod cc;
mod command_line;
mod compilation;
mod configuration;
mod cpu;
mod files;
mod housekeeping;
mod launcher;
mod linker;
mod log;
mod outer;
mod places;
mod process;
mod report;
mod rustc;
mod script;
mod served;
mod shims;
mod streams;
mod terminal;
mod toolchain;
mod watch;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

/// With musl's own allocator a hit takes a quarter longer.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    outer::join();
    let mut args = std::env::args_os();
    let own_name = args.next().unwrap_or_default();
    if is_cc_driver(&own_name) {
        return cc::run(&own_name, &args.collect::<Vec<_>>());
    }
    // A build system that puts kache before a compiler may get one that has it already.
    let args: Vec<OsString> = args.skip_while(|arg| is_kache(arg)).collect();
    match args.split_first() {
        Some((program, rest)) if is_cc_driver(program) => cc::run(program, rest),
        Some((program, rest)) if is_rustc_call(program, rest) => rustc::run(&args),
        Some((program, rest)) if has_directory(program) => cc::run(program, rest),
        Some((verb, rest)) if verb == script::VERB => script::run(rest),
        Some((verb, rest)) if verb == cc::VERB => cc::run_replaced(rest),
        Some((verb, _)) if verb == housekeeping::VERB => housekeeping::run(&args),
        _ => command_line::become_command_line(&args),
    }
}

/// Returns whether a program's name is, or ends as, that of a C or C++ compiler;
/// kache's own may be, by a symbolic link.
fn is_cc_driver(program: &OsStr) -> bool {
    program.to_str().is_some_and(kache_cc::may_be_driver)
}

/// Returns whether `program` is kache itself, here or anywhere.
fn is_kache(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "kache")
}

/// Returns whether cargo is calling: rustc follows, or a program that is called like it.
fn is_rustc_call(program: &OsStr, rest: &[OsString]) -> bool {
    let is_rustc = |program: &OsStr| {
        let stem = Path::new(program).file_stem().unwrap_or_default();
        stem == "rustc" || stem == "clippy-driver"
    };
    let Some(first) = rest.first() else { return is_rustc(program) };
    let is_called_so = first == "-vV" || first == "--crate-name" || first == "-";
    is_rustc(program) || is_rustc(first) || is_called_so
}

fn has_directory(program: &OsStr) -> bool {
    program.as_encoded_bytes().contains(&b'/')
}
