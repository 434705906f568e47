//! Variables and files that macros read: by `env!`, and behind rustc's back.

use std::{fs, io};

use kache_e2e::oracle::Tree;

use crate::expected::Expected::{Compiled, Failure, Hit, Miss};
use crate::files::settle;
use crate::trial::Trial;

const MANIFEST: &str = r#"[package]
name = "app"
version = "1.2.3-beta.1"
edition = "2024"
authors = ["first author"]
description = "first text"
homepage = "first.example"
repository = "first.example/repo"
license = "MIT"
rust-version = "1.85"
"#;

#[test]
fn a_variable_read_by_option_env_is_an_input_unset_set_changed_and_empty() {
    let source = "fn main() { println!(\"{:?}\", option_env!(\"CHOICE\")); }\n";
    let mut trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)]);
    trial.prove_hit("app");
    for value in ["one", "two", "", "with\nline\\and \"quotes\""] {
        trial.set("CHOICE", value);
        trial.prove_hit("app");
    }
    trial.set("CHOICE", "one");
    trial.check("app", Hit);
    trial.unset("CHOICE");
    trial.check("app", Hit);
}

#[test]
fn a_variable_read_by_env_is_an_input_and_must_be_set() {
    let source = "fn main() { println!(\"{}\", env!(\"CHOICE\")); }\n";
    let mut trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)]);
    trial.set("CHOICE", "one");
    trial.prove_hit("app");
    trial.unset("CHOICE");
    trial.check("app", Failure);
    trial.set("CHOICE", "two");
    trial.check("app", Miss);
}

#[test]
fn a_variable_that_nobody_reads_is_no_input() {
    let source = "fn main() { println!(\"{:?}\", option_env!(\"CHOICE\")); }\n";
    let mut trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)]);
    trial.prove_hit("app");
    trial.set("CHOICE_OF_ANOTHER", "set");
    trial.check("app", Hit);
}

const STAMPING_SCRIPT: &str = r#"fn main() {
    println!("cargo:rerun-if-changed=stamp.txt");
    let stamp = std::fs::read_to_string("stamp.txt").unwrap();
    println!("cargo:rustc-env=SEEN_BY_A_MACRO={}", stamp.trim());
}
"#;

/// A build script that sets a variable which `expression` shows.
fn stamped(expression: &str) -> Trial {
    let trial = Trial::of_fixture("macros");
    trial.write("build.rs", STAMPING_SCRIPT);
    trial.write("stamp.txt", "one\n");
    trial.write("src/main.rs", format!("fn main() {{ println!(\"{{}}\", {expression}); }}\n"));
    trial
}

#[track_caller]
fn check_stamp(expression: &str) {
    let trial = stamped(expression);
    trial.prove_hit("app");
    trial.edit("stamp.txt", "one", "two");
    trial.check("app", Miss);
    trial.edit("stamp.txt", "two", "one");
    trial.check("app", Hit);
}

#[test]
fn a_variable_set_by_the_build_script_is_an_input_of_env() {
    check_stamp("env!(\"SEEN_BY_A_MACRO\")");
}

#[test]
fn a_variable_set_by_the_build_script_is_an_input_of_a_macro_that_bakes_it_in() {
    check_stamp("bake::variable!(\"SEEN_BY_A_MACRO\")");
}

#[track_caller]
fn check_declared_variable(settings: &str) {
    let mut trial = Trial::of_fixture("macros");
    trial.write(".kache.toml", settings);
    trial.prove_hit("app");
    for value in ["one", "two", ""] {
        trial.set("SEEN_BY_A_MACRO", value);
        trial.check("app", Miss);
    }
    trial.unset("SEEN_BY_A_MACRO");
    trial.check("app", Hit);
}

#[test]
fn a_variable_that_the_build_script_begins_to_set_is_an_input_of_a_macro() {
    let trial = stamped("bake::variable!(\"SEEN_BY_A_MACRO\")");
    trial.write("build.rs", "fn main() {}\n");
    trial.prove_hit("app");
    trial.edit("build.rs", "{}", "{ println!(\"cargo:rustc-env=SEEN_BY_A_MACRO=set\"); }");
    trial.check("app", Miss);
    trial.write("build.rs", "fn main() {}\n");
    trial.check("app", Hit);
}

