//! What must become of a unit, and whether an event tells of that.

use kache_e2e::events::{Event, Outcome};

/// What must become of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Served, without any process.
    Hit,
    /// Served, perhaps after a question to a compiler or linker that kache
    /// does not know by its place and time alone.
    Served,
    /// Compiled and stored, with bytes that were not known.
    Miss,
    /// Compiled, and every byte was known.
    Dup,
    /// Compiled and stored, whether the bytes were known or not.
    Compiled,
    /// Compiled and not stored.
    Unstored,
    /// Handed to the compiler, which makes of it what it likes.
    Passthrough,
    /// Given to the compiler, which refuses it.
    Failure,
}

impl Expected {
    /// Whether `event` tells of this.
    pub(crate) fn is_told_by(self, event: &Event) -> bool {
        let is_stored = !event.reason.contains("not stored");
        match self {
            Self::Hit => event.outcome == Outcome::Hit && event.spawned() == 0,
            Self::Served => event.outcome == Outcome::Hit,
            Self::Miss => event.outcome == Outcome::Miss && is_stored,
            Self::Dup => event.outcome == Outcome::Dup && is_stored,
            Self::Compiled => Self::Miss.is_told_by(event) || Self::Dup.is_told_by(event),
            Self::Unstored => event.outcome == Outcome::Miss && !is_stored,
            Self::Passthrough => event.outcome == Outcome::Passthrough,
            Self::Failure => event.outcome == Outcome::Error,
        }
    }

    /// Asserts that `event` tells of this.
    #[track_caller]
    pub(crate) fn assert_told_by(self, event: &Event) {
        assert!(self.is_told_by(event), "expected {self:?}: {}", event.describe());
    }
}

/// Asserts that a compilation was not stored, for a reason in which `why` occurs.
#[track_caller]
pub(crate) fn assert_unstored(event: &Event, why: &str) {
    assert_eq!(event.outcome, Outcome::Miss, "{}", event.describe());
    let reason = event.reason.split_once("not stored: ").map_or("", |(_, reason)| reason);
    assert!(!reason.is_empty() && reason.contains(why), "{}", event.describe());
}
