//! Units that are found by what their preprocessor makes of them.

use kache_e2e::project::Project;

use crate::cc_trial::{CLANG, CcTrial, GCC, assert_same, is_installed, with_each};
use crate::expected::Expected::{Compiled, Hit, Served};

const MAIN: &str = "#include \"part.h\"\nint main(void) { return f(USED); }\n";
const PART: &str = "/* old */\n#define USED 1\n#define UNUSED 1\n#ifdef OTHER\nint other;\n#endif\n\
    static inline int f(int a) { /* part */\n  int b = a;\n  return b;\n}\n";

/// A trial of [`MAIN`] with the fallback on.
fn trial() -> CcTrial {
    trial_of(&[("main.c", MAIN), ("part.h", PART)])
}

fn trial_of(files: &[(&str, &str)]) -> CcTrial {
    let mut trial = CcTrial::of(files);
    trial.env.set("KACHE_CC_PREPROCESS_FALLBACK", "1");
    // The bare compiler names the checkout in debug information.
    trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
    trial
}

/// Compiles in a `project` and expects the result to be found by its expansion,
/// then by its inputs.
#[track_caller]
fn check_found(trial: &CcTrial, project: &Project, compiler: &str, args: &[&str]) {
    let bare = trial.bare_in(project, compiler, args);
    let (seen, events) = trial.cached_in(project, compiler, args);
    assert_same(&seen, &bare);
    let event = events.first().expect("kache wrote an event");
    Served.assert_told_by(event);
    assert!(event.reason.ends_with("; found by its expansion"), "{}", event.describe());
    trial.check_in(project, compiler, args, Hit);
}

/// Proves a hit, changes `old` to `new` in the header, and expects the result to
/// be found.
#[track_caller]
fn found(trial: &mut CcTrial, compiler: &str, args: &[&str], old: &str, new: &str) {
    trial.write("part.h", PART);
    trial.check_twice(compiler, args);
    trial.check(compiler, args, Hit);
    assert!(PART.contains(old));
    trial.write("part.h", &PART.replace(old, new));
    check_found(trial, &trial.project, compiler, args);
}

/// As [`found`], and expects the compiler to run.
#[track_caller]
fn compiled(trial: &mut CcTrial, compiler: &str, args: &[&str], old: &str, new: &str) {
    trial.write("part.h", PART);
    trial.check_twice(compiler, args);
    trial.check(compiler, args, Hit);
    assert!(PART.contains(old));
    trial.write("part.h", &PART.replace(old, new));
    trial.check(compiler, args, Compiled);
    trial.check(compiler, args, Hit);
}

#[test]
fn a_header_that_changes_in_what_a_unit_does_not_notice_is_no_reason_to_compile() {
    with_each(|compiler| {
        let mut trial = trial();
        for args in [
            &["-c", "main.c"][..],
            &["-O2", "-Wall", "-Wextra", "-MD", "-c", "main.c", "-o", "main.o"],
            &["-g", "-gdwarf-4", "-c", "main.c"],
            &["-S", "-g", "-gdwarf-4", "main.c"],
        ] {
            found(&mut trial, compiler, args, "old", "another, which is longer");
            found(&mut trial, compiler, args, "/* part */", "// one of several");
            found(&mut trial, compiler, args, "UNUSED 1", "UNUSED 2");
            found(&mut trial, compiler, args, "int other", "long other");
        }
    });
}

#[test]
fn without_the_setting_every_change_is_a_reason_to_compile() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", MAIN), ("part.h", PART)]);
        compiled(&mut trial, compiler, &["-c", "main.c"], "old", "new");
        // What was compiled without it is not found with it either.
        trial.env.set("KACHE_CC_PREPROCESS_FALLBACK", "1");
        trial.write("part.h", &PART.replace("old", "newer"));
        trial.check(compiler, &["-c", "main.c"], Compiled);
        trial.write("part.h", &PART.replace("old", "newest"));
        check_found(&trial, &trial.project, compiler, &["-c", "main.c"]);
    });
}

#[test]
fn a_header_that_changes_in_what_a_unit_may_notice_is_a_reason_to_compile() {
    with_each(|compiler| {
        let mut trial = trial();
        for args in [&["-c", "main.c"][..], &["-g", "-gdwarf-4", "-O1", "-c", "main.c"]] {
            for (old, new) in [
                ("USED 1", "USED 2"),
                ("USED 1", "USED (1)"),
                ("int b = a", "int b = -a"),
                ("int b = a", "int /* of */ b = a"),
                ("int b = a", "int    b = a"),
                ("#ifdef OTHER\n", "#ifdef OTHER\n\n"),
                ("/* old */\n", ""),
            ] {
                compiled(&mut trial, compiler, args, old, new);
            }
        }
    });
}

