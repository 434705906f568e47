//! Dependency files, and what else a compiler writes beside the object.

use crate::cc_trial::{CLANG, CcTrial, GCC, is_installed, with_each};
use crate::expected::Expected::{Compiled, Hit, Passthrough};

const SOURCE: &str =
    "#include <stddef.h>\n#include \"part.h\"\nint part(int a) { return a + PART; }\n";

fn project() -> CcTrial {
    CcTrial::of(&[
        ("src/main.c", SOURCE),
        ("inc/part.h", "#include \"deep.h\"\n#define PART DEEP\n"),
        ("inc/deep.h", "#define DEEP 1\n"),
        ("out/note", ""),
    ])
}

/// A hit, a changed header, and another checkout, each as the compiler does.
#[track_caller]
fn check_everywhere(options: &[&str]) {
    with_each(|compiler| {
        let mut trial = project();
        let args = [&["-Iinc"], options, &["-c", "src/main.c"]].concat();
        trial.prove_hit(compiler, &args);
        let second = trial.second("elsewhere/second");
        trial.check_in(&second, compiler, &args, Hit);
        trial.write("inc/deep.h", "#define DEEP 2\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_dependency_file_is_as_the_compiler_writes_it() {
    check_everywhere(&["-MD"]);
    check_everywhere(&["-MMD", "-o", "out/main.o"]);
    check_everywhere(&["-MD", "-MP", "-MF", "out/deps", "-o", "out/main.obj"]);
}

#[test]
fn the_targets_in_a_dependency_file_are_as_the_compiler_writes_them() {
    check_everywhere(&["-MMD", "-MT", "a b$(c)", "-MT", "second"]);
    check_everywhere(&["-MD", "-MQ", "a b$(c)#d", "-MF", "x.d"]);
    check_everywhere(&["-MD", "-MP", "-MT", "plain", "-MQ", "quoted$"]);
}

#[test]
fn a_dependency_file_asked_for_through_the_preprocessor_is_as_the_compiler_writes_it() {
    check_everywhere(&["-Wp,-MD,out/.main.o.d", "-o", "out/main.o"]);
    check_everywhere(&["-Wp,-MMD,out/main.d", "-o", "out/main.o"]);
}

#[test]
fn a_dependency_file_of_assembler_text_is_as_the_compiler_writes_it() {
    with_each(|compiler| {
        let trial = project();
        trial.prove_hit(compiler, &["-Iinc", "-MD", "-S", "src/main.c", "-o", "out/main.s"]);
        trial.prove_hit(compiler, &["-Iinc", "-MMD", "-S", "src/main.c"]);
    });
}

#[test]
fn another_dependency_file_is_another_result() {
    with_each(|compiler| {
        let trial = project();
        let args = |options: &[&'static str]| [&["-Iinc"], options, &["-c", "src/main.c"]].concat();
        trial.prove_hit(compiler, &args(&["-MD"]));
        for options in [&["-MMD"][..], &["-MD", "-MP"], &["-MD", "-MT", "x"], &["-MD", "-MQ", "x"]]
        {
            trial.check(compiler, &args(options), Compiled);
        }
        trial.check(compiler, &args(&["-MD", "-o", "out/main.o"]), Compiled);
        // Only where it is written differs, and the target is given.
        trial.check(compiler, &args(&["-MD", "-MT", "x", "-MF", "other.d"]), Hit);
    });
}

#[test]
fn equal_sources_have_dependency_files_of_their_own() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[
            ("a/x.c", "#include \"part.h\"\n"),
            ("b/x.c", "#include \"part.h\"\n"),
            ("a/part.h", ""),
            ("b/part.h", ""),
        ]);
        let (a, b) = (["-MD", "-c", "a/x.c", "-o", "x.o"], ["-MD", "-c", "b/x.c", "-o", "x.o"]);
        trial.prove_hit(compiler, &a);
        trial.check(compiler, &b, Compiled);
        trial.check(compiler, &a, Hit);
        trial.check(compiler, &b, Hit);
    });
}

#[test]
fn a_dependency_file_with_absolute_paths_names_this_checkout() {
    with_each(|compiler| {
        let trial = project();
        let args = [
            "-I{dir}/inc",
            "-MD",
            "-MT",
            "{dir}/out/main.o",
            "-c",
            "{dir}/src/main.c",
            "-o",
            "m.o",
        ];
        trial.prove_hit(compiler, &args);
        let second = trial.second("elsewhere/second");
        trial.check_in(&second, compiler, &args, Hit);
    });
}

