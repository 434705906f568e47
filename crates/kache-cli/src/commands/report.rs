//! `kache report`: what each build got from the cache, and why not more.

use kache_store::{Event, Outcome};
use serde::Serialize;

use super::stats::reason_text;
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::events;
use crate::output::{Human, Output};
use crate::quantity::{self, Since};
use crate::sessions::{Session, Sessions};
use crate::table::{Align, Table};
use crate::tally::{Bytes, Counts, CountsWithRates, Queries, ReasonCount, kind_of};

/// How many of the slowest misses are named.
const SLOWEST: usize = 10;
/// The version of the JSON form.
const REPORT_VERSION: u32 = 1;

/// Show what each build got from the cache, and why not more
#[derive(clap::Args, Debug)]
pub(crate) struct ReportArgs {
    /// Only this build: "last", or a session as the list of builds names it
    #[arg(long, value_name = "last|ID")]
    session: Option<String>,
    /// Only builds since then: a duration (7d) or a date (2026-01-01)
    #[arg(long, value_parser = Since::parse)]
    since: Option<Since>,
}

/// The result.
#[derive(Debug, Serialize)]
struct Report {
    v: u32,
    sessions: Vec<SessionReport>,
    unreadable_lines: u64,
}

/// One build.
#[derive(Debug, Serialize)]
struct SessionReport {
    session: String,
    cwd: String,
    started: String,
    ended: String,
    wall_ms: u64,
    units: CountsWithRates,
    queries: Queries,
    bytes_restored: Bytes,
    miss_reasons: Vec<ReasonCount>,
    passthrough_reasons: Vec<ReasonCount>,
    misses: Vec<Unit>,
    passthroughs: Vec<Unit>,
    errors: Vec<Unit>,
    slowest_misses: Vec<Unit>,
}

/// One unit that was not a hit.
#[derive(Clone, Debug, Serialize)]
struct Unit {
    name: String,
    crate_type: String,
    outcome: Outcome,
    reason: String,
    compile_ms: u64,
    #[serde(rename = "unit")]
    id: Option<String>,
    key: Option<String>,
}

impl Unit {
    fn of(event: &Event) -> Self {
        Self {
            name: event.name.clone(),
            crate_type: kind_of(event),
            outcome: event.outcome,
            reason: event.reason.clone(),
            compile_ms: event.compile_ms,
            id: event.unit.clone(),
            key: event.key.clone(),
        }
    }
}

/// Prints the builds.
pub(crate) fn run(context: &Context, out: &mut Output, args: &ReportArgs) -> Result<(), CliError> {
    let store = context.store()?;
    let since = args.since.map(|since| since.moment(context.now));
    let mut sessions = Sessions::default();
    let read = events::read(store.layout(), since, &mut |event, ended| {
        sessions.add(event, ended);
    })?;
    let sessions = choose(sessions.in_order(), args.session.as_deref())?;
    out.result(&Report {
        v: REPORT_VERSION,
        sessions: sessions.iter().map(SessionReport::of).collect(),
        unreadable_lines: read.unreadable_lines,
    })
}

/// Returns the builds that were asked for: without a name, all that compiled something.
fn choose(mut sessions: Vec<Session>, asked: Option<&str>) -> Result<Vec<Session>, CliError> {
    match asked {
        Some("last") => {
            sessions.retain(|session| !session.units.is_empty());
            let last = sessions.pop().ok_or_else(|| {
                CliError::new(ErrorKind::Failed, "the journal has no build in it")
            })?;
            Ok(vec![last])
        }
        Some(id) => {
            sessions.retain(|session| session.id == id);
            if sessions.is_empty() {
                let message = format!("the journal has no session `{id}`");
                return Err(CliError::new(ErrorKind::Failed, message)
                    .hint("`kache report` lists the sessions"));
            }
            Ok(sessions)
        }
        None => {
            sessions.retain(|session| !session.units.is_empty());
            Ok(sessions)
        }
    }
}

