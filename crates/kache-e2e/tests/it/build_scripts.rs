//! Runs of build scripts: what they depend on, and what is put in their place.

use std::fs;

use kache_e2e::events::Outcome;
use kache_e2e::oracle::run_program;

use crate::expected::Expected::{Compiled, Hit, Miss, Unstored};
use crate::trial::{MANIFEST, Trial};

/// The run of the script of `app`.
pub(crate) const RUN: &str = "app build script";

/// Prints the constant that the script wrote.
pub(crate) const MAIN: &str = "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n\
    fn main() { println!(\"{MADE}\"); }\n";

/// Returns a script that writes the constant `MADE`, the text that `body` makes.
pub(crate) fn script(body: &str) -> String {
    format!(
        "use std::{{env, fs, path::Path, process::Command}};\n\
         fn made() -> String {{ {body} }}\n\
         fn main() {{\n\
             let _ = (Path::new(\"\"), Command::new(\"\"), fs::metadata(\"\"));\n\
             println!(\"cargo:rerun-if-changed=build.rs\");\n\
             let out = env::var(\"OUT_DIR\").unwrap();\n\
             let text = format!(\"pub const MADE: &str = {{:?}};\\n\", made());\n\
             fs::write(format!(\"{{out}}/made.rs\"), text).unwrap();\n\
         }}\n"
    )
}

/// Returns a project with such a script.
pub(crate) fn trial(body: &str) -> Trial {
    Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", MAIN), ("build.rs", &script(body))])
}

/// Proves a hit, makes `change`, and expects the script to run and the program
/// to print `printed`; then takes the change back and expects a hit.
#[track_caller]
fn check(body: &str, change: impl FnOnce(&mut Trial), printed: &str) {
    let mut trial = trial(body);
    trial.write("input.txt", "one");
    trial.write("dir/a", "");
    trial.prove_hit(RUN);
    change(&mut trial);
    assert_eq!(trial.check(RUN, Miss), format!("{printed}\n"));
}

#[test]
fn a_file_that_a_script_reads_is_an_input() {
    let body = "fs::read_to_string(\"input.txt\").unwrap()";
    check(body, |trial| trial.write("input.txt", "two"), "two");
}

#[test]
fn a_variable_that_a_script_reads_is_an_input_also_one_that_is_not_set() {
    let body = "env::var(\"GREETING\").unwrap_or(\"none\".into())";
    check(body, |trial| trial.set("GREETING", "hello"), "hello");
}

#[test]
fn a_directory_that_a_script_lists_is_an_input() {
    let body = "fs::read_dir(\"dir\").unwrap().count().to_string()";
    check(body, |trial| trial.write("dir/b", ""), "2");
}

#[test]
fn a_file_that_a_script_looks_for_in_vain_is_an_input() {
    let body = "Path::new(\"absent\").exists().to_string()";
    check(body, |trial| trial.write("absent", ""), "true");
}

#[test]
fn a_file_whose_size_a_script_asks_for_is_an_input() {
    let body = "fs::metadata(\"input.txt\").unwrap().len().to_string()";
    check(body, |trial| trial.write("input.txt", "three"), "5");
}

#[test]
fn a_file_that_a_child_of_a_script_reads_is_an_input() {
    let body = "let out = Command::new(\"cat\").arg(\"input.txt\").output().unwrap(); \
                String::from_utf8(out.stdout).unwrap()";
    check(body, |trial| trial.write("input.txt", "two"), "two");
}

#[test]
fn a_program_that_appears_earlier_on_the_path_is_an_input() {
    let body = "let out = Command::new(\"kache-test-tool\").output().unwrap(); \
                String::from_utf8(out.stdout).unwrap().trim().into()";
    let mut trial = trial(body);
    trial.script("late/kache-test-tool", "echo late");
    fs::create_dir(trial.path("early")).unwrap();
    let dir = |name: &str| trial.path(name).display().to_string();
    let path = format!("{}:{}:{}", dir("early"), dir("late"), std::env::var("PATH").unwrap());
    trial.set("PATH", path);
    trial.prove_hit(RUN);
    trial.script("early/kache-test-tool", "echo early");
    assert_eq!(trial.check(RUN, Miss), "early\n");
}

#[test]
fn a_file_behind_a_link_that_a_script_follows_is_an_input() {
    let mut trial = trial("fs::read_link(\"link\").unwrap().display().to_string()");
    let link = |trial: &Trial, to: &str| {
        drop(fs::remove_file(trial.path("link")));
        std::os::unix::fs::symlink(to, trial.path("link")).unwrap();
    };
    link(&trial, "one");
    trial.prove_hit(RUN);
    link(&trial, "two");
    assert_eq!(trial.check(RUN, Miss), "two\n");
    trial.set("UNRELATED", "1");
    assert_eq!(trial.check(RUN, Hit), "two\n");
}