#[test]
fn a_dependency_file_that_escapes_the_checkouts_name_names_this_checkout() {
    with_each(|compiler| {
        let trial = project();
        let args = ["-I{dir}/inc", "-MD", "-c", "{dir}/src/main.c", "-o", "m.o"];
        for (one, two) in [("with blank", "with  two"), ("a$b", "a$$c"), ("a#b", "a#c")] {
            let (one, two) = (trial.second(one), trial.second(two));
            trial.check_in(&one, compiler, &args, Compiled);
            trial.check_in(&one, compiler, &args, Hit);
            trial.check_in(&two, compiler, &args, Compiled);
            trial.check_in(&two, compiler, &args, Hit);
        }
    });
}

#[test]
fn recorded_options_are_those_that_were_given() {
    let mut trial = project();
    let options = ["-Iinc", "-frecord-gcc-switches", "-g", "-Wall"];
    trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
    let args = [&options[..], &["-c", "src/main.c"]].concat();
    trial.prove_hit(GCC, &args);
    trial.check(GCC, &[&["-O1"], &args[..]].concat(), Compiled);
    trial.check(GCC, &[&args[..], &["-o", "other.o"]].concat(), Hit);
    trial.env.unset("KACHE_CC_PATH_NORMALIZE");
    trial.env.set("KACHE_BASE_DIRS", "/nowhere");
    trial.prove_hit(GCC, &["-Iinc", "-frecord-gcc-switches", "-O1", "-c", "src/main.c"]);
}

#[test]
fn notes_for_a_coverage_tool_belong_to_one_checkout() {
    with_each(|compiler| {
        let trial = project();
        let seed: &[&str] = if compiler == GCC { &["-frandom-seed=1"] } else { &[] };
        for out in ["m.o", "out/m.o"] {
            let args = [seed, &["--coverage", "-Iinc", "-c", "src/main.c", "-o", out]].concat();
            trial.prove_hit(compiler, &args);
            let second = trial.second(&format!("second/{out}"));
            trial.check_in(&second, compiler, &args, Compiled);
            trial.check_in(&second, compiler, &args, Hit);
            trial.check(compiler, &args, Hit);
        }
        let args = [seed, &["-ftest-coverage", "-Iinc", "-c", "src/main.c"]].concat();
        trial.prove_hit(compiler, &args);
        let args = [seed, &["-fprofile-arcs", "-Iinc", "-c", "src/main.c"]].concat();
        trial.prove_hit(compiler, &args);
    });
}

#[test]
fn debug_information_in_a_file_of_its_own_has_the_name_that_the_object_gives() {
    with_each(|compiler| {
        let mut trial = project();
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        let args = ["-g", "-gsplit-dwarf", "-Iinc", "-c", "src/main.c", "-o", "out/one.o"];
        let seen = trial.check(compiler, &args, Compiled);
        assert!(!seen.bytes("out/one.dwo").is_empty());
        trial.check(compiler, &args, Hit);
        let other = ["-g", "-gsplit-dwarf", "-Iinc", "-c", "src/main.c", "-o", "out/two.o"];
        trial.check(compiler, &other, Compiled);
        trial.check(compiler, &other, Hit);
    });
}

#[test]
fn reports_of_the_stack_are_restored() {
    with_each(|compiler| {
        let trial = project();
        let args = ["-fstack-usage", "-Iinc", "-c", "src/main.c", "-o", "out/main.o"];
        let seen = trial.check(compiler, &args, Compiled);
        assert!(!seen.bytes("out/main.su").is_empty());
        trial.check(compiler, &args, Hit);
    });
    let trial = project();
    trial.prove_hit(GCC, &["-fcallgraph-info=su,da", "-Iinc", "-c", "src/main.c"]);
}

#[test]
fn serialised_diagnostics_are_restored() {
    if is_installed(CLANG) {
        let trial = CcTrial::of(&[("main.c", "int f(void) { int unused; return 0; }\n")]);
        trial.prove_hit(CLANG, &["-Wall", "--serialize-diagnostics", "x.dia", "-c", "main.c"]);
    }
}

#[test]
fn intermediate_files_are_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = project();
        for option in ["-save-temps", "-save-temps=obj"] {
            trial.check(compiler, &[option, "-Iinc", "-c", "src/main.c"], Passthrough);
        }
    });
}
