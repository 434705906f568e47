//! `kache gc`.

use std::time::Duration;

use serde_json::json;

use crate::world::{Fallible, World, exists};

fn world() -> Fallible<World> {
    let world = World::new()?;
    world.publish("old", 100_000, Duration::from_hours(48))?;
    world.publish("new", 100_000, Duration::from_hours(1))?;
    Ok(world)
}

fn names(world: &World) -> Fallible<Vec<String>> {
    let listing = world.run(&["list", "--format", "json"])?.json()?;
    let entries =
        listing.get("entries").and_then(serde_json::Value::as_array).ok_or("entries are a list")?;
    Ok(entries.iter().map(|entry| entry["name"].as_str().unwrap_or_default().to_owned()).collect())
}

#[test]
fn a_store_within_its_cap_loses_nothing() -> Fallible<()> {
    let world = world()?;
    let ran = world.run(&["gc"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.starts_with("evicted 0 entries; swept 0 broken entries, 0 blobs"));
    assert_eq!(names(&world)?, ["new", "old"]);
    Ok(())
}

#[test]
fn the_least_recently_used_go_first() -> Fallible<()> {
    let world = world()?;
    let ran = world.run(&["gc", "--max-size", "150KB", "--format", "json"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let done = ran.json()?;
    assert_eq!((&done["evicted_entries"], &done["blobs"]), (&json!(1), &json!(1)));
    assert!(done["freed_bytes"].as_u64() >= Some(100_000), "{done}");
    assert_eq!(names(&world)?, ["new"]);
    Ok(())
}

#[test]
fn a_dry_run_says_what_would_go_and_keeps_it() -> Fallible<()> {
    let world = world()?;
    let ran = world.run(&["gc", "--max-size", "150KB", "--dry-run"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("would evict 1 entry: "), "{}", ran.stdout);
    assert_eq!(names(&world)?, ["new", "old"]);
    Ok(())
}

#[test]
fn what_nothing_uses_is_swept() -> Fallible<()> {
    let world = world()?;
    let orphan = format!("cache/v1/blobs/a/ab{}", "0".repeat(62));
    let garbage = format!("cache/v1/entries/c/cd{}", "0".repeat(62));
    world.write(&orphan, "nobody names me")?;
    world.write(&garbage, "{")?;
    let done = world.run(&["gc", "--format", "json"])?.json()?;
    assert_eq!((&done["swept_entries"], &done["blobs"]), (&json!(1), &json!(1)));
    assert!(!exists(&world.path(&orphan)) && !exists(&world.path(&garbage)));
    assert_eq!(names(&world)?, ["new", "old"]);
    Ok(())
}

#[test]
fn without_a_store_nothing_is_made() -> Fallible<()> {
    let world = World::new()?;
    let ran = world.run(&["gc"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(!world.path("cache").exists());
    Ok(())
}
