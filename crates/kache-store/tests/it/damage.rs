//! Whatever happens to a file of the store, the next lookup is a miss or
//! right, and the next publication heals it.

use std::fs;
use std::path::Path;

use kache_store::Trust;
use kache_store::verify::DamageKind;

use crate::world::{Fallible, ROOMY, World, unit_of};

const FILES: &[(&str, &[u8])] = &[("liba.rlib", b"some machine code"), ("liba.rmeta", b"meta")];

/// Damages the first blob, then expects a miss, a publication, and a hit.
#[track_caller]
fn check_blob(damage: impl Fn(&Path) -> std::io::Result<()>) {
    let run = || -> Fallible {
        let world = World::new()?;
        let key = world.publish("a", FILES)?;
        world.check_hit(key, "other", FILES)?;
        let blob = world.blob_path(b"some machine code");
        // Older kernels put the same time on files written within a few milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        damage(&blob)?;
        assert_eq!(world.restore(key, "damaged")?, None, "served");
        assert_eq!(world.publish("a", FILES)?, key);
        world.check_hit(key, "healed", FILES)
    };
    run().expect("nothing fails");
}

#[test]
fn a_truncated_blob_is_a_miss_and_healed_by_the_next_publication() {
    check_blob(|path| fs::File::options().write(true).open(path)?.set_len(4));
}

#[test]
fn an_emptied_blob_is_a_miss_and_healed_by_the_next_publication() {
    check_blob(|path| fs::write(path, ""));
}

#[test]
fn a_blob_with_a_flipped_bit_is_a_miss_and_healed_by_the_next_publication() {
    check_blob(|path| fs::write(path, "some machine cOde"));
}

#[test]
fn a_replaced_blob_is_a_miss_and_healed_by_the_next_publication() {
    check_blob(|path| {
        fs::remove_file(path)?;
        fs::write(path, "another one's bytes")
    });
}

#[test]
fn a_missing_blob_is_a_miss_and_healed_by_the_next_publication() {
    check_blob(|path| fs::remove_file(path));
}

#[test]
fn a_directory_in_place_of_a_blob_is_a_miss_and_healed_by_the_next_publication() {
    check_blob(|path| {
        fs::remove_file(path)?;
        fs::create_dir_all(path.join("deep/inside"))
    });
}

#[test]
fn a_symbolic_link_in_place_of_a_blob_is_not_followed() {
    check_blob(|path| {
        let elsewhere = path.with_extension("elsewhere");
        fs::rename(path, &elsewhere)?;
        std::os::unix::fs::symlink(&elsewhere, path)
    });
}

#[test]
fn a_blob_that_only_lost_its_tag_is_read_and_served() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let blob = world.blob_path(b"some machine code");
    fs::remove_file(&blob)?;
    fs::write(&blob, "some machine code")?;
    world.check_hit(key, "other", FILES)
}

#[test]
fn a_wrong_size_in_a_manifest_does_not_cost_a_good_blob() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let mut manifest = world.store.manifest(key)?.ok_or("no entry")?;
    manifest.outputs[0].size += 1;
    kache_store::entry::write(world.store.layout(), key, &manifest)?;
    assert_eq!(world.restore(key, "other")?, None);
    assert!(world.blob_path(b"some machine code").exists());
    Ok(())
}

#[test]
fn a_good_blob_that_took_a_damaged_ones_place_is_not_quarantined() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let blob = world.blob_path(b"some machine code");
    // A reader that trusts nothing finds the damage and the healed blob in turn.
    for round in 0..3 {
        fs::write(&blob, "x")?;
        assert_eq!(world.restore_with(key, "other", Trust::Nothing)?, None, "round {round}");
        world.publish("a", FILES)?;
        world.check_hit(key, "again", FILES)?;
    }
    Ok(())
}

#[test]
fn an_empty_output_is_legal() -> Fallible {
    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("bin.rmeta", b""), ("bin", b"elf")];
    let key = world.publish("bin", files)?;
    world.check_hit(key, "other", files)
}

