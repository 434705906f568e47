//! What makes one compiler two: unstable switches, targets, sysroots, backends.

use kache_e2e::process::output_of;

use crate::expected::Expected::{Dup, Failure, Hit, Passthrough};
use crate::rustc_trial::{Call, RustcTrial};

const UNSTABLE: &str = "#![feature(never_type)]\nfn main() {}\n";

#[test]
fn leave_to_use_unstable_features_is_keyed() {
    let trial = RustcTrial::of(UNSTABLE);
    let allowed = |by: &str| Call::of("").var("RUSTC_BOOTSTRAP", by);
    trial.prove_hit(&allowed("1"));
    trial.check(&Call::of(""), Failure);
    trial.check(&allowed("-1"), Failure);
    trial.check(&allowed("another_crate"), Failure);
    trial.check(&allowed("app"), Dup);
    trial.check(&allowed("1"), Hit);
}

#[test]
fn unstable_flags_are_keyed_by_value() {
    let source = "fn main() {\n    println!(\"{:?}\", Some(1));\n    \
                  println!(\"{}\", std::panic::Location::caller());\n}\n";
    let call = |line| Call::of(line).var("RUSTC_BOOTSTRAP", "1");
    let trial = RustcTrial::of(source);
    for line in [
        "",
        "-Zfmt-debug=none",
        "-Zfmt-debug=shallow",
        "-Zlocation-detail=none",
        "-Zlocation-detail=line",
        "-Zcrate-attr=recursion_limit=\"64\"",
    ] {
        trial.prove_hit(&call(line));
    }
    trial.check(&call("-Zfmt_debug=none"), Hit);
    trial.check(&Call::of("-Zfmt-debug=none"), Failure);
}

#[test]
fn a_codegen_backend_is_left_to_rustc() {
    let trial = RustcTrial::of("fn main() {}\n");
    let call = |line| Call::of(line).var("RUSTC_BOOTSTRAP", "1");
    trial.prove_hit(&call(""));
    trial.check(&call("-Zcodegen-backend=llvm"), Passthrough);
    trial.write("backend.so", "no library");
    trial.check(&call("-Zcodegen-backend=./backend.so"), Passthrough);
    trial.check(&call(""), Hit);
}

#[test]
fn a_sysroot_given_by_hand_is_left_to_rustc() {
    let trial = RustcTrial::of("fn main() {}\n");
    trial.prove_hit(&Call::of(""));
    let rustc = &trial.scenario.env.toolchain().rustc;
    let sysroot =
        output_of(trial.scenario.env.command(rustc).args(["--print", "sysroot"])).unwrap();
    trial.check(&Call::of("--sysroot").args(&[sysroot.trim()]), Passthrough);
    trial.check(&Call::of("--sysroot /nonexistent"), Passthrough);
    trial.check(&Call::of(""), Hit);
}

/// A crate without a standard library, which compiles for any target but one
/// whose `target_env` is `changed`.
const ANY_TARGET: &str = "#![feature(no_core)]\n#![no_core]\n\
                          #[cfg(target_env = \"changed\")]\nfn seen() { no_such_name }\n";

/// Returns the host's own target specification.
fn target_spec(trial: &RustcTrial) -> String {
    let mut rustc = trial.scenario.env.command(&trial.scenario.env.toolchain().rustc);
    rustc.args(["-Zunstable-options", "--print=target-spec-json"]).env("RUSTC_BOOTSTRAP", "1");
    let spec = output_of(&mut rustc).expect("the compiler knows its host");
    assert!(spec.contains("\"env\": \"gnu\""), "{spec}");
    spec.replace("\"is-builtin\": true", "\"is-builtin\": false")
}

#[test]
fn a_target_found_by_name_is_keyed_by_content() {
    let trial = RustcTrial::of(ANY_TARGET);
    let spec = target_spec(&trial);
    trial.write("targets/own-unknown-linux-gnu.json", &spec);
    let dir = trial.scenario.project.path("targets").to_string_lossy().into_owned();
    let line = "-Zunstable-options --crate-type=lib --emit=dep-info,metadata \
                --target own-unknown-linux-gnu";
    let call = Call::of(line).var("RUSTC_BOOTSTRAP", "1").var("RUST_TARGET_PATH", &dir);
    trial.prove_hit(&call);
    trial.write("targets/own-unknown-linux-gnu.json", &spec.replace("\"gnu\"", "\"changed\""));
    trial.check(&call, Failure);
    trial.write("targets/own-unknown-linux-gnu.json", &spec);
    trial.check(&call, Hit);
    trial.scenario.project.remove("targets").unwrap();
    trial.check(&call, Failure);
}

#[test]
fn a_target_given_by_path_is_left_to_rustc() {
    let trial = RustcTrial::of(ANY_TARGET);
    let spec = target_spec(&trial);
    let line = "-Zunstable-options --crate-type=lib --emit=dep-info,metadata --target own.json";
    let call = Call::of(line).var("RUSTC_BOOTSTRAP", "1");
    trial.write("own.json", &spec);
    trial.check(&call, Passthrough);
    trial.write("own.json", &spec.replace("\"gnu\"", "\"changed\""));
    trial.check(&call, Passthrough);
}
