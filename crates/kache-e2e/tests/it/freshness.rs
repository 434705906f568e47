//! What cargo thinks of restored files: fresh, stale, executable, its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::events::{Journal, Outcome, Tally};
use kache_e2e::filesystem::{self, Filesystem, Kind};
use kache_e2e::oracle::Tree;
use kache_e2e::project::{Project, remove};
use kache_e2e::{HarnessError, Scenario, process};

use crate::chain::{
    self, CRATES, SENTENCE, assert_blobs_intact, assert_compiled, assert_hits, build, outcomes,
    printed, said, same_as_bare, succeed,
};

#[test]
fn a_restored_build_is_fresh_in_both_trees_however_they_alternate() {
    let scenario = chain::warmed().unwrap();
    let first = &scenario.project;
    let second = &scenario.second_checkout("elsewhere/two").unwrap();
    assert_hits(&build(&scenario, second).unwrap(), CRATES);
    for tree in [first, second, first] {
        for other in [first, second] {
            assert_eq!(build(&scenario, other).unwrap().units(), 0, "{}", other.dir().display());
        }
        tree.clean().unwrap();
        assert_hits(&build(&scenario, tree).unwrap(), CRATES);
    }
    assert_eq!(build(&scenario, first).unwrap().units(), 0);
    assert_eq!(build(&scenario, second).unwrap().units(), 0);
    assert_eq!(same_as_bare(&scenario, second).unwrap(), SENTENCE);
}

#[test]
fn an_older_dependency_restored_alone_makes_its_dependants_stale() {
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    project.edit("base/src/lib.rs", "one", "two").unwrap();
    assert_compiled(&build(&scenario, project).unwrap(), &["app", "base", "mid"]);
    project.edit("base/src/lib.rs", "two", "one").unwrap();
    let alone = succeed(&scenario.cargo("build").args(["-p", "base"])).unwrap();
    assert_hits(&alone, &["base"]);
    assert_hits(&build(&scenario, project).unwrap(), &["app", "mid"]);
    assert_eq!(same_as_bare(&scenario, project).unwrap(), SENTENCE);
    assert_eq!(build(&scenario, project).unwrap().units(), 0);
}

/// The dep-info and fingerprints below a target directory, with their bytes.
fn bookkeeping(target_dir: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, HarnessError> {
    let wanted = |path: &Path| {
        let is_cargos = path.components().any(|part| part.as_os_str() == ".fingerprint");
        let is_clock = path.ends_with("invoked.timestamp");
        is_cargos && !is_clock || path.extension().is_some_and(|extension| extension == "d")
    };
    let names = Tree::of(target_dir, wanted)?.files.into_keys();
    let contents = names.map(|name| {
        let mut bytes = fs::read(target_dir.join(&name)).unwrap_or_default();
        if name.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dep-")) {
            // Cargo writes these paths in the order of a hash map, another in each run.
            bytes.sort_unstable();
        }
        (name, bytes)
    });
    Ok(contents.collect())
}

#[test]
fn dep_info_and_fingerprints_of_a_restored_unit_are_bare_cargos_own() {
    let scenario = chain::warmed().unwrap();
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    let target = second.path("other target");
    let with_target = |run: CargoRun<'_>| succeed(&run.arg("--target-dir").arg(&target));
    assert_hits(&with_target(scenario.cargo_in(&second, "build")).unwrap(), CRATES);
    let restored = bookkeeping(&target).unwrap();
    let dep_info = fs::read_to_string(target.join("debug/app.d")).unwrap();
    assert!(dep_info.contains("elsewhere/two/app/src/main.rs"), "{dep_info}");
    remove(&target).unwrap();
    let mut bare = CargoRun::new(&scenario.env, second.dir(), "build");
    bare = bare.arg("--target-dir").arg(&target);
    succeed(&bare).unwrap();
    let expected = bookkeeping(&target).unwrap();
    assert!(expected.len() > 16, "{:?}", expected.keys());
    assert!(restored.keys().eq(expected.keys()), "{:?}", restored.keys());
    for (name, bytes) in &restored {
        let (ours, theirs) =
            (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&expected[name]));
        assert_eq!(ours, theirs, "{}", name.display());
    }
}

