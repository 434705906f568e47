//! Runs of build scripts, and what cargo does with scripts: it hands on what one
//! said to the next, overrides them, moves their directories, runs several at once.

use std::fs;
use std::path::{Path, PathBuf};

use kache_e2e::cargo::CargoOutcome;
use kache_e2e::oracle::{Tree, run_program};
use kache_e2e::project::Project;

use crate::build_scripts::{MAIN, RUN, script, trial};
use crate::expected::Expected;
use crate::expected::Expected::{Compiled, Dup, Hit, Miss, Served};
use crate::trial::{Trial, event_of, package};

/// Says what is in `flavour.txt` and where its own file is.
const LOW: &str = r#"fn main() {
    println!("cargo:rerun-if-changed=flavour.txt");
    println!("cargo:rerun-if-changed=note.txt");
    let _note = std::fs::read("note.txt").unwrap();
    let out = std::env::var("OUT_DIR").unwrap();
    let flavour = std::fs::read_to_string("flavour.txt").unwrap();
    std::fs::write(format!("{out}/flavour"), &flavour).unwrap();
    println!("cargo:flavour={}", flavour.trim());
    println!("cargo:root={out}");
}
"#;

/// Says on what was said to it, and reads the file.
const MID: &str = r#"fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let said = |name: &str| std::env::var(format!("DEP_LOW_{name}")).unwrap();
    let read = std::fs::read_to_string(format!("{}/flavour", said("ROOT"))).unwrap();
    println!("cargo:flavour={}+{}", said("FLAVOUR"), read.trim());
}
"#;

/// A program whose script is told something by `mid`, and that by `low`.
fn chain() -> Trial {
    let app = "[dependencies]\nmid.path = \"mid\"\n[workspace]";
    let links = |name: &str, rest: &str| {
        package(name, rest).replace("edition", &format!("links = \"{name}\"\nedition"))
    };
    Trial::of(&[
        ("Cargo.toml", &package("app", app)),
        ("build.rs", &script("env::var(\"DEP_MID_FLAVOUR\").unwrap()")),
        ("src/main.rs", MAIN),
        ("mid/Cargo.toml", &links("mid", "[dependencies]\nlow.path = \"../low\"")),
        ("mid/build.rs", MID),
        ("mid/src/lib.rs", ""),
        ("low/Cargo.toml", &links("low", "")),
        ("low/build.rs", LOW),
        ("low/src/lib.rs", ""),
        ("low/flavour.txt", "plain\n"),
        ("low/note.txt", "one\n"),
    ])
}

const LOW_RUN: &str = "low build script";
const MID_RUN: &str = "mid build script";

#[test]
fn what_one_script_says_to_the_next_is_an_input_of_that_and_of_the_next_but_one() {
    let trial = chain();
    trial.prove_hits(&[LOW_RUN, MID_RUN, RUN]);
    trial.write("low/flavour.txt", "sweet\n");
    let all = |expected| [(LOW_RUN, expected), (MID_RUN, expected), (RUN, expected)];
    let changed = [(LOW_RUN, Miss), (MID_RUN, Compiled), (RUN, Miss)];
    assert_eq!(trial.check_all(&changed), "sweet+sweet\n");
    trial.write("low/note.txt", "two\n");
    let said_the_same = [(LOW_RUN, Dup), (MID_RUN, Hit), (RUN, Hit)];
    assert_eq!(trial.check_all(&said_the_same), "sweet+sweet\n");
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    assert_eq!(trial.check_all_in(&there, &all(Hit)), "sweet+sweet\n");
}

#[test]
fn what_is_said_in_the_place_of_a_script_is_an_input_of_the_next() {
    let trial = chain();
    let host = trial.scenario.env.toolchain().host.clone();
    let root = trial.path("prebuilt");
    trial.write("prebuilt/flavour", "found");
    let instead = |flavour: &str| {
        let root = root.display();
        let table = format!("[target.{host}.low]\nroot = \"{root}\"\nflavour = \"{flavour}\"\n");
        trial.write(".cargo/config.toml", table);
    };
    instead("given");
    trial.prove_hits(&[MID_RUN, RUN]);
    assert!(trial.build().event_of(LOW_RUN).is_none(), "the script was not to run");
    instead("other");
    assert_eq!(trial.check_all(&[(MID_RUN, Compiled), (RUN, Miss)]), "other+found\n");
    trial.write("prebuilt/flavour", "changed");
    assert_eq!(trial.check_all(&[(MID_RUN, Compiled), (RUN, Miss)]), "other+changed\n");
    trial.remove(".cargo");
    assert_eq!(
        trial.check_all(&[(LOW_RUN, Miss), (MID_RUN, Compiled), (RUN, Miss)]),
        "plain+plain\n"
    );
}

