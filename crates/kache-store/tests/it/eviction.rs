//! What is removed when the store is too large, and what it gives back.

use std::fs;

use kache_key::EntryKey;
use kache_store::{
    Limits, Manifest, Plan, Planned, Removal, RemovalError, Removed, UnitRecords, clock,
};

use crate::world::{Fallible, HOUR_NS, ROOMY, World, age, key_of, unit_of};

const MIB: usize = 1 << 20;

/// Publishes `names`, the first one used longest ago, one mebibyte each.
fn fill(world: &World, names: &[&str]) -> Fallible<Vec<EntryKey>> {
    let mut keys = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let bytes = name.as_bytes().repeat(MIB / name.len());
        let key = world.publish(name, &[("out", &bytes)])?;
        let hours = i64::try_from(names.len() - place)?;
        age(&world.store.layout().entry(key), hours * HOUR_NS)?;
        keys.push(key);
    }
    fs::remove_dir_all(world.path("target"))?;
    Ok(keys)
}

fn evict_to(world: &World, max_bytes: u64) -> Fallible<Removed> {
    let plan = world.store.plan_eviction(Limits { max_bytes }, clock::now_ns())?;
    Ok(world.store.evict(&plan)?)
}

/// Plans the removal of one entry.
fn plan_for(world: &World, key: EntryKey) -> Fallible<Plan> {
    let inventory = world.store.inventory()?;
    Ok(kache_store::retention::plan_removal(&inventory, |entry| entry.key == key))
}

#[test]
fn the_cap_holds_in_real_bytes_and_the_least_recently_used_go() -> Fallible {
    let world = World::new()?;
    let keys = fill(&world, &["a", "b", "c", "d"])?;
    let cap = 3 * MIB as u64;
    let removed = evict_to(&world, cap)?;
    assert_eq!((removed.entries, removed.blobs, removed.refused), (2, 2, 0));
    assert!(removed.freed_bytes >= 2 * MIB as u64 && removed.bytes == removed.freed_bytes);
    assert!(world.store.usage()?.capped_bytes() <= cap * 9 / 10);
    let served: Vec<bool> = keys
        .iter()
        .map(|key| Ok(world.store.manifest(*key)?.is_some()))
        .collect::<Fallible<_>>()?;
    assert_eq!(served, [false, false, true, true]);
    world.check_tidy()
}

#[test]
fn a_result_filed_a_second_time_outlives_the_first() -> Fallible {
    let world = World::new()?;
    let first = world.publish("a", &[("out", b"bytes")])?;
    fs::remove_dir_all(world.path("target"))?;
    let manifest = world.store.manifest(first)?.ok_or("it was published")?;
    let (second, record) = key_of("b");
    let mut records = UnitRecords::default();
    records.remember(record);
    let publisher = world.store.publisher()?;
    assert!(publisher.has_blobs(&manifest));
    let again = Manifest { unit: unit_of("b"), ..manifest.clone() };
    publisher.finish(second, &again, unit_of("b"), &records)?;
    drop(publisher);
    assert_eq!(world.store.evict(&plan_for(&world, first)?)?.blobs, 0);
    assert!(world.restore(second, "target")?.is_some());
    let removed = world.store.evict(&plan_for(&world, second)?)?;
    assert_eq!((removed.entries, removed.blobs), (1, 1));
    assert!(!world.store.publisher()?.has_blobs(&manifest));
    world.check_tidy()
}

#[test]
fn a_store_within_its_cap_loses_nothing() -> Fallible {
    let world = World::new()?;
    fill(&world, &["a", "b"])?;
    let removed = evict_to(&world, 10 * MIB as u64)?;
    assert_eq!((removed.entries, removed.blobs), (0, 0));
    Ok(())
}

#[test]
fn bytes_that_many_entries_name_count_once() -> Fallible {
    let world = World::new()?;
    let bytes = vec![7; MIB];
    for name in ["a", "b", "c"] {
        world.publish(name, &[("out", &bytes)])?;
    }
    let usage = world.store.usage()?;
    assert_eq!((usage.entries.files, usage.blobs.files), (3, 1));
    assert!(usage.blobs.bytes < MIB as u64 + MIB as u64 / 10);
    Ok(())
}

#[test]
fn a_shared_blob_stays_while_an_entry_names_it() -> Fallible {
    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("out", b"shared by two")];
    let first = world.publish("a", files)?;
    let second = world.publish("b", files)?;
    let removed = world.store.evict(&plan_for(&world, first)?)?;
    assert_eq!((removed.entries, removed.blobs), (1, 0));
    world.check_hit(second, "other", files)?;
    let removed = world.store.evict(&plan_for(&world, second)?)?;
    assert_eq!((removed.entries, removed.blobs), (1, 1));
    world.check_tidy()
}

#[test]
fn bytes_that_a_target_directory_shares_leave_the_store_but_are_not_called_freed() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", &[("out", &vec![1; MIB])])?;
    let shares_inode = world.store.usage()?.shared_blobs.files == 1;
    let removed = world.store.evict(&plan_for(&world, key)?)?;
    assert!(removed.bytes >= MIB as u64);
    if shares_inode {
        assert!(removed.freed_bytes < MIB as u64 / 10);
    }
    assert_eq!(world.store.usage()?.capped_bytes(), 0);
    assert_eq!(
        fs::read(world.path("target/out"))?.len(),
        MIB,
        "the target directory keeps its file"
    );
    Ok(())
}