impl SessionReport {
    fn of(session: &Session) -> Self {
        let with = |outcomes: &[Outcome]| {
            session
                .units
                .iter()
                .filter(|event| outcomes.contains(&event.outcome))
                .map(Unit::of)
                .collect::<Vec<_>>()
        };
        let misses = with(&[Outcome::Miss, Outcome::Dup]);
        let mut slowest_misses = misses.clone();
        slowest_misses.sort_by_key(|unit| std::cmp::Reverse(unit.compile_ms));
        slowest_misses.truncate(SLOWEST);
        Self {
            session: session.id.clone(),
            cwd: common_dir(&session.units),
            started: quantity::timestamp(session.started),
            ended: quantity::timestamp(session.ended),
            wall_ms: session.wall_ms(),
            units: session.tally.units.with_rates(),
            queries: session.tally.queries,
            bytes_restored: session.tally.bytes,
            miss_reasons: session.tally.miss_reasons.ranked(),
            passthrough_reasons: session.tally.passthrough_reasons.ranked(),
            misses,
            passthroughs: with(&[Outcome::Passthrough]),
            errors: with(&[Outcome::Error]),
            slowest_misses,
        }
    }
}

/// Returns where most was compiled: cargo compiles a registry crate inside
/// the registry, and members of a workspace at its root, last of all.
fn common_dir(units: &[Event]) -> String {
    units.last().map(|event| event.cwd.clone()).unwrap_or_default()
}

impl Human for Report {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        match self.sessions.as_slice() {
            [] => out.line("no builds"),
            [session] => session.print(out),
            sessions => print_list(out, sessions),
        }
    }
}

fn print_list(out: &mut Output, sessions: &[SessionReport]) -> Result<(), CliError> {
    const RIGHT: Align = Align::Right;
    let mut table = Table::headed([
        ("session", Align::Left),
        ("started", Align::Left),
        ("units", RIGHT),
        ("hits", RIGHT),
        ("misses", RIGHT),
        ("other", RIGHT),
        ("took", RIGHT),
        ("saved", RIGHT),
        ("directory", Align::Left),
    ]);
    for session in sessions {
        let CountsWithRates { counts, total, saved_ms, .. } = session.units;
        table.row([
            session.session.clone(),
            session.started.clone(),
            total.to_string(),
            counts.hits.to_string(),
            (counts.misses + counts.dups).to_string(),
            (counts.passthroughs + counts.errors).to_string(),
            quantity::milliseconds(session.wall_ms),
            quantity::milliseconds(saved_ms),
            session.cwd.clone(),
        ]);
    }
    out.table(&table)?;
    out.line("`kache report --session ID` shows one of them, `--session last` the last")
}

impl SessionReport {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        let CountsWithRates { counts, total, hit_rate, weighted_hit_rate, saved_ms } = self.units;
        out.line(format_args!("session {} in {}", self.session, self.cwd))?;
        out.line(format_args!(
            "started {}, took {}",
            self.started,
            quantity::milliseconds(self.wall_ms)
        ))?;
        out.gap()?;
        let Counts { hits, misses, dups, passthroughs, errors, .. } = counts;
        out.line(format_args!(
            "{}: hits {hits}, misses {misses}, dups {dups}, passthroughs {passthroughs}, \
             errors {errors}",
            quantity::count(total, "unit", "units")
        ))?;
        out.line(format_args!(
            "hit rate {}, by compile time {}",
            quantity::share(hit_rate),
            quantity::share(weighted_hit_rate)
        ))?;
        out.line(format_args!(
            "compiling took {}; hits saved {}",
            quantity::milliseconds(counts.compile_ms_spent),
            quantity::milliseconds(saved_ms)
        ))?;
        let Bytes { linked, cloned, copied } = self.bytes_restored;
        out.line(format_args!(
            "restored: {} linked, {} cloned, {} copied",
            quantity::size(linked),
            quantity::size(cloned),
            quantity::size(copied)
        ))?;
        print_units(out, "slowest misses", &self.slowest_misses)?;
        print_units(out, "passthroughs", &self.passthroughs)?;
        print_units(out, "errors", &self.errors)
    }
}

fn print_units(out: &mut Output, title: &str, units: &[Unit]) -> Result<(), CliError> {
    if units.is_empty() {
        return Ok(());
    }
    let mut table = Table::headed([
        (title, Align::Left),
        ("type", Align::Left),
        ("compiled in", Align::Right),
        ("why", Align::Left),
    ]);
    for unit in units {
        let name = if unit.name.is_empty() { "(unnamed)" } else { &unit.name };
        table.row([
            name.to_owned(),
            unit.crate_type.clone(),
            quantity::milliseconds(unit.compile_ms),
            reason_text(&unit.reason).to_owned(),
        ]);
    }
    out.gap()?;
    out.table(&table)
}
