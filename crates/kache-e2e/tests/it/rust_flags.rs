//! Arguments of rustc: what they mean decides the entry, not how they look.

use crate::expected::Expected::{Dup, Failure, Hit, Miss, Passthrough};
use crate::rustc_trial::{Call, RustcTrial};

/// Shows what flags and variables came through to the program.
const REVEALING: &str = r#"
fn main() {
    println!("{} {} {}", cfg!(a), cfg!(b), cfg!(a = "b"));
    println!("{} {}", cfg!(a = "b\" --cfg c=\"d"), cfg!(c = "d"));
    println!("{} {}", cfg!(debug_assertions), cfg!(target_feature = "avx2"));
    println!("{}", std::hint::black_box([255_u8])[0].checked_add(1).is_some());
    println!("{:?} {:?}", option_env!("ONE"), option_env!("TWO"));
}
"#;

/// After a hit of `first`, `second` must be compiled, and not disturb `first`.
#[track_caller]
fn check_differ(source: &str, first: &Call, second: &Call) {
    let trial = RustcTrial::of(source);
    trial.prove_hit(first);
    trial.prove_hit(second);
    trial.check(first, Hit);
}

#[test]
fn text_that_moves_between_cfgs_is_another_call() {
    let cfg = |values: &[&str]| {
        values.iter().fold(Call::of(""), |call, value| call.args(&["--cfg", value]))
    };
    let trial = RustcTrial::of(REVEALING);
    trial.prove_hit(&cfg(&["a", "b"]));
    for values in [
        &["a"][..],
        &["b"],
        &["a=\"b\""],
        &["a=\"b\"", "c=\"d\""],
        &["a=\"b\\\" --cfg c=\\\"d\""],
        &["a", "a=\"b\"", "b"],
    ] {
        trial.prove_hit(&cfg(values));
    }
    trial.check(&cfg(&["a", "b"]), Hit);
}

#[test]
fn text_that_moves_between_variables_is_another_input() {
    let call = |one: &str, two: Option<&str>| {
        let call = Call::of("").var("ONE", one);
        two.into_iter().fold(call, |call, two| call.var("TWO", two))
    };
    let trial = RustcTrial::of(REVEALING);
    trial.prove_hit(&call("1", Some("2")));
    trial.check(&call("12", Some("")), Miss);
    trial.check(&call("1\nTWO=2", None), Miss);
    trial.check(&call("1 TWO=2", None), Miss);
    trial.check(&call("1\\nTWO=2", None), Miss);
    trial.check(&call("2", Some("1")), Miss);
    trial.check(&call("1", Some("2")), Hit);
}

#[test]
fn declared_variables_are_told_apart_as_well_as_any_others() {
    let call = |one: &str, two: &str| {
        Call::of("").var("KACHE_KEY_ENV_VARS", "KEY_*").var("KEY_ONE", one).var("KEY_TWO", two)
    };
    let trial = RustcTrial::of("fn main() {}\n");
    trial.check(&call("1", "2"), Miss);
    trial.check(&call("1", "2"), Hit);
    for (one, two) in [("12", ""), ("1\nKEY_TWO=2", ""), ("", "12"), ("2", "1")] {
        trial.check(&call(one, two), Dup);
    }
}

#[test]
fn of_two_spellings_of_optimisation_the_later_counts() {
    let (short_last, long_last) = ("-Copt-level=0 -O", "-O -Copt-level=0");
    check_differ(REVEALING, &Call::of(short_last), &Call::of(long_last));
    check_differ(REVEALING, &Call::of("-O"), &Call::of("-Copt-level=0"));
}

#[test]
fn of_a_repeated_flag_the_last_value_counts() {
    for (first, second) in [
        (
            "-Cdebug-assertions=on -Cdebug-assertions=off",
            "-Cdebug-assertions=off -Cdebug-assertions=on",
        ),
        (
            "-Ctarget-feature=+avx2 -Ctarget-feature=-avx2",
            "-Ctarget-feature=-avx2 -Ctarget-feature=+avx2",
        ),
    ] {
        check_differ(REVEALING, &Call::of(first), &Call::of(second));
    }
}

