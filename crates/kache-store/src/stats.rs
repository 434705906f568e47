//! What the events come to: counters by hour, by crate, by session.
//!
//! The same rows are made from journal files and kept in the index, and
//! [`Stats`] is computed from rows only, so both give the same answer.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::failure::IoFailure;
use crate::journal::{self, Event, Outcome};
use crate::layout::Layout;

const HOUR_NS: i64 = 3_600 * 1_000_000_000;

/// What a number of invocations came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Served from the store.
    pub hits: u64,
    /// Compiled.
    pub misses: u64,
    /// Compiled, and every byte was known already.
    pub dups: u64,
    /// Handed to the compiler without looking.
    pub passthroughs: u64,
    /// The compiler failed.
    pub errors: u64,
    /// What all of them took, in microseconds.
    pub wall_us: u64,
    /// What the hits took, in microseconds.
    pub hit_wall_us: u64,
    /// How long compilers ran, in milliseconds.
    pub compiled_ms: u64,
    /// How long compilers ran when the entries of the hits were made, in milliseconds.
    pub avoided_ms: u64,
    /// Bytes restored by hard link.
    pub bytes_linked: u64,
    /// Bytes restored by reflink.
    pub bytes_cloned: u64,
    /// Bytes restored by copying.
    pub bytes_copied: u64,
    /// Processes started.
    pub processes_spawned: u64,
}

impl Counters {
    /// Counts one event.
    pub fn count(&mut self, event: &Event) {
        let outcome = match event.outcome {
            Outcome::Hit => &mut self.hits,
            Outcome::Miss => &mut self.misses,
            Outcome::Dup => &mut self.dups,
            Outcome::Passthrough => &mut self.passthroughs,
            Outcome::Error => &mut self.errors,
        };
        *outcome += 1;
        self.wall_us = self.wall_us.saturating_add(event.wall_us);
        if event.outcome == Outcome::Hit {
            self.hit_wall_us = self.hit_wall_us.saturating_add(event.wall_us);
            self.avoided_ms = self.avoided_ms.saturating_add(event.compile_ms);
        } else {
            self.compiled_ms = self.compiled_ms.saturating_add(event.compile_ms);
        }
        self.bytes_linked = self.bytes_linked.saturating_add(event.bytes_linked);
        self.bytes_cloned = self.bytes_cloned.saturating_add(event.bytes_cloned);
        self.bytes_copied = self.bytes_copied.saturating_add(event.bytes_copied);
        self.processes_spawned =
            self.processes_spawned.saturating_add(u64::from(event.processes_spawned));
    }

    /// Adds what others came to.
    pub fn add(&mut self, other: &Self) {
        self.hits = self.hits.saturating_add(other.hits);
        self.misses = self.misses.saturating_add(other.misses);
        self.dups = self.dups.saturating_add(other.dups);
        self.passthroughs = self.passthroughs.saturating_add(other.passthroughs);
        self.errors = self.errors.saturating_add(other.errors);
        self.wall_us = self.wall_us.saturating_add(other.wall_us);
        self.hit_wall_us = self.hit_wall_us.saturating_add(other.hit_wall_us);
        self.compiled_ms = self.compiled_ms.saturating_add(other.compiled_ms);
        self.avoided_ms = self.avoided_ms.saturating_add(other.avoided_ms);
        self.bytes_linked = self.bytes_linked.saturating_add(other.bytes_linked);
        self.bytes_cloned = self.bytes_cloned.saturating_add(other.bytes_cloned);
        self.bytes_copied = self.bytes_copied.saturating_add(other.bytes_copied);
        self.processes_spawned = self.processes_spawned.saturating_add(other.processes_spawned);
    }

    /// Returns how many invocations there were.
    pub fn invocations(&self) -> u64 {
        self.hits + self.misses + self.dups + self.passthroughs + self.errors
    }

    /// Returns the compile time avoided less what the hits took, in milliseconds.
    pub fn saved_ms(&self) -> u64 {
        self.avoided_ms.saturating_sub(self.hit_wall_us / 1000)
    }
}

/// One build: the invocations with one parent process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStats {
    /// When its first invocation ended, in nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// When its last invocation ended, in nanoseconds since the Unix epoch.
    pub last_ns: i64,
    /// The working directory of its first invocation.
    pub cwd: String,
    /// What it came to.
    pub counters: Counters,
}

