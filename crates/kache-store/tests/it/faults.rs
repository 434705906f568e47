//! Every step of publishing, restoring, evicting and rotating fails in every
//! way, and dies.
//!
//! The scenario runs in a child process, this test binary started once more,
//! because the fault is named by the environment and may kill the process.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Mutex;

use kache_store::{Outcome, clock, fault, journal, memo, restore, retention, synced};

use crate::world::{Fallible, HOUR_NS, ROOMY, World, event};

/// What can go wrong at a point beside dying.
const ERRNOS: &[&str] =
    &["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE", "EXDEV", "EMLINK", "ENOTSUP", "EIO"];

/// Points at which a refusal changes how something is done, not whether.
const FALL_BACK: &[&str] = &[
    "adopt.clone",
    "adopt.link",
    "adopt.tag",
    "restore.clone",
    "restore.link",
    "restore.touch",
    "restore.tag",
    "quarantine.rename",
];

const SIGABRT: i32 = 6;
const WORLD: &str = "KACHE_FAULT_WORLD";

const LINKED: &[u8] = b"linked into the store, and out of it";
const COPIED: &[u8] = b"copied into the store, because it has two names";
const A: &[(&str, &[u8])] = &[("linked", LINKED), ("copied", COPIED)];
const B: &[(&str, &[u8])] = &[("shared", LINKED), ("own", b"b's own")];

/// Publishes `a` from a target directory in which one file has a second name.
fn publish_a(world: &World) -> Fallible<bool> {
    let linked = world.write("target/linked", LINKED)?;
    let copied = world.write("target/copied", COPIED)?;
    drop(fs::remove_file(world.path("target/second name")));
    fs::hard_link(&copied, world.path("target/second name"))?;
    let paths = [("linked".to_owned(), linked), ("copied".to_owned(), copied)];
    world.publish_paths("a", &paths)?;
    Ok(true)
}

/// Restores `a`; each file has the right bytes or is not there.
fn restore_a(world: &World, dir: &str) -> Fallible<bool> {
    let (key, _) = crate::world::key_of("a");
    let is_hit = world.restore(key, dir)?.is_some();
    for (name, bytes) in A {
        let path = world.path(&format!("{dir}/{name}"));
        assert!(is_hit || !path.exists() || fs::read(&path)? == *bytes, "half of {dir}/{name}");
        assert!(!is_hit || fs::read(&path)? == *bytes, "{dir}/{name}");
    }
    Ok(is_hit)
}

fn damage_is_a_miss(world: &World) -> Fallible<bool> {
    let blob = world.blob_path(COPIED);
    std::thread::sleep(std::time::Duration::from_millis(10));
    fs::write(&blob, vec![b'x'; COPIED.len()])?;
    assert!(!restore_a(world, "damaged")?, "damage was served");
    Ok(!blob.exists())
}

fn evict_b(world: &World) -> Fallible<bool> {
    let (key, _) = crate::world::key_of("b");
    let inventory = world.store.inventory()?;
    let plan = retention::plan_removal(&inventory, |entry| entry.key == key);
    Ok(world.store.evict(&plan)?.refused == 0)
}

fn sweep(world: &World, later_ns: i64) -> Fallible<bool> {
    Ok(world.store.sweep(&ROOMY, clock::now_ns() + later_ns)?.refused == 0)
}

fn restore_text(world: &World) -> Fallible<bool> {
    let target = world.path("first/linked.d");
    let written = restore::restore_text(&target, "linked.d: src/lib.rs\n");
    assert_eq!(written.is_ok(), target.exists(), "half a text was left");
    written?;
    Ok(true)
}

fn remember(world: &World) -> Fallible<bool> {
    let layout = world.store.layout();
    memo::write(layout, kache_key::Digest::of(b"rustc"), &"1.95.0")?;
    synced::sync(layout)?;
    Ok(true)
}

type Step = fn(&World) -> Fallible<bool>;

const STEPS: &[(&str, Step)] = &[
    ("publish a", publish_a),
    ("append", |world| Ok(world.store.append(&event("a", Outcome::Miss)).map(|()| true)?)),
    ("restore while the target directory has the inode", |world| restore_a(world, "first")),
    ("restore a text", restore_text),
    ("remove the target directories", |world| {
        fs::remove_dir_all(world.path("target"))?;
        drop(fs::remove_dir_all(world.path("first")));
        Ok(true)
    }),
    ("restore when nobody has the inode", |world| restore_a(world, "second")),
    ("damage", damage_is_a_miss),
    ("publish a again", publish_a),
    ("publish b", |world| world.publish_from("target b", "b", B).map(|_| true)),
    ("evict b", evict_b),
    ("sweep", |world| sweep(world, 31 * 24 * HOUR_NS)),
    ("remember", remember),
    ("append again", |world| Ok(world.store.append(&event("b", Outcome::Hit)).map(|()| true)?)),
    ("rotate", |world| Ok(journal::rotate(world.store.layout(), 0)?)),
    ("restore at the end", |world| restore_a(world, "last")),
];

