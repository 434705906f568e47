//! The index: derived, and never the only place of anything.

use std::fs;
use std::thread;

use kache_store::index::Index;
use kache_store::{Outcome, journal, stats};

use crate::world::{Fallible, World, age, event};

#[test]
fn the_index_counts_what_the_journal_counts() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    for (name, outcome) in [
        ("a", Outcome::Hit),
        ("b", Outcome::Miss),
        ("a", Outcome::Passthrough),
        ("c", Outcome::Dup),
    ] {
        world.store.append(&event(name, outcome))?;
    }
    let index = Index::open(layout)?;
    assert_eq!(index.refresh()?.events, 4);
    assert_eq!(index.stats(None)?, stats::from_journal(layout, None)?);
    Ok(())
}

#[test]
fn every_event_is_counted_once_however_often_the_journal_is_rotated_and_read() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    let index = Index::open(layout)?;
    for round in 0..20 {
        world.store.append(&event(&format!("a{round}"), Outcome::Hit))?;
        if round % 3 == 0 {
            journal::rotate(layout, 0)?;
        }
        if round % 4 == 0 {
            index.refresh()?;
        }
        if round % 5 == 0 {
            Index::open(layout)?.refresh()?;
        }
    }
    index.refresh()?;
    assert_eq!(index.refresh()?.events, 0);
    assert_eq!(index.stats(None)?.total.hits, 20);
    Ok(())
}

#[test]
fn many_at_once_refresh_while_others_append_and_rotate() -> Fallible {
    const LINES: u64 = 200;

    let world = World::in_memory()?;
    let layout = world.store.layout();
    thread::scope(|scope| {
        for writer in 0..2 {
            let world = &world;
            scope.spawn(move || {
                for line in 0..LINES {
                    world.store.append(&event(&format!("{writer}/{line}"), Outcome::Hit)).unwrap();
                    if line % 20 == 0 {
                        journal::rotate(layout, 1_000).unwrap();
                    }
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                let index = Index::open(layout).unwrap();
                for _ in 0..10 {
                    index.refresh().unwrap();
                }
            });
        }
    });
    let index = Index::open(layout)?;
    index.refresh()?;
    assert_eq!(index.stats(None)?.total.hits, 2 * LINES);
    Ok(())
}

#[test]
fn history_outlives_the_journal_files() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    world.store.append(&event("a", Outcome::Hit))?;
    journal::rotate(layout, 0)?;
    let index = Index::open(layout)?;
    index.refresh()?;
    for path in journal::rotated(layout)? {
        fs::remove_file(path)?;
    }
    world.store.append(&event("b", Outcome::Hit))?;
    index.refresh()?;
    assert_eq!(index.stats(None)?.total.hits, 2);
    Ok(())
}

#[test]
fn entries_come_are_used_and_go() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    let first = world.publish("a", &[("out", b"12345")])?;
    world.publish("b", &[("out", b"1")])?;
    let index = Index::open(layout)?;
    let refreshed = index.refresh()?;
    assert_eq!((refreshed.entries, refreshed.gone), (2, 0));
    let entries = index.entries()?;
    let row = entries.iter().find(|(key, _)| *key == first).map(|(_, row)| row).ok_or("no row")?;
    assert_eq!((row.name.as_str(), row.bytes, row.lang.as_str()), ("a", 5, "rust"));

    age(&layout.entry(first), 1_000_000_000)?;
    assert_eq!(index.refresh()?.entries, 1);
    kache_store::entry::remove(layout, first)?;
    assert_eq!(index.refresh()?.gone, 1);
    assert_eq!(index.entries()?.len(), 1);
    Ok(())
}

#[track_caller]
fn check_rebuilt(spoil: impl Fn(&std::path::Path) -> Fallible) {
    let run = || -> Fallible {
        let world = World::in_memory()?;
        let layout = world.store.layout();
        world.store.append(&event("a", Outcome::Hit))?;
        world.publish("a", &[("out", b"x")])?;
        Index::open(layout)?.refresh()?;
        spoil(&layout.index())?;
        let index = Index::open(layout)?;
        index.refresh()?;
        assert_eq!((index.stats(None)?.total.hits, index.entries()?.len()), (1, 1));
        Ok(())
    };
    run().expect("nothing fails");
}

#[test]
fn a_deleted_empty_or_garbage_index_is_made_anew() {
    check_rebuilt(|path| Ok(fs::remove_file(path)?));
    check_rebuilt(|path| Ok(fs::write(path, "")?));
    check_rebuilt(|path| Ok(fs::write(path, "garbage")?));
    check_rebuilt(|path| Ok(fs::write(path, vec![0xa5; 100_000])?));
    check_rebuilt(|path| {
        fs::remove_file(path)?;
        Ok(fs::create_dir(path)?)
    });
}

#[test]
fn an_index_that_is_half_there_is_made_anew() {
    check_rebuilt(|path| {
        let length = fs::metadata(path)?.len();
        Ok(fs::File::options().write(true).open(path)?.set_len(length / 2)?)
    });
}

#[test]
fn flipped_bits_in_the_index_are_noticed() {
    for place in 1..16 {
        check_rebuilt(|path| {
            let mut bytes = fs::read(path)?;
            let at = bytes.len() / 16 * place;
            for byte in bytes.iter_mut().skip(at).take(64) {
                *byte ^= 0x55;
            }
            Ok(fs::write(path, bytes)?)
        });
    }
}

#[test]
fn another_programs_database_and_a_later_version_are_made_anew() {
    check_rebuilt(|path| {
        fs::remove_file(path)?;
        let database = redb::Database::create(path)?;
        let transaction = database.begin_write()?;
        let foreign: redb::TableDefinition<'_, u32, u32> = redb::TableDefinition::new("meta");
        transaction.open_table(foreign)?.insert(1, 2)?;
        Ok(transaction.commit()?)
    });
    check_rebuilt(|path| {
        let database = redb::Builder::new()
            .set_concurrency_mode(redb::ConcurrencyMode::MultiWriter)
            .open(path)?;
        let transaction = database.begin_write()?;
        let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
        transaction.open_table(meta)?.insert("version", 99)?;
        Ok(transaction.commit()?)
    });
}
