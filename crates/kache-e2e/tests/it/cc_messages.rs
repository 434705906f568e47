//! What a compiler says: repeated to the letter, wherever it goes.

use crate::cc_trial::{CLANG, CcTrial, GCC, assert_same, is_installed, with_each};
use crate::expected::Expected::{Compiled, Failure, Hit, Miss, Passthrough};

const WARNS: &str = "int f(void) { int unused; return 1; }\n";

#[test]
fn warnings_are_repeated_with_and_without_colours() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("warns.c", WARNS)]);
        for colour in
            ["-fdiagnostics-color=always", "-fdiagnostics-color=never", "-fno-diagnostics-color"]
        {
            let args = ["-Wall", colour, "-c", "warns.c"];
            trial.prove_served(compiler, &args);
            let seen = trial.bare(compiler, &args);
            assert_eq!(seen.stderr().contains('\u{1b}'), colour.ends_with("always"), "{colour}");
        }
        trial.prove_served(compiler, &["-Wall", "-fdiagnostics-color=auto", "-c", "warns.c"]);
        trial.prove_served(compiler, &["-Wall", "-fmessage-length=30", "-c", "warns.c"]);
        trial.prove_served(compiler, &["-Wall", "-w", "-c", "warns.c"]);
    });
}

#[test]
fn the_colours_that_a_variable_chooses_are_those_of_the_hit() {
    let mut trial = CcTrial::of(&[("warns.c", WARNS)]);
    let args = ["-Wall", "-fdiagnostics-color=always", "-c", "warns.c"];
    trial.prove_hit(GCC, &args);
    trial.env.set("GCC_COLORS", "warning=01;36");
    trial.prove_hit(GCC, &args);
    trial.env.unset("GCC_COLORS");
    trial.check(GCC, &args, Hit);
}

#[test]
fn a_warning_that_is_an_error_fails_every_time() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("warns.c", WARNS)]);
        let args = ["-Wall", "-Werror", "-c", "warns.c"];
        trial.check(compiler, &args, Failure);
        trial.check(compiler, &args, Failure);
        trial.prove_hit(compiler, &["-Wall", "-c", "warns.c"]);
        trial.check(compiler, &args, Failure);
        trial.write("warns.c", "int f(void) { return 1; }\n");
        trial.prove_hit(compiler, &args);
    });
}

#[test]
fn diagnostics_in_other_formats_are_repeated() {
    let trial = CcTrial::of(&[("warns.c", WARNS)]);
    trial.prove_hit(GCC, &["-Wall", "-fdiagnostics-format=json", "-c", "warns.c"]);
    trial.prove_hit(GCC, &["-Wall", "-fdiagnostics-plain-output", "-c", "warns.c"]);
    if is_installed(CLANG) {
        trial.prove_hit(CLANG, &["-Wall", "-fdiagnostics-format=vi", "-c", "warns.c"]);
        trial.prove_hit(CLANG, &["-Wall", "-fdiagnostics-parseable-fixits", "-c", "warns.c"]);
        let args = ["-Wall", "--serialize-diagnostics", "warns.dia", "-c", "warns.c"];
        trial.prove_hit(CLANG, &args);
        assert!(!trial.cached(CLANG, &args).0.bytes("warns.dia").is_empty());
    }
}

#[test]
fn warnings_name_the_checkout_that_they_are_shown_in() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("warns.c", WARNS)]);
        let second = trial.project.second_checkout(&trial.env.work_dir().join("elsewhere/second"));
        let second = second.expect("the project can be copied");
        for (project, expected) in [(&trial.project, Miss), (&trial.project, Hit), (&second, Hit)] {
            let source = project.path("warns.c");
            let args = ["-Wall", "-c", source.to_str().unwrap()];
            let bare = trial.bare_in(project, compiler, &args);
            assert!(bare.stderr().contains(&format!("{}:1:", source.display())));
            let (seen, events) = trial.cached_in(project, compiler, &args);
            assert_same(&seen, &bare);
            expected.assert_told_by(&events[0]);
        }
    });
}

/// Compiles on a terminal, without kache and then twice with it.
#[track_caller]
fn on_terminal(trial: &CcTrial, compiler: &str, options: &str) {
    let run = format!("$CC -Wall {options} -c warns.c");
    let script = format!("script -qec \"{run}\" /dev/null < /dev/null");
    for (events, expected) in trial.check_script(compiler, &script).iter().zip([Compiled, Hit]) {
        expected.assert_told_by(events.first().expect("kache wrote an event"));
    }
}

