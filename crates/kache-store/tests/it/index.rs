//! The index: derived, and never the only place of anything.

use std::fs;
use std::thread;

use kache_store::index::{Index, SESSIONS_KEPT};
use kache_store::{Event, Layout, Outcome, Session, Stats, journal};

use crate::world::{Fallible, World, event};

/// Opens the index and counts what is new.
fn refreshed(layout: &Layout) -> Fallible<Index> {
    let index = Index::open(layout)?;
    index.refresh()?;
    Ok(index)
}

/// Everything that an index tells.
fn told(index: &Index) -> Fallible<(Stats, Vec<Session>, u64)> {
    Ok((index.stats(None)?, index.sessions(None)?, index.unreadable_lines()?))
}

/// Events of every outcome, in three sessions.
fn events() -> Vec<Event> {
    let outcomes =
        [Outcome::Hit, Outcome::Miss, Outcome::Passthrough, Outcome::Dup, Outcome::Error];
    let named = (0_u32..30).zip(outcomes.into_iter().cycle());
    named
        .map(|(number, outcome)| {
            let mut event = event(&format!("crate{number}"), outcome);
            event.session = format!("{}-1", number % 3);
            event.reason = format!("reason {}", number % 4);
            event.ts = format!("2024-02-29T{:02}:59:59.999Z", number / 2);
            event.cwd = format!("/w/{number}");
            if number % 7 == 0 {
                event.crate_types.clear();
            }
            event
        })
        .collect()
}

#[test]
fn an_index_that_was_read_in_pieces_tells_what_the_journal_tells_at_once() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    for (position, event) in events().iter().enumerate() {
        world.store.append(event)?;
        if position % 4 == 0 {
            refreshed(layout)?;
        }
        if position % 7 == 0 {
            journal::rotate(layout, 0)?;
        }
    }
    let whole = told(&Index::in_memory(layout, None)?)?;
    assert_eq!(told(&refreshed(layout)?)?, whole);
    assert_eq!(whole.0.units.hits + whole.0.queries.answered, 6);
    assert_eq!(whole.1.len(), 3);
    Ok(())
}

#[test]
fn events_add_up_by_language_by_crate_type_by_reason_and_by_session() -> Fallible {
    let world = World::in_memory()?;
    let mut old = event("serde", Outcome::Miss);
    "2024-02-29T23:59:59.999Z".clone_into(&mut old.ts);
    "first sight".clone_into(&mut old.reason);
    old.crate_types = vec!["lib".to_owned(), "cdylib".to_owned()];
    let mut tested = event("libc", Outcome::Hit);
    tested.crate_types.push("test".to_owned());
    let mut passed = event("", Outcome::Passthrough);
    passed.crate_types.clear();
    "disabled".clone_into(&mut passed.reason);
    let mut asked = event("-vV", Outcome::Hit);
    asked.crate_types.clear();
    for event in [&old, &event("serde", Outcome::Hit), &tested, &passed, &asked] {
        world.store.append(event)?;
    }
    let index = refreshed(world.store.layout())?;
    let stats = index.stats(None)?;
    let units = &stats.units;
    assert_eq!((units.hits, units.misses, units.passthroughs), (2, 1, 1));
    assert_eq!((units.compile_ms_avoided, units.compile_ms_spent), (100, 50));
    assert_eq!(units.restore_us, 4_000);
    assert_eq!((stats.queries.total, stats.queries.answered), (1, 1));
    assert_eq!(stats.languages["rust"], *units);
    assert_eq!(stats.crate_types["lib+cdylib"].misses, 1);
    assert_eq!(stats.crate_types["test"].hits, 1);
    assert_eq!(stats.crate_types["unknown"].passthroughs, 1);
    assert_eq!(stats.miss_reasons["first sight"].compile_ms, 50);
    assert_eq!(stats.passthrough_reasons["disabled"].count, 1);
    assert_eq!(stats.bytes_restored.linked, 40);
    let [session] = &index.sessions(None)?[..] else { return Err("one session".into()) };
    assert_eq!(session.stats, stats);
    let names: Vec<_> = session.units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["serde", ""]);
    Ok(())
}

#[test]
fn since_is_by_the_hour_in_the_index_and_exact_in_memory() -> Fallible {
    const HOUR_NS: i64 = 3_600_000_000_000;

    let world = World::in_memory()?;
    let layout = world.store.layout();
    for minute in [10, 30, 50] {
        let mut event = event("a", Outcome::Hit);
        event.ts = format!("1970-01-01T02:{minute}:00Z");
        world.store.append(&event)?;
    }
    let half_past = 2 * HOUR_NS + HOUR_NS / 2;
    let hits =
        |index: &Index, since_ns| -> Fallible<u64> { Ok(index.stats(Some(since_ns))?.units.hits) };
    let index = refreshed(layout)?;
    assert_eq!(hits(&index, half_past)?, 3);
    assert_eq!(hits(&index, 3 * HOUR_NS)?, 0);
    assert_eq!(hits(&Index::in_memory(layout, Some(half_past))?, 0)?, 2);
    assert_eq!(index.sessions(Some(half_past))?.len(), 1);
    assert_eq!(index.sessions(Some(3 * HOUR_NS))?.len(), 0);
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
            refreshed(layout)?;
        }
    }
    index.refresh()?;
    index.refresh()?;
    assert_eq!(index.stats(None)?.units.hits, 20);
    Ok(())
}

