//! clippy: what its lints look at beside the source.

use kache_e2e::filesystem::skip;

use crate::expected::Expected::{Failure, Hit};
use crate::files::text;
use crate::trial::{MANIFEST, Trial, package};

/// Returns a project on which `cargo clippy -- <lints>` was a hit, or `None`
/// where clippy is not installed.
fn linted(files: &[(&str, &str)], lints: &[&str]) -> Option<Trial> {
    let trial = Trial::of(files).args(&[&["--"], lints].concat());
    let first = trial.cargo_in(trial.project(), "clippy").run().expect("cargo starts");
    if first.stderr.contains("no such command: `clippy`") {
        skip("clippy is not installed");
        return None;
    }
    assert!(first.success(), "{}", first.stderr);
    trial.check_verb(trial.project(), "clippy", "app", Hit);
    Some(trial)
}

const WORKSPACE: &str = "[workspace]\nresolver = \"2\"\nmembers = [\"app\"]\n";

/// Returns the manifest of the member `app` with `rest` in its first table.
fn member(rest: &str) -> String {
    format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
}

#[test]
fn the_version_of_rust_that_a_package_supports_is_an_input_of_clippy() {
    let supporting = |version: &str| member(&format!("rust-version = \"{version}\"\n"));
    let files = [
        ("Cargo.toml", WORKSPACE),
        ("app/Cargo.toml", &supporting("1.85")),
        ("app/src/main.rs", "fn main() { println!(\"{}\", Some(1).is_some_and(|it| it > 0)); }\n"),
    ];
    let Some(trial) = linted(&files, &["-D", "warnings"]) else { return };
    trial.write("app/Cargo.toml", supporting("1.56"));
    trial.check_verb(trial.project(), "clippy", "app", Failure);
    trial.write("app/Cargo.toml", supporting("1.85"));
    trial.check_verb(trial.project(), "clippy", "app", Hit);
}

/// What a package says of itself, as `clippy::cargo_common_metadata` wants it.
const METADATA: &str = "license = \"MIT\"\nrepository = \"https://example.org\"\n\
    readme = \"../r.md\"\nkeywords = [\"a\"]\ncategories = [\"b\"]\ndescription = \"c\"\n";

#[test]
fn the_manifest_of_a_member_is_an_input_of_clippy() {
    let files = [
        ("Cargo.toml", WORKSPACE),
        ("app/Cargo.toml", &member(METADATA)),
        ("app/src/main.rs", "fn main() {}\n"),
        ("r.md", ""),
    ];
    let Some(trial) = linted(&files, &["-D", "clippy::cargo_common_metadata"]) else { return };
    trial.edit("app/Cargo.toml", "keywords = [\"a\"]\n", "");
    trial.check_verb(trial.project(), "clippy", "app", Failure);
}

#[test]
fn the_manifest_of_the_workspace_is_an_input_of_clippy() {
    let workspace = format!("{WORKSPACE}\n[workspace.package]\n{METADATA}");
    let inherited = METADATA.lines().filter_map(|line| line.split_once(" = "));
    let inherited: Vec<_> =
        inherited.map(|(field, _)| format!("{field}.workspace = true\n")).collect();
    let files = [
        ("Cargo.toml", workspace.as_str()),
        ("app/Cargo.toml", &member(&inherited.concat())),
        ("app/src/main.rs", "fn main() {}\n"),
        ("r.md", ""),
    ];
    let Some(trial) = linted(&files, &["-D", "clippy::cargo_common_metadata"]) else { return };
    trial.edit("Cargo.toml", "keywords = [\"a\"]", "keywords = []");
    trial.check_verb(trial.project(), "clippy", "app", Failure);
}

/// A dependency begins to need, on another system, a second version of a
/// package: nothing that is compiled here changes.
#[test]
fn the_lock_file_is_an_input_of_clippy() {
    let manifest = format!(
        "{MANIFEST}exclude = [\"dup\", \"dup2\"]\n\n[dependencies]\nmid.path = \"mid\"\ndup.path = \"dup\"\n"
    );
    let second = package("dup", "").replace("0.1.0", "0.2.0");
    let files = [
        ("Cargo.toml", manifest.as_str()),
        ("src/main.rs", "fn main() {}\n"),
        ("mid/Cargo.toml", &package("mid", "")),
        ("mid/src/lib.rs", ""),
        ("dup/Cargo.toml", &package("dup", "")),
        ("dup/src/lib.rs", ""),
        ("dup2/Cargo.toml", &second),
        ("dup2/src/lib.rs", ""),
    ];
    let Some(trial) = linted(&files, &["-D", "clippy::multiple_crate_versions"]) else { return };
    let elsewhere = "[target.'cfg(windows)'.dependencies]\ndup.path = \"../dup2\"";
    trial.write("mid/Cargo.toml", package("mid", elsewhere));
    trial.tool(&text(&trial.scenario.env.toolchain().cargo), &["generate-lockfile"]);
    trial.check_verb(trial.project(), "clippy", "app", Failure);
}