#[test]
fn a_dependency_file_lists_the_headers_of_now() {
    with_each(|compiler| {
        let styles =
            [&["-MD"][..], &["-MD", "-MP", "-MF", "x.d", "-MT", "a b"], &["-MMD", "-MQ", "$x"]];
        for style in styles {
            let mut trial = trial_of(&[("main.c", MAIN), ("part.h", PART), ("empty.h", "")]);
            let args = [style, &["-c", "main.c"]].concat();
            found(&mut trial, compiler, &args, "old", "new");
            compiled(&mut trial, compiler, &args, "/* old */", "#include \"empty.h\"");
            // Clang lists what was only asked for.
            let asks = "#if __has_include(\"empty.h\") && defined(OTHER)";
            found(&mut trial, compiler, &args, "#ifdef OTHER", asks);
        }
    });
}

#[test]
fn an_input_that_only_the_new_header_has_counts_from_then_on() {
    with_each(|compiler| {
        let mut trial = trial();
        let args = ["-c", "main.c"];
        let asks = format!("{PART}#if __has_include(\"maybe.h\")\nint maybe;\n#endif\n");
        trial.prove_hit(compiler, &args);
        trial.write("part.h", &asks);
        check_found(&trial, &trial.project, compiler, &args);
        trial.write("maybe.h", "");
        trial.check(compiler, &args, Compiled);
        trial.remove("maybe.h");
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn what_the_compiler_says_of_a_comment_is_said() {
    let text = "static inline int f(int a) {\n  switch (a) {\n  case 1: a++;\n    /* fall through */\n  \
        case 2: return a;\n  }\n  return 0;\n}\n#define USED 1\n";
    let mut trial = trial_of(&[("main.c", MAIN), ("part.h", text)]);
    let args = ["-Wextra", "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    trial.write("part.h", &text.replace("fall through", "go on"));
    assert!(trial.check(GCC, &args, Compiled).stderr().contains("fall"));
    if is_installed(CLANG) {
        let mut trial = trial_of(&[("main.c", MAIN), ("part.h", PART)]);
        let args = ["-Wdocumentation", "-c", "main.c"];
        trial.prove_hit(CLANG, &args);
        trial.write("part.h", &PART.replace("/* old */", "/** \\param */"));
        trial.check(CLANG, &args, Compiled);
    }
}

#[test]
fn a_result_with_a_warning_is_not_found_by_its_expansion() {
    with_each(|compiler| {
        let mut trial = trial();
        let warns = PART.replace("int b = a;", "int b = a; int unused;");
        let args = ["-Wall", "-c", "main.c"];
        trial.write("part.h", &warns);
        trial.prove_hit(compiler, &args);
        trial.write("part.h", &warns.replace("old", "new"));
        assert!(trial.check(compiler, &args, Compiled).stderr().contains("unused"));
        // The preprocessor itself warns.
        let warns = PART.replace("#ifdef OTHER", "#if OTHER");
        let args = ["-Wundef", "-c", "main.c"];
        trial.write("part.h", &PART.replace("#ifdef OTHER", "#if defined(OTHER)"));
        trial.prove_hit(compiler, &args);
        trial.write("part.h", &warns);
        assert!(trial.check(compiler, &args, Compiled).stderr().contains("OTHER"));
    });
}

#[test]
fn a_warning_that_the_systems_macro_silenced_is_given_where_it_is_the_users() {
    let less = "#define LESS(a) ((a) < 5u)\n";
    let main = "#include \"part.h\"\n#include <sys.h>\nint f(int a) { return LESS(a); }\n";
    let sys = format!("#ifndef LESS\n{less}#endif\n");
    let mut trial = trial_of(&[("main.c", main), ("part.h", "/* old */\n"), ("sys/sys.h", &sys)]);
    let args = ["-Wall", "-Wextra", "-isystem", "sys", "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    assert!(trial.bare(GCC, &args).stderr().is_empty());
    trial.write("part.h", less);
    assert!(trial.check(GCC, &args, Compiled).stderr().contains("sign"));
}

#[test]
fn units_that_hide_something_are_compiled() {
    with_each(|compiler| {
        let mut trial = trial();
        for args in [
            &["-g3", "-c", "main.c"][..],
            &["-S", "-fverbose-asm", "main.c"],
            &["-fsanitize=undefined", "-c", "main.c"],
            &["-imacros", "part.h", "-c", "main.c"],
        ] {
            compiled(&mut trial, compiler, args, "old", "new");
        }
        let args = ["-g", "-c", "main.c"];
        if compiler == GCC {
            found(&mut trial, compiler, &args, "old", "new");
            trial.write("my.specs", "");
            compiled(&mut trial, compiler, &["-specs=my.specs", "-c", "main.c"], "old", "new");
        } else {
            // Its debug information has digests of the sources.
            compiled(&mut trial, compiler, &args, "old", "new");
        }
    });
}

#[test]
fn what_the_preprocessor_does_not_read_counts_beside_the_expansion() {
    let mut trial = trial();
    let assembler = |symbol: &str| {
        let script = format!("#!/bin/sh\nexec /usr/bin/as --defsym {symbol}=1 \"$@\"\n");
        trial.program("as", &script)
    };
    drop(assembler("FIRST"));
    let option = format!("-B{}", trial.env.root().join("bin").display());
    let args = [option.as_str(), "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    drop(assembler("SECOND"));
    trial.write("part.h", &PART.replace("old", "new"));
    trial.check(GCC, &args, Compiled);
    found(&mut trial, GCC, &args, "old", "another");
}

#[test]
fn sources_that_hide_something_are_compiled() {
    with_each(|compiler| {
        for text in [
            "#line 7\nint g;\n",
            "#pragma GCC push_options\nint g;\n#pragma GCC pop_options\n",
            "#ifdef __cplusplus\nconst char *g = R\"(\n#define A\n)\";\n#endif\nint h;\n",
        ] {
            let part =
                |comment: &str| format!("/* {comment} */\n#define USED 1\n#define f(a) a\n{text}");
            let mut trial = trial_of(&[("main.c", MAIN), ("part.h", &part("old"))]);
            let args = ["-x", "c++", "-c", "main.c"];
            trial.check_twice(compiler, &args);
            trial.check(compiler, &args, Hit);
            trial.write("part.h", &part("new"));
            trial.check(compiler, &args, Compiled);
        }
        let timed =
            |comment: &str| format!("/* {comment} */\n{PART}const char *time = __TIME__;\n");
        let mut trial = trial_of(&[("main.c", MAIN), ("part.h", &timed("old"))]);
        trial.check_unstored(compiler, &["-c", "main.c"], "__TIME__");
        trial.write("part.h", &timed("new"));
        trial.check_unstored(compiler, &["-c", "main.c"], "__TIME__");
        let embeds = |comment: &str| {
            format!("/* {comment} */\n{PART}__asm__(\".incbin \\\"part.h\\\"\");\n")
        };
        let mut trial = trial_of(&[("main.c", MAIN), ("part.h", &embeds("old"))]);
        trial.prove_hit(compiler, &["-c", "main.c"]);
        trial.write("part.h", &embeds("new"));
        trial.check(compiler, &["-c", "main.c"], Compiled);
    });
}

#[test]
fn code_that_a_pragma_of_gcc_switches_on_is_not_overlooked() {
    let text = |value: u8| {
        format!(
            "#pragma GCC push_options\n#pragma GCC target(\"avx2\")\n#ifdef __AVX2__\n\
             int g = {value};\n#endif\n#pragma GCC pop_options\n{PART}"
        )
    };
    let mut trial = trial_of(&[("main.c", MAIN), ("part.h", &text(1))]);
    let args = ["-c", "main.c"];
    trial.prove_hit(GCC, &args);
    trial.write("part.h", &text(2));
    trial.check(GCC, &args, Compiled);
}

#[test]
fn another_checkout_finds_a_unit_by_its_expansion_unless_it_is_bound() {
    with_each(|compiler| {
        let named = format!("{PART}const char *name = __FILE__;\n");
        for (text, is_bound) in [(PART, false), (&named, true)] {
            let mut trial = trial_of(&[("main.c", MAIN), ("part.h", text)]);
            let main = |project: &Project| project.path("main.c").to_string_lossy().into_owned();
            trial.check_twice(compiler, &["-MD", "-c", &main(&trial.project)]);
            trial.check(compiler, &["-MD", "-c", &main(&trial.project)], Hit);
            trial.write("part.h", &text.replace("old", "new"));
            let second = trial.second("elsewhere/second");
            let source = main(&second);
            let args = ["-MD", "-c", source.as_str()];
            if is_bound {
                trial.check_in(&second, compiler, &args, Compiled);
            } else {
                check_found(&trial, &second, compiler, &args);
            }
        }
    });
}

#[test]
fn a_header_that_has_the_checkouts_path_is_another_one_elsewhere() {
    with_each(|compiler| {
        let mut trial = trial();
        let sized = |project: &Project| {
            format!("{PART}enum {{ SIZE = sizeof(\"{}\") }};\n", project.dir().display())
        };
        let main = "#include \"part.h\"\nint main(void) { return f(SIZE); }\n";
        trial.write("main.c", main);
        trial.write("part.h", &sized(&trial.project));
        trial.prove_hit(compiler, &["-c", "main.c"]);
        let second = trial.second("elsewhere/second");
        second.write("part.h", sized(&second)).expect("the file can be written");
        trial.check_in(&second, compiler, &["-c", "main.c"], Compiled);
    });
}