#[test]
fn what_a_script_makes_names_the_checkout_it_is_made_for() {
    let trial = trial(
        "format!(\"{}:{}\", env::var(\"OUT_DIR\").unwrap(), \
                       env::var(\"CARGO_MANIFEST_DIR\").unwrap())",
    );
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/longer-name").unwrap();
    let printed = trial.check_in(&there, RUN, Hit);
    assert!(printed.contains("elsewhere/longer-name/target/debug/build/app-"), "{printed}");
}

/// What is made of a place, and does not name it, shows nowhere.
#[test]
fn a_script_that_computes_something_from_a_place_runs_in_every_checkout() {
    let trial = trial("env::var(\"CARGO_MANIFEST_DIR\").unwrap().len().to_string()");
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/longer-name").unwrap();
    let _printed = trial.check_in(&there, RUN, Miss);
}

#[test]
fn a_repository_above_the_checkout_is_looked_for_above_every_checkout() {
    let body = "let mut dir = env::current_dir().unwrap(); \
                loop { if dir.join(\"marker\").exists() { break \"found\".into(); } \
                if !dir.pop() { break \"none\".into(); } }";
    let trial = trial(body);
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/deep/checkout").unwrap();
    assert_eq!(trial.check_in(&there, RUN, Hit), "none\n");
    fs::write(there.dir().parent().unwrap().join("marker"), "").unwrap();
    assert_eq!(trial.check_in(&there, RUN, Miss), "found\n");
}

#[test]
fn all_kinds_of_files_in_the_directory_of_a_script_come_back() {
    let body = "let out = env::var(\"OUT_DIR\").unwrap(); let out = Path::new(&out); \
        fs::create_dir_all(out.join(\"empty\")).unwrap(); \
        fs::create_dir_all(out.join(\"deep/er\")).unwrap(); \
        fs::write(out.join(\"deep/er/binary\"), [0, 159, 146]).unwrap(); \
        fs::write(out.join(\"tool\"), format!(\"#!/bin/sh\\n# {}\\n\", out.display())).unwrap(); \
        use std::os::unix::fs::{symlink, PermissionsExt}; \
        fs::set_permissions(out.join(\"tool\"), fs::Permissions::from_mode(0o755)).unwrap(); \
        for name in [\"link\", \"dangling\"] { let _ = fs::remove_file(out.join(name)); } \
        symlink(out.join(\"tool\"), out.join(\"link\")).unwrap(); \
        symlink(\"nowhere\", out.join(\"dangling\")).unwrap(); String::new()";
    let trial = trial(body);
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/checkout").unwrap();
    let _printed = trial.check_in(&there, RUN, Hit);
    let build = fs::read_dir(there.target_dir().join("debug/build")).unwrap();
    let out = build.map(|dir| dir.unwrap().path().join("out")).find(|out| out.exists()).unwrap();
    assert!(out.join("empty").is_dir());
    assert_eq!(fs::read(out.join("deep/er/binary")).unwrap(), [0, 159, 146]);
    assert_eq!(fs::read_link(out.join("link")).unwrap(), out.join("tool"));
    assert_eq!(fs::read_link(out.join("dangling")).unwrap().to_str(), Some("nowhere"));
    let tool = run_program(&trial.scenario.env, &out.join("tool"), &[]).unwrap();
    assert!(tool.status.success());
}

#[test]
fn a_script_that_changes_files_elsewhere_runs_each_time() {
    let trial = trial("fs::write(\"src/touched\", \"\").unwrap(); String::new()");
    let _built = trial.build();
    trial.check_unstored(RUN, "it writes `");
}

#[test]
fn a_script_that_asks_for_the_time_runs_each_time() {
    let body = "let now = std::time::SystemTime::now(); \
                now.duration_since(std::time::UNIX_EPOCH).is_ok().to_string()";
    let trial = trial(body);
    trial.check_unstored(RUN, "what time it is");
    let body = "Command::new(\"date\").output().unwrap().status.success().to_string()";
    let trial = self::trial(body);
    trial.check_unstored(RUN, "what time it is");
}

#[test]
fn a_script_that_fails_fails_as_it_does_without_kache() {
    let trial = trial("std::process::exit(3)");
    for _ in 0..2 {
        trial.project().clean().unwrap();
        let built = trial.cargo_in(trial.project(), "build").run().unwrap();
        assert_eq!(built.code, Some(101));
        assert!(built.stderr.contains("exit status: 3"), "{}", built.stderr);
    }
}