#[test]
fn a_declared_variable_is_an_input_of_a_macro_that_reads_it() {
    check_declared_variable("key_env_vars = [\"SEEN_BY_*\"]\n");
}

#[test]
fn a_variable_declared_for_one_crate_is_an_input_of_a_macro_in_it() {
    check_declared_variable("[crates.app]\nkey_env_vars = [\"SEEN_BY_A_MACRO\"]\n");
}

#[test]
fn declared_files_are_inputs_of_a_macro_that_reads_them() {
    let trial = Trial::of_fixture("macros");
    trial.write(".kache.toml", "[crates.app]\nextra_inputs = [\"schema.txt\", \"schema/*.txt\"]\n");
    trial.prove_hit("app");
    trial.edit("schema.txt", "one", "two");
    trial.check("app", Miss);
    trial.edit("schema/a.txt", "first", "edited");
    trial.check("app", Miss);
    trial.write("schema/b.txt", "second\n");
    trial.check("app", Miss);
    trial.rename("schema/b.txt", "schema/c.txt");
    trial.check("app", Miss);
    trial.swap("schema/a.txt", "schema/c.txt");
    trial.check("app", Miss);
    trial.remove("schema.txt");
    trial.check("app", Miss);
    trial.write("NOTES.md", "nobody declared it\n");
    trial.check("app", Hit);
}

#[test]
fn a_declared_directory_is_an_input_with_everything_in_it() {
    let trial = Trial::of_fixture("macros");
    trial.write(".kache.toml", "extra_inputs = [\"schema\"]\n");
    trial.prove_hit("app");
    trial.write("schema/empty.txt", "");
    trial.check("app", Miss);
    trial.remove("schema/empty.txt");
    trial.check("app", Hit);
    trial.remove("schema");
    trial.check("app", Miss);
}

#[test]
fn files_that_the_build_script_declared_to_cargo_are_inputs_of_a_macro() {
    for key in ["cargo", "cargo:"] {
        let trial = Trial::of_fixture("macros");
        let script = format!(
            "fn main() {{\n    println!(\"{key}:rerun-if-changed=schema\");\n    \
             println!(\"{key}:rerun-if-changed=schema.txt\");\n}}\n"
        );
        trial.write("build.rs", &script);
        trial.prove_hit("app");
        trial.edit("schema.txt", "one", "two");
        trial.check("app", Miss);
        trial.write("schema/b.txt", "second\n");
        trial.check("app", Miss);
        trial.remove("schema/a.txt");
        trial.check("app", Miss);
    }
}

/// Replaces a text in every record of the store; returns how many had it.
fn replace_in_records(trial: &Trial, from: &str, to: &str) -> io::Result<usize> {
    let dir = trial.scenario.env.cache_dir().join("v1/records");
    let mut found = 0;
    for name in Tree::of(&dir, |_| true).map_err(io::Error::other)?.files.into_keys() {
        let text = fs::read_to_string(dir.join(&name))?;
        if text.contains(from) {
            found += 1;
            fs::write(dir.join(name), text.replace(from, to))?;
        }
    }
    Ok(found)
}

#[test]
fn a_declared_file_is_not_read_again_while_its_stamp_vouches_for_it() {
    let trial = Trial::of_fixture("macros");
    trial.write(".kache.toml", "[crates.app]\nextra_inputs = [\"schema.txt\"]\n");
    settle();
    trial.prove_hit("app");
    let real = blake3::hash(&fs::read(trial.path("schema.txt")).unwrap()).to_hex();
    let forged = blake3::hash(b"forged").to_hex();
    assert_eq!(replace_in_records(&trial, &real, &forged).unwrap(), 1);
    trial.write("src/main.rs", trial.project().read("src/main.rs").unwrap() + "// edited\n");
    trial.check("app", Compiled);
    assert_eq!(replace_in_records(&trial, &real, &forged).unwrap(), 0, "the file was read");
    trial.project().touch("schema.txt").unwrap();
    trial.check("app", Compiled);
    assert_eq!(replace_in_records(&trial, &forged, &real).unwrap(), 0, "the file was not read");
}