/// What a script is told about where and for what it builds.
const TOLD: &str = "format!(\"{} {} {}\", env::var(\"TARGET\").unwrap(), \
    env::var(\"HOST\").unwrap(), env::var(\"OUT_DIR\").unwrap())";

/// Builds from nothing, runs the program at `place` of the target directory and
/// compares with bare cargo; returns what was built.
#[track_caller]
fn same_as_bare(trial: &Trial, project: &Project, place: &str) -> CargoOutcome {
    let built = trial.build_in(project);
    let run = |target: &Path| {
        run_program(&trial.scenario.env, &target.join(place), &[]).expect("it starts")
    };
    let ours = run(&project.target_dir()).stdout;
    let target = trial.build_bare_in(project);
    // Its directories were called as kache's are when they were built.
    assert_eq!(ours, run(&target).stdout);
    built
}

#[test]
fn a_script_for_a_target_named_as_the_host_is_served() {
    let trial = trial(TOLD);
    let host = trial.scenario.env.toolchain().host.clone();
    let trial = trial.args(&["--target", &host]);
    let place = format!("{host}/debug/app");
    let built = same_as_bare(&trial, trial.project(), &place);
    assert!(Compiled.is_told_by(event_of(&built, RUN)));
    let built = same_as_bare(&trial, trial.project(), &place);
    Hit.assert_told_by(event_of(&built, RUN));
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    Hit.assert_told_by(event_of(&same_as_bare(&trial, &there, &place), RUN));
}

