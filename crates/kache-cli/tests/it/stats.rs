//! `kache stats`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use insta::assert_snapshot;
use serde_json::{Value, json};

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
    assert_eq!(total("2026-03-01T10:00:00Z")?, 6);
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
    let old = event(&json!({"name": "old"}));
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

fn stats(world: &World, args: &[&str]) -> Fallible<Value> {
    let ran = world.run(&[&["stats", "--format", "json"], args].concat())?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    ran.json()
}

#[test]
fn what_was_counted_stays_after_its_journal_has_gone() -> Fallible<()> {
    let world = World::new()?;
    world.journal(&two_builds())?;
    let before = world.run(&["stats"])?;
    fs::remove_file(world.path("cache/v1/events.jsonl"))?;
    let after = world.run(&["stats"])?;
    assert_eq!((after.stdout, after.stderr), (before.stdout, String::new()));
    world.journal(&[event(&json!({"name": "later"}))])?;
    assert_eq!(stats(&world, &[])?["units"]["total"], 7);
    assert_eq!(stats(&world, &["--since", "2026-03-05"])?["units"]["total"], 2);
    assert_eq!(
        stats(&world, &["--since", "2026-02-28T23:59:00Z"])?["units"]["total"],
        1,
        "the journal"
    );
    Ok(())
}

#[test]
fn days_ago_begin_with_their_hour_and_less_than_a_day_is_exact() -> Fallible<()> {
    let world = World::new()?;
    let now = SystemTime::now();
    let ago = |span: Duration| {
        let ts = humantime::format_rfc3339_millis(now - span).to_string();
        event(&json!({"ts": ts}))
    };
    world.journal(&[ago(Duration::from_hours(50)), ago(Duration::from_mins(90))])?;
    assert_eq!(stats(&world, &["--since", "1h"])?["units"]["total"], 0);
    assert_eq!(stats(&world, &["--since", "2h"])?["units"]["total"], 1);
    assert_eq!(stats(&world, &["--since", "2d"])?["units"]["total"], 1);
    assert_eq!(stats(&world, &["--since", "3d"])?["units"]["total"], 2);
    let since = world.run(&["stats", "--since", "3d"])?.stdout;
    let first = since.lines().next().unwrap_or_default();
    assert!(first.ends_with(":00:00Z"), "{first}");
    Ok(())
}

#[test]
fn tidying_takes_old_journals_into_the_history_before_they_go() -> Fallible<()> {
    let world = World::new()?;
    let below = "cache/v1/events-00000000000000000001.jsonl";
    world.write(below, event(&json!({})) + "\n")?;
    let old = SystemTime::now() - Duration::from_hours(24 * 365);
    File::options().write(true).open(world.path(below))?.set_modified(old)?;
    assert_eq!(world.run(&["gc"])?.code, Some(0));
    assert!(!world.path(below).exists(), "it was to be removed");
    assert_eq!(stats(&world, &[])?["units"]["hits"], 1);
    Ok(())
}

#[test]
fn an_index_of_garbage_is_made_anew_without_a_word() -> Fallible<()> {
    let world = World::new()?;
    world.journal(&two_builds())?;
    for garbage in ["", "garbage", &"x".repeat(100_000)] {
        world.write("cache/v1/index.redb", garbage)?;
        assert_eq!(stats(&world, &[])?["units"]["total"], 6, "{} bytes", garbage.len());
    }
    Ok(())
}

/// Takes away the right to write, also from root: the program runs as nobody.
#[test]
fn a_store_that_cannot_be_written_is_counted_with_a_warning() -> Fallible<()> {
    let mut world = World::new()?;
    world.install()?;
    world.journal(&two_builds())?;
    world.write("cache/v1/locks/index", "")?;
    let right = stats(&world, &[])?;
    for (below, mode) in [
        ("", 0o755),
        ("cache/v1/locks/index", 0o444),
        ("cache/v1/index.redb", 0o444),
        ("cache/v1/locks", 0o555),
        ("cache/v1", 0o555),
    ] {
        fs::set_permissions(world.path(below), fs::Permissions::from_mode(mode))?;
    }
    for verb in ["stats", "report"] {
        let ran = world.run_as_nobody(&[verb, "--format", "json"])?;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("only what the journal files still hold"), "{}", ran.stderr);
        let json = ran.json()?;
        if verb == "stats" {
            assert_eq!(json["units"], right["units"]);
        } else {
            assert_eq!(json["sessions"][1]["session"], "200-9");
        }
    }
    fs::set_permissions(world.path("cache/v1"), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[test]
fn many_at_once_while_a_build_writes_count_every_unit_once() -> Fallible<()> {
    const UNITS: usize = 50;

    let world = World::new()?;
    let mut running = Vec::new();
    for number in 0..UNITS {
        world.journal(&[event(&json!({"name": format!("crate{number}")}))])?;
        if number % 10 == 0 {
            for verb in ["stats", "report"] {
                let mut command = world.command(&[verb]);
                running.push(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?);
            }
        }
    }
    for process in running {
        let output = process.wait_with_output()?;
        assert_eq!(String::from_utf8(output.stderr)?, "");
        assert!(output.status.success());
    }
    assert_eq!(stats(&world, &[])?["units"]["hits"], UNITS);
    Ok(())
}
