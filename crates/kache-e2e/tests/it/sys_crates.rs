//! Packages from crates.io whose build scripts compile C, by `cc`, by hand and by
//! `configure`: what is made of them is what bare cargo makes, and another checkout
//! gets it from the store.

use std::fs;
use std::path::Path;

use kache_e2e::filesystem::skip;
use kache_e2e::oracle::{Tree, run_program};
use kache_e2e::registry::SYS_FIXTURE;

use crate::expected::Expected::{self, Compiled, Hit};
use crate::trial::{Trial, event_of};

/// Builds the program that needs `package`, in two checkouts. What the script makes
/// must be what it makes without kache, byte for byte if those `are_comparable`.
#[track_caller]
fn check(feature: &str, package: &str, are_comparable: bool) {
    let Some(trial) = trial(feature) else { return };
    let run = format!("{package} build script");
    let printed = trial.check(&run, Compiled);
    if are_comparable {
        let bare = trial.build_bare_in(trial.project());
        let ours = made(&trial.project().target_dir(), package);
        let differences = ours.differences(&made(&bare, package));
        assert_eq!(differences, Vec::<String>::new());
    }
    let elsewhere = trial.scenario.second_checkout("elsewhere/longer").expect("it is copied");
    let built = trial.build_in(&elsewhere);
    Hit.assert_told_by(event_of(&built, &run));
    let program =
        run_program(&trial.scenario.env, &elsewhere.program("app"), &[]).expect("it runs");
    assert_eq!(program.stdout, printed);
    let in_c = built.events.iter().filter(|event| event.lang != "rust").count();
    assert_eq!(in_c, 0, "nothing is compiled for a script that does not run");
}

/// Returns the project, unless what it needs was not fetched.
fn trial(feature: &str) -> Option<Trial> {
    let mut trial = Trial::of_fixture(SYS_FIXTURE).args(&["--features", feature]);
    // In debug information kache puts names for places that compilers write as they are.
    trial.set("CARGO_PROFILE_DEV_DEBUG", "0");
    trial.scenario.env.share_registry().expect("a link can be made");
    let fetched = trial.cargo_in(trial.project(), "metadata").args(["--format-version", "1"]);
    if !fetched.run().expect("cargo starts").success() {
        skip("packages are not there: `just fetch`");
        return None;
    }
    Some(trial)
}

/// Returns what the script of `package` left in its directory.
fn made(target: &Path, package: &str) -> Tree {
    let build = fs::read_dir(target.join("debug/build")).expect("something was built");
    let is_its = |name: &str| name.rsplit_once('-').is_some_and(|(of, _)| of == package);
    let dirs = build.flatten().filter(|dir| is_its(&dir.file_name().to_string_lossy()));
    let mut outs = dirs.map(|dir| dir.path().join("out")).filter(|out| out.exists());
    let out = outs.next().expect("the script ran");
    Tree::of(&out, |_| true).expect("it can be read")
}

#[test]
fn zlib_is_what_it_is_without_kache() {
    check("zlib", "libz-sys", true);
}

#[test]
fn zstd_is_what_it_is_without_kache() {
    check("zstd", "zstd-sys", true);
}

#[test]
fn oniguruma_is_what_it_is_without_kache() {
    check("onig", "onig_sys", true);
}

#[test]
fn libgit2_is_what_it_is_without_kache() {
    check("libgit2", "libgit2-sys", true);
}

#[test]
fn sqlite_is_what_it_is_without_kache() {
    check("sqlite", "libsqlite3-sys", true);
}

#[test]
fn ring_is_what_it_is_without_kache() {
    // It asks for debug information whatever cargo says.
    check("sha", "ring", false);
}

#[test]
#[ignore = "takes minutes: `just test-slow`"]
fn jemalloc_works_as_it_does_without_kache() {
    // Its log has times in it.
    check("jemalloc", "tikv-jemalloc-sys", false);
}

#[test]
#[ignore = "takes minutes: `just test-slow`"]
fn openssl_which_writes_the_date_down_is_built_each_time_from_c_that_is_known() {
    let Some(trial) = trial("openssl") else { return };
    let run = "openssl-sys build script";
    let printed = trial.check(run, Expected::Unstored);
    let built = trial.build();
    assert!(Expected::Unstored.is_told_by(event_of(&built, run)));
    let program = run_program(&trial.scenario.env, &trial.project().program("app"), &[]).unwrap();
    assert_eq!(program.stdout, printed);
    let in_c = || built.events.iter().filter(|event| event.lang == "c");
    let hits = in_c().filter(|event| Hit.is_told_by(event)).count();
    assert!(hits > 1000, "{hits} of {}", in_c().count());
}