#[test]
fn a_script_runs_where_kache_is_told_to_leave_scripts_alone() {
    let mut trial = trial("\"made\".into()");
    trial.prove_hit(RUN);
    trial.set("KACHE_BUILD_SCRIPTS_CACHE", "false");
    let built = trial.build();
    assert_eq!(built.script_events().count(), 0, "no launcher stands in the script's place");
    trial.unset("KACHE_BUILD_SCRIPTS_CACHE");
    let _built = trial.build();
    // The launcher is there now, and asks.
    trial.set("KACHE_BUILD_SCRIPTS_CACHE", "false");
    trial.write("src/main.rs", format!("{MAIN}\n"));
    trial.set("CARGO_PROFILE_DEV_DEBUG", "0");
    assert_eq!(trial.check("app", Compiled), "made\n");
}

#[test]
fn a_launcher_starts_the_script_where_kache_is_gone() {
    let trial = trial("\"made\".into()");
    let _built = trial.build();
    let build = fs::read_dir(trial.project().target_dir().join("debug/build")).unwrap();
    let launchers = build.map(|dir| dir.unwrap().path().join("build-script-build"));
    for launcher in launchers.filter(|path| path.exists()) {
        // The path of kache stands behind the launcher's own bytes.
        let mut bytes = fs::read(&launcher).unwrap();
        let kache = trial.scenario.kache.wrapper.as_os_str().as_encoded_bytes().to_vec();
        let at = bytes.windows(kache.len()).rposition(|window| window == kache).unwrap();
        bytes[at + kache.len() - 1] = b'X';
        fs::write(&launcher, bytes).unwrap();
        let out = tempfile::tempdir().unwrap();
        let mut command = trial.scenario.env.command(&launcher);
        command.env("OUT_DIR", out.path()).current_dir(trial.project().dir());
        assert!(command.status().unwrap().success());
        assert!(out.path().join("made.rs").exists());
    }
}

#[test]
fn a_script_with_leftovers_of_an_earlier_run_may_not_depend_on_them() {
    let body = "let out = env::var(\"OUT_DIR\").unwrap(); let old = format!(\"{out}/old\"); \
                let seen = Path::new(&old).exists(); fs::write(&old, \"\").unwrap(); \
                println!(\"cargo:rerun-if-env-changed=AGAIN\"); seen.to_string()";
    let mut trial = trial(body);
    let _built = trial.build();
    trial.set("AGAIN", "1");
    let built = trial.cargo_in(trial.project(), "build").run().unwrap();
    assert!(built.success());
    crate::expected::assert_unstored(crate::trial::event_of(&built, RUN), "an earlier run left");
}

/// Compiles `answer.c` with whatever `cc` is, and says what it answers.
pub(crate) const COMPILING: &str = "let out = env::var(\"OUT_DIR\").unwrap(); \
    let program = format!(\"{out}/answer\"); let object = format!(\"{out}/answer.o\"); \
    for args in [[\"-g\", \"-c\", \"answer.c\", \"-o\", &object], \
                 [\"-g\", \"-g\", &object, \"-o\", &program]] { \
        assert!(Command::new(\"cc\").args(args).status().unwrap().success()); } \
    let ran = Command::new(&program).status().unwrap(); fs::remove_file(&program).unwrap(); \
    ran.code().unwrap().to_string()";

#[test]
fn c_that_a_script_compiles_is_cached_and_what_it_includes_is_an_input_of_the_script() {
    let trial = trial(COMPILING);
    trial.write("answer.h", "#define ANSWER 1\n");
    trial.write("answer.c", "#include \"answer.h\"\nint main(void) { return ANSWER; }\n");
    let first = trial.build();
    let of_c = |outcome: &kache_e2e::cargo::CargoOutcome| {
        let mut events = outcome.events.iter().filter(|event| event.name == "answer.c");
        events.next().map(|event| event.outcome)
    };
    assert_eq!(of_c(&first), Some(Outcome::Miss));
    assert_eq!(trial.check(RUN, Hit), "1\n");
    // The script runs again, and its compiler does not.
    trial.write("build.rs", script(&format!("let _ = 1; {COMPILING}")));
    let again = trial.build();
    assert_eq!(of_c(&again), Some(Outcome::Hit));
    assert_eq!(trial.check(RUN, Hit), "1\n");
    trial.write("answer.h", "#define ANSWER 2\n");
    assert_eq!(trial.check(RUN, Miss), "2\n");
}

