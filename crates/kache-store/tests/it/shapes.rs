//! Outputs, names and places of unusual shapes.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use kache_key::BlobId;
use kache_store::{Adopted, Restored, Sharing, Store, Trust, Wanted, identity};

use crate::world::{Fallible, World};

const FILES: &[(&str, &[u8])] = &[("out", b"bytes")];

#[test]
fn the_same_bytes_with_another_mode_keep_each_their_own() -> Fallible {
    let world = World::new()?;
    let bytes: &[(&str, &[u8])] = &[("run", b"#!/bin/sh\n")];
    let plain = world.publish_from("one", "plain", bytes)?.0;
    let script = world.write("two/run", b"#!/bin/sh\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let (executable, adopted) = world.publish_paths("executable", &[("run".to_owned(), script)])?;
    assert_eq!(adopted, [Adopted::Known]);
    for round in 0..2 {
        for (key, mode) in [(plain, 0o644), (executable, 0o755)] {
            let dir = format!("{round}-{mode:o}");
            world.check_hit(key, &dir, bytes)?;
            let found = fs::metadata(world.path(&format!("{dir}/run")))?.mode() & 0o777;
            assert_eq!(found, mode, "{dir}");
        }
        // Now the blob is linked, or cloned, from nowhere else.
        for dir in ["one", "two", "0-644", "0-755"] {
            drop(fs::remove_dir_all(world.path(dir)));
        }
    }
    Ok(())
}

#[test]
fn a_read_only_output_is_stored_and_restored_as_one() -> Fallible {
    let world = World::new()?;
    let path = world.write("target/out", b"bytes")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444))?;
    let (key, _) = world.publish_paths("a", &[("out".to_owned(), path)])?;
    for dir in ["copied", "linked"] {
        world.check_hit(key, dir, FILES)?;
        assert_eq!(fs::metadata(world.path(&format!("{dir}/out")))?.mode() & 0o777, 0o444);
        drop(fs::remove_dir_all(world.path("target")));
    }
    Ok(())
}

#[test]
fn no_restored_file_is_set_user_id() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let blob = world.store.manifest(key)?.ok_or("no entry")?.outputs[0].blob;
    let target = world.path("other/out");
    let wanted =
        Wanted { blob, size_bytes: 5, mode: 0o4755, target: &target, sharing: Sharing::OneFile };
    world.store.restore(&wanted, Trust::Tag)?;
    assert_eq!(fs::metadata(&target)?.mode() & 0o7777, 0o755);
    Ok(())
}

#[test]
fn an_output_with_another_name_is_copied_because_somebody_may_write_through_it() -> Fallible {
    let world = World::new()?;
    let path = world.write("target/out", b"bytes")?;
    fs::hard_link(&path, world.path("target/other name"))?;
    let (key, adopted) = world.publish_paths("a", &[("out".to_owned(), path.clone())])?;
    assert!(matches!(adopted[..], [Adopted::Copied | Adopted::Cloned]), "{adopted:?}");
    fs::write(&path, "other")?;
    world.check_hit(key, "restored", FILES)
}

#[test]
fn an_output_that_changed_since_it_was_hashed_is_not_stored() -> Fallible {
    let world = World::new()?;
    let path = world.write("target/out", b"bytes")?;
    fs::hard_link(&path, world.path("target/other name"))?;
    let metadata = fs::metadata(&path)?;
    let (digest, _) = kache_store::blob::digest_file(&path)?;
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&path, "BYTES")?;
    let adopted =
        world.store.publisher()?.adopt(&path, BlobId(digest), &metadata, Sharing::OneFile);
    assert!(matches!(adopted, Err(kache_store::BlobError::Changed { .. })), "{adopted:?}");
    assert!(!world.blob_path(b"bytes").exists());
    Ok(())
}

#[test]
fn a_restored_file_has_the_time_of_its_restoration_and_a_tag() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    for dir in ["copied", "linked"] {
        let before_ns = kache_store::clock::file_clock_ns();
        world.check_hit(key, dir, FILES)?;
        let path = world.path(&format!("{dir}/out"));
        let metadata = fs::metadata(&path)?;
        assert!(identity::mtime_ns(&metadata) >= before_ns, "{dir}");
        let digest = kache_key::Digest::of(b"bytes");
        assert_eq!(identity::tagged_digest(&path, &metadata), Some(digest), "{dir}");
        drop(fs::remove_dir_all(world.path("target")));
        drop(fs::remove_dir_all(world.path("copied")));
    }
    Ok(())
}

#[test]
fn what_was_at_the_target_is_replaced_and_not_written_to() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let target = world.write("other/out", b"somebody's file")?;
    let kept = world.path("kept");
    fs::hard_link(&target, &kept)?;
    world.check_hit(key, "other", FILES)?;
    assert_eq!(fs::read(&kept)?, b"somebody's file");

    fs::remove_file(&target)?;
    symlink(&kept, &target)?;
    world.check_hit(key, "other", FILES)?;
    assert_eq!(fs::read(&kept)?, b"somebody's file");
    assert!(!fs::symlink_metadata(&target)?.is_symlink());
    Ok(())
}

#[test]
fn a_directory_at_the_target_is_left_alone() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let inside = world.write("other/out/precious", b"x")?;
    assert_eq!(world.restore(key, "other")?, None);
    assert!(inside.exists());
    Ok(())
}

