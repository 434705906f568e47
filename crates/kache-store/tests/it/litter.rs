//! What a sweep removes, and what it leaves alone.

use std::fs;
use std::time::Duration;

use kache_store::lock::UnitLock;
use kache_store::rotation::Series;
use kache_store::{Rules, clock};

use crate::world::{Fallible, HOUR_NS, ROOMY, World, age, event, unit_of};

const FILES: &[(&str, &[u8])] = &[("out", b"bytes")];
const DAY_NS: i64 = 24 * HOUR_NS;

fn sweep_at(world: &World, later_ns: i64) -> Fallible<kache_store::Removed> {
    Ok(world.store.sweep(&ROOMY, clock::now_ns() + later_ns)?)
}

#[test]
fn a_store_in_use_loses_nothing() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let staged = world.store.layout().staging().join("77-1-1");
    fs::write(&staged, "on its way")?;
    let removed = sweep_at(&world, 0)?;
    assert_eq!((removed.entries, removed.blobs, removed.records, removed.other), (0, 0, 0, 0));
    assert!(staged.exists());
    world.check_hit(key, "other", FILES)
}

#[test]
fn leftovers_go_after_an_hour_and_damaged_blobs_after_a_week() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    fs::write(world.blob_path(b"bytes"), "damaged")?;
    assert_eq!(world.restore(key, "other")?, None);
    let layout = world.store.layout();
    fs::write(layout.staging().join("77-1-1"), "left behind")?;
    assert_eq!(World::names(&layout.quarantine())?.len(), 1);

    sweep_at(&world, 2 * HOUR_NS)?;
    assert_eq!(World::names(&layout.staging())?, [""; 0]);
    assert_eq!(World::names(&layout.quarantine())?.len(), 1);
    sweep_at(&world, 8 * DAY_NS)?;
    assert_eq!(World::names(&layout.quarantine())?, [""; 0]);
    Ok(())
}

#[test]
fn records_without_an_entry_go_when_they_are_old() -> Fallible {
    let world = World::new()?;
    let gone = world.publish("gone", FILES)?;
    world.publish("kept", FILES)?;
    kache_store::entry::remove(world.store.layout(), gone)?;
    assert_eq!(sweep_at(&world, DAY_NS)?.records, 0);
    assert_eq!(sweep_at(&world, 31 * DAY_NS)?.records, 1);
    assert!(world.store.records(unit_of("gone"))?.records.is_empty());
    assert!(!world.store.records(unit_of("kept"))?.records.is_empty());
    Ok(())
}

#[test]
fn the_lock_of_a_dead_builder_goes_and_that_of_a_living_one_stays() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    let held = UnitLock::take(layout, unit_of("living"), Duration::ZERO)?;
    fs::create_dir_all(layout.locks())?;
    fs::write(layout.unit_lock(unit_of("dead")), "")?;
    sweep_at(&world, 0)?;
    assert!(!layout.unit_lock(unit_of("dead")).exists());
    assert!(held.path.exists());
    drop(held);
    Ok(())
}

#[test]
fn sweeping_locks_while_they_are_taken_lets_no_two_builders_in() -> Fallible {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let world = World::new()?;
    let builders = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (world, builders) = (&world, &builders);
            scope.spawn(move || {
                for _ in 0..100 {
                    let lock =
                        UnitLock::take(world.store.layout(), unit_of("a"), Duration::from_mins(1))
                            .unwrap();
                    assert_eq!(builders.fetch_add(1, Ordering::SeqCst), 0);
                    builders.fetch_sub(1, Ordering::SeqCst);
                    drop(lock);
                }
            });
        }
        let world = &world;
        scope.spawn(move || (0..50).for_each(|_| drop(sweep_at(world, 0).unwrap())));
    });
    Ok(())
}

#[test]
fn entries_that_cannot_be_served_go_with_what_only_they_name() -> Fallible {
    let world = World::new()?;
    let dangling = world.publish("dangling", &[("a", b"gone"), ("b", b"left behind")])?;
    let unreadable = world.publish("unreadable", &[("c", b"nobody's")])?;
    let layout = world.store.layout();
    fs::remove_file(world.blob_path(b"gone"))?;
    fs::write(layout.entry(unreadable), "garbage")?;
    let removed = sweep_at(&world, 0)?;
    assert_eq!((removed.entries, removed.blobs), (2, 2));
    assert!(!layout.entry(dangling).exists());
    world.check_tidy()
}

#[test]
fn foreign_files_go() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let layout = world.store.layout();
    fs::write(layout.blobs().join("README"), "hello")?;
    fs::write(layout.entry(key).with_file_name("tmp123"), "hello")?;
    fs::create_dir_all(layout.records().join("not a shard/deep"))?;
    fs::write(layout.locks().join("what"), "hello")?;
    assert_eq!(sweep_at(&world, 0)?.other, 4);
    world.check_hit(key, "other", FILES)?;
    world.check_tidy()
}

#[test]
fn journals_moved_aside_go_when_they_are_old_and_read() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    let rules = Rules { journal_max_bytes: 0, journal_keep: Duration::from_hours(24), ..ROOMY };
    for _ in 0..2 {
        world.store.append(&event("a", kache_store::Outcome::Hit))?;
        world.store.housekeep(&rules, clock::now_ns())?;
    }
    let rotated = kache_store::journal::rotated(layout)?;
    assert_eq!(rotated.len(), 2);
    age(&rotated[0], 2 * DAY_NS)?;
    // An index that was last written before the journal has not read it.
    fs::write(layout.index(), "")?;
    age(&layout.index(), 3 * DAY_NS)?;
    sweep_at(&world, 0)?;
    assert_eq!(kache_store::journal::rotated(layout)?, rotated);
    age(&layout.index(), DAY_NS)?;
    sweep_at(&world, 0)?;
    assert_eq!(kache_store::journal::rotated(layout)?, rotated[1..]);
    Ok(())
}

#[test]
fn a_log_is_moved_aside_when_it_is_large_and_goes_when_it_is_old() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    let aside = || Series::log(layout).moved_aside();
    let rules = Rules { journal_max_bytes: 10, ..ROOMY };
    fs::create_dir_all(layout.base())?;
    fs::write(layout.log(), "ten bytes\n")?;
    world.store.housekeep(&rules, clock::now_ns())?;
    assert_eq!((aside()?.len(), layout.log().exists()), (0, true));
    for line in ["the first line\n", "the second line\n"] {
        fs::write(layout.log(), line)?;
        world.store.housekeep(&rules, clock::now_ns())?;
        assert!(!layout.log().exists(), "{line}");
    }
    let [first, second] = aside()?.try_into().map_err(|_| "not two files")?;
    assert_eq!(fs::read_to_string(&first)?, "the first line\n");
    age(&first, 2 * DAY_NS)?;
    sweep_at(&world, 0)?;
    assert_eq!(aside()?, [second]);
    Ok(())
}

#[test]
fn an_index_that_nobody_opens_does_not_keep_journals_for_ever() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    world.store.append(&event("a", kache_store::Outcome::Hit))?;
    let rules = Rules { journal_max_bytes: 0, ..ROOMY };
    world.store.housekeep(&rules, clock::now_ns())?;
    fs::write(layout.index(), "")?;
    age(&layout.index(), DAY_NS)?;
    sweep_at(&world, 3 * DAY_NS)?;
    assert_eq!(kache_store::journal::rotated(layout)?.len(), 1);
    sweep_at(&world, 5 * DAY_NS)?;
    assert_eq!(kache_store::journal::rotated(layout)?.len(), 0);
    Ok(())
}