#[test]
fn an_edit_after_a_restore_is_noticed() {
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    #[rustfmt::skip]
    let edits: &[(&str, &str, &str, &[&str], &str)] = &[
        ("app/src/main.rs", "\"{}\"", "\"app: {}\"", &["app"], "app: one 41 noted 3\n"),
        ("mid/src/lib.rs", "{NUMBER}", "n{NUMBER}", &["app", "mid"], "app: one n41 noted 3\n"),
        ("mid/src/note.txt", "noted", "seen", &["app", "mid"], "app: one n41 seen 3\n"),
        ("mid/src/sum.in", "1 + 2", "1 + 4", &["app", "mid"], "app: one n41 seen 5\n"),
        ("mid/number.txt", "41", "42", &["app", "mid"], "app: one n42 seen 5\n"),
        ("base/src/lib.rs", "one", "two", &["app", "base", "mid"], "app: two n42 seen 5\n"),
    ];
    for (file, from, to, compiled, expected) in edits {
        project.edit(file, from, to).unwrap();
        assert_compiled(&build(&scenario, project).unwrap(), compiled);
        assert_eq!(printed(&scenario, project).unwrap(), *expected, "{file}");
        project.clean().unwrap();
        assert_hits(&build(&scenario, project).unwrap(), CRATES);
        assert_eq!(printed(&scenario, project).unwrap(), *expected, "{file}, restored");
    }
    let (_, _, _, _, expected) = edits.last().unwrap();
    assert_eq!(same_as_bare(&scenario, project).unwrap(), *expected);
}

/// Which count of bytes of an event tells how files were restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Linked,
    Copied,
    Cloned,
}

fn ways(outcome: &CargoOutcome) -> Vec<Way> {
    let tally = outcome.tally();
    let counted = [
        (Way::Linked, tally.bytes_linked),
        (Way::Copied, tally.bytes_copied),
        (Way::Cloned, tally.bytes_cloned),
    ];
    counted.into_iter().filter(|(_, bytes)| *bytes > 0).map(|(way, _)| way).collect()
}

/// Runs all tests of `project` from restored binaries.
#[track_caller]
fn run_restored(scenario: &Scenario, project: &Project, way: Way) -> Result<(), HarnessError> {
    project.clean()?;
    let tested = succeed(&scenario.cargo_in(project, "test"))?;
    let crates: Vec<_> = outcomes(&tested);
    assert_eq!(crates.len(), 9, "{}", said(&tested));
    assert!(crates.iter().all(|(_, outcome)| *outcome == Outcome::Hit), "{}", said(&tested));
    assert!(ways(&tested).contains(&way), "{:?}: {}", ways(&tested), said(&tested));
    assert!(tested.stdout.contains(&format!("custom harness: {SENTENCE}")), "{}", tested.stdout);
    assert_eq!(tested.stdout.matches("test result: ok. 1 passed").count(), 2, "{}", tested.stdout);
    assert_eq!(printed(scenario, project)?, SENTENCE);
    Ok(())
}

#[test]
fn restored_programs_of_every_kind_run_when_linked_and_when_copied() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 30)) else { return };
    // No reflinks here, whatever the disk can do.
    let scenario = chain::scenario_below(&memory.path()).unwrap();
    succeed(&scenario.cargo("test")).unwrap();
    run_restored(&scenario, &scenario.project, Way::Linked).unwrap();
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    run_restored(&scenario, &second, Way::Copied).unwrap();
}

#[test]
fn restored_programs_of_every_kind_run_when_copied_between_file_systems() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 30)) else { return };
    let mut scenario = chain::scenario().unwrap();
    scenario.env.set("KACHE_CACHE_DIR", memory.path());
    succeed(&scenario.cargo("test")).unwrap();
    run_restored(&scenario, &scenario.project, Way::Copied).unwrap();
}

#[track_caller]
fn check_reflinks(kind: Kind) -> Result<(), HarnessError> {
    let Some(disk) = Filesystem::mount_or_skip(kind) else { return Ok(()) };
    let scenario = chain::scenario_below(&disk.path())?;
    succeed(&scenario.cargo("test"))?;
    run_restored(&scenario, &scenario.project, Way::Cloned)?;
    let second = scenario.second_checkout("elsewhere/two")?;
    run_restored(&scenario, &second, Way::Cloned)?;
    assert_eq!(succeed(&scenario.cargo("test"))?.compilations(), 0);
    let copied = succeed(&scenario.cargo_in(&second, "test"))?;
    assert_eq!(copied.compilations(), 0, "{}", copied.stderr);
    // Bytes that are shared are still another file's.
    drop(fs::write(second.program("app"), "overwritten"));
    assert_blobs_intact(&scenario.env.cache_dir())?;
    Ok(())
}

#[test]
fn restored_programs_of_every_kind_run_when_reflinked_on_btrfs() {
    check_reflinks(Kind::Btrfs).unwrap();
}

#[test]
fn restored_programs_of_every_kind_run_when_reflinked_on_xfs() {
    check_reflinks(Kind::Xfs).unwrap();
}

