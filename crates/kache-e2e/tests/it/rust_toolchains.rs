//! Which compiler runs, for which machine, with which profile.

use std::path::{Path, PathBuf};
use std::{fs, io};

use kache_e2e::events::{Event, Journal};
use kache_e2e::process;

use crate::expected::Expected::{self, Dup, Hit, Miss, Served};
use crate::files::{set_time, settle, text};
use crate::trial::{MANIFEST, Trial};

/// A program that says by which compiler of [`standing_for`] it was compiled.
const PROGRAM: &str = "#![allow(unexpected_cfgs)]\n\
    fn main() { println!(\"{}\", if cfg!(one) { \"one\" } else { \"two\" }); }\n";

fn program() -> Trial {
    Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", PROGRAM)])
}

/// A script that is the compiler with one more flag.
fn standing_for(trial: &Trial, flag: &str) -> String {
    format!("exec {} \"$@\" {flag}", text(&trial.scenario.env.toolchain().rustc))
}

#[test]
fn a_compiler_replaced_in_place_is_another_one() {
    let mut trial = program();
    let rustc = "tools/rustc";
    trial.script(rustc, &standing_for(&trial, "--cfg one"));
    trial.set("RUSTC", text(&trial.path(rustc)));
    settle();
    trial.build();
    assert_eq!(trial.check("app", Served), "one\n");
    let before = fs::metadata(trial.path(rustc)).unwrap();
    trial.script(rustc, &standing_for(&trial, "--cfg two"));
    set_time(&trial.path(rustc), before.modified().unwrap());
    assert_eq!(before.len(), fs::metadata(trial.path(rustc)).unwrap().len());
    assert_eq!(trial.check("app", Miss), "two\n");
}

/// Makes `home/toolchains/<name>`, whose compiler sets the cfg `name` and has
/// a sysroot of its own, as toolchains of rustup do.
fn install(trial: &Trial, name: &str) {
    let real = trial.tool(&text(&trial.scenario.env.toolchain().rustc), &["--print=sysroot"]);
    let dir = trial.path(&format!("home/toolchains/{name}"));
    let flags = format!("--cfg {name} --sysroot {}", text(&dir));
    trial.script(&format!("home/toolchains/{name}/bin/rustc"), &standing_for(trial, &flags));
    link(&Path::new(real.trim()).join("lib"), &dir.join("lib"))
        .expect("the checkout can be written");
}

fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// A stand-in for rustup with the toolchains `one`, the default, and `two`:
/// `shims/rustc` starts the compiler of the toolchain that is wanted.
fn rustup() -> Trial {
    let mut trial = program();
    install(&trial, "one");
    install(&trial, "two");
    trial.write("home/default", "one");
    let home = text(&trial.path("home"));
    let shim = format!(
        "exec {home}/toolchains/${{RUSTUP_TOOLCHAIN:-$(cat {home}/default)}}/bin/rustc \"$@\""
    );
    trial.script("shims/rustc", &shim);
    trial.script("shims/rustup", &shim);
    trial.set("RUSTUP_HOME", home);
    trial.unset("RUSTUP_TOOLCHAIN");
    settle();
    let path = std::env::var("PATH").unwrap_or_default();
    trial.set("PATH", format!("{}:{path}", text(&trial.path("shims"))));
    trial
}

#[test]
fn the_default_toolchain_behind_a_shim_is_the_compiler() {
    let trial = rustup();
    trial.build();
    assert_eq!(trial.check("app", Served), "one\n");
    trial.write("home/default", "two");
    assert_eq!(trial.check("app", Miss), "two\n");
    trial.write("home/default", "one");
    assert_eq!(trial.check("app", Served), "one\n");
}

#[test]
fn the_toolchain_that_a_variable_names_is_the_compiler() {
    let mut trial = rustup();
    trial.set("RUSTUP_TOOLCHAIN", "one");
    trial.prove_hit("app");
    trial.set("RUSTUP_TOOLCHAIN", "two");
    assert_eq!(trial.check("app", Miss), "two\n");
}

