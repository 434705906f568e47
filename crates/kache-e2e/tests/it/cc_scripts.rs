//! Compilers that are programs of the user's own, and what goes wrong in them.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use kache_e2e::events::Outcome;
use kache_e2e::process::{output_of, run};

use crate::cc_trial::{CcTrial, GCC, with_each};
use crate::expected::Expected::{Compiled, Miss, Served, Unstored};
use crate::expected::assert_unstored;

const SOURCE: &str = "#include \"part.h\"\nint f(void) { return PART; }\n";
const FILES: [(&str, &str); 2] = [("main.c", SOURCE), ("part.h", "#define PART 1\n")];

/// A compiler that runs `before` and `after` GCC's compilations.
fn around(trial: &CcTrial, before: &str, after: &str) -> String {
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' -c '*) ;; *) exec gcc \"$@\" ;; esac\n\
         {before}\ngcc \"$@\" || exit\n{after}\nexit 0\n"
    );
    trial.program("my-cc", &text)
}

#[test]
fn a_script_around_a_compiler_is_served_and_known_by_its_content() {
    let trial = CcTrial::of(&FILES);
    let compiler = trial.program("my-cc", "#!/bin/sh\nexec gcc -DFIRST \"$@\"\n");
    trial.check(&compiler, &["-c", "main.c"], Compiled);
    trial.check(&compiler, &["-c", "main.c"], Served);
    let same = trial.program("my-cc", "#!/bin/sh\nexec gcc -DSECOND \"$@\"\n");
    trial.check(&same, &["-DX", "-c", "main.c"], Compiled);
    trial.check(&same, &["-c", "main.c"], Compiled);
}

#[test]
fn a_program_that_is_no_compiler_is_run_as_it_is() {
    let trial = CcTrial::of(&FILES);
    let tool = trial.program("tool", "#!/bin/sh\necho \"$0 $*\"; echo error >&2; exit 3\n");
    trial.prove_left_alone(&tool, &["-c", "main.c"]);
}

#[test]
fn a_file_edited_while_the_compiler_runs_is_not_stored() {
    // Somebody else edits: the compiler waits for that.
    let wait = ": > ../started; until test -e ../edited; do sleep 0.01; done; rm ../started";
    for (name, original) in FILES {
        for (before, after) in [(wait, ""), ("", wait)] {
            let mut trial = CcTrial::of(&FILES);
            let [started, edited] =
                ["started", "edited"].map(|name| trial.env.work_dir().join(name));
            let compiler = around(&trial, before, after);
            for _ in 0..2 {
                trial.write(name, original);
                drop(fs::remove_file(&edited));
                let (_, events) = thread::scope(|scope| {
                    scope.spawn(|| {
                        while !started.exists() {
                            thread::sleep(Duration::from_millis(1));
                        }
                        // A change in the clock's tick in which kache looked is seen by
                        // the compiler.
                        thread::sleep(Duration::from_millis(20));
                        trial.project.write(name, "#define PART 2\n").expect("it can be edited");
                        fs::write(&edited, "").expect("there is room");
                    });
                    trial.cached(&compiler, &["-c", "main.c"])
                });
                assert_unstored(&events[0], &format!("{name}` changed while the compiler ran"));
            }
        }
    }
}

#[test]
fn a_compiler_that_writes_its_sources_is_not_believed() {
    for (name, _) in FILES {
        let trial = CcTrial::of(&FILES);
        let compiler = around(&trial, "", &format!("echo '#define PART 2' > {name}"));
        let (_, events) = trial.cached(&compiler, &["-c", "main.c"]);
        assert_unstored(&events[0], "unexpected output");
    }
}