impl SessionStats {
    /// Adds what was seen of the same session elsewhere.
    pub(crate) fn add(&mut self, other: &Self) {
        if other.first_ns < self.first_ns {
            self.first_ns = other.first_ns;
            self.cwd.clone_from(&other.cwd);
        }
        self.last_ns = self.last_ns.max(other.last_ns);
        self.counters.add(&other.counters);
    }
}

/// What a row of counters is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Everything; the name is empty.
    All,
    /// One crate or source file.
    Name,
    /// One reason for a passthrough.
    Passthrough,
}

/// An hour since the Unix epoch, what is counted, and its name.
pub(crate) type Row = (u64, Subject, String);

/// Counters as rows, and sessions by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: BTreeMap<Row, Counters>,
    pub(crate) sessions: BTreeMap<String, SessionStats>,
}

impl Tally {
    /// Counts one event; one whose time cannot be read counts for nothing.
    pub(crate) fn count(&mut self, event: &Event) {
        let Some(time_ns) = time_ns(event) else { return };
        let hour = u64::try_from(time_ns / HOUR_NS).unwrap_or(0);
        self.row((hour, Subject::All, String::new())).count(event);
        self.row((hour, Subject::Name, event.name.clone())).count(event);
        if event.outcome == Outcome::Passthrough {
            self.row((hour, Subject::Passthrough, event.reason.clone())).count(event);
        }
        let mut seen = SessionStats {
            first_ns: time_ns,
            last_ns: time_ns,
            cwd: event.cwd.clone(),
            counters: Counters::default(),
        };
        seen.counters.count(event);
        match self.sessions.get_mut(&event.session) {
            Some(session) => session.add(&seen),
            None => drop(self.sessions.insert(event.session.clone(), seen)),
        }
    }

    fn row(&mut self, row: Row) -> &mut Counters {
        self.rows.entry(row).or_default()
    }
}

/// Returns when an event happened, in nanoseconds since the Unix epoch.
pub fn time_ns(event: &Event) -> Option<i64> {
    let time = humantime::parse_rfc3339(&event.ts).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// What the events since some time come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Everything.
    pub total: Counters,
    /// By day, `YYYY-MM-DD` in UTC.
    pub days: BTreeMap<String, Counters>,
    /// By crate or source file.
    pub names: BTreeMap<String, Counters>,
    /// How often each reason made kache step aside.
    pub passthroughs: BTreeMap<String, u64>,
    /// By session, that is by build.
    pub sessions: BTreeMap<String, SessionStats>,
}

impl Stats {
    pub(crate) fn of(
        rows: impl Iterator<Item = (Row, Counters)>,
        sessions: impl Iterator<Item = (String, SessionStats)>,
    ) -> Self {
        let mut stats = Self { sessions: sessions.collect(), ..Self::default() };
        for ((hour, subject, name), counters) in rows {
            match subject {
                Subject::All => {
                    stats.total.add(&counters);
                    stats.days.entry(day(hour)).or_default().add(&counters);
                }
                Subject::Name => stats.names.entry(name).or_default().add(&counters),
                Subject::Passthrough => {
                    *stats.passthroughs.entry(name).or_default() += counters.passthroughs;
                }
            }
        }
        stats
    }
}

/// Returns the first hour that may hold events since `since_ns`.
#[cfg(feature = "index")]
pub(crate) fn first_hour(since_ns: Option<i64>) -> u64 {
    since_ns.and_then(|ns| u64::try_from(ns / HOUR_NS).ok()).unwrap_or(0)
}

fn day(hour: u64) -> String {
    let start_ns = i64::try_from(hour).unwrap_or(0).saturating_mul(HOUR_NS);
    clock::rfc3339(start_ns).chars().take(10).collect()
}

/// Returns what the events in the journal files come to, those before
/// `since_ns` left out. Reads every file that was written to since.
pub fn from_journal(layout: &Layout, since_ns: Option<i64>) -> Result<Stats, IoFailure> {
    let mut tally = Tally::default();
    journal::read_all(layout, since_ns, &mut |event| {
        if since_ns.is_none_or(|since| time_ns(event).is_some_and(|ns| ns >= since)) {
            tally.count(event);
        }
    })?;
    Ok(Stats::of(tally.rows.into_iter(), tally.sessions.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_damaged_journal_do_not_overflow() {
        let mut counters = Counters { wall_us: u64::MAX, hits: u64::MAX, ..Counters::default() };
        counters.add(&counters.clone());
        assert_eq!((counters.wall_us, counters.hits), (u64::MAX, u64::MAX));
    }
}