#[test]
fn a_terminal_gets_what_the_compiler_writes_to_a_terminal() {
    if !is_installed("script") {
        return;
    }
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("warns.c", WARNS)]);
        trial.env.set("TERM", "xterm-256color");
        for options in ["", "-fdiagnostics-color=auto -O1", "-fdiagnostics-color=never"] {
            on_terminal(&trial, compiler, options);
        }
        trial.env.set("TERM", "dumb");
        on_terminal(&trial, compiler, "");
        // Elsewhere it is another matter.
        let args = ["-Wall", "-c", "warns.c"];
        assert!(!trial.check(compiler, &args, Compiled).stderr().contains('\u{1b}'));
    });
}

#[test]
fn the_terminals_width_counts_where_something_was_said() {
    if !is_installed("script") {
        return;
    }
    with_each(|compiler| {
        let long = format!("int f(void) {{ int unused; return {}1; }}\n", "1 + ".repeat(40));
        let mut trial = CcTrial::of(&[("warns.c", &long)]);
        trial.env.set("TERM", "xterm-256color");
        let at_width = |columns: u16, options: &str| {
            let run = format!("stty cols {columns}; $CC {options} -c warns.c");
            let script = format!("script -qec \"{run}\" /dev/null < /dev/null");
            let [first, second] = trial.check_script(compiler, &script);
            Hit.assert_told_by(&second[0]);
            Hit.is_told_by(&first[0])
        };
        let was_hit = [40, 100, 40, 100].map(|columns| at_width(columns, "-Wall"));
        assert_eq!(was_hit, [false, false, true, true]);
        let was_hit = [40, 100].map(|columns| at_width(columns, "-w"));
        assert_eq!(was_hit, [false, true]);
    });
}

#[test]
fn an_object_does_not_show_that_it_was_made_on_a_terminal() {
    if !is_installed("script") {
        return;
    }
    let mut trial = CcTrial::of(&[("warns.c", WARNS)]);
    trial.env.set("TERM", "xterm-256color");
    trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
    on_terminal(&trial, GCC, "-g -frecord-gcc-switches");
}

#[test]
fn a_closed_standard_error_is_closed_for_the_compiler() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("warns.c", WARNS)]);
        trial.prove_hit(compiler, &["-Wall", "-c", "warns.c"]);
        for streams in ["2>&-", "2>&- >&-", "2>&- <&-", "2>&- >&- <&-"] {
            for options in ["-Wall", "-w"] {
                let script = format!("$CC {options} -c warns.c {streams}; echo $?");
                for events in trial.check_script(compiler, &script) {
                    Passthrough.assert_told_by(&events[0]);
                }
            }
        }
        let script = "$CC -Wall -c warns.c >&- <&-; echo $?";
        trial.check_script(compiler, script);
        let [_, again] = trial.check_script(compiler, script);
        Hit.assert_told_by(&again[0]);
    });
}

#[test]
fn an_error_is_the_compilers_own() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "int main(void) { return absent; }\n")]);
        let args = ["-c", "main.c"];
        trial.check(compiler, &args, Failure);
        trial.check(compiler, &args, Failure);
        trial.check(compiler, &["-c", "absent.c"], Failure);
        trial.write("main.c", "#include \"absent.h\"\n");
        trial.check(compiler, &args, Failure);
        trial.write("absent.h", "");
        trial.prove_hit(compiler, &args);
        trial.check(compiler, &["-c", "main.c", "-o", "absent/main.o"], Passthrough);
    });
}

#[test]
fn a_message_that_shows_a_line_of_another_file_is_repeated_while_that_is_the_same() {
    if !is_installed(GCC) {
        return;
    }
    let made = "int f(void) {\n#line 1 \"part.y\"\nint unused;\nreturn 1; }\n";
    let mut trial = CcTrial::of(&[("main.c", made), ("part.y", "OLD\n")]);
    let args = ["-Wall", "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    trial.write("part.y", "NEW\n");
    trial.check(GCC, &args, Compiled);
    trial.remove("part.y");
    trial.prove_hit(GCC, &args);
    trial.write("part.y", "OLD\n");
    trial.check(GCC, &args, Hit);
    trial.prove_hit(GCC, &["-c", "main.c"]);
}

#[test]
fn a_warning_about_missing_directories_is_repeated_while_they_are_missing() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "int a;\n")]);
        let args = ["-Wmissing-include-dirs", "-Inone", "-Isome", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("some/note", "");
        let seen = trial.check(compiler, &args, Compiled);
        assert!(!seen.stderr().contains("some"), "{}", seen.stderr());
        trial.write("none", "");
        trial.check(compiler, &args, Compiled);
        trial.remove("none");
        trial.check(compiler, &args, Hit);
    });
}