#[test]
fn a_result_is_not_stored_where_a_gibibyte_is_declared() {
    let trial = Trial::of_fixture("macros");
    trial.write("build.rs", "fn main() { println!(\"cargo:rerun-if-changed=large\"); }\n");
    trial.write("large/one", "");
    trial.write("large/two", "");
    trial.prove_hit("app");
    for name in ["one", "two"] {
        let file = fs::File::options().write(true).open(trial.path("large").join(name)).unwrap();
        file.set_len((1 << 29) + 1).unwrap();
    }
    trial.check_unstored("app", "1073741826 bytes of files are declared as inputs");
}

#[test]
fn a_declared_directory_behind_a_symbolic_link_is_an_input() {
    let trial = Trial::of_fixture("macros");
    let project = trial.project();
    project.rename("schema", "shared").unwrap();
    std::os::unix::fs::symlink("shared", project.path("schema")).unwrap();
    trial.write("build.rs", "fn main() { println!(\"cargo:rerun-if-changed=schema\"); }\n");
    trial.prove_hit("app");
    trial.write("shared/b.txt", "second\n");
    trial.check("app", Miss);
}

#[test]
fn a_variable_that_the_build_script_declared_to_cargo_is_an_input_of_a_macro() {
    let mut trial = Trial::of_fixture("macros");
    let script = "fn main() { println!(\"cargo:rerun-if-env-changed=SEEN_BY_A_MACRO\"); }\n";
    trial.write("build.rs", script);
    trial.prove_hit("app");
    trial.set("SEEN_BY_A_MACRO", "one");
    trial.check("app", Miss);
}

/// The fields of a manifest that cargo hands on as variables, as (variable,
/// text, other text).
const PACKAGE_FIELDS: &[(&str, &str, &str)] = &[
    ("CARGO_PKG_VERSION", "1.2.3-beta.1", "1.2.3-beta.2"),
    ("CARGO_PKG_VERSION_MINOR", "1.2.3", "1.9.3"),
    ("CARGO_PKG_VERSION_PRE", "beta.1", "gamma.1"),
    ("CARGO_PKG_AUTHORS", "first author", "other author"),
    ("CARGO_PKG_DESCRIPTION", "first text", "other text"),
    ("CARGO_PKG_HOMEPAGE", "first.example\"", "other.example\""),
    ("CARGO_PKG_REPOSITORY", "first.example/repo", "other.example/repo"),
    ("CARGO_PKG_LICENSE", "MIT", "ISC"),
    ("CARGO_PKG_RUST_VERSION", "1.85", "1.86"),
];

/// Changes each field in turn where a program prints `expression` of each of
/// the variables.
#[track_caller]
fn check_package_fields(expression: &str) {
    let trial = Trial::of_fixture("macros");
    let lines = PACKAGE_FIELDS
        .iter()
        .map(|(variable, ..)| format!("    println!(\"{{}}\", {expression}!(\"{variable}\"));\n"));
    trial.write("src/main.rs", format!("fn main() {{\n{}}}\n", lines.collect::<String>()));
    trial.write("Cargo.toml", format!("{MANIFEST}[dependencies]\nbake.path = \"bake\"\n"));
    trial.prove_hit("app");
    for (_, from, to) in PACKAGE_FIELDS {
        trial.edit("Cargo.toml", from, to);
        trial.check("app", Miss);
        trial.edit("Cargo.toml", to, from);
    }
    trial.check("app", Hit);
}

#[test]
fn a_package_field_read_by_env_is_an_input() {
    check_package_fields("env");
}

#[test]
fn a_package_field_read_by_a_macro_is_an_input() {
    check_package_fields("bake::variable");
}

#[test]
fn a_package_field_that_nobody_reads_is_no_input() {
    let source = "fn main() { println!(\"{}\", env!(\"CARGO_PKG_NAME\")); }\n";
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)]);
    trial.prove_hit("app");
    trial.edit("Cargo.toml", "first text", "other text");
    trial.check("app", Hit);
}
