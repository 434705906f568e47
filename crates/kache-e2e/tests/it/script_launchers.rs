//! The launcher in the place of a build script: whatever becomes of kache and of
//! its store, the script runs.

use std::fs;
use std::path::{Path, PathBuf};

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::filesystem::{Filesystem, Kind, skip};
use kache_e2e::oracle::run_program;

use crate::build_scripts::{MAIN, RUN, script, trial};
use crate::expected::Expected::{Compiled, Hit, Passthrough};
use crate::expected::assert_unstored;
use crate::files::make_executable;
use crate::trial::{MANIFEST, Trial, event_of, package};

/// A script that cargo runs again when `AGAIN` changes, which it says.
const AGAIN: &str = "println!(\"cargo:rerun-if-env-changed=AGAIN\"); \
    env::var(\"AGAIN\").unwrap_or_default()";

/// Builds what was built, with another value of `AGAIN`; the program must print it.
#[track_caller]
fn check_again(trial: &Trial, cargo: &CargoRun<'_>, value: &str) -> CargoOutcome {
    let built = cargo.run().expect("cargo starts");
    assert!(built.success(), "{}", built.stderr);
    let program = trial.project().program("app");
    let printed = run_program(&trial.scenario.env, &program, &[]).expect("it starts").stdout;
    assert_eq!(printed.trim(), value);
    built
}

/// A project that was built with a copy of kache, whose path is returned as well.
fn with_own_kache() -> (Trial, PathBuf) {
    let trial = trial(AGAIN);
    let kache = trial.scenario.env.root().join("bin/kache");
    fs::create_dir(kache.parent().expect("it has one")).expect("it can be made");
    fs::copy(&trial.scenario.kache.wrapper, &kache).expect("it can be copied");
    let cargo = trial.cargo_in(trial.project(), "build").wrapper(&kache);
    let _built = check_again(&trial, &cargo, "");
    (trial, kache)
}

/// Builds again without a wrapper, over the launcher that the first build left.
#[track_caller]
fn check_unwrapped(trial: &Trial, value: &str) -> CargoOutcome {
    let cargo = CargoRun::new(&trial.scenario.env, trial.project().dir(), "build");
    check_again(trial, &cargo.var("AGAIN", value), value)
}

#[test]
fn cargo_without_a_wrapper_starts_the_launcher_and_is_served() {
    let (trial, _kache) = with_own_kache();
    let built = check_unwrapped(&trial, "one");
    assert!(Compiled.is_told_by(event_of(&built, RUN)));
    let _built = check_unwrapped(&trial, "two");
    Hit.assert_told_by(event_of(&check_unwrapped(&trial, "one"), RUN));
}

#[test]
fn an_edited_script_takes_the_place_of_the_launcher() {
    let (trial, _kache) = with_own_kache();
    trial.write("build.rs", script("\"edited\".into()"));
    let built = check_unwrapped(&trial, "edited");
    assert_eq!(built.script_events().count(), 0);
}

#[test]
fn a_launcher_goes_on_without_the_kache_that_made_it() {
    let (trial, kache) = with_own_kache();
    let write = |text: &str| {
        fs::remove_file(&kache).unwrap();
        fs::write(&kache, text).unwrap();
    };
    write("not a program at all");
    let _built = check_unwrapped(&trial, "not executable");
    make_executable(&kache);
    let _built = check_unwrapped(&trial, "garbage");
    write("");
    make_executable(&kache);
    let _built = check_unwrapped(&trial, "empty");
    write("#!/no/such/interpreter\n");
    make_executable(&kache);
    let _built = check_unwrapped(&trial, "no interpreter");
    let half = fs::read(&trial.scenario.kache.wrapper).unwrap();
    fs::write(&kache, &half[..64]).unwrap();
    let _built = check_unwrapped(&trial, "cut short");
    fs::remove_file(&kache).unwrap();
    let _built = check_unwrapped(&trial, "gone");
    fs::create_dir(&kache).unwrap();
    let _built = check_unwrapped(&trial, "a directory");
}

