//! Which entries go when the store is too large: the least recently used ones.
//!
//! Planning is pure; [`crate::sweep`] carries a plan out. What an entry
//! occupies is its own file and those blobs that no entry which stays also
//! names. A blob counts with what it occupies on disk, once, however many
//! entries name it. It counts in full even where a target directory shares
//! its inode: the cap bounds what the store holds on to, and such bytes become
//! the target directory's own when the store lets go of them.

use std::collections::HashMap;

use kache_key::{BlobId, EntryKey};

use crate::scan::{EntryUse, Inventory};

/// A last use this far in the future was written by a clock that has been set back.
const CLOCK_SLACK_NS: i64 = 600 * 1_000_000_000;

/// How large a store may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size that starts an eviction, in bytes.
    pub max_bytes: u64,
}

impl Limits {
    /// Returns the size that an eviction goes down to: 90 % of the cap, so
    /// that the next build does not start another one.
    pub fn target_bytes(self) -> u64 {
        self.max_bytes / 10 * 9 + self.max_bytes % 10 * 9 / 10
    }
}

/// Entries to remove, and what that comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The entries, least recently used first.
    pub evict: Vec<Planned>,
    /// What the store occupies now, in bytes.
    pub before_bytes: u64,
    /// What it occupies afterwards, in bytes.
    pub after_bytes: u64,
}

/// One entry to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which entry.
    pub key: EntryKey,
    /// Its last use when the plan was made; one that was used since stays.
    pub last_use_ns: i64,
}

/// Plans an eviction; empty if the store fits its limits.
///
/// `now_ns` only tells uses in the future from others: those come from a
/// clock that was wrong, and count as the time at which the entry was stored.
pub fn plan(inventory: &Inventory, limits: Limits, now_ns: i64) -> Plan {
    let before_bytes = inventory.total_bytes();
    let mut plan = Plan { evict: Vec::new(), before_bytes, after_bytes: before_bytes };
    if before_bytes <= limits.max_bytes {
        return plan;
    }
    let mut references = References::of(&inventory.entries);
    // What nothing names is swept before anything is evicted.
    let unreferenced = inventory.blobs.iter().filter(|(id, _)| !references.0.contains_key(*id));
    plan.after_bytes -= unreferenced.map(|(_, blob)| blob.bytes).sum::<u64>();
    let mut oldest_first: Vec<&EntryUse> = inventory.entries.iter().collect();
    oldest_first.sort_by_key(|entry| (believable_use_ns(entry, now_ns), entry.key));
    for entry in oldest_first {
        if plan.after_bytes <= limits.target_bytes() {
            break;
        }
        let blob_bytes = |id: &BlobId| inventory.blobs.get(id).map_or(0, |blob| blob.bytes);
        let freed: u64 = references.release(entry).iter().map(blob_bytes).sum();
        plan.after_bytes = plan.after_bytes.saturating_sub(freed + entry.file_bytes);
        plan.evict.push(Planned { key: entry.key, last_use_ns: entry.last_use_ns });
    }
    plan
}

/// Plans the removal of the entries that `chosen` accepts, whatever the size of the store.
pub fn plan_removal(inventory: &Inventory, mut chosen: impl FnMut(&EntryUse) -> bool) -> Plan {
    let before_bytes = inventory.total_bytes();
    let mut plan = Plan { evict: Vec::new(), before_bytes, after_bytes: before_bytes };
    let mut references = References::of(&inventory.entries);
    for entry in inventory.entries.iter().filter(|entry| chosen(entry)) {
        let blob_bytes = |id: &BlobId| inventory.blobs.get(id).map_or(0, |blob| blob.bytes);
        let freed: u64 = references.release(entry).iter().map(blob_bytes).sum();
        plan.after_bytes = plan.after_bytes.saturating_sub(freed + entry.file_bytes);
        plan.evict.push(Planned { key: entry.key, last_use_ns: entry.last_use_ns });
    }
    plan
}

fn believable_use_ns(entry: &EntryUse, now_ns: i64) -> i64 {
    let latest_ns = now_ns.saturating_add(CLOCK_SLACK_NS);
    [entry.last_use_ns, entry.created_ns].into_iter().find(|ns| *ns <= latest_ns).unwrap_or(0)
}

/// How many entries name each blob.
#[derive(Debug, Default)]
pub(crate) struct References(HashMap<BlobId, u32>);

impl References {
    pub(crate) fn of(entries: &[EntryUse]) -> Self {
        let mut references = Self::default();
        for entry in entries {
            references.hold(entry);
        }
        references
    }

