//! `kache gc`: evicting down to the cap, and sweeping what nothing uses.

use kache_store::{Limits, Removed, Rules, clock};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::output::{self, Human, Output};
use crate::{history, ownership, quantity};

/// Evict entries until the store fits its cap, and sweep what nothing uses
#[derive(clap::Args, Debug)]
pub(crate) struct GcArgs {
    /// The cap for this run, instead of the configured one (20GiB)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Print what would be evicted and remove nothing
    #[arg(long)]
    dry_run: bool,
}

fn parse_size(text: &str) -> Result<u64, kache_config::QuantityError> {
    kache_config::parse_size(text)
}

/// What would go.
#[derive(Debug, Serialize)]
struct Planned {
    dry_run: bool,
    evicted_entries: usize,
    before_bytes: u64,
    after_bytes: u64,
    max_bytes: u64,
}

/// What has gone.
#[derive(Debug, Serialize)]
struct Tidied {
    dry_run: bool,
    evicted_entries: u64,
    swept_entries: u64,
    blobs: u64,
    records: u64,
    other: u64,
    removed_bytes: u64,
    freed_bytes: u64,
    before_bytes: u64,
    max_bytes: u64,
    kept_in_use: u64,
    journal_rotated: bool,
}

/// Tidies the store, or says what tidying would do.
pub(crate) fn run(context: &Context, out: &mut Output, args: &GcArgs) -> Result<(), CliError> {
    let store = context.store()?;
    let config = &context.inspection.config;
    let limits = Limits { max_bytes: args.max_size.unwrap_or(config.max_size_bytes) };
    let now_ns = clock::now_ns();
    // Tidying makes lock files, and a store that is not there needs none.
    if args.dry_run || !store.layout().base().is_dir() {
        let plan = store.plan_eviction(limits, now_ns)?;
        return out.result(&Planned {
            dry_run: args.dry_run,
            evicted_entries: plan.evict.len(),
            before_bytes: plan.before_bytes,
            after_bytes: plan.after_bytes,
            max_bytes: limits.max_bytes,
        });
    }
    ownership::check(store.layout())?;
    history::keep(store.layout());
    let rules = Rules {
        limits,
        disk_is_full: false,
        journal_max_bytes: config.housekeeping.journal_max_bytes,
        journal_keep: config.housekeeping.journal_keep,
    };
    let done = store.housekeep(&rules, now_ns)?;
    let (evicted, swept) = (&done.evicted, &done.swept);
    out.result(&Tidied {
        dry_run: false,
        evicted_entries: evicted.entries,
        swept_entries: swept.entries,
        blobs: evicted.blobs + swept.blobs,
        records: evicted.records + swept.records,
        other: evicted.other + swept.other,
        removed_bytes: evicted.bytes + swept.bytes,
        freed_bytes: evicted.freed_bytes + swept.freed_bytes,
        before_bytes: done.before_bytes,
        max_bytes: limits.max_bytes,
        kept_in_use: evicted.used_since,
        journal_rotated: done.rotated,
    })?;
    check_refusals(done.evicted)?;
    check_refusals(done.swept)
}

/// Turns files that could not be removed into a failure; the rest has gone all the same.
pub(crate) fn check_refusals(removed: Removed) -> Result<(), CliError> {
    let Some(failure) = removed.first_refusal else { return Ok(()) };
    let files = quantity::count(removed.refused, "file", "files");
    output::warning(format_args!("{files} could not be removed"));
    Err(CliError::new(ErrorKind::Store, failure))
}

impl Human for Planned {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        let entries = quantity::count(self.evicted_entries as u64, "entry", "entries");
        out.line(format_args!(
            "would evict {entries}: {} of {} before, {} after",
            quantity::size(self.before_bytes),
            quantity::size(self.max_bytes),
            quantity::size(self.after_bytes)
        ))
    }
}

impl Human for Tidied {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        let evicted = quantity::count(self.evicted_entries, "entry", "entries");
        let swept = quantity::count(self.swept_entries, "broken entry", "broken entries");
        let blobs = quantity::count(self.blobs, "blob", "blobs");
        let other = quantity::count(self.records + self.other, "other file", "other files");
        out.line(format_args!("evicted {evicted}; swept {swept}, {blobs} and {other}"))?;
        print_freed(out, self.removed_bytes, self.freed_bytes)?;
        out.line(format_args!(
            "the store held {} of {}",
            quantity::size(self.before_bytes),
            quantity::size(self.max_bytes)
        ))
    }
}

/// Prints how much was removed, and how much of it lives on in target directories.
pub(crate) fn print_freed(out: &mut Output, removed: u64, freed: u64) -> Result<(), CliError> {
    let shared = removed.saturating_sub(freed);
    let freed = quantity::size(freed);
    if shared == 0 {
        return out.line(format_args!("freed {freed}"));
    }
    let shared = quantity::size(shared);
    out.line(format_args!("freed {freed}; {shared} more live on in target directories"))
}