#[test]
fn a_script_is_served_in_the_coming_layout() {
    let mut trial = trial(TOLD);
    trial.set("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
    let trial = trial.args(&["-Zbuild-dir-new-layout"]);
    let built = same_as_bare(&trial, trial.project(), "debug/app");
    assert!(Compiled.is_told_by(event_of(&built, RUN)));
    assert!(trial.project().target_dir().join("debug/build/app").is_dir(), "not this layout");
    Hit.assert_told_by(event_of(&same_as_bare(&trial, trial.project(), "debug/app"), RUN));
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    Hit.assert_told_by(event_of(&same_as_bare(&trial, &there, "debug/app"), RUN));
    trial.write("build.rs", script("\"other\".into()"));
    assert!(
        Compiled.is_told_by(event_of(&same_as_bare(&trial, trial.project(), "debug/app"), RUN))
    );
}

/// Returns `OUT_DIR` of the script of `app` below a target directory.
pub(crate) fn out_dir(target: &Path) -> PathBuf {
    let build = fs::read_dir(target.join("debug/build")).expect("something was built");
    let of_app = |dir: &fs::DirEntry| dir.file_name().to_string_lossy().starts_with("app-");
    let outs = build.flatten().filter(of_app).map(|dir| dir.path().join("out"));
    outs.into_iter().find(|out| out.exists()).expect("the script of `app` ran")
}

/// Writes a text and, if `with_binary`, a file that is none, which names `OUT_DIR`.
fn naming_out_dir(with_binary: bool) -> String {
    format!(
        "let out = env::var(\"OUT_DIR\").unwrap(); \
         let mut bytes = vec![0_u8, 159, 146, 150]; bytes.extend(out.as_bytes()); \
         if {with_binary} {{ fs::write(format!(\"{{out}}/binary\"), bytes).unwrap(); }} out"
    )
}

#[test]
fn texts_that_name_their_directory_move_with_the_target_directory() {
    let mut trial = trial(&naming_out_dir(false));
    trial.prove_hit(RUN);
    let moved = trial.scenario.env.root().join("another place");
    trial.set("CARGO_TARGET_DIR", moved.to_str().unwrap());
    let built = trial.cargo_in(trial.project(), "build").run().unwrap();
    Hit.assert_told_by(event_of(&built, RUN));
    let printed = run_program(&trial.scenario.env, &moved.join("debug/app"), &[]).unwrap().stdout;
    assert_eq!(printed.trim(), out_dir(&moved).to_str().unwrap());
}

#[test]
fn a_binary_file_that_names_its_directory_belongs_to_that() {
    let mut trial = trial(&naming_out_dir(true));
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    let _printed = trial.check_in(&there, RUN, Miss);
    let moved = trial.scenario.env.root().join("another place");
    trial.set("CARGO_TARGET_DIR", moved.to_str().unwrap());
    let built = trial.cargo_in(trial.project(), "build").run().unwrap();
    Miss.assert_told_by(event_of(&built, RUN));
    let bytes = fs::read(out_dir(&moved).join("binary")).unwrap();
    assert!(bytes.ends_with(out_dir(&moved).to_str().unwrap().as_bytes()));
}

#[test]
fn a_thousand_files_come_back() {
    let body = "let out = env::var(\"OUT_DIR\").unwrap(); \
        for dir in 0..10 { \
            fs::create_dir_all(format!(\"{out}/{dir}\")).unwrap(); \
            for file in 0..100 { \
                let place = if file % 2 == 0 { out.as_str() } else { \"\" }; \
                fs::write(format!(\"{out}/{dir}/{file}\"), format!(\"{place}{file}\")).unwrap(); \
            } \
        } \
        \"made\".into()";
    let trial = trial(body);
    trial.prove_hit(RUN);
    let tree = |target: &Path| Tree::of(&out_dir(target), |_| true).unwrap();
    let bare = trial.build_bare_in(trial.project());
    assert_eq!(tree(&bare).files.len(), 1001);
    let restored = tree(&trial.project().target_dir());
    assert_eq!(restored.differences(&tree(&bare)), Vec::<String>::new());
    assert_eq!(restored.differences_in_names(&tree(&bare)), Vec::<String>::new());
}

#[test]
fn a_hit_leaves_nothing_of_an_earlier_run() {
    let body = "println!(\"cargo:rerun-if-env-changed=NAME\"); \
        let name = env::var(\"NAME\").unwrap(); \
        let dir = format!(\"{}/{name}\", env::var(\"OUT_DIR\").unwrap()); \
        fs::create_dir_all(&dir).unwrap(); \
        let _ = std::os::unix::fs::symlink(&name, format!(\"{dir}/link\")); name";
    let mut trial = trial(body);
    for name in ["one", "two"] {
        trial.set("NAME", name);
        let _printed = trial.check(RUN, Compiled);
    }
    trial.set("NAME", "one");
    let built = trial.cargo_in(trial.project(), "build").run().unwrap();
    Hit.assert_told_by(event_of(&built, RUN));
    let out = out_dir(&trial.project().target_dir());
    assert!(out.join("one/link").is_symlink() && !out.join("two").exists());
}

#[test]
fn what_a_script_declares_to_cargo_is_an_input_though_it_reads_nothing() {
    let body = "for name in [\"tree\", \"missing\"] { \
        println!(\"cargo:rerun-if-changed={name}\"); } String::new()";
    let trial = trial(body);
    trial.write("tree/deep/a", "");
    trial.prove_hit(RUN);
    let change = |change: &dyn Fn()| {
        change();
        let _printed = trial.check(RUN, Compiled);
        let _printed = trial.check(RUN, Hit);
    };
    change(&|| trial.write("tree/deep/a", "changed"));
    change(&|| trial.write("tree/deep/b", ""));
    change(&|| trial.write("tree/c", ""));
    change(&|| trial.remove("tree/deep"));
    change(&|| trial.write("missing", ""));
}

/// Cargo runs a script in every build while a file that it declared is missing.
#[test]
fn a_script_that_cargo_runs_each_time_is_served_each_time() {
    let trial = trial("println!(\"cargo:rerun-if-changed=missing\"); \"made\".into()");
    let _built = trial.build();
    let again = || trial.cargo_in(trial.project(), "build").run().unwrap();
    Hit.assert_told_by(event_of(&again(), RUN));
    trial.write("missing", "");
    Compiled.assert_told_by(event_of(&again(), RUN));
    assert_eq!(again().script_events().count(), 0, "it is there now");
}

/// The second cargo waits for the first one's script.
#[test]
fn of_two_cargos_one_runs_the_script() {
    let body = "std::thread::sleep(std::time::Duration::from_secs(2)); \"made\".into()";
    let trial = trial(body);
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    let (here, there) = std::thread::scope(|scope| {
        let run = |project: Project| {
            let trial = &trial;
            move || trial.cargo_in(&project, "build").command().output().unwrap()
        };
        let here = scope.spawn(run(trial.project().clone()));
        let there = scope.spawn(run(there.clone()));
        (here.join().unwrap(), there.join().unwrap())
    });
    assert!(here.status.success() && there.status.success());
    let mut journal = kache_e2e::events::Journal::at_start_of(&trial.scenario.env.cache_dir());
    let events = journal.take().unwrap();
    let runs: Vec<_> = events.iter().filter(|event| event.is_script_run()).collect();
    let told: Vec<String> = runs.iter().map(|event| event.describe()).collect();
    let count = |expected: Expected| runs.iter().filter(|event| expected.is_told_by(event)).count();
    assert_eq!([count(Compiled), count(Served), runs.len()], [1, 1, 2], "{told:?}");
}

/// The script of a member runs in the member, and reads beside it.
#[test]
fn the_script_of_a_member_is_shared_between_checkouts() {
    let app = "[dependencies]\nmember.path = \"members/member\"\n\
        [workspace]\nmembers = [\"members/*\"]";
    let body = "fs::read_to_string(\"../../shared/input.txt\").unwrap() \
        + &Path::new(\"../../shared/absent\").exists().to_string()";
    let trial = Trial::of(&[
        ("Cargo.toml", &package("app", app)),
        ("src/main.rs", "fn main() { println!(\"{}\", member::MADE); }\n"),
        ("members/member/Cargo.toml", &package("member", "")),
        ("members/member/src/lib.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n"),
        ("members/member/build.rs", &script(body)),
        ("shared/input.txt", "one "),
    ]);
    let run = "member build script";
    trial.prove_hit(run);
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    assert_eq!(trial.check_in(&there, run, Hit), "one false\n");
    there.write("shared/input.txt", "two ").unwrap();
    assert_eq!(trial.check_in(&there, run, Miss), "two false\n");
    there.write("shared/absent", "").unwrap();
    assert_eq!(trial.check_in(&there, run, Miss), "two true\n");
    assert_eq!(trial.check(run, Hit), "one false\n");
}

/// Lets the target directory of `project` lead to another one, below the environment.
#[track_caller]
fn link_target(trial: &Trial, project: &Project, name: &str) -> PathBuf {
    let real = trial.scenario.env.root().join(name);
    fs::create_dir(&real).expect("it can be made");
    // The link of another checkout was copied.
    project.clean().expect("it can be removed");
    std::os::unix::fs::symlink(&real, project.target_dir()).expect("a link can be made");
    real
}

/// `make` and its like go where they work, and find themselves in the real directory.
#[test]
fn a_script_that_works_in_its_directory_behind_a_link_is_served() {
    let body = "let out = env::var(\"OUT_DIR\").unwrap(); \
        let said = Command::new(\"sh\").current_dir(&out).args([\"-c\", \
            \"mkdir -p work && cd work && echo text >file && cat file\"]).output().unwrap(); \
        String::from_utf8(said.stdout).unwrap()";
    let trial = trial(body);
    let real = link_target(&trial, trial.project(), "real target");
    let build = || trial.cargo_in(trial.project(), "build").run().unwrap();
    let first = build();
    assert!(Compiled.is_told_by(event_of(&first, RUN)), "{}", event_of(&first, RUN).describe());
    fs::remove_dir_all(real.join("debug")).unwrap();
    Hit.assert_told_by(event_of(&build(), RUN));
}

/// What is said and made has both names of the directory, the real one and `OUT_DIR`.
#[test]
fn the_real_name_of_a_directory_belongs_to_one_place() {
    let body = "let out = env::var(\"OUT_DIR\").unwrap(); \
        let real = fs::canonicalize(&out).unwrap().display().to_string(); \
        fs::write(format!(\"{out}/real\"), &real).unwrap(); \
        println!(\"cargo:rustc-env=REAL={real}\"); format!(\"{real} {out}\")";
    let trial = trial(body);
    trial.write("src/main.rs", format!("{MAIN}pub const REAL: &str = env!(\"REAL\");\n"));
    let here = link_target(&trial, trial.project(), "one");
    let check = |project: &Project, real: &Path, expected: Expected| {
        let debug = real.join("debug");
        kache_e2e::project::remove(&debug).unwrap();
        let built = trial.cargo_in(project, "build").run().unwrap();
        let event = event_of(&built, RUN);
        assert!(expected.is_told_by(event), "expected {expected:?}: {}", event.describe());
        let printed = run_program(&trial.scenario.env, &debug.join("app"), &[]).unwrap().stdout;
        let [real, out] = [real.to_owned(), project.target_dir()]
            .map(|target| out_dir(&target).display().to_string());
        assert_eq!(printed.trim(), format!("{real} {out}"));
    };
    check(trial.project(), &here, Compiled);
    check(trial.project(), &here, Hit);
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    let elsewhere = link_target(&trial, &there, "another");
    check(&there, &elsewhere, Compiled);
    check(trial.project(), &here, Hit);
    // Each is the real one now.
    fs::remove_file(there.target_dir()).unwrap();
    check(&there, &there.target_dir(), Compiled);
}

#[test]
fn a_script_that_declares_what_cargo_tells_it_is_served_elsewhere() {
    let body = "println!(\"cargo:rerun-if-env-changed=OUT_DIR\"); \
        println!(\"cargo:rerun-if-env-changed=TARGET\"); \
        let out = env::var(\"OUT_DIR\").unwrap(); \
        fs::write(format!(\"{out}/note\"), \"\").unwrap(); env::var(\"TARGET\").unwrap()";
    let trial = trial(body);
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    drop(trial.check_in(&there, RUN, Hit));
}
