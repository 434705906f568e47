//! The verbs, one file each.

mod config;
pub(crate) mod doctor;
pub(crate) mod gc;
pub(crate) mod list;
pub(crate) mod purge;
pub(crate) mod report;
pub(crate) mod shims;
pub(crate) mod stats;

use crate::args::Command;
use crate::context::Context;
use crate::error::{CliError, Finish};
use crate::output::Output;

/// Runs one verb.
pub(crate) fn run(
    context: &Context,
    out: &mut Output,
    command: &Command,
) -> Result<Finish, CliError> {
    match command {
        Command::Doctor(args) => return doctor::run(context, out, args),
        Command::Config => return config::run(context, out),
        _ => context.warn_of_settings(),
    }
    match command {
        Command::Stats(args) => stats::run(context, out, args),
        Command::List(args) => list::run(context, out, args),
        Command::Report(args) => report::run(context, out, args),
        Command::Gc(args) => gc::run(context, out, args),
        Command::Purge(args) => purge::run(context, out, args),
        Command::Shims(args) => return shims::run(context, out, args),
        Command::Doctor(_) | Command::Config => Ok(()),
    }
    .map(|()| Finish::Done)
}
