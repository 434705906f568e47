//! `kache doctor`, with a wrapper and a compiler made for the test.

use std::time::Duration;

use serde_json::Value;

use crate::world::{Fallible, World};

/// A wrapper that compiles nothing: the first call of a crate is a miss, the
/// next one has the outcome and the bytes that the test wants.
fn wrapper(outcome: &str, bytes: &str) -> String {
    format!(
        r#"
while [ $# -gt 0 ]; do
    case $1 in
        --crate-name) name=$2 ;;
        --out-dir) out=$2 ;;
    esac
    shift
done
mkdir=/bin/mkdir
[ -x $mkdir ] || mkdir=/usr/bin/mkdir
$mkdir -p "$KACHE_CACHE_DIR/v1"
journal=$KACHE_CACHE_DIR/v1/events.jsonl
write() {{
    printf '%s' "$2" > "$out/lib$name.rlib"
    printf '{{"v":1,"ts":"2026-03-01T10:00:00.000Z","outcome":"%s","reason":"because","lang":"rust","name":"%s","crate_types":["lib"],"unit":"a","key":"b","session":"1-1","cwd":"/","wall_us":1,"phases_us":{{"parse":1,"record":1,"inputs":1,"lookup":1,"restore":1,"compile":1,"publish":1}},"compile_ms":1,"bytes_linked":0,"bytes_cloned":0,"bytes_copied":0,"processes_spawned":1}}\n' "$1" "$name" >> "$journal"
}}
if [ -e "$KACHE_CACHE_DIR/$name" ]; then
    write {outcome} {bytes}
else
    : > "$KACHE_CACHE_DIR/$name"
    write miss made
fi
"#
    )
}

/// A world with the program, a wrapper and a compiler, and cargo set up to call the wrapper.
fn world(wrapper_script: &str) -> Fallible<World> {
    let mut world = World::new()?;
    world.install()?;
    world.script("bin/kache", wrapper_script)?;
    world.script("bin/rustc", "echo rustc 1.95.0; echo host: x86_64-unknown-linux-gnu\n")?;
    world.env("PATH", world.path("bin"));
    world.env("RUSTC_WRAPPER", "kache");
    Ok(world)
}

/// Returns the status and the message of a check, and whether it says what to do.
fn find(report: &Value, group: &str, name: &str) -> Option<(String, String)> {
    let checks = report["checks"].as_array()?;
    let check = checks.iter().find(|check| check["group"] == group && check["name"] == name)?;
    assert_eq!(check["status"] == "ok", check["hint"].is_null(), "{check}");
    Some((check["status"].as_str()?.to_owned(), check["message"].as_str()?.to_owned()))
}

#[track_caller]
fn check(world: &World, (group, name): (&str, &str), status: &str, says: &str) -> Fallible<()> {
    let ran = world.run(&["doctor", "--format", "json"])?;
    let report = ran.json()?;
    let healthy = report.get("healthy") == Some(&true.into());
    assert_eq!(ran.code, Some(i32::from(!healthy)), "{}", ran.stderr);
    let (found, message) = find(&report, group, name).ok_or_else(|| ran.stdout.clone())?;
    assert_eq!(found, status, "{message}");
    assert!(message.contains(says), "{message}");
    assert_eq!(healthy, status != "fail", "{}", ran.stdout);
    Ok(())
}

#[test]
fn a_setup_that_works_is_healthy() -> Fallible<()> {
    let world = world(&wrapper("hit", "made"))?;
    world.publish("serde", 5000, Duration::from_hours(1))?;
    check(&world, ("setup", "rustc wrapper"), "ok", "@/bin/kache (from RUSTC_WRAPPER)")?;
    check(&world, ("toolchain", "rustc"), "ok", "rustc 1.95.0, @/bin/rustc")?;
    check(&world, ("probe", "compile"), "ok", "restored byte for byte")?;
    check(&world, ("probe", "linker"), "ok", "says what it reads")?;
    check(&world, ("store", "directory"), "ok", "@/cache/v1 is writable")?;
    check(&world, ("store", "blobs"), "ok", "1 blob hashed, all sound")?;
    check(&world, ("file system", "copy"), "ok", "works")
}

