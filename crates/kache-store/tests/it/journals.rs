//! The journal, written by many and moved aside meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::thread;

use kache_store::{Outcome, Store, journal};

use crate::world::{Fallible, World, event};

#[test]
fn rotation_while_many_append_loses_and_doubles_no_line() -> Fallible {
    const WRITERS: usize = 8;
    const LINES: usize = 200;

    let world = World::new()?;
    let root = world.path("cache");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let root = &root;
            scope.spawn(move || {
                // A store of its own, as each process has.
                let store = Store::at(root);
                for line in 0..LINES {
                    store.append(&event(&format!("{writer}/{line}"), Outcome::Hit)).unwrap();
                }
            });
        }
        for _ in 0..2 {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..100 {
                    journal::rotate(world.store.layout(), 2_000).unwrap();
                    thread::yield_now();
                }
            });
        }
    });
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    journal::read_all(world.store.layout(), None, &mut |event| {
        *seen.entry(event.name.clone()).or_default() += 1;
    })?;
    assert_eq!(seen.len(), WRITERS * LINES);
    assert!(seen.values().all(|count| *count == 1));
    assert!(journal::rotated(world.store.layout())?.len() > 1, "it was never rotated");
    Ok(())
}

#[test]
fn readers_during_a_rotation_see_every_line_once() -> Fallible {
    const LINES: usize = 100;

    let world = World::new()?;
    for line in 0..LINES {
        world.store.append(&event(&line.to_string(), Outcome::Hit))?;
    }
    thread::scope(|scope| {
        let world = &world;
        scope.spawn(move || {
            for _ in 0..50 {
                journal::rotate(world.store.layout(), 0).unwrap();
                // A journal that is there to be moved, with no event in it.
                fs::write(world.store.layout().journal(), "\n").unwrap();
            }
        });
        for _ in 0..50 {
            assert_eq!(names(world).unwrap().len(), LINES);
        }
    });
    Ok(())
}

#[test]
fn lines_that_are_no_events_are_skipped() -> Fallible {
    let world = World::new()?;
    let layout = world.store.layout();
    world.store.append(&event("first", Outcome::Hit))?;
    let mut file = fs::File::options().append(true).open(layout.journal())?;
    let future = serde_line(&event("future", Outcome::Hit))?.replacen("\"v\":1", "\"v\":2", 1);
    for line in ["garbage\n", "\n", "[]\n", "\u{0}\u{0}\n", "{\"v\":1}\n", future.as_str()] {
        file.write_all(line.as_bytes())?;
    }
    file.write_all(b"\xff\xfe\n")?;
    world.store.append(&event("last", Outcome::Miss))?;
    assert_eq!(names(&world)?, ["first", "last"]);
    Ok(())
}

#[test]
fn half_a_line_takes_no_other_line_with_it() -> Fallible {
    let world = World::new()?;
    world.store.append(&event("first", Outcome::Hit))?;
    let line = serde_line(&event("half", Outcome::Hit))?;
    let mut file = fs::File::options().append(true).open(world.store.layout().journal())?;
    file.write_all(&line.as_bytes()[..line.len() / 2])?;
    world.store.append(&event("last", Outcome::Hit))?;
    assert_eq!(names(&world)?, ["first", "last"]);
    Ok(())
}

#[test]
fn a_line_that_is_still_being_written_is_left_for_later() -> Fallible {
    let world = World::new()?;
    world.store.append(&event("first", Outcome::Hit))?;
    let mut file = fs::File::options().append(true).open(world.store.layout().journal())?;
    let line = serde_line(&event("second", Outcome::Hit))?;
    file.write_all(line.trim_end().as_bytes())?;
    assert_eq!(names(&world)?, ["first"]);
    file.write_all(b"\n")?;
    assert_eq!(names(&world)?, ["first", "second"]);
    Ok(())
}

fn serde_line(event: &kache_store::Event) -> Fallible<String> {
    Ok(format!("{}\n", serde_json::to_string(event)?))
}

fn names(world: &World) -> Fallible<Vec<String>> {
    let mut names = Vec::new();
    journal::read_all(world.store.layout(), None, &mut |event| names.push(event.name.clone()))?;
    Ok(names)
}
