//! The launcher in the place of a build script: whatever becomes of kache and of
//! its store, the script runs.

use std::fs;
use std::path::PathBuf;

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::filesystem::{Filesystem, Kind};
use kache_e2e::oracle::run_program;

use crate::build_scripts::{COMPILING, RUN, script, trial};
use crate::expected::Expected::{Compiled, Hit, Passthrough, Unstored};
use crate::files::make_executable;
use crate::trial::{Trial, event_of, package};

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

/// Makes a copy of kache for this trial alone, and returns its path.
fn own_kache(trial: &Trial) -> PathBuf {
    let kache = trial.scenario.env.root().join("bin/kache");
    fs::create_dir(kache.parent().expect("it has one")).expect("it can be made");
    fs::copy(&trial.scenario.kache.wrapper, &kache).expect("it can be copied");
    kache
}

/// A project that was built with a copy of kache, whose path is returned as well.
fn with_own_kache() -> (Trial, PathBuf) {
    let trial = trial(AGAIN);
    let kache = own_kache(&trial);
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

/// What stands before its compilers becomes them then.
#[test]
fn a_script_compiles_while_kache_is_gone() {
    let body = format!(
        "let kache = env::var_os(\"AWAY\").unwrap(); let away = Path::new(&kache).with_extension(\"away\"); \
         assert!(env::var(\"PATH\").unwrap().contains(\"/shims/\")); \
         fs::rename(&kache, &away).unwrap(); let made = {{ {COMPILING} }}; \
         fs::rename(&away, &kache).unwrap(); made"
    );
    let trial = trial(&body);
    let kache = own_kache(&trial);
    trial.write("answer.c", "int main(void) { return 1; }\n");
    let cargo = trial.cargo_in(trial.project(), "build").wrapper(&kache);
    let built = check_again(&trial, &cargo.var("AWAY", kache.to_str().unwrap()), "1");
    assert!(built.events.iter().all(|event| event.name != "answer.c"));
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
fn a_store_where_no_program_may_run_stops_no_script() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 30)) else { return };
    memory.make_inert().unwrap();
    let find = "let path = env::var_os(\"PATH\").unwrap(); \
        let mut places = env::split_paths(&path).map(|dir| dir.join(\"cc\")); \
        let cc = places.find(|place| place.is_file()).unwrap(); ";
    let body = format!("{find}{}", COMPILING.replace("\"cc\"", "&cc"));
    let mut trial = trial(&body);
    trial.write("answer.c", "int main(void) { return 1; }\n");
    trial.set("KACHE_CACHE_DIR", memory.path().join("store").to_str().unwrap());
    for _ in 0..2 {
        assert_eq!(trial.check(RUN, Unstored), "1\n");
    }
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
