//! Keeping the store within its limits and free of leftovers.
//!
//! Runs outside of builds: the wrapper starts it on its own now and then, and
//! the command line tool when asked to.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::IoFailure;
use crate::identity;
use crate::journal;
use crate::layout::Layout;
use crate::litter::Litter;
use crate::removed::{Kind, Removed, remove};
use crate::restore;
use crate::retention::{self, Limits};
use crate::rotation::Series;
use crate::scan;
use crate::staging::with_parent;
use crate::sweep::{Removal, RemovalError};
use crate::synced;

/// How far the store is tidied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How large it may be.
    pub limits: Limits,
    /// Whether it must shrink even if it is within its limits, because the disk is full.
    pub disk_is_full: bool,
    /// The size at which the journal is moved aside, and the log, in bytes.
    pub journal_max_bytes: u64,
    /// How long a journal or log that was moved aside is kept.
    pub journal_keep: Duration,
}

/// What one housekeeping did.
#[derive(Debug, Default)]
pub struct Housekept {
    /// What was of no use.
    pub swept: Removed,
    /// What was too much.
    pub evicted: Removed,
    /// Whether the journal was moved aside.
    pub rotated: bool,
    /// What entries and blobs occupied before, in bytes.
    pub before_bytes: u64,
}

/// Rotates the journal and the log, sweeps, evicts down to the limits, and syncs the store to disk.
pub fn run(layout: &Layout, rules: &Rules, now_ns: i64) -> Result<Housekept, RemovalError> {
    let mut removal = Removal::start(layout)?;
    let rotated = journal::rotate(layout, rules.journal_max_bytes)?;
    Series::log(layout).rotate(rules.journal_max_bytes)?;
    let before_bytes = removal.inventory().total_bytes();
    let swept = sweep(&mut removal, rules, now_ns)?;
    let evicted = evict(&mut removal, rules, now_ns)?;
    drop(removal);
    synced::sync(layout)?;
    Ok(Housekept { swept, evicted, rotated, before_bytes })
}

/// Removes what is of no use: blobs that nothing names, entries that cannot be
/// served, old records that lead nowhere, leftovers, stale locks, old journals
/// and logs.
pub fn sweep(
    removal: &mut Removal<'_>,
    rules: &Rules,
    now_ns: i64,
) -> Result<Removed, RemovalError> {
    let units = removal.units();
    let foreign: Vec<PathBuf> = removal.inventory().foreign.clone();
    let mut removed = removal.sweep()?;
    let mut litter = Litter { layout: removal.layout(), now_ns, removed: Removed::default() };
    for path in &foreign {
        litter.foreign(path);
    }
    litter.leftovers()?;
    litter.records(&units)?;
    litter.journals(rules.journal_keep)?;
    litter.logs(rules.journal_keep)?;
    removed.add(litter.removed);
    Ok(removed)
}

fn evict(removal: &mut Removal<'_>, rules: &Rules, now_ns: i64) -> Result<Removed, RemovalError> {
    let held_bytes = removal.inventory().total_bytes();
    let mut limits = rules.limits;
    if rules.disk_is_full {
        limits.max_bytes = limits.max_bytes.min(held_bytes.saturating_sub(1));
    }
    let plan = retention::plan(removal.inventory(), limits, now_ns);
    removal.evict(&plan)
}

/// Removes every entry, blob and record. The journal and the memoised
/// identities of compilers stay.
pub fn clear(layout: &Layout) -> Result<Removed, RemovalError> {
    let mut removal = Removal::start(layout)?;
    let plan = retention::plan_removal(removal.inventory(), |_| true);
    let mut removed = removal.evict(&plan)?;
    removed.add(removal.sweep()?);
    scan::walk(&layout.records(), &mut |found| {
        removed.count(Kind::Record, remove(&found.path, Some("evict.record")));
        Ok(())
    })?;
    Ok(removed)
}

/// Returns whether the last housekeeping began at least `interval` ago, and
/// if so marks that one begins now.
///
/// Where there never was one the answer is `if_never`, and the time is marked
/// all the same: a store that was just made has nothing to tidy. One system
/// call where nothing is due. A time in the future counts as long ago: the
/// clock has been set back.
pub fn is_due(
    layout: &Layout,
    interval: Duration,
    now_ns: i64,
    if_never: bool,
) -> Result<bool, IoFailure> {
    let path = layout.housekept();
    let last = scan::look(&path)?;
    if let Some(metadata) = &last {
        let age_ns = now_ns.abs_diff(identity::mtime_ns(metadata));
        if u128::from(age_ns) < interval.as_nanos() {
            return Ok(false);
        }
    }
    with_parent(&path, || OpenOptions::new().create(true).append(true).open(&path).map(drop))
        .and_then(|()| restore::touch(&path))
        .map_err(IoFailure::on("mark", &path))?;
    Ok(last.is_some() || if_never)
}
