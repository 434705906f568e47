//! Counting events: outcomes, what was saved, and the reasons for the rest.

use std::collections::BTreeMap;

use kache_store::{Event, Outcome};
use serde::Serialize;

/// What a number of units came to. Times are milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Served from the store.
    pub(crate) hits: u64,
    /// Compiled.
    pub(crate) misses: u64,
    /// Compiled, and every byte was known already.
    pub(crate) dups: u64,
    /// Handed to the compiler without looking.
    pub(crate) passthroughs: u64,
    /// The compiler failed.
    pub(crate) errors: u64,
    /// What compiling the hits took when their entries were made.
    pub(crate) compile_ms_avoided: u64,
    /// What compiling the misses and dups took.
    pub(crate) compile_ms_spent: u64,
    /// What serving the hits took, all in all.
    pub(crate) restore_ms: u64,
    /// Microseconds of `restore_ms` below a whole one.
    #[serde(skip)]
    restore_rest_us: u64,
}

impl Counts {
    /// Counts one unit.
    pub(crate) fn add(&mut self, event: &Event) {
        let count = match event.outcome {
            Outcome::Hit => &mut self.hits,
            Outcome::Miss => &mut self.misses,
            Outcome::Dup => &mut self.dups,
            Outcome::Passthrough => &mut self.passthroughs,
            Outcome::Error => &mut self.errors,
        };
        *count += 1;
        match event.outcome {
            Outcome::Hit => {
                grow(&mut self.compile_ms_avoided, event.compile_ms);
                let us = self.restore_rest_us.saturating_add(event.wall_us);
                grow(&mut self.restore_ms, us / 1000);
                self.restore_rest_us = us % 1000;
            }
            Outcome::Miss | Outcome::Dup => grow(&mut self.compile_ms_spent, event.compile_ms),
            Outcome::Passthrough | Outcome::Error => {}
        }
    }

    /// Returns how many units there were.
    pub(crate) fn total(&self) -> u64 {
        self.looked_up() + self.passthroughs + self.errors
    }

    /// Returns the units that the store could have served: hits, misses and dups.
    pub(crate) fn looked_up(&self) -> u64 {
        self.hits + self.misses + self.dups
    }

    /// Returns the hits' share of the units looked up, `None` for no unit.
    pub(crate) fn hit_rate(&self) -> Option<f64> {
        ratio(self.hits, self.looked_up())
    }

    /// Returns the hits' share of the time that compiling all units looked up takes.
    pub(crate) fn weighted_hit_rate(&self) -> Option<f64> {
        let total_ms = self.compile_ms_avoided.saturating_add(self.compile_ms_spent);
        ratio(self.compile_ms_avoided, total_ms)
    }

    /// Returns the compile time avoided less the time that restoring took.
    pub(crate) fn saved_ms(&self) -> u64 {
        self.compile_ms_avoided.saturating_sub(self.restore_ms)
    }

    /// Returns the counts with what follows from them, for programs.
    pub(crate) fn with_rates(self) -> CountsWithRates {
        CountsWithRates {
            total: self.total(),
            hit_rate: self.hit_rate().map(rounded),
            weighted_hit_rate: self.weighted_hit_rate().map(rounded),
            saved_ms: self.saved_ms(),
            counts: self,
        }
    }
}

/// Counts and what follows from them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CountsWithRates {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// All units.
    pub(crate) total: u64,
    /// See [`Counts::hit_rate`].
    pub(crate) hit_rate: Option<f64>,
    /// See [`Counts::weighted_hit_rate`].
    pub(crate) weighted_hit_rate: Option<f64>,
    /// See [`Counts::saved_ms`].
    pub(crate) saved_ms: u64,
}

/// How often cargo's questions to the compiler were answered from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Queries {
    /// All questions.
    pub(crate) total: u64,
    /// Those that needed no compiler.
    pub(crate) answered: u64,
}