/// Compilers look at the directory of temporary files, which is beside the checkouts here.
#[test]
fn a_script_that_compiles_is_served_in_a_checkout_at_another_depth() {
    let body = "let object = format!(\"{}/answer.o\", env::var(\"OUT_DIR\").unwrap()); \
        let args = [\"-c\", \"answer.c\", \"-o\", &object]; \
        Command::new(\"cc\").args(args).status().unwrap().success().to_string()";
    let trial = trial(body);
    trial.write("answer.c", "int answer(void) { return 1; }\n");
    trial.prove_hit(RUN);
    let there = trial.scenario.second_checkout("elsewhere/deep/checkout").unwrap();
    assert_eq!(trial.check_in(&there, RUN, Hit), "true\n");
}

/// Asks the `gcc` on `PATH`, which may be a script of the test's, what it is.
const ASKING: &str = "let path = env::var_os(\"PATH\").unwrap(); \
    let mut places = env::split_paths(&path).map(|dir| dir.join(\"gcc\")); \
    let cc = places.find(|place| place.is_file()).unwrap(); \
    let ran = Command::new(cc).arg(\"--what\").output().unwrap(); \
    let said = String::from_utf8(ran.stdout).unwrap(); said.trim().to_owned()";

fn path_of(trial: &Trial) -> String {
    let path = trial.scenario.env.var("PATH").expect("it is set");
    path.to_str().expect("it is text").to_owned()
}

/// Launchers hide where a search for a compiler goes on.
#[test]
fn a_compiler_that_appears_earlier_on_path_is_another_one() {
    let mut trial = trial(ASKING);
    trial.script("late/gcc", "echo late");
    fs::create_dir(trial.path("early")).unwrap();
    let path = path_of(&trial);
    let dirs = ["early", "late"].map(|dir| trial.path(dir).display().to_string());
    trial.set("PATH", format!("{}:{}:{path}", dirs[0], dirs[1]));
    trial.prove_hit(RUN);
    trial.script("early/gcc", "echo early");
    assert_eq!(trial.check(RUN, Miss), "early\n");
}

/// Then nobody sees the programs behind the compiler run.
#[test]
fn an_assembler_counts_for_a_script_whose_c_was_served() {
    let mut trial = trial(COMPILING);
    fs::create_dir(trial.path("tools")).unwrap();
    let assembler = trial.path("tools/as");
    fs::copy("/usr/bin/as", &assembler).unwrap();
    let path = path_of(&trial);
    trial.set("PATH", format!("{}:{path}", trial.path("tools").display()));
    trial.write("answer.c", "int main(void) { return 1; }\n");
    crate::files::settle();
    trial.prove_hit(RUN);
    trial.write("build.rs", script(&format!("let _ = 1; {COMPILING}")));
    let again = trial.build();
    let of_c = again.events.iter().find(|event| event.name == "answer.c").unwrap();
    assert_eq!(of_c.outcome, Outcome::Hit, "{}", of_c.describe());
    assert_eq!(trial.check(RUN, Hit), "1\n");
    let mut bytes = fs::read(&assembler).unwrap();
    bytes.push(0);
    fs::write(&assembler, bytes).unwrap();
    assert_eq!(trial.check(RUN, Compiled), "1\n");
}

/// Starts the next program of its name on `PATH` that is not itself, as scripts around
/// compilers do.
const AROUND: &str = "own=$(readlink -f \"$0\")\nIFS=:\n\
    for dir in $PATH; do\n\
    if [ -x \"$dir/cc\" ] && [ \"$(readlink -f \"$dir/cc\")\" != \"$own\" ]; then\n\
    exec \"$dir/cc\" \"$@\"; fi\ndone\nexit 1\n";

#[test]
fn a_script_around_a_compiler_comes_to_the_compiler() {
    let mut trial = trial(COMPILING);
    trial.script("around/cc", AROUND);
    let path = path_of(&trial);
    trial.set("PATH", format!("{}:{path}", trial.path("around").display()));
    trial.write("answer.c", "int main(void) { return 1; }\n");
    assert_eq!(trial.check(RUN, Compiled), "1\n");
}

