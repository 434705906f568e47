//! Probes: what build scripts compile to find out whether it compiles.
//!
//! Each script here depends on the variable `ROUND`, so that it runs again while its
//! probes stay the same.

use kache_e2e::cargo::CargoOutcome;
use kache_e2e::events::Event;
use kache_e2e::oracle::run_program;

use crate::build_scripts::trial as script_trial;
use crate::expected::Expected::{self, Compiled, Hit};
use crate::expected::assert_unstored;
use crate::trial::Trial;

/// Functions for scripts: `probe` runs the compiler as build scripts do, and returns
/// how it ended and what it said.
const PROBE: &str = r#"
    use std::io::Write;
    use std::process::Stdio;
    fn compiler() -> Command {
        let rustc = env::var("RUSTC").unwrap();
        match env::var("RUSTC_WRAPPER") {
            Ok(wrapper) => { let mut command = Command::new(wrapper); command.arg(rustc); command }
            Err(_) => Command::new(rustc),
        }
    }
    fn probe(args: &[&str], code: &str) -> String {
        let mut command = compiler();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let [stdout, stderr] = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap());
        format!("{:?} {stdout}{stderr}", ended.status.code())
    }
    let out = env::var("OUT_DIR").unwrap();
    let round = env::var("ROUND").unwrap_or_default();
"#;

/// Returns a project whose script does `body` after the above.
fn trial(body: &str) -> Trial {
    script_trial(&format!("{PROBE} {body}"))
}

fn probes(built: &CargoOutcome) -> Vec<&Event> {
    built.events.iter().filter(|event| event.crate_types == ["probe"]).collect()
}

/// Builds in a new round: each probe must have become what is `expected`, and all must
/// be as with bare cargo. Returns what the program printed.
#[track_caller]
fn check(trial: &mut Trial, round: &str, expected: &[Expected]) -> String {
    trial.set("ROUND", round);
    let built = trial.build();
    let probes = probes(&built);
    let told: Vec<String> = probes.iter().map(|event| event.describe()).collect();
    assert_eq!(probes.len(), expected.len(), "{told:?}");
    for (event, expected) in probes.iter().zip(expected) {
        expected.assert_told_by(event);
    }
    // The script is known now: this compares what it made with what it makes alone.
    trial.check("app", Hit)
}

/// Makes the probe in two rounds: it must be stored in the first, and served in the
/// second.
#[track_caller]
fn prove_hits(trial: &mut Trial, count: usize) -> String {
    drop(check(trial, "first", &vec![Compiled; count]));
    check(trial, "second", &vec![Hit; count])
}

const FROM_STDIN: &str = "let args = [\"--crate-type=lib\", \"--crate-name=probe\", \
    \"--emit=metadata\", \"--out-dir\", out.as_str(), \"-\"];";

#[test]
fn what_does_not_compile_is_remembered_like_what_does() {
    let body = format!(
        "{FROM_STDIN} \
         let yes = probe(&args, \"pub use std::fmt;\"); \
         let no = probe(&args, \"pub use std::nope;\"); \
         let made = Path::new(&out).join(\"libprobe.rmeta\").is_file(); \
         round.len().to_string() + &yes + &no + &made.to_string()"
    );
    let mut trial = trial(&body);
    let printed = prove_hits(&mut trial, 2);
    assert!(printed.starts_with("6Some(0) Some(1) error[E0432]"), "{printed}");
}

#[test]
fn a_probe_is_known_by_its_code() {
    let body = format!("{FROM_STDIN} probe(&args, &fs::read_to_string(\"code.rs\").unwrap())");
    let mut trial = trial(&body);
    trial.write("code.rs", "pub fn one() {}");
    drop(check(&mut trial, "", &[Compiled]));
    trial.write("code.rs", "pub fn one() { two() }");
    assert!(check(&mut trial, "", &[Compiled]).contains("E0425"));
    trial.write("code.rs", "pub fn one() {}");
    // The script itself is known by then.
    drop(check(&mut trial, "", &[]));
    trial.write("code.rs", "pub fn one() {} ");
    drop(check(&mut trial, "", &[Compiled]));
}