#[test]
fn a_compiler_that_dies_of_a_signal_ends_kache_likewise_and_stores_nothing() {
    for signal in ["SEGV", "BUS", "KILL", "TERM", "ABRT"] {
        let trial = CcTrial::of(&FILES);
        let dies = format!("if test -e ../die; then ulimit -c 0; kill -{signal} $$; fi");
        let compiler = around(&trial, "", &dies);
        let die = trial.env.work_dir().join("die");
        fs::write(&die, "").unwrap();
        let bare = trial.script(&compiler, "$CC -c main.c; echo $?");
        let cached = format!("{} {compiler}", trial.kache.wrapper.display());
        let seen = trial.script(&cached, "$CC -c main.c; echo $?");
        assert_eq!(seen.stdout(), bare.stdout(), "{signal}");
        let died_of = |program: &Path, args: &[&str]| {
            let mut command = trial.env.command(program);
            run(command.args(args).current_dir(trial.project.dir())).unwrap().status.signal()
        };
        let bare = died_of(compiler.as_ref(), &["-c", "main.c"]);
        assert!(bare.is_some(), "{signal}");
        assert_eq!(died_of(&trial.kache.wrapper, &[&compiler, "-c", "main.c"]), bare, "{signal}");
        fs::remove_file(&die).unwrap();
        trial.check(&compiler, &["-c", "main.c"], Miss);
        trial.check(&compiler, &["-c", "main.c"], Served);
    }
}

#[test]
fn an_object_that_is_empty_cut_short_or_gone_is_not_stored() {
    for (spoil, why) in [
        (": > main.o", "empty"),
        ("truncate -s -1 main.o", "cut short"),
        ("truncate -s 40 main.o", "cut short"),
        ("rm main.o", "main.o"),
    ] {
        let trial = CcTrial::of(&FILES);
        let compiler = around(&trial, "", spoil);
        for _ in 0..2 {
            let seen = trial.check(&compiler, &["-c", "main.c", "-o", "main.o"], Unstored);
            assert_eq!(seen.stderr(), "");
            let (_, events) = trial.cached(&compiler, &["-c", "main.c", "-o", "main.o"]);
            assert_unstored(&events[0], why);
        }
    }
}

#[test]
fn a_file_that_nobody_expects_is_no_secret() {
    for extra in ["echo > main.lst", "echo > main.o.log", "echo > out/main.json"] {
        let trial = CcTrial::of(&[FILES[0], FILES[1], ("out/keep", "")]);
        let compiler = around(&trial, "", extra);
        let args = ["-c", "main.c", "-o", "out/main.o"];
        trial.check(&compiler, &args, Unstored);
        trial.check(&compiler, &args, Unstored);
    }
}

#[test]
fn an_expected_file_that_is_not_written_is_no_result() {
    let trial = CcTrial::of(&FILES);
    let compiler = around(&trial, "", "rm -f main.d");
    let args = ["-MD", "-c", "main.c", "-o", "main.o"];
    trial.check(&compiler, &args, Unstored);
    trial.check(&compiler, &args, Unstored);
}

/// A compiler that no library can be loaded into, and that becomes GCC.
const STATIC: &str = "#include <unistd.h>\n\
    int main(int argc, char **argv) { argv[0] = \"gcc\"; execvp(argv[0], argv); return 127; }\n";

#[test]
fn a_compiler_that_cannot_be_observed_is_not_believed() {
    let trial = CcTrial::of(&FILES);
    let source = trial.env.root().join("static.c");
    fs::write(&source, STATIC).unwrap();
    let compiler = trial.program("my-cc", "");
    let mut gcc = trial.env.command(GCC);
    output_of(gcc.arg("-static").arg(&source).args(["-o", &compiler])).expect("it can be linked");
    for _ in 0..2 {
        let seen = trial.check(&compiler, &["-c", "main.c"], Unstored);
        assert_eq!(seen.stderr(), "");
        trial.check_unstored(&compiler, &["-c", "main.c"], "did not load the library");
    }
}

#[test]
fn nothing_of_kaches_own_stays_beside_the_output() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&FILES);
        // The comparison with the bare compiler's files shows it.
        trial.prove_hit(compiler, &["-c", "main.c"]);
        trial.prove_hit(compiler, &["-MMD", "-c", "main.c"]);
        trial.write("main.c", "int f(void) { return absent; }\n");
        for event in trial.check_twice(compiler, &["-c", "main.c"]) {
            assert_eq!(event.outcome, Outcome::Error);
        }
    });
    let trial = CcTrial::of(&FILES);
    let long = format!("{}.o", "n".repeat(253));
    trial.prove_hit(GCC, &["-c", "main.c", "-o", &long]);
}