#[test]
fn cargo_without_kache_goes_on_from_restored_files_and_leaves_the_store_alone() {
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    let unwrapped = |verb| CargoRun::new(&scenario.env, project.dir(), verb);
    let disabled = |verb| scenario.cargo(verb).var("KACHE_DISABLED", "1");
    assert_eq!(succeed(&unwrapped("build")).unwrap().units(), 0);
    assert_eq!(succeed(&disabled("build")).unwrap().units(), 0);
    project.edit("base/src/lib.rs", "one", "bare").unwrap();
    assert_eq!(succeed(&unwrapped("build")).unwrap().compilations(), 3);
    assert_eq!(printed(&scenario, project).unwrap(), "bare 41 noted 3\n");
    project.edit("base/src/lib.rs", "bare", "off").unwrap();
    let off = succeed(&disabled("build")).unwrap();
    assert_eq!((off.tally().hits, off.tally().passthroughs), (0, 3), "{}", said(&off));
    assert_eq!(printed(&scenario, project).unwrap(), "off 41 noted 3\n");
    let intact = assert_blobs_intact(&scenario.env.cache_dir()).unwrap();
    succeed(&disabled("clean")).unwrap();
    assert_eq!(assert_blobs_intact(&scenario.env.cache_dir()).unwrap(), intact);
    project.edit("base/src/lib.rs", "off", "one").unwrap();
    assert_hits(&build(&scenario, project).unwrap(), CRATES);
    assert_eq!(same_as_bare(&scenario, project).unwrap(), SENTENCE);
}

#[test]
fn cargo_fix_changes_sources_and_no_stored_file() {
    let scenario = chain::scenario().unwrap();
    let project = &scenario.project;
    project
        .edit("base/src/lib.rs", "    \"one\"", "    let mut word = \"one\";\n    word")
        .unwrap();
    chain::prove_hits(&scenario, &|run| run).unwrap();
    let fix =
        scenario.cargo("fix").args(["--allow-no-vcs", "--allow-dirty", "-p", "base", "--lib"]);
    succeed(&fix).unwrap();
    assert!(project.read("base/src/lib.rs").unwrap().contains("let word ="));
    assert_blobs_intact(&scenario.env.cache_dir()).unwrap();
    assert_compiled(&build(&scenario, project).unwrap(), &["app", "base", "mid"]);
    assert_eq!(same_as_bare(&scenario, project).unwrap(), SENTENCE);
}

/// Returns cargo as a user who is nobody, with `wrapper`.
///
/// The toolchain may be where only root may look, so it is mounted into the
/// environment, for this process alone.
fn cargo_of_nobody(scenario: &Scenario, verb: &str, wrapper: &Path) -> Command {
    let root = scenario.env.root();
    let toolchain = scenario.env.toolchain();
    let sysroot = toolchain.cargo.parent().and_then(Path::parent).unwrap_or(root);
    let script = "mount --bind \"$1\" \"$2\" && shift 2 && \
                  exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";
    let mut command = scenario.env.command("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(sysroot).arg(root.join("toolchain"));
    command.arg(root.join("toolchain/bin/cargo")).args([verb, "-v"]);
    command.env("RUSTC", root.join("toolchain/bin/rustc")).env("RUSTC_WRAPPER", wrapper);
    command.env_remove("RUSTUP_TOOLCHAIN").current_dir(scenario.project.dir());
    command
}

#[test]
fn a_user_who_is_not_root_goes_on_from_restored_files_and_leaves_the_store_alone() {
    let scenario = chain::scenario().unwrap();
    let project = &scenario.project;
    let root = scenario.env.root();
    fs::create_dir(root.join("toolchain")).unwrap();
    let wrapper = root.join("kache");
    fs::copy(&scenario.kache.wrapper, &wrapper).unwrap();
    let given = process::output_of(Command::new("chown").args(["-R", "65534:65534"]).arg(root));
    let version = process::output_of(&mut cargo_of_nobody(&scenario, "version", &wrapper));
    if let Err(error) = given.and(version) {
        filesystem::skip(&format!("only root can become another user: {error}"));
        return;
    }
    let mut journal = Journal::at_start_of(&scenario.env.cache_dir());
    let mut hits_of = |wrapper: &Path| {
        process::output_of(&mut cargo_of_nobody(&scenario, "build", wrapper)).unwrap();
        Tally::of(journal.take().unwrap().iter().filter(|event| event.is_unit())).hits
    };
    assert_eq!(hits_of(&wrapper), 0);
    project.clean().unwrap();
    assert_eq!(hits_of(&wrapper), CRATES.len());
    // What was restored is linked to blobs that this user may write to.
    project.edit("base/src/lib.rs", "one", "bare").unwrap();
    assert_eq!(hits_of(Path::new("")), 0);
    assert_eq!(printed(&scenario, project).unwrap(), "bare 41 noted 3\n");
    assert_blobs_intact(&scenario.env.cache_dir()).unwrap();
    project.edit("base/src/lib.rs", "bare", "one").unwrap();
    assert_eq!(hits_of(&wrapper), 3);
    assert_eq!(printed(&scenario, project).unwrap(), SENTENCE);
}

#[test]
fn an_artifact_that_somebody_holds_open_is_not_disturbed_by_restores() {
    let scenario = chain::warmed().unwrap();
    let first = &scenario.project;
    let deps = first.target_dir().join("debug/deps");
    let is_base = |path: &Path| path.to_string_lossy().contains("libbase-");
    let libraries = Tree::of(&deps, is_base).unwrap().files;
    let mut held: Vec<_> = libraries
        .keys()
        .map(|name| (fs::File::open(deps.join(name)).unwrap(), fs::read(deps.join(name)).unwrap()))
        .collect();
    assert_eq!(held.len(), 2, "{libraries:?}");
    let running = || {
        let mut program = scenario.env.command(first.program("app"));
        program.arg("wait").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut program = running();
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    assert_hits(&build(&scenario, &second).unwrap(), CRATES);
    first.clean().unwrap();
    assert_hits(&build(&scenario, first).unwrap(), CRATES);
    first.edit("base/src/lib.rs", "one", "two").unwrap();
    assert_compiled(&build(&scenario, first).unwrap(), &["app", "base", "mid"]);
    for (file, before) in &mut held {
        let mut now = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut now).unwrap();
        assert!(now == *before, "an open library changed");
    }
    drop(program.stdin.take());
    let ended = program.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), SENTENCE);
    assert_eq!(printed(&scenario, &second).unwrap(), SENTENCE);
}