#[test]
fn with_kache_disabled_the_script_runs_behind_its_launcher() {
    let (trial, kache) = with_own_kache();
    let cargo = |value: &str| {
        let cargo = trial.cargo_in(trial.project(), "build").wrapper(&kache);
        cargo.var("KACHE_DISABLED", "1").var("AGAIN", value)
    };
    for value in ["one", "two", "one"] {
        let built = check_again(&trial, &cargo(value), value);
        Passthrough.assert_told_by(event_of(&built, RUN));
    }
    let enabled = trial.cargo_in(trial.project(), "build").wrapper(&kache).var("AGAIN", "two");
    Compiled.assert_told_by(event_of(&check_again(&trial, &enabled, "two"), RUN));
}

#[test]
fn a_launcher_that_lost_its_script_says_so() {
    let (trial, _kache) = with_own_kache();
    let build = fs::read_dir(trial.project().target_dir().join("debug/build")).unwrap();
    for file in build.flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap()) {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "script") {
            fs::remove_file(path).unwrap();
        }
    }
    let cargo = CargoRun::new(&trial.scenario.env, trial.project().dir(), "build");
    let failed = cargo.var("AGAIN", "1").run().unwrap();
    assert!(!failed.success());
    assert!(failed.stderr.contains("failed to run"), "{}", failed.stderr);
}

#[test]
fn a_program_that_is_called_like_a_script_is_none() {
    let rest = "[[bin]]\nname = \"build_script_tool\"\npath = \"src/main.rs\"\n[workspace]";
    let source = "fn main() { println!(\"a program\"); }\n";
    let trial = Trial::of(&[
        ("Cargo.toml", &package("app", rest)),
        ("src/main.rs", source),
        ("examples/build_script_example.rs", source),
    ]);
    let trial = trial.args(&["--bins", "--examples"]);
    for expected in [Compiled, Hit] {
        let built = trial.build();
        for name in ["build_script_tool", "build_script_example"] {
            expected.assert_told_by(event_of(&built, name));
        }
        let examples = trial.project().target_dir().join("debug/examples");
        for program in
            [trial.project().program("build_script_tool"), examples.join("build_script_example")]
        {
            let printed = run_program(&trial.scenario.env, &program, &[]).unwrap().stdout;
            assert_eq!(printed, "a program\n");
        }
    }
}

/// Proves a hit with the store at `place`, below the environment.
#[track_caller]
fn check_store_at(place: &str) {
    let mut trial = trial(AGAIN);
    let store = trial.scenario.env.root().join(place);
    trial.set("KACHE_CACHE_DIR", store.to_str().expect("it is text"));
    trial.prove_hit(RUN);
    trial.set("AGAIN", "1");
    assert_eq!(trial.check(RUN, Compiled), "1\n");
    let there = trial.scenario.second_checkout("elsewhere/longer").expect("it is copied");
    assert_eq!(trial.check_in(&there, RUN, Hit), "1\n");
}

/// The loader takes spaces and colons for the ends of names.
#[test]
fn a_store_at_an_odd_path_does_not_blind_the_watch() {
    check_store_at("a store: with \"spaces\", $(signs) and äöü");
}

#[test]
fn a_store_behind_a_link_does_not_blind_the_watch() {
    let mut trial = trial(AGAIN);
    let real = trial.scenario.env.root().join("real store");
    fs::create_dir(&real).unwrap();
    let link = trial.scenario.env.root().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    trial.set("KACHE_CACHE_DIR", link.to_str().unwrap());
    trial.prove_hit(RUN);
}

#[test]
fn a_store_that_cannot_be_written_serves_scripts_what_it_has() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 30)) else { return };
    // Nobody sees that it looks through all variables, so it is served all the same.
    let body = format!("if env::vars().any(|(name, _)| name == \"FAIL\") {{ panic!(); }} {AGAIN}");
    let mut trial = trial(&body);
    trial.set("KACHE_CACHE_DIR", memory.path().join("store").to_str().unwrap());
    trial.prove_hit(RUN);
    memory.make_read_only().unwrap();
    trial.project().clean().unwrap();
    // The journal cannot be written either: a script that runs would fail.
    let cargo = trial.cargo_in(trial.project(), "build").var("FAIL", "1");
    let _built = check_again(&trial, &cargo, "");
    let cargo = trial.cargo_in(trial.project(), "build").var("AGAIN", "1");
    let _built = check_again(&trial, &cargo, "1");
    memory.make_writable().unwrap();
    trial.set("AGAIN", "1");
    assert_eq!(trial.check(RUN, Compiled), "1\n");
}

