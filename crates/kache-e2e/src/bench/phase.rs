//! The situations that are measured.

use std::fmt;

use serde::Serialize;

use super::contender::Kind;

/// One situation, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Empty cache, no target directory.
    Cold,
    /// Full cache, no target directory, same checkout.
    Warm,
    /// Nothing changed since the last build.
    NoOp,
    /// Full cache, a checkout at a path never seen, while the first one's
    /// target directory still stands.
    Second,
    /// The first edit of the main crate after a warm restore.
    FirstEdit,
    /// A further edit of the main crate.
    RepeatedEdit,
    /// The main crate as it was before all edits.
    EditBack,
}

/// Every phase, in order.
pub const PHASES: &[Phase] = &[
    Phase::Cold,
    Phase::Warm,
    Phase::NoOp,
    Phase::Second,
    Phase::FirstEdit,
    Phase::RepeatedEdit,
    Phase::EditBack,
];

impl Phase {
    /// Returns how often a repetition measures it: short phases more often,
    /// because noise weighs more on them.
    pub fn samples(self) -> usize {
        match self {
            Self::Cold | Self::FirstEdit | Self::EditBack => 1,
            Self::Warm | Self::Second | Self::RepeatedEdit => 3,
            Self::NoOp => 10,
        }
    }

    /// Whether `kind` has anything to show in this phase.
    ///
    /// Without a cache there is no warm build. The floor replays what was
    /// recorded and nothing else.
    pub fn concerns(self, kind: Kind) -> bool {
        match kind {
            Kind::Plain => !matches!(self, Self::Warm | Self::Second),
            Kind::Floor => matches!(self, Self::Warm | Self::Second),
            Kind::Kache | Kind::Sccache => true,
        }
    }

    /// Whether the main source is edited before the build.
    pub fn edits(self) -> bool {
        matches!(self, Self::FirstEdit | Self::RepeatedEdit)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::NoOp => "no-op",
            Self::Second => "second checkout",
            Self::FirstEdit => "first edit",
            Self::RepeatedEdit => "repeated edit",
            Self::EditBack => "edit back",
        })
    }
}