    /// Counts what `entry` names.
    pub(crate) fn hold(&mut self, entry: &EntryUse) {
        for id in &entry.blobs {
            *self.0.entry(*id).or_default() += 1;
        }
    }

    /// Stops counting what `entry` names and returns the blobs that nothing names any more.
    pub(crate) fn release(&mut self, entry: &EntryUse) -> Vec<BlobId> {
        let mut freed = Vec::new();
        for id in &entry.blobs {
            let Some(count) = self.0.get_mut(id) else { continue };
            *count -= 1;
            if *count == 0 {
                self.0.remove(id);
                freed.push(*id);
            }
        }
        freed
    }

    /// Returns whether any entry names the blob.
    pub(crate) fn is_held(&self, id: BlobId) -> bool {
        self.0.contains_key(&id)
    }
}

#[cfg(test)]
mod tests {
    use kache_key::{Digest, UnitId};

    use super::*;
    use crate::scan::BlobFile;

    const NOW_NS: i64 = 1_000_000 * 1_000_000_000;

    fn id(name: &str) -> BlobId {
        BlobId(Digest::of(name.as_bytes()))
    }

    /// An entry last used `age_s` seconds ago that names `blobs`.
    fn entry(name: &str, age_s: i64, blobs: &[&str]) -> EntryUse {
        EntryUse {
            key: EntryKey(Digest::of(name.as_bytes())),
            unit: UnitId(Digest::of(name.as_bytes())),
            last_use_ns: NOW_NS - age_s * 1_000_000_000,
            created_ns: 0,
            file_bytes: 0,
            blobs: blobs.iter().map(|name| id(name)).collect(),
        }
    }

    fn inventory(entries: Vec<EntryUse>, blobs: &[(&str, u64)]) -> Inventory {
        let blobs =
            blobs.iter().map(|(name, bytes)| (id(name), BlobFile { bytes: *bytes, links: 1 }));
        Inventory { entries, blobs: blobs.collect(), ..Inventory::default() }
    }

    #[track_caller]
    fn check(inventory: &Inventory, max_bytes: u64, evicted: &[&str], after_bytes: u64) {
        let plan = plan(inventory, Limits { max_bytes }, NOW_NS);
        let keys: Vec<EntryKey> = plan.evict.iter().map(|planned| planned.key).collect();
        let expected: Vec<EntryKey> = evicted.iter().map(|n| EntryKey(id(n).0)).collect();
        assert_eq!((keys, plan.after_bytes), (expected, after_bytes));
    }

    #[test]
    fn the_least_recently_used_go_first_down_to_nine_tenths() {
        let entries =
            vec![entry("new", 1, &["x"]), entry("old", 9, &["y"]), entry("mid", 5, &["z"])];
        let store = inventory(entries, &[("x", 40), ("y", 40), ("z", 40)]);
        check(&store, 120, &[], 120);
        check(&store, 119, &["old"], 80);
        check(&store, 80, &["old", "mid"], 40);
        check(&store, 0, &["old", "mid", "new"], 0);
    }

    #[test]
    fn a_shared_blob_counts_once_and_goes_with_its_last_entry() {
        let entries = vec![
            entry("a", 9, &["shared"]),
            entry("b", 8, &["shared", "own"]),
            entry("c", 7, &["rest"]),
        ];
        let store = inventory(entries, &[("shared", 100), ("own", 1), ("rest", 10)]);
        check(&store, 110, &["a", "b"], 10);
    }

    #[test]
    fn what_nothing_names_is_no_reason_to_evict() {
        let store = inventory(vec![entry("a", 1, &["x"])], &[("x", 10), ("orphan", 90)]);
        check(&store, 50, &[], 10);
    }

    #[test]
    fn a_use_in_the_future_does_not_keep_an_entry_for_ever() {
        let mut future = entry("future", -86_400, &["x"]);
        future.created_ns = NOW_NS - 99 * 1_000_000_000;
        let store = inventory(vec![entry("old", 9, &["y"]), future], &[("x", 10), ("y", 10)]);
        check(&store, 15, &["future"], 10);
    }

    #[test]
    fn a_missing_blob_frees_nothing() {
        let store = inventory(vec![entry("a", 2, &["gone"]), entry("b", 1, &["x"])], &[("x", 10)]);
        check(&store, 9, &["a", "b"], 0);
    }

    #[test]
    fn nine_tenths_does_not_overflow_or_lose_bytes() {
        assert_eq!(Limits { max_bytes: 0 }.target_bytes(), 0);
        assert_eq!(Limits { max_bytes: 15 }.target_bytes(), 13);
        assert_eq!(Limits { max_bytes: u64::MAX }.target_bytes(), u64::MAX / 10 * 9 + 4);
    }
}
