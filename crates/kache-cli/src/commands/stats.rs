//! `kache stats`: how often the cache was hit, and what that saved.

use std::collections::BTreeMap;

use kache_store::Store;
use kache_store::stats::{BytesRestored, Queries};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::figures::{Figures, Reason, ranked};
use crate::history;
use crate::output::{Human, Output};
use crate::quantity::{self, Since};
use crate::table::{Align, Table};

/// How many reasons are printed for people.
const SHOWN_REASONS: usize = 5;
/// The version of the JSON form.
const STATS_VERSION: u32 = 1;

/// Show how often the cache was hit, and what that saved
#[derive(clap::Args, Debug)]
pub(crate) struct StatsArgs {
    /// Count only since then: a duration (7d) or a date (2026-01-01)
    ///
    /// History is kept by the hour, so whole days (7d) begin at the beginning of an hour. Any
    /// other duration, and a moment within an hour, is counted to the millisecond, from the
    /// journal files that are still there.
    #[arg(long, value_parser = Since::parse)]
    since: Option<Since>,
}

/// The result.
#[derive(Debug, Serialize)]
struct Stats {
    v: u32,
    cache_dir: String,
    since: Option<String>,
    units: Figures,
    languages: BTreeMap<String, Figures>,
    crate_types: BTreeMap<String, Figures>,
    queries: Queries,
    bytes_restored: BytesRestored,
    miss_reasons: Vec<Reason>,
    passthrough_reasons: Vec<Reason>,
    store: StoreSize,
    unreadable_lines: u64,
}

/// How full the store is.
#[derive(Clone, Copy, Debug, Serialize)]
struct StoreSize {
    entries: u64,
    blobs: u64,
    bytes: u64,
    max_bytes: u64,
}

/// Prints what the events and the store add up to.
pub(crate) fn run(context: &Context, out: &mut Output, args: &StatsArgs) -> Result<(), CliError> {
    let store = context.store()?;
    let (index, since) = history::since(store.layout(), args.since, context.now)?;
    let past = index.stats(since.map(history::ns))?;
    let stats = Stats {
        v: STATS_VERSION,
        cache_dir: context.inspection.config.cache_dir.display().to_string(),
        since: since.map(quantity::timestamp),
        units: Figures::of(&past.units),
        languages: Figures::of_each(&past.languages),
        crate_types: Figures::of_each(&past.crate_types),
        queries: past.queries,
        bytes_restored: past.bytes_restored,
        miss_reasons: ranked(&past.miss_reasons),
        passthrough_reasons: ranked(&past.passthrough_reasons),
        store: store_size(&store, context.inspection.config.max_size_bytes)?,
        unreadable_lines: index.unreadable_lines()?,
    };
    out.result(&stats)
}

fn store_size(store: &Store, max_bytes: u64) -> Result<StoreSize, CliError> {
    let usage = store.usage()?;
    Ok(StoreSize {
        entries: usage.entries.files,
        blobs: usage.blobs.files,
        bytes: usage.capped_bytes(),
        max_bytes,
    })
}

impl Human for Stats {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        match &self.since {
            Some(since) => out.line(format_args!("{} since {since}", self.cache_dir))?,
            None => out.line(&self.cache_dir)?,
        }
        out.gap()?;
        self.print_summary(out)?;
        if self.units.total > 0 {
            print_counts(out, "by language", &self.languages)?;
            print_counts(out, "by crate type", &self.crate_types)?;
        }
        print_reasons(out, "why units were compiled", &self.miss_reasons)?;
        print_reasons(out, "why units were passed through", &self.passthrough_reasons)?;
        if self.unreadable_lines > 0 {
            let lines = quantity::count(self.unreadable_lines, "line", "lines");
            out.gap()?;
            out.line(format_args!("{lines} of the journal could not be read"))?;
        }
        Ok(())
    }
}

impl Stats {
    fn print_summary(&self, out: &mut Output) -> Result<(), CliError> {
        let Figures { hits, misses, dups, passthroughs, errors, .. } = self.units;
        let mut table = Table::bare([Align::Left, Align::Right, Align::Left]);
        let mut row = |name: &str, value: String, note: String| {
            table.row([name.to_owned(), value, note]);
        };
        let by_time = quantity::share(self.units.weighted_hit_rate);
        let restoring = quantity::milliseconds(self.units.restore_ms);
        row("units", self.units.total.to_string(), String::new());
        row("  hits", hits.to_string(), String::new());
        row("  misses", misses.to_string(), String::new());
        row("  dups", dups.to_string(), String::new());
        row("  passthroughs", passthroughs.to_string(), String::new());
        row("  errors", errors.to_string(), String::new());
        row("hit rate", quantity::share(self.units.hit_rate), format!("by compile time {by_time}"));
        row(
            "time saved",
            quantity::milliseconds(self.units.saved_ms),
            format!("restoring took {restoring}"),
        );
        row(
            "queries",
            self.queries.total.to_string(),
            format!("{} answered from the store", self.queries.answered),
        );
        let BytesRestored { linked, cloned, copied } = self.bytes_restored;
        row("bytes linked", quantity::size(linked), String::new());
        row("bytes cloned", quantity::size(cloned), String::new());
        row("bytes copied", quantity::size(copied), String::new());
        let StoreSize { entries, bytes, max_bytes, .. } = self.store;
        row(
            "store",
            quantity::size(bytes),
            format!(
                "of {}, {}",
                quantity::size(max_bytes),
                quantity::count(entries, "entry", "entries")
            ),
        );
        out.table(&table)
    }
}

fn print_counts(
    out: &mut Output,
    title: &str,
    counts: &BTreeMap<String, Figures>,
) -> Result<(), CliError> {
    const RIGHT: Align = Align::Right;
    let mut table = Table::headed([
        (title, Align::Left),
        ("units", RIGHT),
        ("hits", RIGHT),
        ("misses", RIGHT),
        ("dups", RIGHT),
        ("other", RIGHT),
        ("hit rate", RIGHT),
        ("saved", RIGHT),
    ]);
    for (name, counts) in counts {
        table.row([
            name.clone(),
            counts.total.to_string(),
            counts.hits.to_string(),
            counts.misses.to_string(),
            counts.dups.to_string(),
            (counts.passthroughs + counts.errors).to_string(),
            quantity::share(counts.hit_rate),
            quantity::milliseconds(counts.saved_ms),
        ]);
    }
    out.gap()?;
    out.table(&table)
}

fn print_reasons(out: &mut Output, title: &str, reasons: &[Reason]) -> Result<(), CliError> {
    if reasons.is_empty() {
        return Ok(());
    }
    let mut table = Table::headed([("units", Align::Right), (title, Align::Left)]);
    for reason in reasons.iter().take(SHOWN_REASONS) {
        table.row([reason.cost.count.to_string(), reason_text(&reason.reason).to_owned()]);
    }
    out.gap()?;
    out.table(&table)?;
    match reasons.len().saturating_sub(SHOWN_REASONS) {
        0 => Ok(()),
        more => out.line(format_args!("and {more} more: `kache stats --format json`")),
    }
}

/// Returns a reason for people; one may be missing.
pub(crate) fn reason_text(reason: &str) -> &str {
    if reason.is_empty() { "no reason given" } else { reason }
}
