//! Events by the build they were part of.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use kache_store::Event;

use crate::tally::{Tally, is_query};

/// One build: the events that share a session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its name in the journal.
    pub(crate) id: String,
    /// When its first event began.
    pub(crate) started: SystemTime,
    /// When its last event ended.
    pub(crate) ended: SystemTime,
    /// Its units in the order in which they ended.
    pub(crate) units: Vec<Event>,
    /// What they add up to.
    pub(crate) tally: Tally,
}

impl Session {
    fn new(id: String, moment: SystemTime) -> Self {
        let (units, tally) = (Vec::new(), Tally::default());
        Self { id, started: moment, ended: moment, units, tally }
    }

    fn add(&mut self, event: Event, ended: SystemTime) {
        let wall = Duration::from_micros(event.wall_us);
        let started = ended.checked_sub(wall).unwrap_or(ended);
        self.started = self.started.min(started);
        self.ended = self.ended.max(ended);
        self.tally.add(&event);
        if !is_query(&event) {
            self.units.push(event);
        }
    }

    /// Returns how long the build ran, in milliseconds, as far as kache saw it.
    pub(crate) fn wall_ms(&self) -> u64 {
        let wall = self.ended.duration_since(self.started).unwrap_or_default();
        u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The builds in a journal.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
    positions: HashMap<String, usize>,
}

impl Sessions {
    /// Adds one event to its build.
    pub(crate) fn add(&mut self, event: Event, ended: SystemTime) {
        let position = *self.positions.entry(event.session.clone()).or_insert_with(|| {
            self.sessions.push(Session::new(event.session.clone(), ended));
            self.sessions.len() - 1
        });
        if let Some(session) = self.sessions.get_mut(position) {
            session.add(event, ended);
        }
    }

    /// Returns the builds, oldest first.
    pub(crate) fn in_order(mut self) -> Vec<Session> {
        self.sessions.sort_by_key(|session| session.started);
        self.sessions
    }
}
