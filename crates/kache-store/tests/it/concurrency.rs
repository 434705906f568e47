//! Publishers, readers and removers at the same time.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use kache_key::{BlobId, Digest};
use kache_store::{Limits, RemovalError, Restored, Sharing, Trust, Wanted, clock, retention};

use crate::world::{Fallible, ROOMY, World, key_of};

const UNITS: &[&str] = &["a", "b", "c", "d"];

/// All units share one file, and each has one of its own.
fn files_of(unit: &str) -> Vec<(&str, &[u8])> {
    vec![("shared", &b"the same in all of them"[..]), ("own", unit.as_bytes())]
}

#[test]
fn eviction_during_publication_and_restore_costs_misses_and_never_a_byte() -> Fallible {
    let world = World::new()?;
    let done = AtomicBool::new(false);
    let (hits, removals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let builders: Vec<_> = UNITS
            .iter()
            .map(|unit| {
                let (world, hits) = (&world, &hits);
                scope.spawn(move || {
                    build_repeatedly(world, unit, hits).expect("only misses and hits");
                })
            })
            .collect();
        let (world, done, removals) = (&world, &done, &removals);
        for _ in 0..2 {
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let count = remove_everything(world).expect("nothing refuses");
                    removals.fetch_add(count, Ordering::SeqCst);
                }
            });
        }
        for builder in builders {
            builder.join().expect("a builder panicked");
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(hits.into_inner() > 0, "nothing was ever served");
    assert!(removals.into_inner() > 0, "nothing was ever removed");
    world.store.sweep(&ROOMY, clock::now_ns())?;
    world.check_tidy()
}

fn build_repeatedly(world: &World, unit: &str, hits: &AtomicUsize) -> Fallible {
    let (key, _) = key_of(unit);
    for round in 0..30 {
        let dir = format!("{unit}-{round}");
        if world.restore(key, &dir)?.is_some() {
            hits.fetch_add(1, Ordering::SeqCst);
            for (name, bytes) in files_of(unit) {
                assert_eq!(fs::read(world.path(&format!("{dir}/{name}")))?, bytes, "{unit}/{name}");
            }
        } else {
            world.publish_from(&dir, unit, &files_of(unit))?;
        }
    }
    Ok(())
}