#[test]
fn spellings_that_rustc_does_not_tell_apart_share_an_entry() {
    for (first, second) in [
        ("-O", "-C opt-level=3"),
        ("-Copt-level=3", "--codegen=opt-level=3"),
        ("-Cdebug-assertions=off", "-C debug_assertions=off"),
        ("--cfg a --cfg b", "--cfg=b --cfg=a --cfg=b"),
        ("-Copt-level=1 -Copt-level=0", "-Copt-level=0"),
    ] {
        let trial = RustcTrial::of(REVEALING);
        trial.prove_hit(&Call::of(first));
        trial.check(&Call::of(second), Hit);
    }
}

/// Compiles with two warnings: a name and a condition that nobody knows.
const WARNED: &str = "fn main() { let unused = 1; if cfg!(unknown) { println!(\"x\") } }\n";

/// What has warnings needs no linker.
const UNLINKED: &[&str] = &["--emit=dep-info,metadata"];

#[test]
fn a_lint_level_tightened_after_a_clean_compile_fails_as_with_rustc() {
    for (loose, tight) in [
        ("", "-Dunused_variables"),
        ("", "--deny=warnings"),
        ("", "-Funused-variables"),
        ("-Aunused_variables", "-Dunused_variables"),
        ("-Dunused_variables -Aunused_variables", "-Aunused_variables -Dunused_variables"),
        ("-Dunused_variables --cap-lints warn", "-Dunused_variables"),
        ("-Dunused_variables --cap-lints allow", "-Dunused_variables --cap-lints deny"),
        ("-Dunexpected_cfgs", "-Dunexpected_cfgs --check-cfg=cfg()"),
        ("-Dunexpected_cfgs --check-cfg=cfg(unknown)", "-Dunexpected_cfgs --check-cfg=cfg(known)"),
    ] {
        let trial = RustcTrial::of(WARNED);
        let [loose, tight] = [loose, tight].map(|line| Call::of(line).args(UNLINKED));
        trial.prove_hit(&loose);
        trial.check(&tight, Failure);
        trial.check(&tight, Failure);
        trial.check(&loose, Hit);
    }
}

#[test]
fn a_warning_is_replayed_in_the_form_that_was_asked_for() {
    let trial = RustcTrial::of(WARNED);
    let forms = [
        "--error-format=json",
        "--error-format=json --json=diagnostic-rendered-ansi",
        "--error-format=json --json=diagnostic-short",
        "--error-format=json --json=diagnostic-short,diagnostic-rendered-ansi",
        "--error-format=json --json=future-incompat,artifacts",
        "--error-format=json --diagnostic-width=40",
        "--error-format=json --diagnostic-width=60",
    ];
    for form in forms {
        trial.prove_hit(&Call::plain(form).args(UNLINKED));
    }
    for form in forms {
        trial.check(&Call::plain(form).args(UNLINKED), Hit);
    }
}

#[test]
fn a_warning_for_a_terminal_is_left_to_rustc() {
    let trial = RustcTrial::of(WARNED);
    trial.prove_hit(&Call::of("").args(UNLINKED));
    for form in
        ["", "--error-format=short", "--color=always", "--color=never", "--error-format=human"]
    {
        trial.check(&Call::plain(form).args(UNLINKED), Passthrough);
    }
}

#[test]
fn the_contents_of_an_argument_file_are_keyed() {
    let trial = RustcTrial::of(REVEALING);
    trial.write("flags", "--cfg\na\n");
    trial.prove_hit(&Call::of("@flags"));
    trial.check(&Call::of("--cfg a"), Hit);
    trial.write("flags", "--cfg\nb\n");
    trial.check(&Call::of("@flags"), Miss);
    trial.write("flags", "--cfg\nb\n-Dwarnings\n--frobnicate\n");
    trial.check(&Call::of("@flags"), Passthrough);
    trial.scenario.project.remove("flags").unwrap();
    trial.check(&Call::of("@flags"), Passthrough);
}

#[test]
fn calls_whose_results_go_elsewhere_are_left_to_rustc() {
    let trial = RustcTrial::of(REVEALING);
    trial.prove_hit(&Call::of(""));
    for line in [
        "-Zunpretty=expanded",
        "-Zunpretty=normal",
        "--print=native-static-libs",
        "--print=crate-name",
        "--emit=dep-info=target/deps/elsewhere.d,link",
        "--emit=link=target/deps/elsewhere",
        "--emit=asm",
        "--emit=llvm-ir,mir,obj",
        "-o target/deps/elsewhere",
        "-Zself-profile=target/deps/profile",
    ] {
        trial.check(&Call::of(line).var("RUSTC_BOOTSTRAP", "1"), Passthrough);
    }
    trial.check(&Call::of(""), Hit);
}