#[test]
fn four_sparse_gibibytes_are_linked_without_being_read() -> Fallible {
    let world = World::new()?;
    let path = world.write("target/huge", b"")?;
    let size_bytes = 4_u64 << 30;
    let file = fs::File::options().write(true).open(&path)?;
    file.set_len(size_bytes)?;
    drop(file);
    // Hashing four gibibytes is the compiler's side of the bargain; here the name is made up.
    let blob = BlobId(kache_key::Digest::of(b"stands for four gibibytes of zeros"));
    world.store.publisher()?.adopt(&path, blob, &fs::metadata(&path)?, Sharing::OneFile)?;
    fs::remove_file(&path)?;
    assert!(world.store.usage()?.blobs.bytes < 1 << 20, "holes occupy nothing");

    let target = world.path("other/huge");
    let wanted =
        Wanted { blob, size_bytes, mode: 0o644, target: &target, sharing: Sharing::OneFile };
    let started = std::time::Instant::now();
    let restored = world.store.restore(&wanted, Trust::Tag)?;
    assert!(matches!(restored, Restored::Linked | Restored::Cloned), "{restored:?}");
    assert!(started.elapsed() < std::time::Duration::from_millis(500));
    assert_eq!(fs::metadata(&target)?.len(), size_bytes);
    Ok(())
}

#[test]
fn ten_thousand_outputs_are_one_entry() -> Fallible {
    let world = World::in_memory()?;
    let names: Vec<String> = (0..10_000).map(|n| format!("out/{}/{n}", n % 100)).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), &name.as_bytes()[4..5])).collect();
    let key = world.publish("many", &files)?;
    world.check_hit(key, "other", &files)?;
    assert_eq!(world.store.usage()?.blobs.files, 10);
    Ok(())
}

#[test]
fn odd_names_are_kept_byte_for_byte() -> Fallible {
    let world = World::new()?;
    let long = "n".repeat(255);
    let files: Vec<(&str, &[u8])> =
        ["with space", "new\nline", "ünï 🦀", "\"quoted\\", "-o", "..a", &long]
            .into_iter()
            .map(|name| (name, name.as_bytes()))
            .collect();
    let key = world.publish("odd", &files)?;
    world.check_hit(key, "other", &files)
}

#[test]
fn a_name_that_leaves_the_output_directory_is_never_served() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    for name in ["../out", "/etc/passwd", "a/../../b", ""] {
        let mut manifest = world.store.manifest(key)?.ok_or("no entry")?;
        name.clone_into(&mut manifest.outputs[0].name);
        kache_store::entry::write(world.store.layout(), key, &manifest)?;
        assert_eq!(world.store.manifest(key)?, None, "{name}");
        world.publish("a", FILES)?;
    }
    Ok(())
}

#[track_caller]
fn check_store_at(name: &str) {
    let run = || -> Fallible {
        let world = World::with_store_at(name)?;
        let key = world.publish("a", FILES)?;
        world.check_hit(key, "other", FILES)?;
        world.store.housekeep(&crate::world::ROOMY, kache_store::clock::now_ns())?;
        world.check_tidy()
    };
    run().expect(name);
}

#[test]
fn the_store_may_have_spaces_unicode_and_a_long_way_in_its_path() {
    check_store_at("a b\tc");
    check_store_at("größe 🦀");
    check_store_at(&format!("{0}/{0}/{0}/{0}/{0}/{0}", "d".repeat(200)));
}

#[test]
fn a_symbolic_link_may_lead_to_the_store() -> Fallible {
    let world = World::new()?;
    fs::create_dir(world.path("elsewhere"))?;
    symlink(world.path("elsewhere"), world.path("cache"))?;
    let key = world.publish("a", FILES)?;
    world.check_hit(key, "other", FILES)?;
    assert!(world.path("elsewhere/v1/entries").exists());
    Ok(())
}

#[test]
fn a_directory_in_place_of_an_entry_or_record_is_replaced() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let layout = world.store.layout();
    for path in [layout.entry(key), layout.record(crate::world::unit_of("a"))] {
        fs::remove_file(&path)?;
        fs::create_dir_all(path.join("sub"))?;
    }
    assert_eq!(world.store.manifest(key)?, None);
    world.publish("a", FILES)?;
    world.check_hit(key, "other", FILES)
}

#[test]
fn a_file_in_place_of_a_store_directory_is_a_miss_until_it_is_swept() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    for name in ["blobs", "entries", "records", "staging"] {
        let path = world.store.layout().base().join(name);
        drop(fs::remove_dir_all(&path));
        fs::write(&path, "in the way")?;
        if name != "records" {
            assert!(world.restore(key, "other")?.is_none() || name == "staging");
        }
        assert!(world.publish("b", FILES).is_err(), "{name}");
        world.store.sweep(&crate::world::ROOMY, kache_store::clock::now_ns())?;
        world.publish("a", FILES)?;
        world.check_hit(key, "other", FILES)?;
    }
    Ok(())
}

#[test]
fn a_store_path_that_is_a_file_is_empty_and_says_why_it_cannot_be_written() -> Fallible {
    let world = World::new()?;
    let path = world.write("file", b"not a directory")?;
    let store = Store::at(&path);
    let (key, _) = crate::world::key_of("a");
    assert_eq!(store.manifest(key)?, None);
    assert!(store.records(crate::world::unit_of("a"))?.records.is_empty());
    let error = store.append(&crate::world::event("a", kache_store::Outcome::Miss));
    assert!(error.is_err_and(|failure| failure.path.ends_with("v1/events.jsonl")));
    assert_eq!(store.inventory()?.entries, []);
    Ok(())
}
