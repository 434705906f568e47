//! `kache report`.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::world::{Fallible, World, two_builds};

fn world() -> Fallible<World> {
    let world = World::new()?;
    world.journal(&two_builds())?;
    Ok(world)
}

#[test]
fn builds_are_listed_oldest_first() -> Fallible<()> {
    let ran = world()?.run(&["report"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(ran.stdout, @"
    session  started               units  hits  misses  other    took   saved  directory
    100-5    2026-03-01T09:59:59Z      4     1       2      1   8.0 s  998 ms  /ws
    200-9    2026-03-05T12:00:00Z      2     1       0      1  500 ms   2.5 s  /b
    `kache report --session ID` shows one of them, `--session last` the last
    ");
    Ok(())
}

#[test]
fn one_build_is_told_with_its_misses_and_why() -> Fallible<()> {
    let ran = world()?.run(&["report", "--session", "100-5"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(ran.stdout, @"
    session 100-5 in /ws
    started 2026-03-01T09:59:59Z, took 8.0 s

    4 units: hits 1, misses 2, dups 0, passthroughs 1, errors 0
    hit rate 33.3 %, by compile time 22.2 %
    compiling took 3.5 s; hits saved 998 ms
    restored: 4.0 KiB linked, 0 B cloned, 0 B copied

    slowest misses  type  compiled in  why
    app             lib         3.0 s  file src/main.rs changed
    macros          lib        500 ms  first sight of this unit

    passthroughs  type     compiled in  why
    (unnamed)     unknown         0 ms  unknown flag -Zodd
    ");
    Ok(())
}

#[test]
fn the_json_form_has_every_unit_that_was_not_a_hit() -> Fallible<()> {
    let report = world()?.run(&["report", "--format", "json"])?.json()?;
    let first = &report["sessions"][0];
    assert_eq!(first["session"], "100-5");
    assert_eq!(first["wall_ms"], 8002, "from the start of the first event to the end of the last");
    assert_eq!(first["units"]["total"], 4);
    assert_eq!(first["queries"]["total"], 2);
    let slowest = &first["slowest_misses"];
    assert_eq!((&slowest[0]["name"], &slowest[1]["name"]), (&json!("app"), &json!("macros")));
    assert_eq!(first["passthroughs"][0]["reason"], "unknown flag -Zodd");
    assert_eq!(report["sessions"][1]["errors"][0]["name"], "broken");
    Ok(())
}

#[test]
fn last_is_the_last_build_that_compiled_something() -> Fallible<()> {
    let world = world()?;
    let query = json!({"session": "300-1", "ts": "2026-03-09T10:00:00.000Z", "name": "-vV",
                       "unit": null, "crate_types": []});
    world.journal(&[crate::world::event(&query)])?;
    let report = world.run(&["report", "--session", "last", "--format", "json"])?.json()?;
    assert_eq!(report["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["sessions"][0]["session"], "200-9");
    Ok(())
}

#[test]
fn since_leaves_out_earlier_builds() -> Fallible<()> {
    let world = world()?;
    let report = world.run(&["report", "--since", "2026-03-04", "--format", "json"])?.json()?;
    assert_eq!(report["sessions"].as_array().map(Vec::len), Some(1));
    let none = world.run(&["report", "--since", "2026-04-01"])?;
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "no builds\n"));
    Ok(())
}

#[test]
fn a_build_that_is_not_there_is_an_error() -> Fallible<()> {
    let ran = world()?.run(&["report", "--session", "999-9"])?;
    assert_eq!(ran.code, Some(1));
    assert_snapshot!(ran.stderr, @"
    error: there has been no session `999-9`
    hint: `kache report` lists the sessions
    ");
    let none = World::new()?.run(&["report", "--session", "last"])?;
    assert_eq!(
        (none.code, none.stderr.as_str()),
        (Some(1), "error: there has been no build yet\n")
    );
    Ok(())
}

#[test]
fn builds_are_told_of_after_their_journal_has_gone() -> Fallible<()> {
    let world = world()?;
    let before = world.run(&["report", "--format", "json"])?;
    fs::remove_file(world.path("cache/v1/events.jsonl"))?;
    let after = world.run(&["report", "--format", "json"])?;
    assert_eq!((after.stdout, after.stderr), (before.stdout, String::new()));
    Ok(())
}
