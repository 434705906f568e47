//! The event of this invocation, put together while it runs.

use std::time::{Duration, Instant};

use kache_config::LogLevel;
use kache_store::{Event, Outcome, Phases, Restored, Store, clock, journal};

use crate::log;
use crate::process;

/// One phase of an invocation, by the name it has in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Parse,
    Record,
    Inputs,
    Lookup,
    Restore,
    Compile,
    Publish,
}

/// Collects what happened and appends it to the journal at the end.
pub(crate) struct Report {
    started: Instant,
    lap: Instant,
    pub(crate) name: String,
    pub(crate) crate_types: Vec<String>,
    /// `rust`, `c` or `c++`.
    pub(crate) lang: &'static str,
    pub(crate) unit: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) cwd: String,
    pub(crate) compile_ms: u64,
    /// What is written to the log.
    pub(crate) log_level: LogLevel,
    /// Something went wrong in kache itself.
    pub(crate) is_failure: bool,
    phases: Phases,
    bytes_linked: u64,
    bytes_cloned: u64,
    bytes_copied: u64,
}

impl Report {
    /// Starts the clock.
    pub(crate) fn start(cwd: &str, lang: &'static str) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            lap: now,
            name: String::new(),
            crate_types: Vec::new(),
            lang,
            unit: None,
            key: None,
            cwd: cwd.to_owned(),
            compile_ms: 0,
            log_level: LogLevel::Error,
            is_failure: false,
            phases: Phases::default(),
            bytes_linked: 0,
            bytes_cloned: 0,
            bytes_copied: 0,
        }
    }

    /// Notes that the compiler has ended, which `took` so long.
    pub(crate) fn compiled(&mut self, took: Duration) {
        self.compile_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.lap(Phase::Compile);
    }

    /// Adds the time since the last lap to `phase`.
    pub(crate) fn lap(&mut self, phase: Phase) {
        let now = Instant::now();
        let lap_us = micros(now - self.lap);
        self.lap = now;
        let total = match phase {
            Phase::Parse => &mut self.phases.parse,
            Phase::Record => &mut self.phases.record,
            Phase::Inputs => &mut self.phases.inputs,
            Phase::Lookup => &mut self.phases.lookup,
            Phase::Restore => &mut self.phases.restore,
            Phase::Compile => &mut self.phases.compile,
            Phase::Publish => &mut self.phases.publish,
        };
        *total += lap_us;
    }

    /// Counts a restored file.
    pub(crate) fn count(&mut self, restored: Restored, size_bytes: u64) {
        match restored {
            Restored::Linked => self.bytes_linked += size_bytes,
            Restored::Cloned => self.bytes_cloned += size_bytes,
            Restored::Copied => self.bytes_copied += size_bytes,
        }
    }

    /// Appends the event. A journal that cannot be written must not stop a build.
    pub(crate) fn finish(self, store: &Store, outcome: Outcome, reason: impl Into<String>) {
        let (threshold, is_failure) = (self.log_level, self.is_failure);
        let event = Event {
            v: journal::EVENT_VERSION,
            ts: clock::rfc3339(clock::now_ns()),
            outcome,
            reason: reason.into(),
            lang: self.lang.to_owned(),
            name: self.name,
            crate_types: self.crate_types,
            unit: self.unit,
            key: self.key,
            session: session(),
            cwd: self.cwd,
            wall_us: micros(self.started.elapsed()),
            phases_us: self.phases,
            compile_ms: self.compile_ms,
            bytes_linked: self.bytes_linked,
            bytes_cloned: self.bytes_cloned,
            bytes_copied: self.bytes_copied,
            processes_spawned: process::spawned(),
        };
        drop(store.append(&event));
        log::write(store, threshold, &event, is_failure);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Names the build this invocation is part of: the parent process and when it
/// started, so that a reused process number is another session.
fn session() -> String {
    let Some(parent) = rustix::process::getppid() else { return String::new() };
    let pid = parent.as_raw_nonzero();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses and may hold anything.
    let started = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19));
    format!("{pid}-{}", started.unwrap_or("0"))
}
