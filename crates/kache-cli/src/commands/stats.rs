//! `kache stats`: how often the cache was hit, and what that saved.

use std::collections::BTreeMap;

use kache_store::Store;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::events;
use crate::output::{Human, Output};
use crate::quantity::{self, Since};
use crate::table::{Align, Table};
use crate::tally::{Bytes, Counts, CountsWithRates, Queries, ReasonCount, Tally};

/// How many reasons are printed for people.
const SHOWN_REASONS: usize = 5;
/// The version of the JSON form.
const STATS_VERSION: u32 = 1;

/// Show how often the cache was hit, and what that saved
#[derive(clap::Args, Debug)]
pub(crate) struct StatsArgs {
    /// Count only since then: a duration (7d) or a date (2026-01-01)
    #[arg(long, value_parser = Since::parse)]
    since: Option<Since>,
}

/// The result.
#[derive(Debug, Serialize)]
struct Stats {
    v: u32,
    cache_dir: String,
    since: Option<String>,
    units: CountsWithRates,
    languages: BTreeMap<String, CountsWithRates>,
    crate_types: BTreeMap<String, CountsWithRates>,
    queries: Queries,
    bytes_restored: Bytes,
    miss_reasons: Vec<ReasonCount>,
    passthrough_reasons: Vec<ReasonCount>,
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

/// Prints what the journal and the store add up to.
pub(crate) fn run(context: &Context, out: &mut Output, args: &StatsArgs) -> Result<(), CliError> {
    let store = context.store()?;
    let since = args.since.map(|since| since.moment(context.now));
    let mut tally = Tally::default();
    let read = events::read(store.layout(), since, &mut |event, _| tally.add(&event))?;
    let stats = Stats {
        v: STATS_VERSION,
        cache_dir: context.inspection.config.cache_dir.display().to_string(),
        since: since.map(quantity::timestamp),
        units: tally.units.with_rates(),
        languages: with_rates(&tally.languages),
        crate_types: with_rates(&tally.kinds),
        queries: tally.queries,
        bytes_restored: tally.bytes,
        miss_reasons: tally.miss_reasons.ranked(),
        passthrough_reasons: tally.passthrough_reasons.ranked(),
        store: store_size(&store, context.inspection.config.max_size_bytes)?,
        unreadable_lines: read.unreadable_lines,
    };
    out.result(&stats)
}

fn with_rates(counts: &BTreeMap<String, Counts>) -> BTreeMap<String, CountsWithRates> {
    counts.iter().map(|(name, counts)| (name.clone(), counts.with_rates())).collect()
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
        let CountsWithRates { counts, .. } = self.units;
        let mut table = Table::bare([Align::Left, Align::Right, Align::Left]);
        let mut row = |name: &str, value: String, note: String| {
            table.row([name.to_owned(), value, note]);
        };
        let by_time = quantity::share(self.units.weighted_hit_rate);
        let restoring = quantity::milliseconds(counts.restore_ms);
        row("units", self.units.total.to_string(), String::new());
        row("  hits", counts.hits.to_string(), String::new());
        row("  misses", counts.misses.to_string(), String::new());
        row("  dups", counts.dups.to_string(), String::new());
        row("  passthroughs", counts.passthroughs.to_string(), String::new());
        row("  errors", counts.errors.to_string(), String::new());
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
        let Bytes { linked, cloned, copied } = self.bytes_restored;
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
    counts: &BTreeMap<String, CountsWithRates>,
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
    for (name, with_rates) in counts {
        let counts = with_rates.counts;
        table.row([
            name.clone(),
            with_rates.total.to_string(),
            counts.hits.to_string(),
            counts.misses.to_string(),
            counts.dups.to_string(),
            (counts.passthroughs + counts.errors).to_string(),
            quantity::share(with_rates.hit_rate),
            quantity::milliseconds(with_rates.saved_ms),
        ]);
    }
    out.gap()?;
    out.table(&table)
}

fn print_reasons(out: &mut Output, title: &str, reasons: &[ReasonCount]) -> Result<(), CliError> {
    if reasons.is_empty() {
        return Ok(());
    }
    let mut table = Table::headed([("units", Align::Right), (title, Align::Left)]);
    for reason in reasons.iter().take(SHOWN_REASONS) {
        table.row([reason.count.to_string(), reason_text(&reason.reason).to_owned()]);
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