#[test]
fn a_toolchain_updated_behind_its_name_is_another_compiler() {
    let mut trial = rustup();
    link(Path::new("one"), &trial.path("home/toolchains/stable")).unwrap();
    trial.set("RUSTUP_TOOLCHAIN", "stable");
    trial.prove_hit("app");
    trial.remove("home/toolchains/stable");
    link(Path::new("two"), &trial.path("home/toolchains/stable")).unwrap();
    assert_eq!(trial.check("app", Miss), "two\n");
}

/// An empty profile for code that this program does not have.
fn profile(name: &str) -> Vec<u8> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/profiles");
    fs::read(fixtures.join(name)).expect("the fixture is there")
}

#[test]
fn a_rewritten_profile_is_another_one() {
    let mut trial = program();
    // Without optimisation nobody reads profiles.
    trial.write("Cargo.toml", format!("{MANIFEST}\n[profile.dev]\nopt-level = 1\n"));
    trial.rustflags(&["-Cprofile-use={dir}/app.profdata"]);
    trial.write("app.profdata", profile("five.profdata"));
    trial.prove_hit("app");
    trial.write("app.profdata", profile("six.profdata"));
    // Compiled again; the program has none of the functions in the profile.
    trial.check("app", Dup);
    trial.write("app.profdata", "no profile");
    trial.check_unstored("app", "invalid instrumentation profile");
}

/// The events of a build on a machine whose CPU is described by `cpu_info`.
fn build_on(trial: &Trial, cpu_info: &Path) -> Vec<Event> {
    trial.project().clean().expect("the target directory can be removed");
    let cargo = trial.cargo_in(trial.project(), "build").command();
    let is_root = trial.tool("id", &["-u"]).trim() == "0";
    let mut unshare = trial.scenario.env.command("unshare");
    unshare.args(if is_root { &["--mount"][..] } else { &["--mount", "--map-root-user"] });
    unshare.args(["sh", "-e", "-c", "mount --bind \"$0\" /proc/cpuinfo; exec \"$@\""]);
    unshare.arg(cpu_info).arg(cargo.get_program()).args(cargo.get_args());
    unshare.envs(cargo.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare.current_dir(trial.project().dir());
    let mut journal = Journal::at_end_of(&trial.scenario.env.cache_dir());
    let built = process::run(&mut unshare).expect("unshare starts");
    assert!(built.status.success(), "{}", built.stderr);
    journal.take().expect("the journal is readable")
}

/// Describes this machine's CPU with one feature more.
fn another_cpu(trial: &Trial) -> PathBuf {
    let this = fs::read_to_string("/proc/cpuinfo").expect("the system describes its CPU");
    let feature = |line: &str| {
        let is_list = line.starts_with("flags") || line.starts_with("Features");
        format!("{line}{}\n", if is_list { " imaginary" } else { "" })
    };
    let other: String = this.lines().map(feature).collect();
    assert_ne!(other, this, "the CPU's features are listed");
    trial.write("cpuinfo", other);
    trial.path("cpuinfo")
}

#[track_caller]
fn check_on_another_cpu(flags: &[&str], expected: Expected) {
    let mut trial = program();
    trial.rustflags(flags);
    trial.prove_hit("app");
    let events = build_on(&trial, &another_cpu(&trial));
    let app = events.iter().find(|event| event.name == "app").expect("it was built");
    expected.assert_told_by(app);
    trial.check("app", Hit);
}

#[test]
fn code_for_the_native_cpu_is_not_shared_with_another_cpu() {
    // Compiled again, by the same machine in truth and so to the same bytes.
    check_on_another_cpu(&["-Ctarget-cpu=native"], Dup);
}

#[test]
fn code_for_any_cpu_is_shared_with_another_cpu() {
    check_on_another_cpu(&[], Hit);
}