#[test]
fn people_see_the_checks_and_every_setting() -> Fallible<()> {
    let world = world(&wrapper("hit", "made"))?;
    let ran = world.run(&["doctor"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for line in [
        "setup",
        "  ok    wrapper: @/bin/kache",
        "  ok    directory: @/cache/v1 will be made by the first build",
        "0 failed, 0 warnings",
    ] {
        assert!(ran.stdout.lines().any(|found| found == line), "{line}\n{}", ran.stdout);
    }
    let setting = ran.stdout.lines().find(|line| line.starts_with("  cache_dir = "));
    assert!(setting.is_some_and(|line| line.ends_with("# KACHE_CACHE_DIR")), "{setting:?}");
    let left: Vec<_> = std::fs::read_dir(world.path("ws"))?.collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!world.path("cache").exists());
    Ok(())
}

#[test]
fn a_wrapper_that_cargo_does_not_call_is_a_failure() -> Fallible<()> {
    let mut world = world(&wrapper("hit", "made"))?;
    let at = ("setup", "rustc wrapper");
    world.env("RUSTC_WRAPPER", "/opt/bin/sccache");
    check(&world, at, "fail", "sccache is called and kache is not")?;
    world.env("RUSTC_WRAPPER", "/nowhere/kache");
    check(&world, at, "fail", "`/nowhere/kache`, which is not a program")?;
    world.env("RUSTC_WRAPPER", "");
    check(&world, at, "fail", "RUSTC_WRAPPER is empty")?;
    world.without("RUSTC_WRAPPER");
    check(&world, at, "fail", "cargo calls rustc itself")?;
    world.write("ws/.cargo/config.toml", "[build]\nrustc-wrapper = \"kache\"\n")?;
    check(&world, at, "ok", "(from build.rustc-wrapper in @/ws/.cargo/config.toml)")?;
    world.script("other/kache", "")?;
    world.env("RUSTC_WRAPPER", world.path("other/kache"));
    check(&world, at, "warn", "another kache: @/other/kache")
}

#[test]
fn settings_that_undo_the_cache_are_told() -> Fallible<()> {
    let mut world = world(&wrapper("hit", "made"))?;
    world.env("CARGO_INCREMENTAL", "0");
    check(&world, ("setup", "incremental compilation"), "warn", "CARGO_INCREMENTAL is 0")?;
    world.env("RUSTC_WORKSPACE_WRAPPER", "odd-wrapper");
    check(&world, ("setup", "workspace wrapper"), "warn", "`odd-wrapper`")?;
    world.env("KACHE_DISABLED", "1");
    check(&world, ("setup", "disabled"), "warn", "disabled by KACHE_DISABLED")?;
    world.write("ws/.kache.toml", "\nmax_sise = 1\n")?;
    check(&world, ("setup", "configuration"), "warn", "@/ws/.kache.toml:2:1: unknown key")?;
    world.write("ws/.kache.toml", "\n\nmax_size = \"big\"\n")?;
    check(&world, ("setup", "configuration"), "fail", "@/ws/.kache.toml:3:")
}

#[test]
fn a_probe_that_is_not_served_says_why() -> Fallible<()> {
    let check_probe =
        |script: &str, says: &str| check(&world(script)?, ("probe", "compile"), "fail", says);
    check_probe(&wrapper("miss", "made"), "was not a hit: miss (because)")?;
    check_probe(&wrapper("passthrough", "made"), "was not a hit: passthrough (because)")?;
    check_probe(&wrapper("hit", "other"), "differs from what the compiler wrote")?;
    check_probe("exit 0\n", "wrote no event")?;
    check_probe("echo oh no >&2; exit 3\n", "failed (exit status: 3): oh no")
}

#[test]
fn a_compiler_that_does_not_answer_is_a_failure() -> Fallible<()> {
    let mut world = world(&wrapper("hit", "made"))?;
    world.script("bin/rustc", "echo toolchain is not installed >&2; exit 1\n")?;
    let at = ("toolchain", "rustc");
    check(&world, at, "fail", "@/bin/rustc -vV` failed: toolchain is not installed")?;
    world.env("RUSTC", "my-rustc");
    check(&world, at, "fail", "there is no `my-rustc` (from RUSTC)")
}

#[test]
fn damage_in_the_store_is_told_and_left_alone() -> Fallible<()> {
    let world = world(&wrapper("hit", "made"))?;
    world.publish("serde", 5000, Duration::from_hours(1))?;
    let blobs = world.store().inventory()?.blobs;
    let blob = *blobs.keys().next().ok_or("one blob was published")?;
    let path = world.store().layout().blob(blob);
    std::fs::write(&path, "damaged")?;
    check(&world, ("store", "blobs"), "warn", "1 of 1 blob hashed are damaged")?;
    assert_eq!(std::fs::read(&path)?, b"damaged");
    std::fs::remove_file(&path)?;
    check(&world, ("store", "entries"), "warn", "0 unreadable, 1 without a blob")
}

/// Asks about the cache directory `cache`, where some directories have a
/// manifest; `around` is the one that must be warned of.
#[track_caller]
fn check_place(cache: &str, manifests: &[(&str, &str)], around: Option<&str>) -> Fallible<()> {
    let mut world = World::new()?;
    world.env("KACHE_CACHE_DIR", world.path(cache));
    for (dir, text) in manifests {
        world.write(&format!("{dir}/Cargo.toml"), text)?;
    }
    let report = world.run(&["doctor", "--no-probe", "--format", "json"])?.json()?;
    let warning =
        |dir: &str| ("warn".to_owned(), format!("the cache is inside the package `@/{dir}`"));
    assert_eq!(find(&report, "store", "place"), around.map(warning), "{cache}");
    Ok(())
}

#[test]
fn a_cache_inside_a_package_is_warned_of() -> Fallible<()> {
    const PACKAGE: &str = "[package]\nname = \"app\"\n";
    check_place("ws/cache", &[("ws", PACKAGE)], Some("ws"))?;
    check_place("ws/deep/cache", &[("ws", PACKAGE)], Some("ws"))?;
    check_place("ws/.deep/cache", &[("ws", PACKAGE)], None)?;
    check_place("ws/.cache", &[("ws", PACKAGE)], None)?;
    check_place("ws/target/cache", &[("ws", PACKAGE)], None)?;
    check_place("ws/src/target/cache", &[("ws", PACKAGE)], Some("ws"))?;
    check_place("ws/cache", &[("ws", "[workspace]\n")], None)?;
    check_place("ws/sub/cache", &[("ws", PACKAGE), ("ws/sub", "[workspace]\n")], None)?;
    check_place("cache", &[("ws", PACKAGE)], None)
}

#[test]
fn a_store_path_that_is_a_file_is_a_failure() -> Fallible<()> {
    let world = world(&wrapper("hit", "made"))?;
    world.write("cache", "precious")?;
    check(&world, ("store", "directory"), "fail", "`@/cache` is not a directory")?;
    assert_eq!(std::fs::read(world.path("cache"))?, b"precious");
    Ok(())
}
