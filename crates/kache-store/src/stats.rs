//! What events come to: how many units were hits, what that saved, and the
//! reasons for the rest.
//!
//! A question to the compiler is no unit and has no part in any count of units.

mod fold;
mod session;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::journal::{Event, Outcome};

pub(crate) use fold::{Cursors, Folded, HOUR_NS};
pub use session::{Session, Unit};

/// What a number of units came to.
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
    /// What compiling the hits took when their entries were made, in milliseconds.
    pub compile_ms_avoided: u64,
    /// What compiling the misses and dups took, in milliseconds.
    pub compile_ms_spent: u64,
    /// What serving the hits took, in microseconds.
    pub restore_us: u64,
}

impl Counters {
    /// Returns what one unit came to.
    fn of(event: &Event) -> Self {
        let Event { outcome, compile_ms, wall_us, .. } = *event;
        let is = |other| u64::from(outcome == other);
        let is_hit = outcome == Outcome::Hit;
        let is_compiled = matches!(outcome, Outcome::Miss | Outcome::Dup);
        Self {
            hits: is(Outcome::Hit),
            misses: is(Outcome::Miss),
            dups: is(Outcome::Dup),
            passthroughs: is(Outcome::Passthrough),
            errors: is(Outcome::Error),
            compile_ms_avoided: if is_hit { compile_ms } else { 0 },
            compile_ms_spent: if is_compiled { compile_ms } else { 0 },
            restore_us: if is_hit { wall_us } else { 0 },
        }
    }

    /// Adds what others came to.
    pub fn add(&mut self, other: &Self) {
        grow(&mut self.hits, other.hits);
        grow(&mut self.misses, other.misses);
        grow(&mut self.dups, other.dups);
        grow(&mut self.passthroughs, other.passthroughs);
        grow(&mut self.errors, other.errors);
        grow(&mut self.compile_ms_avoided, other.compile_ms_avoided);
        grow(&mut self.compile_ms_spent, other.compile_ms_spent);
        grow(&mut self.restore_us, other.restore_us);
    }
}

/// How often cargo's questions to the compiler were answered from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queries {
    /// All questions.
    pub total: u64,
    /// Those that needed no compiler.
    pub answered: u64,
}

/// Bytes that were put in place, by how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesRestored {
    /// By hard link.
    pub linked: u64,
    /// By reflink.
    pub cloned: u64,
    /// By copying.
    pub copied: u64,
}

/// How often a reason was given, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// How many units gave it.
    pub count: u64,
    /// What compiling them took, in milliseconds.
    pub compile_ms: u64,
}

impl ReasonCount {
    fn add(&mut self, other: &Self) {
        grow(&mut self.count, other.count);
        grow(&mut self.compile_ms, other.compile_ms);
    }
}

/// Everything that a number of events add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// All units.
    pub units: Counters,
    /// Units by language.
    pub languages: BTreeMap<String, Counters>,
    /// Units by what they are: `lib`, `lib+cdylib`, `test` for every test
    /// harness, `unknown` for a call that was not understood.
    pub crate_types: BTreeMap<String, Counters>,
    /// Questions.
    pub queries: Queries,
    /// Bytes restored.
    pub bytes_restored: BytesRestored,
    /// Why misses and dups were compiled.
    pub miss_reasons: BTreeMap<String, ReasonCount>,
    /// Why units were handed to the compiler without looking.
    pub passthrough_reasons: BTreeMap<String, ReasonCount>,
}

impl Stats {
    /// Counts one event.
    fn count(&mut self, event: &Event) {
        if is_query(event) {
            grow(&mut self.queries.total, 1);
            grow(&mut self.queries.answered, u64::from(event.outcome == Outcome::Hit));
            return;
        }
        let counters = Counters::of(event);
        self.units.add(&counters);
        self.languages.entry(event.lang.clone()).or_default().add(&counters);
        self.crate_types.entry(crate_type(event)).or_default().add(&counters);
        grow(&mut self.bytes_restored.linked, event.bytes_linked);
        grow(&mut self.bytes_restored.cloned, event.bytes_cloned);
        grow(&mut self.bytes_restored.copied, event.bytes_copied);
        let reasons = match event.outcome {
            Outcome::Miss | Outcome::Dup => &mut self.miss_reasons,
            Outcome::Passthrough => &mut self.passthrough_reasons,
            Outcome::Hit | Outcome::Error => return,
        };
        let cost = ReasonCount { count: 1, compile_ms: event.compile_ms };
        reasons.entry(event.reason.clone()).or_default().add(&cost);
    }

    /// Adds what other events add up to.
    pub fn add(&mut self, other: &Self) {
        self.units.add(&other.units);
        merge(&mut self.languages, &other.languages, Counters::add);
        merge(&mut self.crate_types, &other.crate_types, Counters::add);
        grow(&mut self.queries.total, other.queries.total);
        grow(&mut self.queries.answered, other.queries.answered);
        grow(&mut self.bytes_restored.linked, other.bytes_restored.linked);
        grow(&mut self.bytes_restored.cloned, other.bytes_restored.cloned);
        grow(&mut self.bytes_restored.copied, other.bytes_restored.copied);
        merge(&mut self.miss_reasons, &other.miss_reasons, ReasonCount::add);
        merge(&mut self.passthrough_reasons, &other.passthrough_reasons, ReasonCount::add);
    }
}

fn merge<V: Default>(
    into: &mut BTreeMap<String, V>,
    from: &BTreeMap<String, V>,
    add: fn(&mut V, &V),
) {
    for (name, value) in from {
        add(into.entry(name.clone()).or_default(), value);
    }
}

/// Adds without overflow: a journal may hold any number.
fn grow(total: &mut u64, by: u64) {
    *total = total.saturating_add(by);
}

/// Returns whether an event is a question to the compiler and not a compilation.
///
/// A question has no unit and no crate types. A compilation that was passed
/// through before it was understood has neither, and no name.
fn is_query(event: &Event) -> bool {
    let is_nameless_passthrough = event.outcome == Outcome::Passthrough && event.name.is_empty();
    event.unit.is_none() && event.crate_types.is_empty() && !is_nameless_passthrough
}

/// Returns what a unit is; see [`Stats::crate_types`].
fn crate_type(event: &Event) -> String {
    if event.crate_types.iter().any(|name| name == "test") {
        "test".to_owned()
    } else if event.crate_types.is_empty() {
        "unknown".to_owned()
    } else {
        event.crate_types.join("+")
    }
}