/// What a compiler is called may decide what it is.
#[test]
fn a_link_to_a_compiler_keeps_its_name_and_leads_to_it() {
    let body = "let path = env::var_os(\"PATH\").unwrap(); \
        let mut places = env::split_paths(&path).map(|dir| dir.join(\"cc\")); \
        let cc = places.find(|place| place.is_file()).unwrap(); \
        let link = format!(\"{}/other-cc\", env::var(\"OUT_DIR\").unwrap()); \
        let _ = fs::remove_file(&link); std::os::unix::fs::symlink(&cc, &link).unwrap(); \
        let ran = Command::new(&link).output().unwrap(); \
        let said = String::from_utf8(ran.stderr).unwrap(); \
        said.split_whitespace().next().unwrap().to_owned()";
    let trial = trial(body);
    assert_eq!(trial.check(RUN, Compiled), "other-cc:\n");
    let out = crate::script_cargo::out_dir(&trial.project().target_dir());
    let leads_to = fs::read_link(out.join("other-cc")).unwrap();
    assert!(!leads_to.display().to_string().contains("/shims/"), "{}", leads_to.display());
}

/// The variable that names the store is gone as well.
#[test]
fn a_script_that_clears_the_environment_of_its_compiler_gets_no_other_store() {
    let cleared = "Command::new(\"cc\").env_clear().env(\"PATH\", env::var_os(\"PATH\").unwrap())\
        .env(\"HOME\", env::var_os(\"HOME\").unwrap())";
    let trial = trial(&COMPILING.replace("Command::new(\"cc\")", cleared));
    trial.write("answer.c", "int main(void) { return 1; }\n");
    let home = trial.scenario.env.var("HOME").unwrap();
    assert!(!trial.scenario.env.cache_dir().starts_with(home), "it is named by a variable");
    assert_eq!(trial.check(RUN, Unstored), "1\n");
    assert!(!std::path::Path::new(home).join(".cache/kache").exists());
}

/// It may be gone tomorrow.
#[test]
fn a_script_that_tells_cargo_of_a_launcher_runs_each_time() {
    let body = "let path = env::var_os(\"PATH\").unwrap(); \
        let mut places = env::split_paths(&path).map(|dir| dir.join(\"cc\")); \
        let cc = places.find(|place| place.is_file()).unwrap(); \
        println!(\"cargo:rustc-env=FOUND={}\", cc.display()); String::new()";
    let trial = trial(body);
    for _ in 0..2 {
        let _printed = trial.check(RUN, Unstored);
    }
}

/// As [`COMPILING`], with what `cc` on `PATH` leads to, and that without its `PATH`.
fn compiling_with_what_links_lead_to() -> String {
    let find = "let path = env::var_os(\"PATH\").unwrap(); let out = env::var(\"OUT_DIR\").unwrap(); \
        let found = |name: &str| { let mut places = env::split_paths(&path).map(|dir| dir.join(name)); \
            fs::canonicalize(places.find(|place| place.is_file()).unwrap()).unwrap() }; \
        let cc = found(\"cc\"); let bin = format!(\"{out}/bin\"); \
        let _ = fs::create_dir(&bin); \
        for tool in [\"as\", \"ld\"] { \
            let _ = std::os::unix::fs::symlink(found(tool), format!(\"{bin}/{tool}\")); } ";
    let with = "Command::new(&cc).env(\"PATH\", &bin)";
    format!("{find}{}", COMPILING.replace("Command::new(\"cc\")", with))
}

#[test]
fn a_compiler_is_one_where_links_lead_from_its_name() {
    let trial = trial(&compiling_with_what_links_lead_to());
    trial.write("answer.c", "int main(void) { return 1; }\n");
    let built = trial.build();
    assert!(built.events.iter().any(|event| event.name == "answer.c"), "kache had it");
    assert_eq!(trial.check(RUN, Hit), "1\n");
}

#[test]
fn a_compiler_that_somebody_chose_is_left_alone() {
    let mut trial = trial(COMPILING);
    trial.write("answer.c", "int main(void) { return 1; }\n");
    trial.set("CC", "cc");
    let built = trial.build();
    assert!(built.events.iter().all(|event| event.name != "answer.c"));
    trial.unset("CC");
    trial.write(".kache.toml", "[crates.app]\nwrap_cc = false\n");
    let built = trial.build();
    assert!(built.events.iter().all(|event| event.name != "answer.c"));
}

/// As `git` does in a large repository: a hit would take longer than that.
#[test]
fn a_script_that_looks_at_ten_thousand_files_in_no_time_runs_each_time() {
    let body = "let files = fs::read_dir(\"many\").unwrap().map(|it| it.unwrap().path()); \
        files.filter(|path| fs::metadata(path).is_ok()).count().to_string()";
    let trial = trial(body);
    fs::create_dir(trial.path("many")).unwrap();
    for number in 0..10_001 {
        fs::write(trial.path(&format!("many/{number}")), "").unwrap();
    }
    trial.check_unstored(RUN, "it takes less time than a look at 100");
    trial.remove("many/0");
    trial.remove("many/1");
    trial.prove_hit(RUN);
}