#[test]
fn a_copy_of_a_journal_file_counts_nothing_twice() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    world.store.append(&event("a", Outcome::Hit))?;
    journal::rotate(layout, 0)?;
    world.store.append(&event("b", Outcome::Hit))?;
    for path in journal::rotated(layout)? {
        fs::copy(path, layout.base().join("events-7.jsonl"))?;
    }
    assert_eq!(refreshed(layout)?.stats(None)?.units.hits, 2);
    assert_eq!(Index::in_memory(layout, None)?.stats(None)?.units.hits, 2);
    Ok(())
}

#[test]
fn a_journal_file_that_comes_back_counts_nothing_twice() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    let away = world.path("away.jsonl");
    world.store.append(&event("a", Outcome::Hit))?;
    refreshed(layout)?;
    fs::rename(layout.journal(), &away)?;
    world.store.append(&event("b", Outcome::Hit))?;
    refreshed(layout)?;
    fs::rename(&away, layout.base().join("events-7.jsonl"))?;
    assert_eq!(refreshed(layout)?.stats(None)?.units.hits, 2);
    Ok(())
}

#[test]
fn journal_files_that_begin_with_the_same_garbage_are_told_apart() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    for name in ["a", "b"] {
        fs::create_dir_all(layout.base())?;
        fs::write(layout.journal(), "\ngarbage\n")?;
        world.store.append(&event(name, Outcome::Hit))?;
        journal::rotate(layout, 0)?;
    }
    let index = refreshed(layout)?;
    assert_eq!((index.stats(None)?.units.hits, index.unreadable_lines()?), (2, 2));
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
    let index = refreshed(layout)?;
    assert_eq!(index.stats(None)?.units.hits, 2 * LINES);
    assert_eq!(index.sessions(None)?[0].stats.units.hits, 2 * LINES);
    Ok(())
}

#[test]
fn history_outlives_the_journal_files() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    world.store.append(&event("a", Outcome::Miss))?;
    journal::rotate(layout, 0)?;
    let index = refreshed(layout)?;
    for path in journal::rotated(layout)? {
        fs::remove_file(path)?;
    }
    world.store.append(&event("b", Outcome::Hit))?;
    index.refresh()?;
    let units = index.stats(None)?.units;
    assert_eq!((units.hits, units.misses), (1, 1));
    assert_eq!(index.sessions(None)?[0].units[0].name, "a");
    Ok(())
}

#[test]
fn sessions_that_ended_first_are_forgotten_and_still_add_up() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    let mut lines = String::new();
    let all = SESSIONS_KEPT + 2_000;
    for number in 0..all {
        let mut event = event("a", Outcome::Hit);
        event.session = format!("{number}-1");
        event.ts = format!("1970-01-01T01:{:02}:{:02}Z", number / 600, number / 10 % 60);
        lines.push_str(&(serde_json::to_string(&event)? + "\n"));
    }
    fs::create_dir_all(layout.base())?;
    fs::write(layout.journal(), lines)?;
    let index = refreshed(layout)?;
    assert_eq!(index.stats(None)?.units.hits, all);
    let sessions = index.sessions(None)?;
    assert_eq!(sessions.len() as u64, SESSIONS_KEPT);
    assert!(sessions.iter().all(|session| session.id != "0-1"));
    assert!(sessions.iter().any(|session| session.id == format!("{}-1", all - 1)));
    Ok(())
}

#[test]
fn an_index_that_another_program_holds_is_left_alone() -> Fallible {
    let world = World::in_memory()?;
    let layout = world.store.layout();
    world.store.append(&event("a", Outcome::Hit))?;
    refreshed(layout)?;
    let held = redb::Database::open(layout.index())?;
    assert!(Index::open(layout).is_err());
    assert_eq!(Index::in_memory(layout, None)?.stats(None)?.units.hits, 1);
    drop(held);
    fs::remove_file(layout.journal())?;
    assert_eq!(refreshed(layout)?.stats(None)?.units.hits, 1);
    Ok(())
}

#[track_caller]
fn check_rebuilt(spoil: impl Fn(&std::path::Path) -> Fallible) {
    let run = || -> Fallible {
        let world = World::in_memory()?;
        let layout = world.store.layout();
        world.store.append(&event("a", Outcome::Hit))?;
        refreshed(layout)?;
        spoil(&layout.index())?;
        let index = refreshed(layout)?;
        assert_eq!((index.stats(None)?.units.hits, index.sessions(None)?.len()), (1, 1));
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
    for version in [1, 99] {
        check_rebuilt(|path| {
            let database = redb::Builder::new()
                .set_concurrency_mode(redb::ConcurrencyMode::MultiWriter)
                .open(path)?;
            let transaction = database.begin_write()?;
            let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
            transaction.open_table(meta)?.insert("version", version)?;
            Ok(transaction.commit()?)
        });
    }
}
