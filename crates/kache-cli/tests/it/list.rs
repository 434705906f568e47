//! `kache list`.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;

use crate::world::{Fallible, World};

fn world() -> Fallible<World> {
    let world = World::new()?;
    world.publish("serde", 5000, Duration::from_mins(150))?;
    world.publish("my_crate", 2_000_000, Duration::from_hours(24 * 5))?;
    world.publish("anyhow", 10, Duration::from_secs(5))?;
    Ok(world)
}

fn names(world: &World, args: &[&str]) -> Fallible<Vec<String>> {
    let args = [&["list", "--format", "json"], args].concat();
    let listing = world.run(&args)?.json()?;
    let entries = listing.get("entries").and_then(Value::as_array).ok_or("entries are a list")?;
    Ok(entries.iter().filter_map(|entry| Some(entry["name"].as_str()?.to_owned())).collect())
}

#[test]
fn entries_are_listed_with_what_they_cost() -> Fallible<()> {
    let ran = world()?.run(&["list"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(ran.stdout, @"
    name      type     size  compiled in  age  used  key
    anyhow    lib      10 B        1.5 s  now   now  0b978cca31b9
    my_crate  lib   1.9 MiB        1.5 s  5 d   5 d  2e4ad0851ea4
    serde     lib   4.9 KiB        1.5 s  2 h   2 h  750b695aefa9
    3 entries, 1.9 MiB
    ");
    Ok(())
}

#[test]
fn sorting_puts_the_largest_or_the_least_used_first() -> Fallible<()> {
    let world = world()?;
    assert_eq!(names(&world, &[])?, ["anyhow", "my_crate", "serde"]);
    assert_eq!(names(&world, &["--sort", "size"])?, ["my_crate", "serde", "anyhow"]);
    assert_eq!(names(&world, &["--sort", "age"])?, ["my_crate", "serde", "anyhow"]);
    Ok(())
}

#[test]
fn a_crate_is_found_by_either_spelling() -> Fallible<()> {
    let world = world()?;
    assert_eq!(names(&world, &["--crate", "my-crate"])?, ["my_crate"]);
    assert_eq!(names(&world, &["--crate", "my_crate"])?, ["my_crate"]);
    assert!(names(&world, &["--crate", "my"])?.is_empty());
    Ok(())
}

#[test]
fn the_json_form_has_whole_keys_and_plain_numbers() -> Fallible<()> {
    let world = World::new()?;
    let key = world.publish("serde", 5000, Duration::from_secs(1))?;
    let listing = world.run(&["list", "--format", "json"])?.json()?;
    let entry = &listing["entries"][0];
    assert_eq!(entry["key"], key.to_string());
    assert_eq!((&entry["size_bytes"], &entry["compile_ms"]), (&5000.into(), &1500.into()));
    assert_eq!(entry["crate_types"], Value::from(vec!["lib"]));
    assert!(entry["created"].as_str().is_some_and(|at| at.ends_with('Z')), "{entry}");
    Ok(())
}

#[test]
fn listing_is_no_use_of_an_entry() -> Fallible<()> {
    let world = World::new()?;
    let key = world.publish("serde", 5000, Duration::from_hours(48))?;
    let path = world.store().layout().entry(key);
    let before = std::fs::metadata(&path)?.modified()?;
    world.run(&["list"])?;
    assert_eq!(std::fs::metadata(&path)?.modified()?, before);
    Ok(())
}

#[test]
fn entries_that_cannot_be_read_are_passed_over_and_stay() -> Fallible<()> {
    let world = world()?;
    let garbage = format!("cache/v1/entries/a/ab{}", "0".repeat(62));
    world.write(&garbage, "garbage")?;
    world.write("cache/v1/entries/zz", "not a shard")?;
    assert_eq!(names(&world, &[])?.len(), 3);
    assert!(world.path(&garbage).exists());
    Ok(())
}

#[test]
fn a_reader_that_goes_away_is_no_failure() -> Fallible<()> {
    let world = world()?;
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let output = world.command(&["list"]).stdout(writer).output()?;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr)?, "");
    Ok(())
}
