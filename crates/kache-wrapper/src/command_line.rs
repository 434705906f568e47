//! Handing verbs to the command line tool, a program of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::{files, process};

/// The program that knows the verbs.
const PROGRAM: &str = "kache-cli";

/// Exit code when the command line tool is not installed, as a shell's for a missing program.
const NOT_INSTALLED: u8 = 127;

/// Becomes `kache-cli` with `args`: the one beside this program, else the one on `PATH`.
pub(crate) fn become_command_line(args: &[OsString]) -> ExitCode {
    if let Some(program) = find() {
        return process::become_program(program, args);
    }
    process::complain(
        "kache: the command line tool `kache-cli` is not installed; \
         get it with `cargo install --path crates/kache-cli` in a checkout of kache\n",
    );
    ExitCode::from(NOT_INSTALLED)
}

fn find() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(PROGRAM));
    beside
        .filter(|path| path.is_file())
        .or_else(|| files::find_program(PROGRAM, std::env::var_os("PATH")))
}