#[test]
fn a_name_that_is_made_up_for_each_run_keeps_no_probe_from_being_known() {
    let body = "let number: u64 = round.bytes().map(u64::from).sum(); \
        let name = format!(\"autocfg_{number:016x}_0\"); \
        let args = [\"--crate-name\", &name, \"--crate-type=lib\", \"--out-dir\", &out, \
            \"--emit=llvm-ir\", \"-\"]; \
        let said = probe(&args, \"pub fn f() {}\"); \
        said + &Path::new(&out).join(name + \".ll\").is_file().to_string()";
    let mut trial = trial(body);
    assert_eq!(prove_hits(&mut trial, 1), "Some(0) true\n");
}

#[test]
fn a_probe_that_names_its_output_is_served() {
    let body = "let file = format!(\"{out}/can_compile\"); \
        let args = [\"--crate-type=rlib\", \"--emit=metadata\", \"-o\", &file, \"-\"]; \
        let yes = probe(&args, \"pub fn f() {}\"); \
        let length = fs::metadata(&file).unwrap().len(); \
        round.len().to_string() + &yes + &length.to_string()";
    let mut trial = trial(body);
    assert!(prove_hits(&mut trial, 1).starts_with("6Some(0) "));
}

#[test]
fn a_probe_whose_output_goes_nowhere_is_served() {
    let body = "let mut command = compiler(); \
        command.args([\"--crate-type=rlib\", \"--emit=metadata\", \"-o\", \"-\", \"-\"]); \
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()); \
        let mut child = command.spawn().unwrap(); \
        child.stdin.take().unwrap().write_all(b\"pub fn f() {}\").unwrap(); \
        round.len().to_string() + &child.wait().unwrap().success().to_string()";
    let mut trial = trial(body);
    assert_eq!(prove_hits(&mut trial, 1), "6true\n");
}

const FROM_FILES: &str = "let args = [\"--edition=2021\", \"--crate-name=probe\", \
    \"--crate-type=lib\", \"--emit=dep-info,metadata\", \"--out-dir\", out.as_str(), \
    \"probe/main.rs\"]; \
    round.len().to_string() + &probe(&args, \"\")";

/// Changes something between two rounds, and takes it back.
#[track_caller]
fn check_input(body: &str, files: &[(&str, &str)], change: impl FnOnce(&mut Trial), shows: &str) {
    let mut trial = trial(body);
    for (file, text) in files {
        trial.write(file, text);
    }
    let before = prove_hits(&mut trial, 1);
    assert!(!before.contains(shows), "{before}");
    change(&mut trial);
    let after = check(&mut trial, "changed", &[Compiled]);
    assert!(after.contains(shows), "{after}");
    drop(check(&mut trial, "changed again", &[Hit]));
}

#[test]
fn files_that_a_probe_reads_are_inputs() {
    let files = [("probe/main.rs", "mod part;"), ("probe/part.rs", "")];
    let change = |trial: &mut Trial| trial.write("probe/part.rs", "nonsense!");
    check_input(FROM_FILES, &files, change, "part.rs");
}

#[test]
fn a_file_that_a_probe_looks_for_in_vain_is_an_input() {
    let files = [("probe/main.rs", "mod part;")];
    let change = |trial: &mut Trial| trial.write("probe/part.rs", "");
    check_input(FROM_FILES, &files, change, "Some(0)");
}

#[test]
fn variables_that_a_probe_reads_are_inputs() {
    let files = [("probe/main.rs", "pub const X: &str = env!(\"PROBED\");")];
    check_input(FROM_FILES, &files, |trial| trial.set("PROBED", "text"), "Some(0)");
    let files = [("probe/main.rs", "#![feature(never_type)]")];
    check_input(FROM_FILES, &files, |trial| trial.set("RUSTC_BOOTSTRAP", "1"), "Some(0)");
}

