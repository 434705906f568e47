//! Clocks that are wrong, and machines that are started again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use kache_key::Digest;
use kache_store::identity::TAG_NAME;
use kache_store::{Limits, Rules, clock, entry, housekeeping, synced};
use rustix::fs::XattrFlags;

use crate::world::{Fallible, HOUR_NS, ROOMY, World, age};

const BYTES: &[u8] = b"bytes that may not have reached the disk";
const FILES: &[(&str, &[u8])] = &[("out", BYTES)];

/// Makes a blob look as if it had been stored and tagged during an earlier boot,
/// and as if its bytes had been lost with the power.
fn lose_power(world: &World) -> Fallible {
    let blob = world.blob_path(BYTES);
    let mut buffer = [0; 128];
    let length = rustix::fs::getxattr(&blob, TAG_NAME, &mut buffer[..])?;
    let mtime = fs::metadata(&blob)?.modified()?;
    fs::write(&blob, vec![0; BYTES.len()])?;
    let times = fs::FileTimes::new().set_modified(mtime);
    fs::File::options().write(true).open(&blob)?.set_times(times)?;
    // Version and digest, eight bytes for the boot, the rest.
    let boot = Digest::of(b"an earlier boot");
    let (before, after) = (buffer.get(..33), buffer.get(41..length));
    let parts = [before, boot.as_bytes().get(..8), after];
    let tag = parts.map(|part| part.expect("a tag is long enough")).concat();
    rustix::fs::setxattr(&blob, TAG_NAME, &tag, XattrFlags::empty())?;
    Ok(())
}

#[test]
fn a_tag_from_before_a_power_cut_does_not_vouch_for_lost_bytes() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    lose_power(&world)?;
    assert_eq!(world.restore(key, "other")?, None);
    Ok(())
}

#[test]
fn a_publication_does_not_take_lost_bytes_for_known_ones() -> Fallible {
    let world = World::new()?;
    world.publish("a", FILES)?;
    lose_power(&world)?;
    fs::remove_dir_all(world.path("target"))?;
    // Another unit with the same bytes is stored after the machine was started again.
    let key = world.publish("b", FILES)?;
    world.check_hit(key, "other", FILES)
}

#[test]
fn an_entry_of_an_earlier_boot_is_sound_only_if_it_was_synced() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let layout = world.store.layout();
    let mut manifest = world.store.manifest(key)?.ok_or("no entry")?;
    assert!(synced::is_sound(layout, &manifest));
    manifest.boot = "an earlier boot".to_owned();
    entry::write(layout, key, &manifest)?;
    assert!(!synced::is_sound(layout, &manifest));

    synced::sync(layout)?;
    assert!(!synced::is_sound(layout, &manifest), "only this boot's files were synced");
    manifest.boot = clock::boot_id().to_owned();
    assert!(synced::is_sound(layout, &manifest));
    Ok(())
}

#[test]
fn garbage_in_the_list_of_synced_boots_vouches_for_nothing() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let layout = world.store.layout();
    synced::sync(layout)?;
    let path = layout.synced();
    let forged = fs::read_to_string(&path)?.replace(clock::boot_id(), "an earlier boot");
    fs::write(&path, forged)?;
    let mut manifest = world.store.manifest(key)?.ok_or("no entry")?;
    manifest.boot = "an earlier boot".to_owned();
    assert!(!synced::is_sound(layout, &manifest));
    Ok(())
}

#[test]
fn a_hit_replaces_a_last_use_in_the_future() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let path = world.store.layout().entry(key);
    age(&path, -48 * HOUR_NS)?;
    world.check_hit(key, "other", FILES)?;
    assert!(fs::metadata(&path)?.mtime() <= clock::now_ns() / 1_000_000_000 + 1);
    Ok(())
}

#[test]
fn a_last_use_in_the_future_saves_no_entry_from_eviction() -> Fallible {
    let world = World::new()?;
    let future = world.publish("future", &[("out", &vec![1; 100_000])])?;
    std::thread::sleep(Duration::from_millis(5));
    let present = world.publish("present", &[("out", &vec![2; 100_000])])?;
    age(&world.store.layout().entry(future), -48 * HOUR_NS)?;
    let limits = Limits { max_bytes: 150_000 };
    let plan = world.store.plan_eviction(limits, clock::now_ns())?;
    assert_eq!(plan.evict.first().map(|planned| planned.key), Some(future));
    assert!(plan.evict.iter().all(|planned| planned.key != present));
    Ok(())
}

#[test]
fn leftovers_from_the_future_go_like_old_ones() -> Fallible {
    let world = World::new()?;
    world.publish("a", FILES)?;
    let staged = world.store.layout().staging().join("1-1-1");
    fs::write(&staged, "half")?;
    let hours = HOUR_NS * 3;
    world.store.sweep(&ROOMY, clock::now_ns())?;
    assert!(staged.exists(), "it may still be wanted");
    world.store.sweep(&ROOMY, clock::now_ns() - hours)?;
    assert!(!staged.exists());
    Ok(())
}

#[test]
fn housekeeping_is_due_again_when_the_clock_was_set_back() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    let is_due = || housekeeping::is_due(layout, Duration::from_hours(1), clock::now_ns(), false);
    assert!(!is_due()?, "a store that was just made has nothing to tidy");
    assert!(!is_due()?);
    for age_ns in [-48 * HOUR_NS, 2 * HOUR_NS] {
        age(&layout.housekept(), age_ns)?;
        assert!(is_due()?);
        assert!(!is_due()?);
    }
    Ok(())
}

#[test]
fn on_a_full_disk_a_first_housekeeping_is_due_at_once() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    let is_due = || housekeeping::is_due(layout, Duration::from_mins(1), clock::now_ns(), true);
    assert!(is_due()?);
    assert!(!is_due()?);
    Ok(())
}

#[test]
fn a_clock_that_was_set_back_overwrites_no_rotated_journal() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    let future = layout.base().join("events-09000000000000000000.jsonl");
    world.store.append(&crate::world::event("old", kache_store::Outcome::Hit))?;
    fs::rename(layout.journal(), &future)?;
    for name in ["one", "two"] {
        world.store.append(&crate::world::event(name, kache_store::Outcome::Hit))?;
        let rules = Rules { journal_max_bytes: 0, ..ROOMY };
        assert!(world.store.housekeep(&rules, clock::now_ns())?.rotated);
    }
    let mut names = Vec::new();
    kache_store::journal::read_all(layout, None, &mut |event| names.push(event.name.clone()))?;
    assert_eq!(names, ["old", "one", "two"]);
    Ok(())
}