/// Not a test by itself: what the child processes run.
#[test]
#[ignore = "started by the tests below, with a fault"]
fn scenario() -> Fallible {
    let Some(root) = std::env::var_os(WORLD) else { return Ok(()) };
    let world = World::at(Path::new(&root));
    let mut log = fs::File::create(world.path("steps"))?;
    for (name, step) in STEPS {
        let (is_done, why) = match step(&world) {
            Ok(is_done) => (is_done, String::new()),
            Err(error) => (false, error.to_string()),
        };
        writeln!(log, "{} {name}: {why}", if is_done { "done" } else { "failed" })?;
    }
    Ok(())
}

/// Runs the scenario with a fault and returns how it ended and which steps failed.
fn run(world: &World, plan: Option<&str>) -> Fallible<(ExitStatus, Vec<String>)> {
    let root = world.path("");
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["faults::scenario", "--exact", "--ignored", "--test-threads=1"]);
    child.env(WORLD, &root).env("KACHE_FAULT_LOG", world.path("points"));
    child.env_remove("KACHE_FAULT").envs(plan.map(|plan| ("KACHE_FAULT", plan)));
    let output = child.output()?;
    let steps = fs::read_to_string(world.path("steps"))?;
    let failed = steps.lines().filter(|line| line.starts_with("failed")).map(str::to_owned);
    let mut failed: Vec<String> = failed.collect();
    if !output.status.success() {
        failed.push(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Ok((output.status, failed))
}

/// Makes sure that a store in which something went wrong serves only right
/// bytes, is healed by a publication, and that a sweep leaves no litter in it.
fn check_consistent(world: &World) -> Fallible {
    restore_a(world, "after")?;
    let (b, _) = crate::world::key_of("b");
    if world.restore(b, "after b")?.is_some() {
        world.check_hit(b, "after b", B)?;
    }
    publish_a(world)?;
    assert!(restore_a(world, "healed")?, "a publication did not heal the store");
    world.publish_from("target b", "b", B)?;
    world.check_hit(b, "healed b", B)?;
    assert!(sweep(world, 100 * 24 * HOUR_NS)?);
    world.check_tidy()?;
    for path in journal::files(world.store.layout())? {
        let text = fs::read_to_string(&path)?;
        assert_eq!(journal::parse(&text).count(), text.lines().count(), "{}", path.display());
    }
    Ok(())
}

fn check(point: &str, action: &str) -> Fallible {
    let world = World::in_memory()?;
    let (status, failed) = run(&world, Some(&format!("{point}={action}")))?;
    if action == "abort" {
        assert_eq!(status.signal(), Some(SIGABRT), "the point was not passed: {failed:?}");
    } else {
        assert!(status.success(), "{failed:?}");
        if FALL_BACK.contains(&point) {
            assert_eq!(failed, [""; 0]);
        }
    }
    check_consistent(&world)
}

#[test]
fn without_a_fault_every_step_succeeds_and_every_listed_point_is_passed() -> Fallible {
    let world = World::in_memory()?;
    let (status, failed) = run(&world, None)?;
    assert!(status.success() && failed.is_empty(), "{failed:?}");
    let log = fs::read_to_string(world.path("points"))?;
    let passed: BTreeSet<&str> = log.lines().collect();
    assert_eq!(passed, fault::POINTS.iter().copied().collect());
    check_consistent(&world)
}

#[test]
fn after_any_fault_at_any_point_the_store_is_consistent() {
    let cases: Vec<(&str, &str)> = fault::POINTS
        .iter()
        .flat_map(|point| {
            let actions = ERRNOS.iter().chain(&["abort"]);
            actions.map(|action| (*point, *action))
        })
        .collect();
    let (left, wrong) = (Mutex::new(cases), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let next = || left.lock().expect("no holder panics").pop();
                while let Some((point, action)) = next() {
                    let case = format!("{point}={action}");
                    let checked = std::panic::catch_unwind(|| check(point, action));
                    let why = match checked {
                        Ok(Ok(())) => continue,
                        Ok(Err(error)) => error.to_string(),
                        Err(_) => "see above".to_owned(),
                    };
                    wrong.lock().expect("no holder panics").push(format!("{case}: {why}"));
                }
            });
        }
    });
    assert_eq!(wrong.into_inner().expect("no holder panics"), [""; 0]);
}
