//! Stores and settings that cannot be used: what is said, and that nothing is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use insta::{allow_duplicates, assert_snapshot};

use crate::world::{Fallible, Ran, World};

const VERBS: [&[&str]; 5] = [&["stats"], &["list"], &["report"], &["gc"], &["purge", "--yes"]];

#[test]
fn a_store_path_that_is_a_file_is_named_with_who_set_it() -> Fallible<()> {
    let world = World::new()?;
    world.write("cache", "precious")?;
    for verb in VERBS {
        let ran = world.run(verb)?;
        assert_eq!(ran.code, Some(4), "{verb:?}");
        allow_duplicates! {
            assert_snapshot!(ran.stderr, @"
            error: `@/cache` is not a directory
            hint: the cache directory is set by: KACHE_CACHE_DIR
            ");
        }
    }
    assert_eq!(fs::read(world.path("cache"))?, b"precious");
    Ok(())
}

#[test]
fn a_configuration_that_cannot_be_used_is_named_by_line() -> Fallible<()> {
    let world = World::new()?;
    world.publish("serde", 10, Duration::from_hours(1))?;
    world.write("ws/.kache.toml", "# mine\nmax_size = \"big\"\n")?;
    for verb in VERBS {
        let ran = world.run(verb)?;
        assert_eq!(ran.code, Some(3), "{verb:?}");
        allow_duplicates! {
            assert_snapshot!(ran.stderr, @"
            warning: @/ws/.kache.toml:2:12: `max_size`: expected a size such as `50GiB`, found `big`
            error: the configuration cannot be used, so builds run uncached
            hint: correct what the warnings name; `kache doctor` shows every setting
            ");
        }
    }
    fs::remove_file(world.path("ws/.kache.toml"))?;
    assert!(world.run(&["list"])?.stdout.contains("serde"));
    Ok(())
}

#[test]
fn unknown_settings_are_warned_of_and_do_not_stop_a_verb() -> Fallible<()> {
    let mut world = World::new()?;
    world.write("ws/.kache.toml", "max_sise = \"1GiB\"\n")?;
    world.env("KACHE_MAX_SISE", "1GiB");
    let ran = world.run(&["list"])?;
    assert_eq!(ran.code, Some(0));
    assert_snapshot!(ran.stderr, @"
    warning: @/ws/.kache.toml:1:1: unknown key `max_sise`; did you mean `max_size`?
    warning: unknown variable `KACHE_MAX_SISE`; did you mean `KACHE_MAX_SIZE`?
    ");
    Ok(())
}

#[test]
fn a_store_of_garbage_is_no_error() -> Fallible<()> {
    let world = World::new()?;
    let digest = "ab".repeat(32);
    for dir in ["entries", "blobs", "records"] {
        world.write(&format!("cache/v1/{dir}/a/{digest}"), b"\xff\x00garbage")?;
    }
    for file in ["events.jsonl", "synced", "index.redb"] {
        world.write(&format!("cache/v1/{file}"), b"\xff\x00garbage")?;
    }
    for verb in VERBS {
        let ran = world.run(verb)?;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{verb:?}: {}", ran.stdout);
    }
    Ok(())
}

#[test]
fn without_a_home_there_is_no_cache_directory() -> Fallible<()> {
    let mut world = World::new()?;
    world.without("HOME");
    world.without("KACHE_CACHE_DIR");
    let ran = world.run(&["stats"])?;
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("no cache directory: set KACHE_CACHE_DIR"), "{}", ran.stderr);
    Ok(())
}

/// Takes away the right to write, also from root: the program runs as nobody.
#[test]
fn a_store_that_cannot_be_written_is_named_and_kept() -> Fallible<()> {
    let mut world = World::new()?;
    world.install()?;
    world.publish("serde", 10, Duration::from_hours(1))?;
    let set_mode = |below: &str, mode| {
        fs::set_permissions(world.path(below), fs::Permissions::from_mode(mode))
    };
    set_mode("", 0o755)?;
    fs::create_dir_all(world.path("cache/v1/locks"))?;
    let dirs = ["cache/v1/locks", "cache/v1/entries", "cache/v1/blobs", "cache/v1"];
    for dir in dirs {
        set_mode(dir, 0o555)?;
    }
    for verb in [&["gc"][..], &["purge", "--yes"]] {
        let Ran { code, stderr, .. } = world.run_as_nobody(verb)?;
        assert_eq!(code, Some(4), "{verb:?}: {stderr}");
        assert!(stderr.contains("`@/cache/v1/locks/"), "{stderr}");
        assert!(stderr.contains("Permission denied"), "{stderr}");
    }
    for dir in dirs {
        set_mode(dir, 0o755)?;
    }
    assert!(world.run(&["list"])?.stdout.contains("serde"));
    Ok(())
}
