//! Which compiler it is: told by what it is, wherever it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kache_e2e::events::{Event, Journal};
use kache_e2e::process::run;

use crate::cc_trial::{BOTH, CLANG, CcTrial, GCC, is_installed, with_each};
use crate::expected::Expected::{self, Compiled, Dup, Hit, Served};
use crate::files::{make_executable, settle, text};

const SOURCE: &str = "int part = PART;\nint is_clang =\n#ifdef __clang__\n1\n#else\n0\n#endif\n;\n";
const ARGS: [&str; 4] = ["-DPART=1", "-c", "main.c", "-g0"];

fn project() -> CcTrial {
    CcTrial::of(&[("main.c", SOURCE)])
}

fn place(trial: &CcTrial, name: &str) -> PathBuf {
    trial.env.root().join(name)
}

/// Returns where `program` is on the search path.
fn found(trial: &CcTrial, program: &str) -> PathBuf {
    let mut command = trial.env.command("sh");
    let said = run(command.args(["-c", "command -v \"$0\"", program])).expect("sh starts");
    fs::canonicalize(said.stdout.trim()).expect("the compiler is there")
}

fn write_script(script: &Path, body: &str) {
    fs::write(script, format!("#!/bin/sh\n{body}\n")).expect("the environment can be written");
    make_executable(script);
}

#[test]
fn a_compiler_replaced_in_place_is_another_one() {
    let trial = project();
    let (compiler, lib) = (place(&trial, "bin/gcc"), place(&trial, "lib"));
    for dir in [place(&trial, "bin"), lib.clone()] {
        fs::create_dir(dir).expect("the environment can be written");
    }
    // Where the compiler proper is, seen from the copy.
    let proper = found(&trial, GCC).parent().map(|dir| dir.with_file_name("lib/gcc"));
    symlink(proper.expect("a compiler is in a directory"), lib.join("gcc")).expect("a link");
    fs::copy(found(&trial, GCC), &compiler).expect("a compiler can be copied");
    settle();
    let name = text(&compiler);
    trial.prove_hit(&name, &ARGS);
    let mut bytes = fs::read(&compiler).expect("the copy is readable");
    bytes.push(0);
    fs::remove_file(&compiler).expect("the copy is the test's");
    fs::write(&compiler, bytes).expect("the environment can be written");
    make_executable(&compiler);
    trial.check(&name, &ARGS, Dup);
}

#[test]
fn a_link_that_leads_to_another_compiler_is_another_one() {
    if !is_installed(CLANG) {
        return;
    }
    let trial = project();
    let cc = place(&trial, "cc");
    let name = text(&cc);
    for compiler in BOTH.iter().chain(&BOTH) {
        drop(fs::remove_file(&cc));
        symlink(found(&trial, compiler), &cc).expect("a link can be made");
        let expected = if trial.cached(&name, &ARGS).1.iter().all(|event| Hit.is_told_by(event)) {
            Hit
        } else {
            Served
        };
        let seen = trial.check(&name, &ARGS, expected);
        assert_eq!(seen, trial.bare(compiler, &ARGS));
    }
}

#[test]
fn a_script_in_front_of_the_compiler_is_an_input() {
    with_each(|compiler| {
        let trial = project();
        let script = place(&trial, "cc");
        write_script(&script, &format!("exec {compiler} \"$@\""));
        settle();
        let name = text(&script);
        trial.check(&name, &ARGS, Compiled);
        trial.check(&name, &ARGS, Served);
        write_script(&script, &format!("exec {compiler} -UPART -DPART=2 \"$@\" -UPART -DPART=2"));
        trial.check(&name, &ARGS, Compiled);
        settle();
        trial.check(&name, &ARGS, Served);
    });
}

#[test]
fn the_compiler_behind_a_script_is_an_input() {
    if !is_installed(CLANG) {
        return;
    }
    let trial = project();
    let (script, inner) = (place(&trial, "cc"), place(&trial, "gcc"));
    write_script(&script, "exec \"${0%/*}/gcc\" \"$@\"");
    symlink(found(&trial, GCC), &inner).expect("a link can be made");
    settle();
    let name = text(&script);
    trial.check(&name, &ARGS, Compiled);
    trial.check(&name, &ARGS, Served);
    fs::remove_file(&inner).expect("the link is the test's");
    symlink(found(&trial, CLANG), &inner).expect("a link can be made");
    trial.check(&name, &ARGS, Compiled);
}

