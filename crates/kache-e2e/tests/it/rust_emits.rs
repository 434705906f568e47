//! Which outputs were asked for: an entry answers exactly the same question.

use std::fs;
use std::path::PathBuf;

use kache_e2e::Scenario;

use crate::expected::Expected::{Compiled, Dup, Failure, Hit, Miss, Served, Unstored};
use crate::files::make_executable;
use crate::rustc_trial::{Call, RustcTrial};
use crate::trial::{MANIFEST, Trial, package};

/// A warning of rustc and one of clippy.
const WARNED: &str =
    "fn number() -> u8 {\n    return 7;\n}\n\nfn main() {\n    let unused = number();\n}\n";

#[test]
fn check_build_test_and_clippy_never_serve_each_other() {
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", WARNED)]);
    let verbs = ["check", "build", "test", "clippy"];
    for verb in verbs {
        trial.check_verb(trial.project(), verb, "app", Compiled);
        trial.check_verb(trial.project(), verb, "app", Hit);
    }
    for verb in verbs {
        trial.check_verb(trial.project(), verb, "app", Hit);
    }
}

#[test]
fn what_only_clippy_refuses_fails_under_clippy_alone() {
    let source = format!("#![deny(clippy::needless_return)]\n{WARNED}");
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", &source)]);
    let project = trial.project();
    trial.check_verb(project, "check", "app", Miss);
    trial.check_verb(project, "clippy", "app", Failure);
    trial.check_verb(project, "check", "app", Hit);
    trial.edit("src/main.rs", "return 7;", "7");
    trial.check_verb(project, "clippy", "app", Dup);
    trial.check_verb(project, "check", "app", Compiled);
    trial.check_verb(project, "clippy", "app", Hit);
}

#[test]
fn a_package_that_clippy_passed_over_as_a_dependency_is_still_looked_at() {
    let members = "[workspace]\nmembers = [\"app\", \"part\"]\nresolver = \"3\"\n";
    let scenario = Scenario::of_files(&[
        ("Cargo.toml", members),
        ("app/Cargo.toml", &package("app", "[dependencies]\npart.path = \"../part\"\n")),
        ("app/src/main.rs", "fn main() { println!(\"{}\", part::seven()); }\n"),
        ("part/Cargo.toml", &package("part", "")),
        (
            "part/src/lib.rs",
            "#![deny(clippy::needless_return)]\npub fn seven() -> u8 { return 7; }\n",
        ),
    ])
    .unwrap();
    let clippy = |package: &str| {
        scenario.project.clean().unwrap();
        scenario.cargo("clippy").args(["-p", package, "--no-deps"]).run().unwrap()
    };
    assert!(clippy("app").success());
    let again = clippy("app");
    assert_eq!(again.spawned(), 0, "{}", again.stderr);
    assert!(!clippy("part").success(), "clippy did not look at the package");
}

#[test]
fn a_lint_table_tightened_in_the_manifest_fails_as_with_cargo() {
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", WARNED)]);
    trial.prove_hit("app");
    let tight = format!("{MANIFEST}\n[lints.rust]\nunused_variables = \"deny\"\n");
    trial.write("Cargo.toml", &tight);
    trial.check("app", Failure);
    trial.write("Cargo.toml", tight.replace("deny", "allow"));
    trial.check("app", Dup);
    trial.write("Cargo.toml", MANIFEST);
    trial.check("app", Hit);
}

/// A library, so that every kind of output is there.
const LIBRARY: &str = "--crate-type=lib --emit=dep-info,metadata,link";

#[test]
fn a_smaller_set_of_outputs_does_not_answer_for_a_larger_one() {
    let trial = RustcTrial::of("pub fn number() -> u8 { 7 }\n");
    let sets = ["dep-info,metadata", "dep-info,link", "dep-info,metadata,link"];
    let call = |set| Call::of(&format!("--crate-type=lib --emit={set}"));
    for set in sets {
        trial.prove_hit(&call(set));
    }
    for set in sets {
        trial.check(&call(set), Hit);
    }
}

/// A compiler that removes or empties what `SPOILED` names, relative to the
/// output directory, after it succeeded.
const SPOILER: &str = r#"#!/bin/sh
"REAL" "$@" || exit
case "$*" in *--crate-name*) ;; *) exit 0 ;; esac
case "$SPOILED" in
    "") ;;
    empty:*) : > "target/deps/${SPOILED#empty:}" ;;
    *) rm "target/deps/$SPOILED" ;;
esac
"#;

fn spoiling_compiler(trial: &RustcTrial) -> PathBuf {
    let real = trial.scenario.env.toolchain().rustc.to_string_lossy().into_owned();
    trial.write("bin/rustc", &SPOILER.replace("REAL", &real));
    let path = trial.scenario.project.path("bin/rustc");
    make_executable(&path);
    path
}

#[test]
fn a_compilation_that_left_out_an_output_is_not_stored() {
    let mut trial = RustcTrial::of("pub fn number() -> u8 { 7 }\n");
    trial.compiler = Some(spoiling_compiler(&trial));
    let names = ["app-1.d", "libapp-1.rmeta", "libapp-1.rlib"];
    let empty = names.map(|name| format!("empty:{name}"));
    for spoiled in names.into_iter().chain(empty.iter().map(String::as_str)) {
        let call = Call::of(LIBRARY).var("SPOILED", spoiled);
        trial.check(&call, Unstored);
        trial.check(&call, Unstored);
    }
    trial.check(&Call::of(LIBRARY), Miss);
    // A compiler outside of its own tree is asked each time which one it starts.
    trial.check(&Call::of(LIBRARY), Served);
}

#[test]
fn an_entry_that_lacks_an_output_is_not_served() {
    let trial = RustcTrial::of("pub fn number() -> u8 { 7 }\n");
    let call = Call::of(LIBRARY);
    trial.prove_hit(&call);
    for role in ["metadata", "rlib", "dep-info"] {
        assert_eq!(drop_from_entries(&trial, role), 1, "{role}");
        trial.check(&call, Dup);
        trial.check(&call, Hit);
    }
}

/// Removes the output called `role` from every entry of the store; returns
/// how many had one. Entries end in a line with their digest.
fn drop_from_entries(trial: &RustcTrial, role: &str) -> usize {
    let entries = trial.scenario.env.cache_dir().join("v1/entries");
    let files = walkdir::WalkDir::new(entries).into_iter().flatten();
    let mut dropped = 0;
    for file in files.filter(|file| file.file_type().is_file()) {
        let text = fs::read_to_string(file.path()).expect("an entry is text");
        let json = text.lines().next().unwrap_or_default();
        let mut entry: serde_json::Value = serde_json::from_str(json).expect("an entry is JSON");
        for list in ["outputs", "texts"] {
            let items = entry.get_mut(list).and_then(serde_json::Value::as_array_mut);
            let items = items.expect("an entry lists what it holds");
            let before = items.len();
            items.retain(|item| item.get("role").and_then(|it| it.as_str()) != Some(role));
            dropped += before - items.len();
        }
        let json = entry.to_string();
        let sealed = format!("{json}\n{}\n", blake3::hash(json.as_bytes()));
        fs::write(file.path(), sealed).expect("the store is ours");
    }
    dropped
}