#[test]
fn a_store_that_could_never_be_written_stops_no_script() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 20)) else { return };
    memory.make_read_only().unwrap();
    let mut trial = trial(AGAIN);
    trial.set("KACHE_CACHE_DIR", memory.path().join("store").to_str().unwrap());
    for value in ["one", "two", "one"] {
        let cargo = trial.cargo_in(trial.project(), "build").var("AGAIN", value);
        let _built = check_again(&trial, &cargo, value);
    }
}

/// Looks at more names than fit into a page of a trace.
const MANY_NAMES: &str = "(0..2000).filter(|n| Path::new(&format!(\"no/such/{n}\")).exists())\
    .count().to_string()";

/// Builds from nothing with a `/dev/shm` of `bytes`, which is full then, in a name
/// space of its own; nothing if there can be none. `TMPDIR` has room if `has_temp`.
fn build_with_memory(trial: &Trial, bytes: u64, has_temp: bool) -> Option<CargoOutcome> {
    trial.project().clean().expect("it can be removed");
    let cargo = trial.cargo_in(trial.project(), "build").command();
    let mut journal = kache_e2e::events::Journal::at_end_of(&trial.scenario.env.cache_dir());
    let temp = trial.scenario.env.root().join("tmp");
    let temp = if has_temp { Path::new("") } else { &temp };
    let mount = "mount -t tmpfs -o size=\"$1\" tmpfs /dev/shm || exit 77; \
        if [ -n \"$2\" ]; then mount -t tmpfs -o size=4k tmpfs \"$2\" || exit 77; \
            dd if=/dev/zero of=\"$2/full\" bs=4k 2>/dev/null; fi; \
        shift 2; exec \"$@\"";
    let mut command = trial.scenario.env.command("unshare");
    command.current_dir(trial.project().dir());
    command.args(["--mount", "sh", "-c", mount, "sh", &bytes.to_string()]).arg(temp);
    command.arg(cargo.get_program()).args(cargo.get_args());
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().ok().filter(|output| output.status.code() != Some(77))?;
    let stderr = String::from_utf8(output.stderr).expect("cargo writes text");
    assert!(output.status.success(), "{stderr}");
    let events = journal.take().expect("the journal is readable");
    Some(CargoOutcome {
        code: output.status.code(),
        stdout: String::new(),
        stderr,
        commands: Vec::new(),
        fresh: 0,
        wall: std::time::Duration::ZERO,
        cpu: std::time::Duration::ZERO,
        events,
    })
}

fn many_names() -> Trial {
    Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", MAIN), ("build.rs", &script(MANY_NAMES))])
}

#[test]
fn without_room_in_memory_traces_are_kept_among_temporary_files() {
    let trial = many_names();
    let Some(built) = build_with_memory(&trial, 4096, true) else {
        return skip("nothing can be mounted here");
    };
    assert!(Compiled.is_told_by(event_of(&built, RUN)), "{}", event_of(&built, RUN).describe());
    assert_eq!(trial.check(RUN, Hit), "0\n");
}

#[test]
fn without_room_for_a_whole_trace_a_script_is_not_stored() {
    let trial = many_names();
    let Some(built) = build_with_memory(&trial, 32 << 10, true) else {
        return skip("nothing can be mounted here");
    };
    assert_unstored(event_of(&built, RUN), "not observed: the trace is full");
    assert_eq!(trial.check(RUN, Compiled), "0\n");
}

#[test]
fn without_room_for_any_trace_a_script_is_not_stored() {
    let trial = many_names();
    let Some(built) = build_with_memory(&trial, 4096, false) else {
        return skip("nothing can be mounted here");
    };
    assert_unstored(event_of(&built, RUN), "not observed: failed to");
    assert_eq!(trial.check(RUN, Compiled), "0\n");
}