#[test]
fn the_compiler_that_a_script_chooses_is_an_input() {
    if !is_installed(CLANG) {
        return;
    }
    let mut trial = project();
    let script = place(&trial, "cc");
    write_script(&script, "exec ${CHOSEN-gcc} $MORE \"$@\"");
    settle();
    let name = text(&script);
    trial.check(&name, &ARGS, Compiled);
    trial.check(&name, &ARGS, Served);
    trial.env.set("CHOSEN", CLANG);
    trial.check(&name, &ARGS, Compiled);
    trial.check(&name, &ARGS, Served);
    trial.env.set("MORE", "-fPIC -O2");
    trial.check(&name, &ARGS, Compiled);
}

/// A GCC for Clang to take headers from.
fn write_toolchain(dir: &Path, version: &str) {
    let installed = dir.join("lib/gcc/x86_64-linux-gnu").join(version);
    let headers = dir.join("include/c++").join(version);
    fs::create_dir_all(&installed).expect("the environment can be written");
    fs::create_dir_all(&headers).expect("the environment can be written");
    fs::write(installed.join("crtbegin.o"), "").expect("the environment can be written");
    fs::write(headers.join("thing"), format!("#define THING {version}\n"))
        .expect("the environment can be written");
}

#[test]
fn the_gcc_that_clang_takes_headers_from_is_an_input() {
    if !is_installed(CLANG) {
        return;
    }
    let trial = CcTrial::of(&[("main.cc", "#include <thing>\nint thing = THING;\n")]);
    let dir = place(&trial, "toolchain");
    write_toolchain(&dir, "11");
    settle();
    let option = format!("--gcc-toolchain={}", dir.display());
    let args = [&option, "--target=x86_64-linux-gnu", "-c", "main.cc"];
    let old = trial.check(CLANG, &args, Compiled);
    trial.check(CLANG, &args, Hit);
    write_toolchain(&dir, "13");
    let new = trial.check(CLANG, &args, Compiled);
    assert_ne!(old.bytes("main.o"), new.bytes("main.o"));
    trial.check(CLANG, &args, Hit);
}

/// The events of a compilation on a machine whose CPU has one feature more.
fn cached_on_another_cpu(trial: &CcTrial, compiler: &str, args: &[&str]) -> Vec<Event> {
    let this = fs::read_to_string("/proc/cpuinfo").expect("the system describes its CPU");
    let feature = |line: &str| {
        let is_list = line.starts_with("flags") || line.starts_with("Features");
        format!("{line}{}\n", if is_list { " imaginary" } else { "" })
    };
    let cpu_info = place(trial, "cpuinfo");
    fs::write(&cpu_info, this.lines().map(feature).collect::<String>())
        .expect("the environment can be written");
    let user = run(trial.env.command("id").arg("-u")).expect("id starts").stdout;
    let mut unshare = trial.env.command("unshare");
    unshare.args(if user.trim() == "0" {
        &["--mount"][..]
    } else {
        &["--mount", "--map-root-user"]
    });
    unshare.args(["sh", "-e", "-c", "mount --bind \"$0\" /proc/cpuinfo; exec \"$@\""]);
    unshare.arg(cpu_info).arg(&trial.kache.wrapper).arg(compiler).args(args);
    let mut journal = Journal::at_end_of(&trial.env.cache_dir());
    let ran = run(unshare.current_dir(trial.project.dir())).expect("unshare starts");
    assert!(ran.status.success(), "{}", ran.stderr);
    journal.take().expect("the journal is readable")
}

#[track_caller]
fn check_on_another_cpu(option: &str, expected: Expected) {
    with_each(|compiler| {
        let trial = project();
        let args = [&[option], &ARGS[..]].concat();
        trial.prove_hit(compiler, &args);
        let events = cached_on_another_cpu(&trial, compiler, &args);
        assert!(!events.is_empty());
        for event in &events {
            expected.assert_told_by(event);
        }
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn code_for_the_native_cpu_is_not_shared_with_another_cpu() {
    check_on_another_cpu("-march=native", Dup);
    check_on_another_cpu("-mtune=native", Dup);
}

#[test]
fn options_from_elsewhere_may_ask_for_the_native_cpu() {
    let trial = project();
    let args = [&["-Wa,@/dev/null"], &ARGS[..]].concat();
    trial.prove_hit(GCC, &args);
    for event in &cached_on_another_cpu(&trial, GCC, &args) {
        Dup.assert_told_by(event);
    }
    trial.check(GCC, &args, Hit);
}

#[test]
fn code_for_any_cpu_is_shared_with_another_cpu() {
    check_on_another_cpu("-march=x86-64", Hit);
}