#[test]
fn an_entry_used_after_the_plan_was_made_stays() -> Fallible {
    let world = World::new()?;
    let keys = fill(&world, &["a", "b"])?;
    let plan = world.store.plan_eviction(Limits { max_bytes: 1 }, clock::now_ns())?;
    assert_eq!(plan.evict.len(), 2);
    // A hit more than ten minutes after the last one.
    assert!(world.store.manifest(keys[0])?.is_some());
    let removed = world.store.evict(&plan)?;
    assert_eq!((removed.entries, removed.used_since), (1, 1));
    assert!(world.store.manifest(keys[0])?.is_some());
    Ok(())
}

#[test]
fn a_plan_that_names_what_has_gone_is_no_error() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", &[("out", b"x")])?;
    let plan = plan_for(&world, key)?;
    world.store.evict(&plan)?;
    let removed = world.store.evict(&plan)?;
    assert_eq!((removed.entries, removed.refused), (0, 0));
    Ok(())
}

#[test]
fn what_was_published_while_things_are_removed_is_known_to_the_remover() -> Fallible {
    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("out", b"about to be nobody's")];
    let old = world.publish("old", files)?;
    let plan = plan_for(&world, old)?;
    // The remover has walked the store; then another unit with the same bytes is published.
    let mut removal = Removal::start(world.store.layout())?;
    let new = world.publish("new", files)?;
    let removed = removal.evict(&plan)?;
    assert_eq!((removed.entries, removed.blobs), (1, 0));
    drop(removal);
    world.check_hit(new, "other", files)
}

#[test]
fn an_orphan_that_an_entry_took_up_meanwhile_is_not_swept() -> Fallible {
    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("out", b"orphan")];
    let key = world.publish("a", files)?;
    kache_store::entry::remove(world.store.layout(), key)?;
    let mut removal = Removal::start(world.store.layout())?;
    assert_eq!(world.publish("a", files)?, key);
    assert_eq!(removal.sweep()?.blobs, 0);
    drop(removal);
    world.check_hit(key, "other", files)
}

#[test]
fn half_a_line_of_a_publisher_that_died_hides_no_other() -> Fallible {
    use std::io::Write as _;

    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("out", b"bytes")];
    let old = world.publish("old", files)?;
    let plan = plan_for(&world, old)?;
    let mut removal = Removal::start(world.store.layout())?;
    let published = world.store.layout().published();
    fs::File::options().append(true).open(published)?.write_all(b"deadbeef")?;
    let new = world.publish("new", files)?;
    assert_eq!(removal.evict(&plan)?.blobs, 0);
    drop(removal);
    world.check_hit(new, "other", files)
}

#[test]
fn two_removals_at_once_are_refused() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", &[("out", b"x")])?;
    let removal = Removal::start(world.store.layout())?;
    assert!(matches!(world.store.evict(&Plan::default()), Err(RemovalError::Busy)));
    assert!(matches!(world.store.clear(), Err(RemovalError::Busy)));
    drop(removal);
    let evict = vec![Planned { key, last_use_ns: 0 }];
    assert_eq!(world.store.evict(&Plan { evict, ..Plan::default() })?.used_since, 1);
    Ok(())
}

#[test]
fn nothing_is_removed_where_locks_do_not_work() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", &[("out", b"x")])?;
    let plan = plan_for(&world, key)?;
    let lock = world.store.layout().publish_lock();
    fs::remove_file(&lock)?;
    fs::create_dir(&lock)?;
    let error = world.store.evict(&plan).expect_err("publishers cannot be kept out");
    assert!(matches!(error, RemovalError::NoLocks(_)));
    assert_eq!(error.to_string(), "nothing can be removed without file locks");
    assert!(world.store.manifest(key)?.is_some());
    Ok(())
}

#[test]
fn a_full_disk_shrinks_even_a_store_within_its_cap() -> Fallible {
    let world = World::new()?;
    let keys = fill(&world, &["a", "b", "c", "d"])?;
    let rules = kache_store::Rules { disk_is_full: true, ..ROOMY };
    let kept = world.store.housekeep(&rules, clock::now_ns())?;
    assert_eq!(kept.evicted.entries, 1);
    assert!(world.store.manifest(keys[0])?.is_none());
    Ok(())
}

#[test]
fn clearing_leaves_the_journal_and_nothing_else() -> Fallible {
    let world = World::new()?;
    world.store.append(&crate::world::event("a", kache_store::Outcome::Miss))?;
    fill(&world, &["a", "b"])?;
    let removed = world.store.clear()?;
    assert_eq!((removed.entries, removed.blobs, removed.records), (2, 2, 2));
    let usage = world.store.usage()?;
    assert_eq!((usage.capped_bytes(), usage.records.files), (0, 0));
    assert_eq!(usage.journals.files, 1);
    world.check_tidy()
}