fn remove_everything(world: &World) -> Fallible<usize> {
    let plan = retention::plan(&world.store.inventory()?, Limits { max_bytes: 0 }, clock::now_ns());
    match world.store.evict(&plan).and_then(|_| world.store.sweep(&ROOMY, clock::now_ns())) {
        Ok(_) => Ok(plan.evict.len()),
        Err(RemovalError::Busy) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn no_published_entry_ever_lacks_a_blob_while_others_are_evicted() -> Fallible {
    let world = World::new()?;
    let shared: &[(&str, &[u8])] = &[("out", b"bytes that come and go")];
    thread::scope(|scope| {
        let world = &world;
        scope.spawn(move || {
            for round in 0..200 {
                let (key, _) = world.publish_from("p", &format!("unit {round}"), shared).unwrap();
                // Nobody evicts the newest entry, so its blob must be there.
                let manifest = world.store.manifest(key).unwrap().unwrap();
                assert!(world.store.layout().blob(manifest.outputs[0].blob).exists(), "{round}");
            }
        });
        scope.spawn(move || {
            for _ in 0..40 {
                evict_all_but_the_newest(world).expect("nothing refuses");
            }
        });
    });
    Ok(())
}

fn evict_all_but_the_newest(world: &World) -> Fallible {
    let inventory = world.store.inventory()?;
    let newest = inventory.entries.iter().max_by_key(|entry| entry.created_ns).map(|e| e.key);
    let plan = retention::plan_removal(&inventory, |entry| Some(entry.key) != newest);
    world.store.evict(&plan)?;
    Ok(())
}

#[test]
fn a_reader_that_has_begun_gets_right_bytes_or_a_miss_when_the_blob_goes() -> Fallible {
    let world = World::new()?;
    let bytes = vec![9; 1 << 20];
    let id = BlobId(Digest::of(&bytes));
    thread::scope(|scope| {
        let (world, bytes) = (&world, &bytes);
        scope.spawn(move || {
            for _ in 0..100 {
                drop(world.publish("a", &[("out", bytes)]));
                drop(fs::remove_file(world.blob_path(bytes)));
            }
        });
        scope.spawn(move || {
            let target = world.path("reader/out");
            for _ in 0..200 {
                let wanted = Wanted {
                    blob: id,
                    size_bytes: 1 << 20,
                    mode: 0o644,
                    target: &target,
                    sharing: Sharing::OneFile,
                };
                if world.store.restore(&wanted, Trust::Tag).is_ok() {
                    assert!(fs::read(&target).unwrap() == *bytes);
                } else {
                    assert!(!target.exists(), "half a file was left");
                }
            }
        });
    });
    Ok(())
}

#[test]
fn one_inode_is_never_restored_to_two_places() -> Fallible {
    use std::os::unix::fs::MetadataExt as _;

    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("out", b"one inode at a time")];
    for round in 0..30 {
        let key = world.publish("a", files)?;
        fs::remove_dir_all(world.path("target"))?;
        let linked = AtomicUsize::new(0);
        thread::scope(|scope| {
            for reader in 0..4 {
                let (world, linked) = (&world, &linked);
                scope.spawn(move || {
                    let dir = format!("r{round}/{reader}");
                    let how = world.restore(key, &dir).unwrap().unwrap();
                    linked.fetch_add(
                        how.iter().filter(|how| **how == Restored::Linked).count(),
                        Ordering::SeqCst,
                    );
                });
            }
        });
        assert!(linked.into_inner() <= 1);
        assert!(fs::metadata(world.blob_path(b"one inode at a time"))?.nlink() <= 2);
        fs::remove_dir_all(world.path(&format!("r{round}")))?;
    }
    Ok(())
}

#[test]
fn an_ageless_output_is_one_inode_everywhere_and_keeps_its_time() -> Fallible {
    use std::os::unix::fs::MetadataExt as _;

    let world = World::new()?;
    let bytes = b"nobody goes by the age of this";
    let key = world.publish("a", &[("out", bytes)])?;
    let first = fs::metadata(world.path("target/out"))?;
    let output = &world.store.manifest(key)?.ok_or("no entry")?.outputs[0];
    for (mode, is_shared) in [(output.mode, true), (0o600, false), (output.mode, true)] {
        let target = world.path("second/out");
        let wanted = Wanted {
            blob: output.blob,
            size_bytes: output.size,
            mode,
            target: &target,
            sharing: Sharing::AnyFile,
        };
        world.store.restore(&wanted, Trust::Tag)?;
        assert_eq!(fs::read(&target)?, bytes);
        let second = fs::metadata(&target)?;
        assert_eq!(second.mode() & 0o777, mode & 0o777);
        if first.nlink() == 1 {
            continue; // This file system clones.
        }
        assert_eq!(second.ino() == first.ino(), is_shared);
        assert_eq!(second.modified()? == first.modified()?, is_shared);
        assert_eq!(fs::metadata(world.path("target/out"))?.modified()?, first.modified()?);
    }
    Ok(())
}

#[test]
fn a_write_to_a_shared_file_while_it_is_copied_is_never_served() -> Fallible {
    use std::os::unix::fs::FileExt as _;

    let world = World::new()?;
    let bytes = vec![1; 4 << 20];
    let done = AtomicBool::new(false);
    for round in 0_u8..10 {
        let key = world.publish("a", &[("out", &bytes)])?;
        let output = fs::File::options().write(true).open(world.path("target/out"))?;
        thread::scope(|scope| {
            let (world, bytes, done) = (&world, &bytes, &done);
            done.store(false, Ordering::SeqCst);
            scope.spawn(move || {
                // What `strip` does to a file that shares its inode with a blob.
                output.write_all_at(&[round + 2; 100], 3 << 20).unwrap();
                done.store(true, Ordering::SeqCst);
            });
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    if world.restore(key, "copy").unwrap().is_none() {
                        break;
                    }
                    assert!(fs::read(world.path("copy/out")).unwrap() == *bytes, "{round}");
                }
            });
        });
    }
    Ok(())
}

#[test]
fn remover_and_publisher_of_one_key_may_come_in_either_order() -> Fallible {
    let world = World::new()?;
    let files: &[(&str, &[u8])] = &[("out", b"bytes")];
    let (key, _) = key_of("a");
    thread::scope(|scope| {
        let world = &world;
        scope.spawn(move || {
            for _ in 0..100 {
                assert_eq!(world.publish("a", files).unwrap(), key);
            }
        });
        scope.spawn(move || {
            for _ in 0..100 {
                kache_store::entry::remove(world.store.layout(), key).unwrap();
            }
        });
    });
    assert_eq!(world.publish("a", files)?, key);
    world.check_hit(key, "other", files)
}
