//! `kache purge`: removing everything from the store.

use std::io::{self, IsTerminal as _};

use kache_store::Store;
use serde::Serialize;

use super::gc::{check_refusals, print_freed};
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::output::{self, Human, Output};
use crate::{ownership, quantity};

/// Remove everything from the store
///
/// Entries, blobs and records go. The event journal stays, so that `kache
/// stats` still knows the past, and so does every file that is not the store's.
#[derive(clap::Args, Debug)]
pub(crate) struct PurgeArgs {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What has gone.
#[derive(Debug, Serialize)]
struct Purged {
    entries: u64,
    blobs: u64,
    records: u64,
    removed_bytes: u64,
    freed_bytes: u64,
}

/// Clears the store, if the user means it.
pub(crate) fn run(context: &Context, out: &mut Output, args: &PurgeArgs) -> Result<(), CliError> {
    let store = context.store()?;
    if !store.layout().base().is_dir() {
        return out.result(&Purged {
            entries: 0,
            blobs: 0,
            records: 0,
            removed_bytes: 0,
            freed_bytes: 0,
        });
    }
    ownership::check(store.layout())?;
    if !args.yes && !ask(&store)? {
        return Err(CliError::new(ErrorKind::Failed, "nothing was removed"));
    }
    let removed = store.clear()?;
    out.result(&Purged {
        entries: removed.entries,
        blobs: removed.blobs,
        records: removed.records,
        removed_bytes: removed.bytes,
        freed_bytes: removed.freed_bytes,
    })?;
    check_refusals(removed)
}

fn ask(store: &Store) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        let message = "purge asks before it removes anything, and there is no terminal to ask on";
        return Err(CliError::new(ErrorKind::Usage, message).hint("say `kache purge --yes`"));
    }
    let usage = store.usage()?;
    let entries = quantity::count(usage.entries.files, "entry", "entries");
    let bytes = quantity::size(usage.capped_bytes());
    let place = store.layout().base().display();
    output::confirm(&format!("Remove {entries} ({bytes}) from `{place}`?"))
}

impl Human for Purged {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        let entries = quantity::count(self.entries, "entry", "entries");
        let blobs = quantity::count(self.blobs, "blob", "blobs");
        let records = quantity::count(self.records, "record", "records");
        out.line(format_args!("removed {entries}, {blobs} and {records}"))?;
        print_freed(out, self.removed_bytes, self.freed_bytes)
    }
}
