//! Verbs of kache for people and scripts: `kache stats`, `kache doctor` and their like.
//!
//! A verb has a file in `commands` that says what is done and how it is
//! printed; what is known about builds and stores comes from kache-store and
//! kache-config. `docs/command-line.md` describes verbs, forms and exit codes.

mod args;
mod cargo;
mod commands;
mod context;
mod error;
mod figures;
mod history;
mod output;
mod ownership;
mod process;
mod quantity;
mod table;
mod wrapper;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::context::Context;
use crate::output::Output;

/// Runs the command line `args`, whose first is the program, and returns the exit code.
///
/// Reads the process's environment and working directory; writes results to
/// standard output, and errors and warnings to standard error.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    let mut out = Output::stdout(cli.format);
    let finished = Context::here().and_then(|context| {
        let result = commands::run(&context, &mut out, &cli.command);
        let flushed = out.flush();
        result.and_then(|finish| flushed.map(|()| finish))
    });
    match finished {
        Ok(finish) => finish.exit_code(),
        Err(error) => output::failure(&error),
    }
}
