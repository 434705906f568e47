//! Events by the build they were part of.

use serde::{Deserialize, Serialize};

use super::{Stats, crate_type, is_query};
use crate::journal::{Event, Outcome};

/// One unit that was not a hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Crate name or source file; may be empty.
    pub name: String,
    /// What it is; see [`Stats::crate_types`].
    pub crate_type: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why; may be empty.
    pub reason: String,
    /// How long the compiler ran, in milliseconds.
    pub compile_ms: u64,
    /// The unit, if it was computed.
    #[serde(rename = "unit")]
    pub id: Option<String>,
    /// The entry key, if it was computed.
    pub key: Option<String>,
}

/// One build: the events that share a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name in the journal.
    pub id: String,
    /// When its first event began, in nanoseconds since the Unix epoch.
    pub started_ns: i64,
    /// When its last event ended, in nanoseconds since the Unix epoch.
    pub ended_ns: i64,
    /// The working directory of its last unit: cargo compiles a registry crate
    /// inside the registry, and members of a workspace at its root, last of all.
    pub cwd: String,
    /// What its events add up to.
    pub stats: Stats,
    /// Its units that were not hits, in the order in which they ended.
    pub units: Vec<Unit>,
}

impl Session {
    /// A session in which nothing has happened yet at `moment_ns`.
    pub(super) fn at(moment_ns: i64, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            started_ns: moment_ns,
            ended_ns: moment_ns,
            cwd: String::new(),
            stats: Stats::default(),
            units: Vec::new(),
        }
    }

    /// Counts one event that ended at `ended_ns`.
    pub(super) fn count(&mut self, event: &Event, ended_ns: i64) {
        let wall_ns = i64::try_from(event.wall_us).unwrap_or(i64::MAX).saturating_mul(1000);
        self.started_ns = self.started_ns.min(ended_ns.saturating_sub(wall_ns).max(0));
        self.ended_ns = self.ended_ns.max(ended_ns);
        self.stats.count(event);
        if is_query(event) {
            return;
        }
        self.cwd.clone_from(&event.cwd);
        if event.outcome != Outcome::Hit {
            self.units.push(Unit {
                name: event.name.clone(),
                crate_type: crate_type(event),
                outcome: event.outcome,
                reason: event.reason.clone(),
                compile_ms: event.compile_ms,
                id: event.unit.clone(),
                key: event.key.clone(),
            });
        }
    }

    /// Adds what was read of the same session later.
    pub(crate) fn add(&mut self, later: Self) {
        self.started_ns = self.started_ns.min(later.started_ns);
        self.ended_ns = self.ended_ns.max(later.ended_ns);
        if !later.cwd.is_empty() {
            self.cwd = later.cwd;
        }
        self.stats.add(&later.stats);
        self.units.extend(later.units);
    }

    /// Returns how long the build ran, in milliseconds, as far as kache saw it.
    pub fn wall_ms(&self) -> u64 {
        u64::try_from(self.ended_ns.saturating_sub(self.started_ns) / 1_000_000).unwrap_or(0)
    }
}