#[test]
fn no_changed_or_cut_byte_of_an_entry_is_served() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let path = world.store.layout().entry(key);
    let good = fs::read(&path)?;
    let manifest = world.store.manifest(key)?;
    assert!(manifest.is_some());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        fs::write(&path, &bad)?;
        assert_eq!(world.store.manifest(key)?, None, "byte {at}");
        fs::write(&path, &good[..at])?;
        assert_eq!(world.store.manifest(key)?, None, "cut at {at}");
    }
    assert_eq!(world.publish("a", FILES)?, key);
    assert_eq!(world.store.manifest(key)?.map(|m| m.outputs), manifest.map(|m| m.outputs));
    Ok(())
}

#[test]
fn garbage_records_and_those_of_a_future_version_are_no_records() -> Fallible {
    let world = World::new()?;
    world.publish("a", FILES)?;
    let path = world.store.layout().record(unit_of("a"));
    for garbage in [&b""[..], b"{", b"\0\0\0", br#"{"v":99,"compiled_ns":1,"records":[]}"#] {
        fs::write(&path, garbage)?;
        assert!(world.store.records(unit_of("a"))?.records.is_empty());
    }
    world.publish("a", FILES)?;
    assert_eq!(world.store.records(unit_of("a"))?.records.len(), 1);
    Ok(())
}

#[test]
fn a_garbage_memo_is_no_answer() -> Fallible {
    let world = World::new()?;
    let id = kache_key::Digest::of(b"rustc -vV");
    let layout = world.store.layout();
    kache_store::memo::write(layout, id, &"rustc 1.95.0".to_owned())?;
    assert_eq!(kache_store::memo::read(layout, id)?, Some("rustc 1.95.0".to_owned()));
    let path = layout.toolchain(id);
    let changed = fs::read_to_string(&path)?.replace("1.95.0", "1.96.0");
    fs::write(&path, changed)?;
    assert_eq!(kache_store::memo::read::<String>(layout, id)?, None);
    Ok(())
}

#[test]
fn verification_finds_each_kind_of_damage_and_repairs_it() -> Fallible {
    let world = World::new()?;
    let good: &[(&str, &[u8])] = &[("good", b"good bytes")];
    let good_key = world.publish("good", good)?;
    world.publish("corrupt", &[("c", b"to be flipped")])?;
    let dangling = world.publish("dangling", &[("d", b"to be removed")])?;
    let unreadable = world.publish("unreadable", &[("u", b"u")])?;
    let layout = world.store.layout();
    fs::write(world.blob_path(b"to be flipped"), "to be flopped")?;
    fs::remove_file(world.blob_path(b"to be removed"))?;
    fs::write(layout.entry(unreadable), "{}")?;
    fs::write(layout.record(unit_of("unreadable")), "nonsense")?;
    fs::write(layout.blobs().join("README"), "what is this?")?;

    let found = world.store.verify(false)?;
    assert!(!found.is_sound());
    assert_eq!((found.entries, found.blobs, found.records), (4, 3, 4));
    let missing = kache_key::BlobId(kache_key::Digest::of(b"to be removed"));
    let mut kinds: Vec<DamageKind> = found.damage.iter().map(|damage| damage.kind).collect();
    let expected = [
        DamageKind::Foreign,
        DamageKind::Corrupt,
        DamageKind::DanglingEntry { blob: missing },
        DamageKind::UnreadableEntry,
        DamageKind::UnreadableRecord,
    ];
    kinds.retain(|kind| !expected.contains(kind));
    assert_eq!((found.damage.len(), kinds), (expected.len(), vec![]));

    assert!(world.store.verify(true)?.is_sound());
    // The entry of the corrupt blob dangles now.
    world.store.sweep(&ROOMY, kache_store::clock::now_ns())?;
    assert_eq!(world.store.verify(false)?.damage, []);
    assert_eq!(world.restore(dangling, "x")?, None);
    world.check_hit(good_key, "y", good)
}
