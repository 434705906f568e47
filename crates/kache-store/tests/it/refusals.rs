//! File systems that refuse something.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use kache_store::identity::TAG_NAME;
use kache_store::{Adopted, Restored, Sharing};

use crate::world::{Fallible, World};

const FILES: &[(&str, &[u8])] = &[("out", b"bytes")];

/// Another file system than the one that temporary files are on, if there is one.
fn elsewhere() -> Fallible<Option<tempfile::TempDir>> {
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return Ok(None) };
    let is_other = fs::metadata(dir.path())?.dev() != fs::metadata(std::env::temp_dir())?.dev();
    Ok(is_other.then_some(dir))
}

#[test]
fn outputs_on_another_file_system_are_copied_both_ways() -> Fallible {
    let Some(dir) = elsewhere()? else { return Ok(()) };
    let world = World::new()?;
    let path = dir.path().join("out");
    fs::write(&path, "bytes")?;
    let (key, adopted) = world.publish_paths("a", &[("out".to_owned(), path.clone())])?;
    assert_eq!(adopted, [Adopted::Copied]);
    let manifest = world.store.manifest(key)?.ok_or("no entry")?;
    let wanted = kache_store::Wanted {
        blob: manifest.outputs[0].blob,
        size_bytes: 5,
        mode: 0o644,
        target: &path,
        sharing: Sharing::OneFile,
    };
    assert_eq!(world.store.restore(&wanted, kache_store::Trust::Tag)?, Restored::Copied);
    assert_eq!(fs::read(&path)?, b"bytes");
    Ok(())
}

#[test]
fn an_inode_without_room_for_another_link_is_copied() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    fs::remove_dir_all(world.path("target"))?;
    let blob = world.blob_path(b"bytes");
    let dir = world.path("links");
    fs::create_dir(&dir)?;
    // Where the file system allows more links than this, the copy has another reason.
    for number in 0..65_000 {
        if fs::hard_link(&blob, dir.join(number.to_string())).is_err() {
            break;
        }
    }
    assert!(matches!(
        world.restore(key, "other")?.as_deref(),
        Some([Restored::Copied | Restored::Cloned])
    ));
    world.check_hit(key, "other", FILES)
}

#[test]
fn without_extended_attributes_bytes_are_hashed_and_served() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let blob = world.blob_path(b"bytes");
    let _ = rustix::fs::removexattr(&blob, TAG_NAME);
    world.check_hit(key, "other", FILES)?;

    let _ = rustix::fs::removexattr(&blob, TAG_NAME);
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&blob, "BYTES")?;
    assert_eq!(world.restore(key, "other")?, None);
    Ok(())
}

/// Returns whether permission bits mean anything to this user.
fn obeys_permissions(world: &World) -> Fallible<bool> {
    let dir = world.path("closed");
    fs::create_dir(&dir)?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o555))?;
    Ok(fs::write(dir.join("x"), "").is_err())
}

#[test]
fn a_store_that_cannot_be_written_still_serves() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    if !obeys_permissions(&world)? {
        return Ok(());
    }
    let set_all = |mode| -> Fallible {
        for name in ["", "blobs", "entries", "records", "staging", "locks"] {
            let path = world.store.layout().base().join(name);
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    };
    set_all(0o555)?;
    let served = world.check_hit(key, "other", FILES);
    let refused = world.publish("b", &[("out", b"other bytes")]);
    set_all(0o755)?;
    served?;
    let error = refused.expect_err("nothing can be stored").to_string();
    assert!(error.starts_with("failed to create `"), "{error}");
    Ok(())
}

#[test]
fn a_target_directory_that_cannot_be_written_is_an_error_that_names_the_file() -> Fallible {
    let world = World::new()?;
    let key = world.publish("a", FILES)?;
    let in_the_way = world.write("file", b"x")?;
    let blob = world.store.manifest(key)?.ok_or("no entry")?.outputs[0].blob;
    let target = in_the_way.join("out");
    let wanted = kache_store::Wanted {
        blob,
        size_bytes: 5,
        mode: 0o644,
        target: &target,
        sharing: Sharing::OneFile,
    };
    let error =
        world.store.restore(&wanted, kache_store::Trust::Tag).expect_err("a file is no directory");
    assert!(error.to_string().contains("file/out`"), "{error}");
    assert_eq!(fs::read(&in_the_way)?, b"x");
    Ok(())
}