#[test]
fn a_crate_that_a_probe_finds_by_itself_is_an_input() {
    let body = "let lib = format!(\"{out}/lib\"); \
        fs::create_dir_all(&lib).unwrap(); \
        let part = [\"--crate-name=part\", \"--crate-type=lib\", \"--emit=link\", \
            \"--out-dir\", &lib, \"part.rs\"]; \
        let mut made = Command::new(env::var(\"RUSTC\").unwrap()); \
        assert!(made.args(part).status().unwrap().success()); \
        let search = format!(\"-L{lib}\"); \
        let args = [\"--crate-type=lib\", \"--crate-name=probe\", \"--emit=metadata\", \
            \"--out-dir\", out.as_str(), &search, \"-\"]; \
        round.len().to_string() + &probe(&args, \"extern crate part; pub use part::x;\")";
    let mut trial = trial(body);
    trial.write("part.rs", "pub fn x() {}");
    assert!(check(&mut trial, "first", &[Compiled]).contains("Some(0)"));
    trial.write("part.rs", "pub fn y() {}");
    assert!(check(&mut trial, "second", &[Compiled]).contains("E0432"));
}

#[test]
fn a_probe_that_writes_more_than_it_was_asked_for_is_not_stored() {
    let body = format!("{FROM_STDIN} probe(&args, \"\")");
    let mut trial = trial(&body);
    // What stands in the place of the compiler does more than a compiler would.
    let rustc = trial.scenario.env.toolchain().rustc.clone();
    trial.script(
        "rustc",
        &format!(
            "case \"$*\" in *--crate-name=probe*) : > noise;; esac\nexec {} \"$@\"",
            rustc.display()
        ),
    );
    let stub = trial.path("rustc");
    trial.set("RUSTC", stub.to_string_lossy());
    let built = trial.build();
    let probes = probes(&built);
    assert_unstored(probes.first().expect("a probe"), "writes");
}

#[test]
fn probes_are_served_where_runs_of_scripts_are_not() {
    let body = format!("{FROM_STDIN} round + &probe(&args, \"pub fn f() {{}}\")");
    let mut trial = trial(&body);
    trial.set("KACHE_BUILD_SCRIPTS_CACHE", "0");
    drop(check(&mut trial, "first", &[Compiled]));
    assert_eq!(check(&mut trial, "second", &[Hit]), "secondSome(0) \n");
}

#[test]
fn a_probe_of_one_checkout_is_known_in_another() {
    let body = format!("{FROM_STDIN} round + &probe(&args, \"pub use std::nope;\")");
    let mut trial = trial(&body);
    drop(check(&mut trial, "first", &[Compiled]));
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    trial.set("ROUND", "second");
    let built = trial.build_in(&there);
    assert_eq!(probes(&built).len(), 1);
    Hit.assert_told_by(probes(&built)[0]);
}

#[test]
fn what_an_earlier_probe_left_is_not_taken_for_made() {
    let body = format!(
        "{FROM_STDIN} let no = probe(&args, \"nonsense!\"); \
         let left = Path::new(&out).join(\"libprobe.rmeta\").exists(); \
         if round == \"first\" {{ probe(&args, \"pub fn f() {{}}\"); probe(&args, \"nonsense!!\"); }} \
         if round == \"second\" {{ probe(&args, \"nonsense!!\"); }} \
         let there = Path::new(&out).join(\"libprobe.rmeta\").exists(); \
         format!(\"{{round}} {{left}} {{there}} {{}}\", no.len())"
    );
    let mut trial = trial(&body);
    assert!(check(&mut trial, "first", &[Compiled; 3]).starts_with("first false true"));
    // Bare cargo would run the script where it ran before.
    trial.set("ROUND", "second");
    let built = trial.build();
    for event in probes(&built) {
        Hit.assert_told_by(event);
    }
    let program = trial.project().program("app");
    let printed = run_program(&trial.scenario.env, &program, &[]).unwrap().stdout;
    assert!(printed.starts_with("second false false"), "{printed}");
}
