//! `kache purge`: what it removes, and above all what it does not.

use std::time::Duration;

use insta::assert_snapshot;

use crate::world::{Fallible, World, event};

#[test]
fn everything_goes_but_the_history() -> Fallible<()> {
    let world = World::new()?;
    world.publish("serde", 100_000, Duration::from_hours(1))?;
    world.journal(&[event(&serde_json::json!({}))])?;
    let ran = world.run(&["purge", "--yes"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(
        ran.stdout.starts_with("removed 1 entry, 1 blob and 1 record\nfreed "),
        "{}",
        ran.stdout
    );
    assert_eq!(world.run(&["list"])?.stdout, "no entries\n");
    let stats = world.run(&["stats", "--format", "json"])?.json()?;
    assert_eq!(stats["units"]["hits"], 1);
    Ok(())
}

#[test]
fn without_a_terminal_it_asks_for_yes() -> Fallible<()> {
    let world = World::new()?;
    world.publish("serde", 10, Duration::from_hours(1))?;
    let ran = world.run(&["purge"])?;
    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.stderr, @"
    error: purge asks before it removes anything, and there is no terminal to ask on
    hint: say `kache purge --yes`
    ");
    assert_eq!(world.run(&["list", "--format", "json"])?.json()?["entries"][0]["name"], "serde");
    Ok(())
}

#[test]
fn a_home_given_by_mistake_survives() -> Fallible<()> {
    let mut world = World::new()?;
    world.env("KACHE_CACHE_DIR", world.path("home"));
    world.write("home/letter.txt", "dear")?;
    world.write("home/blobs/ab/thing", "mine")?;
    assert_eq!(world.run(&["purge", "--yes"])?.code, Some(0));

    for mine in ["home/v1/notes.txt", "home/v1/records/holidays/1999.jpg"] {
        world.write(mine, "mine")?;
        for verb in [&["purge", "--yes"][..], &["gc"]] {
            let ran = world.run(verb)?;
            assert_eq!(ran.code, Some(4), "{}", ran.stdout);
            assert!(ran.stderr.contains("is not a file of a kache store"), "{}", ran.stderr);
        }
        assert_eq!(std::fs::read(world.path(mine))?, b"mine");
        std::fs::remove_file(world.path(mine))?;
    }
    assert_eq!(std::fs::read(world.path("home/letter.txt"))?, b"dear");
    assert_eq!(std::fs::read(world.path("home/blobs/ab/thing"))?, b"mine");
    Ok(())
}