/// Bytes that were put in place, by how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Bytes {
    /// By hard link.
    pub(crate) linked: u64,
    /// By reflink.
    pub(crate) cloned: u64,
    /// By copying.
    pub(crate) copied: u64,
}

impl Bytes {
    fn add(&mut self, event: &Event) {
        grow(&mut self.linked, event.bytes_linked);
        grow(&mut self.cloned, event.bytes_cloned);
        grow(&mut self.copied, event.bytes_copied);
    }
}

/// How often a reason was given, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReasonCount {
    /// The reason as it stands in the journal.
    pub(crate) reason: String,
    /// How many units gave it.
    pub(crate) count: u64,
    /// What compiling them took, in milliseconds.
    pub(crate) compile_ms: u64,
}

/// Counts and costs by reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reasons(BTreeMap<String, (u64, u64)>);

impl Reasons {
    fn add(&mut self, event: &Event) {
        let (count, compile_ms) = self.0.entry(event.reason.clone()).or_default();
        *count += 1;
        grow(compile_ms, event.compile_ms);
    }

    /// Returns the reasons, the most frequent first.
    pub(crate) fn ranked(&self) -> Vec<ReasonCount> {
        let mut ranked: Vec<ReasonCount> = self
            .0
            .iter()
            .map(|(reason, (count, compile_ms))| ReasonCount {
                reason: reason.clone(),
                count: *count,
                compile_ms: *compile_ms,
            })
            .collect();
        ranked.sort_by_key(|reason| std::cmp::Reverse((reason.count, reason.compile_ms)));
        ranked
    }
}

/// Everything that events add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// All units.
    pub(crate) units: Counts,
    /// Units by language.
    pub(crate) languages: BTreeMap<String, Counts>,
    /// Units by what they are; see [`kind_of`].
    pub(crate) kinds: BTreeMap<String, Counts>,
    /// Questions, which are no units.
    pub(crate) queries: Queries,
    /// Bytes restored.
    pub(crate) bytes: Bytes,
    /// Why misses and dups were compiled.
    pub(crate) miss_reasons: Reasons,
    /// Why units were handed to the compiler without looking.
    pub(crate) passthrough_reasons: Reasons,
}

impl Tally {
    /// Counts one event.
    pub(crate) fn add(&mut self, event: &Event) {
        if is_query(event) {
            self.queries.total += 1;
            self.queries.answered += u64::from(event.outcome == Outcome::Hit);
            return;
        }
        self.units.add(event);
        self.languages.entry(event.lang.clone()).or_default().add(event);
        self.kinds.entry(kind_of(event)).or_default().add(event);
        self.bytes.add(event);
        match event.outcome {
            Outcome::Miss | Outcome::Dup => self.miss_reasons.add(event),
            Outcome::Passthrough => self.passthrough_reasons.add(event),
            Outcome::Hit | Outcome::Error => {}
        }
    }
}

/// Returns whether an event is a question to the compiler and not a compilation.
///
/// A question has no unit and no crate types. A compilation that was passed
/// through before it was understood has neither, and no name.
pub(crate) fn is_query(event: &Event) -> bool {
    let is_nameless_passthrough = event.outcome == Outcome::Passthrough && event.name.is_empty();
    event.unit.is_none() && event.crate_types.is_empty() && !is_nameless_passthrough
}

/// Returns what a unit is, by its crate types: `lib`, `proc-macro`, `test`, `lib+cdylib`.
pub(crate) fn kind_of(event: &Event) -> String {
    if event.crate_types.iter().any(|name| name == "test") {
        "test".to_owned()
    } else if event.crate_types.is_empty() {
        "unknown".to_owned()
    } else {
        event.crate_types.join("+")
    }
}

/// Adds without overflow: a journal may hold any number.
fn grow(total: &mut u64, by: u64) {
    *total = total.saturating_add(by);
}

/// Returns `part / whole`, or `None` where the whole is nothing.
#[expect(clippy::cast_precision_loss, reason = "a share is shown with four digits")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Returns a share with four digits, so that equal journals print equal text.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}
