//! `kache stats`.

use insta::assert_snapshot;
use serde_json::json;

use crate::world::{Fallible, World, event, two_builds, without_size};

#[test]
fn units_are_counted_and_questions_are_not_units() -> Fallible<()> {
    let world = World::new()?;
    world.journal(&two_builds())?;
    let ran = world.run(&["stats"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(without_size(&ran.stdout), @"
    @/cache

    units                 6
      hits                2
      misses              2
      dups                0
      passthroughs        1
      errors              1
    hit rate         50.0 %  by compile time 53.3 %
    time saved        3.5 s  restoring took 502 ms
    queries               2  1 answered from the store
    bytes linked    4.0 KiB
    bytes cloned        0 B
    bytes copied    1.9 MiB
    store ...

    by language  units  hits  misses  dups  other  hit rate  saved
    rust             6     2       2     0      2    50.0 %  3.5 s

    by crate type  units  hits  misses  dups  other  hit rate   saved
    bin                1     1       0     0      0   100.0 %   2.5 s
    lib                3     1       2     0      0    33.3 %  998 ms
    test               1     0       0     0      1         -    0 ms
    unknown            1     0       0     0      1         -    0 ms

    units  why units were compiled
        1  file src/main.rs changed
        1  first sight of this unit

    units  why units were passed through
        1  unknown flag -Zodd
    ");
    Ok(())
}

#[test]
fn the_json_form_has_counts_rates_and_reasons() -> Fallible<()> {
    let world = World::new()?;
    world.journal(&two_builds())?;
    let stats = world.run(&["stats", "--format", "json"])?.json()?;
    assert_eq!(
        stats["units"],
        json!({
            "hits": 2, "misses": 2, "dups": 0, "passthroughs": 1, "errors": 1, "total": 6,
            "compile_ms_avoided": 4000, "compile_ms_spent": 3500, "restore_ms": 502,
            "hit_rate": 0.5, "weighted_hit_rate": 0.5333, "saved_ms": 3498,
        })
    );
    assert_eq!(stats["queries"], json!({"total": 2, "answered": 1}));
    assert_eq!(stats["bytes_restored"], json!({"linked": 4096, "cloned": 0, "copied": 2_000_000}));
    assert_eq!(
        stats["passthrough_reasons"],
        json!([{"reason": "unknown flag -Zodd", "count": 1, "compile_ms": 0}])
    );
    assert_eq!(stats["miss_reasons"][0]["reason"], "file src/main.rs changed");
    assert_eq!(stats["crate_types"]["test"]["errors"], 1);
    assert_eq!(stats["store"]["max_bytes"], 50_u64 << 30);
    Ok(())
}

#[test]
fn since_leaves_out_what_was_before() -> Fallible<()> {
    let world = World::new()?;
    world.journal(&two_builds())?;
    let total = |since: &str| -> Fallible<_> {
        let stats = world.run(&["stats", "--format", "json", "--since", since])?.json()?;
        Ok(stats["units"]["total"].clone())
    };
    assert_eq!(total("2026-03-01")?, 6);
    assert_eq!(total("2026-03-01T10:00:05Z")?, 4);
    assert_eq!(total("2026-03-05")?, 2);
    assert_eq!(total("2026-03-06")?, 0);
    Ok(())
}

#[test]
fn lines_that_are_no_events_are_counted_and_passed_over() -> Fallible<()> {
    let world = World::new()?;
    let garbage = ["{", "[]", "\u{0}\u{1}", "{\"v\":99}", "nonsense", "{\"v\":1}"];
    world.journal(&garbage.map(str::to_owned))?;
    let huge = json!({"compile_ms": u64::MAX, "wall_us": u64::MAX, "bytes_linked": u64::MAX});
    world.journal(&[event(&huge), event(&huge), event(&json!({"ts": "yesterday"}))])?;
    let ran = world.run(&["stats", "--format", "json"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let stats = ran.json()?;
    assert_eq!((&stats["units"]["hits"], &stats["unreadable_lines"]), (&json!(2), &json!(7)));
    assert_eq!(stats["bytes_restored"]["linked"], u64::MAX);
    let human = world.run(&["stats"])?;
    assert!(human.stdout.contains("7 lines of the journal could not be read"), "{}", human.stdout);
    Ok(())
}

#[test]
fn rotated_journals_count_too() -> Fallible<()> {
    let world = World::new()?;
    let old = event(&json!({}));
    world.write("cache/v1/events-00000000000000000001.jsonl", format!("{old}\n"))?;
    world.journal(&[event(&json!({}))])?;
    let stats = world.run(&["stats", "--format", "json"])?.json()?;
    assert_eq!(stats["units"]["hits"], 2);
    Ok(())
}

#[test]
fn a_cache_that_was_never_used_is_no_error_and_is_not_made() -> Fallible<()> {
    let world = World::new()?;
    let ran = world.run(&["stats"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("hit rate           -"), "{}", ran.stdout);
    assert!(!world.path("cache").exists());
    Ok(())
}