/// Returns the program and the libraries that a build left in `project`.
fn linked_artifacts(project: &Project) -> Result<Vec<PathBuf>, HarnessError> {
    let deps = project.target_dir().join("debug/deps");
    let is_library = |path: &Path| path.extension().is_some_and(|extension| extension == "rlib");
    let libraries = Tree::of(&deps, is_library)?.files.into_keys().map(|name| deps.join(name));
    Ok(libraries.chain([project.program("app")]).collect())
}

#[test]
fn a_restored_file_that_was_changed_in_place_is_never_served() {
    let damages = [
        "strip \"$1\"",
        "objcopy --add-section .x=/etc/passwd \"$1\"",
        "truncate -s 1000 \"$1\"",
        "echo x >> \"$1\"",
        "printf XXXX | dd of=\"$1\" bs=1 seek=4000 conv=notrunc status=none",
        "chmod 600 \"$1\"",
    ];
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    assert_eq!(same_as_bare(&scenario, project).unwrap(), SENTENCE);
    let bare = Tree::of_artifacts(&scenario.bare_target_dir(project)).unwrap().files;
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    for damage in damages {
        for file in linked_artifacts(project).unwrap() {
            let mut shell = Command::new("sh");
            shell.args(["-c", damage, "sh"]).arg(&file);
            assert!(process::run(&mut shell).unwrap().status.success(), "{damage}");
        }
        assert_eq!(build(&scenario, &second).unwrap().tally().total(), CRATES.len(), "{damage}");
        assert_eq!(printed(&scenario, &second).unwrap(), SENTENCE, "{damage}");
        for (path, facts) in Tree::of_artifacts(&second.target_dir()).unwrap().files {
            let expected = bare.get(&path).map(|bare| bare.executable);
            assert_eq!(Some(facts.executable), expected, "{damage}: {}", path.display());
        }
        // Only with its links gone will the first checkout share the blobs again.
        second.clean().unwrap();
        project.clean().unwrap();
        assert_hits(&build(&scenario, project).unwrap(), CRATES);
    }
}

#[test]
fn with_kache_disabled_the_harness_counts_no_hit() {
    let mut scenario = chain::warmed().unwrap();
    scenario.env.set("KACHE_DISABLED", "1");
    for _ in 0..2 {
        scenario.project.clean().unwrap();
        let built = build(&scenario, &scenario.project).unwrap();
        assert_eq!((built.tally().hits, built.tally().passthroughs), (0, 4), "{}", said(&built));
        assert_eq!(built.spawned(), built.events.len() as u64);
    }
}
