//! Handing verbs to the command line tool, a program of its own.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::{files, process};

/// The program that knows the verbs.
const PROGRAM: &str = "kache-cli";

/// Exit code when the command line tool is not installed, as a shell's for a missing program.
const NOT_INSTALLED: u8 = 127;

/// Exit code when nothing says what to do.
const NOT_UNDERSTOOD: u8 = 2;

/// What this program is for. The command line tool's own help says it too.
const USAGE: &str = "\
A compiler cache for Rust, C and C++: kache stands before the compiler.

Usage:
  RUSTC_WRAPPER=kache cargo build        rustc and clippy-driver
  CC='kache cc' CXX='kache c++' make     C and C++, as does `kache gcc ...` with any compiler's name
  ln -s kache gcc                        the same, for whoever calls `gcc` by that link
  kache <verb>                           stats, report, doctor and others, by `kache-cli`
";

/// How to get the command line tool.
const MISSING: &str = "kache: the command line tool `kache-cli` is not installed; \
    get it with `cargo install --path crates/kache-cli` in a checkout of kache\n";

/// Becomes `kache-cli` with `args`: the one beside this program, else the one on
/// `PATH`. Without one, says what this program is for if that was asked.
pub(crate) fn become_command_line(args: &[OsString]) -> ExitCode {
    if let Some(program) = find() {
        return process::become_program(program, args);
    }
    match args.first() {
        None => {
            process::complain(USAGE);
            ExitCode::from(NOT_UNDERSTOOD)
        }
        Some(arg) if ["help", "--help", "-h"].iter().any(|help| arg == help) => {
            // Who does not read it need not be told.
            drop(io::stdout().write_all(USAGE.as_bytes()));
            ExitCode::SUCCESS
        }
        Some(_) => {
            process::complain(MISSING);
            ExitCode::from(NOT_INSTALLED)
        }
    }
}

fn find() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(PROGRAM));
    beside
        .filter(|path| path.is_file())
        .or_else(|| files::find_program(PROGRAM, std::env::var_os("PATH")))
}
