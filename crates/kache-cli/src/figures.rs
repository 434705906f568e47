//! What statistics say: rates, time saved, reasons by their number.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kache_store::Counters;
use kache_store::stats::ReasonCount;
use serde::Serialize;

/// Counts of units and what follows from them. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// All units.
    pub(crate) total: u64,
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
    /// The hits' share of the units that the store could have served: hits,
    /// misses and dups. `None` for no unit.
    pub(crate) hit_rate: Option<f64>,
    /// The hits' share of the time that compiling all those units takes.
    pub(crate) weighted_hit_rate: Option<f64>,
    /// What compiling the hits took when their entries were made.
    pub(crate) compile_ms_avoided: u64,
    /// What compiling the misses and dups took.
    pub(crate) compile_ms_spent: u64,
    /// What serving the hits took, all in all.
    pub(crate) restore_ms: u64,
    /// The compile time avoided less the time that restoring took.
    pub(crate) saved_ms: u64,
}

impl Figures {
    /// Returns what follows from `counters`.
    pub(crate) fn of(counters: &Counters) -> Self {
        let Counters { hits, misses, dups, passthroughs, errors, .. } = *counters;
        let Counters { compile_ms_avoided, compile_ms_spent, restore_us, .. } = *counters;
        let looked_up = [hits, misses, dups].into_iter().fold(0, u64::saturating_add);
        let compile_ms = compile_ms_avoided.saturating_add(compile_ms_spent);
        let restore_ms = restore_us / 1000;
        Self {
            total: looked_up.saturating_add(passthroughs).saturating_add(errors),
            hits,
            misses,
            dups,
            passthroughs,
            errors,
            hit_rate: ratio(hits, looked_up),
            weighted_hit_rate: ratio(compile_ms_avoided, compile_ms),
            compile_ms_avoided,
            compile_ms_spent,
            restore_ms,
            saved_ms: compile_ms_avoided.saturating_sub(restore_ms),
        }
    }

    /// Returns the same of each of several counters.
    pub(crate) fn of_each(counters: &BTreeMap<String, Counters>) -> BTreeMap<String, Self> {
        counters.iter().map(|(name, counters)| (name.clone(), Self::of(counters))).collect()
    }
}

/// A reason, how often it was given, and what that cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    /// As it stands in the journal.
    pub(crate) reason: String,
    /// How many units gave it, and what compiling them took.
    #[serde(flatten)]
    pub(crate) cost: ReasonCount,
}

/// Returns reasons, the most frequent first.
pub(crate) fn ranked(reasons: &BTreeMap<String, ReasonCount>) -> Vec<Reason> {
    let mut ranked: Vec<Reason> = reasons
        .iter()
        .map(|(reason, cost)| Reason { reason: reason.clone(), cost: *cost })
        .collect();
    ranked.sort_by_key(|Reason { cost, .. }| Reverse((cost.count, cost.compile_ms)));
    ranked
}

/// Returns `part / whole` with four digits, so that equal journals print equal
/// text, or `None` where the whole is nothing.
#[expect(clippy::cast_precision_loss, reason = "a share is shown with four digits")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}
