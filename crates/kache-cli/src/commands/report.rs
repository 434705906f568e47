//! `kache report`: what each build got from the cache, and why not more.

use kache_store::stats::{BytesRestored, Queries, Unit};
use kache_store::{Counters, Outcome, Session};
use serde::Serialize;

use super::stats::reason_text;
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::figures::{Figures, Reason, ranked};
use crate::history;
use crate::output::{Human, Output};
use crate::quantity::{self, Since};
use crate::table::{Align, Table};

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
    units: Figures,
    queries: Queries,
    bytes_restored: BytesRestored,
    miss_reasons: Vec<Reason>,
    passthrough_reasons: Vec<Reason>,
    misses: Vec<Unit>,
    passthroughs: Vec<Unit>,
    errors: Vec<Unit>,
    slowest_misses: Vec<Unit>,
}

/// Prints the builds.
pub(crate) fn run(context: &Context, out: &mut Output, args: &ReportArgs) -> Result<(), CliError> {
    let store = context.store()?;
    let since = args.since.map(|since| history::ns(since.moment(context.now)));
    let index = history::open(store.layout())?;
    let sessions = choose(index.sessions(since)?, args.session.as_deref())?;
    out.result(&Report {
        v: REPORT_VERSION,
        sessions: sessions.into_iter().map(SessionReport::of).collect(),
        unreadable_lines: index.unreadable_lines()?,
    })
}

/// Returns the builds that were asked for: without a name, all that compiled something.
fn choose(mut sessions: Vec<Session>, asked: Option<&str>) -> Result<Vec<Session>, CliError> {
    match asked {
        Some("last") => {
            sessions.retain(is_build);
            let last = sessions
                .pop()
                .ok_or_else(|| CliError::new(ErrorKind::Failed, "there has been no build yet"))?;
            Ok(vec![last])
        }
        Some(id) => {
            sessions.retain(|session| session.id == id);
            if sessions.is_empty() {
                let message = format!("there has been no session `{id}`");
                return Err(CliError::new(ErrorKind::Failed, message)
                    .hint("`kache report` lists the sessions"));
            }
            Ok(sessions)
        }
        None => {
            sessions.retain(is_build);
            Ok(sessions)
        }
    }
}

/// Returns whether a session compiled something, or would have without kache.
fn is_build(session: &Session) -> bool {
    session.stats.units != Counters::default()
}

impl SessionReport {
    fn of(session: Session) -> Self {
        let wall_ms = session.wall_ms();
        let Session { id, started_ns, ended_ns, cwd, stats, units } = session;
        let with = |outcomes: &[Outcome]| -> Vec<Unit> {
            units.iter().filter(|unit| outcomes.contains(&unit.outcome)).cloned().collect()
        };
        let misses = with(&[Outcome::Miss, Outcome::Dup]);
        let mut slowest_misses = misses.clone();
        slowest_misses.sort_by_key(|unit| std::cmp::Reverse(unit.compile_ms));
        slowest_misses.truncate(SLOWEST);
        Self {
            session: id,
            cwd,
            started: quantity::timestamp(quantity::moment_of_ns(started_ns)),
            ended: quantity::timestamp(quantity::moment_of_ns(ended_ns)),
            wall_ms,
            units: Figures::of(&stats.units),
            queries: stats.queries,
            bytes_restored: stats.bytes_restored,
            miss_reasons: ranked(&stats.miss_reasons),
            passthrough_reasons: ranked(&stats.passthrough_reasons),
            misses,
            passthroughs: with(&[Outcome::Passthrough]),
            errors: with(&[Outcome::Error]),
            slowest_misses,
        }
    }
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
        let Figures { total, hits, misses, dups, passthroughs, errors, saved_ms, .. } =
            session.units;
        table.row([
            session.session.clone(),
            session.started.clone(),
            total.to_string(),
            hits.to_string(),
            (misses + dups).to_string(),
            (passthroughs + errors).to_string(),
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
        out.line(format_args!("session {} in {}", self.session, self.cwd))?;
        out.line(format_args!(
            "started {}, took {}",
            self.started,
            quantity::milliseconds(self.wall_ms)
        ))?;
        out.gap()?;
        let Figures { total, hits, misses, dups, passthroughs, errors, .. } = self.units;
        out.line(format_args!(
            "{}: hits {hits}, misses {misses}, dups {dups}, passthroughs {passthroughs}, \
             errors {errors}",
            quantity::count(total, "unit", "units")
        ))?;
        out.line(format_args!(
            "hit rate {}, by compile time {}",
            quantity::share(self.units.hit_rate),
            quantity::share(self.units.weighted_hit_rate)
        ))?;
        out.line(format_args!(
            "compiling took {}; hits saved {}",
            quantity::milliseconds(self.units.compile_ms_spent),
            quantity::milliseconds(self.units.saved_ms)
        ))?;
        let BytesRestored { linked, cloned, copied } = self.bytes_restored;
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
