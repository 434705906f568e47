//! Command lines: what is understood is served, all else is the compiler's.

use crate::cc_trial::{CLANG, CcTrial, GCC, clang_for_cpp, is_installed, with_each};
use crate::expected::Expected::{Compiled, Hit, Passthrough};

const SOURCE: &str = "int f(void) { return 1; }\nint main(void) { return f(); }\n";

fn trial() -> CcTrial {
    CcTrial::of(&[
        ("main.c", SOURCE),
        ("other.c", "int other(void) { return 2; }\n"),
        ("last.cc", "int last() { return 3; }\n"),
        ("part.h", "int part(void);\n"),
    ])
}

#[test]
fn an_option_that_nobody_knows_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        trial.prove_left_alone(compiler, &["-fno-such-thing", "-c", "main.c"]);
        trial.prove_left_alone(compiler, &["-mno-such-thing", "-c", "main.c"]);
        trial.prove_left_alone(compiler, &["--no-such-thing", "-c", "main.c"]);
        trial.prove_left_alone(compiler, &["-Wa,--no-such-thing", "-c", "main.c"]);
        // Of warnings, compilers take any name.
        trial.prove_served(compiler, &["-Wno-such-thing", "-c", "main.c"]);
    });
}

#[test]
fn an_option_without_its_value_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        for option in ["-o", "-I", "-D", "-x", "-include", "-MF", "-isystem", "-Xassembler"] {
            trial.prove_left_alone(compiler, &["-c", "main.c", option]);
        }
    });
}

#[test]
fn of_options_given_twice_the_one_counts_that_does_for_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        for args in [
            &["-O0", "-O2", "-c", "main.c"][..],
            &["-O2", "-O0", "-c", "main.c"],
            &["-DX=1", "-DX=2", "-c", "main.c"],
            &["-MD", "-MF", "a.d", "-MF", "b.d", "-c", "main.c"],
            &["-MD", "-MMD", "-c", "main.c"],
            &["-MMD", "-MD", "-c", "main.c"],
            &["-S", "-c", "main.c"],
            &["-c", "-S", "main.c"],
            &["-c", "-c", "main.c"],
            &["-std=c99", "-std=c11", "-c", "main.c"],
            &["-g", "-g0", "-c", "main.c"],
            &["-fPIC", "-fno-PIC", "-c", "main.c"],
            &["-x", "c", "-x", "c++", "-c", "main.c"],
        ] {
            trial.prove_served(compiler, args);
        }
        trial.prove_left_alone(compiler, &["-c", "main.c", "-o", "a.o", "-o", "b.o"]);
    });
}

#[test]
fn options_for_llvm_are_keyed_if_they_are_switches_or_numbers() {
    if !is_installed(CLANG) {
        return;
    }
    let text = "static int f(int a) { for (int i = 0; i < a; i++) a ^= i * 7; return a; }\n\
        int g(int a) { return f(a) + f(a + 1); }\n";
    let trial = CcTrial::of(&[("main.c", text)]);
    let options: [&[&str]; 5] = [
        &[],
        &["-mllvm", "-inline-threshold=-100"],
        &["-mllvm", "-inline-threshold", "-mllvm", "0"],
        &["-mllvm", "-enable-loop-distribute"],
        &["-mllvm", "-unroll-count=0x2", "-mllvm", "-unroll-allow-partial=true"],
    ];
    for options in options {
        trial.prove_hit(CLANG, &[options, &["-O2", "-c", "main.c"]].concat());
    }
    for option in ["-stats", "-time-passes=0", "-bbsections-cold-text-prefix=x", "-no-such-thing"] {
        trial.check_twice(CLANG, &["-mllvm", option, "-c", "main.c"]);
    }
    trial.prove_left_alone(CLANG, &["-mllvm", "-filter-print-funcs=f", "-c", "main.c"]);
    trial.prove_left_alone(CLANG, &["-mllvm", "-dot-cfg-mssa=true", "-c", "main.c"]);
    trial.prove_left_alone(CLANG, &["-c", "main.c", "-mllvm"]);
}

#[test]
fn what_stands_behind_two_dashes_is_never_an_option_of_kaches() {
    let trial = CcTrial::of(&[("main.c", SOURCE), ("-odd.c", SOURCE)]);
    trial.prove_left_alone(GCC, &["-c", "--", "main.c"]);
    if is_installed(CLANG) {
        trial.prove_served(CLANG, &["-c", "-o", "main.o", "--", "main.c"]);
        trial.prove_left_alone(CLANG, &["-c", "--", "-odd.c"]);
        trial.prove_left_alone(CLANG, &["-c", "--", "main.c", "-O2"]);
    }
}

#[test]
fn what_makes_no_object_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        for args in [
            &["-E", "main.c"][..],
            &["-E", "main.c", "-o", "main.i"],
            &["-M", "main.c"],
            &["-MM", "main.c"],
            &["-fsyntax-only", "main.c"],
            &["-dumpversion"],
            &["--version"],
            &["-print-prog-name=as"],
            &[],
            &["-c"],
            &["-c", "absent.o"],
        ] {
            trial.prove_left_alone(compiler, args);
        }
        // A precompiled header is another one each time.
        let (_, events) = trial.cached(compiler, &["-x", "c-header", "-c", "part.h"]);
        Passthrough.assert_told_by(&events[0]);
        trial.prove_left_alone(compiler, &["main.c", "-o", "program"]);
        trial.prove_left_alone(compiler, &["main.c", "other.c"]);
        trial.prove_left_alone(compiler, &["-shared", "-fPIC", "other.c", "-o", "libother.so"]);
    });
}

#[test]
fn assembler_text_is_an_output_like_an_object() {
    with_each(|compiler| {
        let trial = trial();
        trial.prove_hit(compiler, &["-S", "main.c"]);
        trial.prove_hit(compiler, &["-S", "-O2", "-MD", "main.c", "-o", "text.s"]);
        trial.check(compiler, &["-c", "main.c"], Compiled);
    });
}

#[test]
fn an_output_that_is_no_file_of_its_own_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        trial.prove_hit(compiler, &["-c", "main.c"]);
        trial.prove_left_alone(compiler, &["-c", "main.c", "-o", "/dev/null"]);
        trial.prove_left_alone(compiler, &["-S", "main.c", "-o", "-"]);
        trial.prove_left_alone(compiler, &["-c", "-MD", "-MF", "/dev/stdout", "main.c"]);
        trial.prove_left_alone(compiler, &["-c", "-MD", "-MF", "-", "main.c"]);
    });
}

#[test]
fn a_device_or_directory_in_an_outputs_place_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("main.c", SOURCE), ("dir/x.h", "")]);
        trial.prove_hit(compiler, &["-c", "main.c", "-o", "main.o"]);
        trial.prove_left_alone(compiler, &["-c", "main.c", "-o", "dir"]);
        let script =
            "ln -s /dev/null null.o; $CC -c main.c -o null.o; test -c /dev/null && echo kept";
        trial.check_script(compiler, script);
        trial.check_script(compiler, "ln -s real.o link.o; : > real.o; $CC -c main.c -o link.o");
        let fifo = "mkfifo pipe.o; cat pipe.o > got.o & $CC -c main.c -o pipe.o; wait; rm pipe.o";
        if compiler == CLANG {
            trial.check_script(compiler, fifo);
        }
    });
}

#[test]
fn an_output_over_the_source_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        trial.prove_hit(compiler, &["-c", "main.c", "-o", "main.o"]);
        let keep = "cp main.c copy.c; ln copy.c same.c";
        for output in ["copy.c", "./copy.c", "same.c"] {
            trial.check_script(compiler, &format!("{keep}; $CC -c copy.c -o {output}"));
        }
    });
}

#[test]
fn two_outputs_in_one_place_are_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        trial.prove_hit(compiler, &["-MD", "-c", "main.c", "-o", "main.o"]);
        trial.prove_left_alone(compiler, &["-MD", "-MF", "both", "-c", "main.c", "-o", "both"]);
        trial.prove_left_alone(compiler, &["-MD", "-MF", "./both", "-c", "main.c", "-o", "both"]);
    });
}

#[test]
fn several_sources_are_several_units() {
    with_each(|compiler| {
        let mut trial = trial();
        let args = ["-Wall", "-MD", "-c", "main.c", "other.c"];
        trial.prove_hit(compiler, &args);
        trial.check(compiler, &["-Wall", "-MD", "-c", "other.c"], Hit);
        trial.write("other.c", "int other(void) { int unused; return 3; }\n");
        let events = trial.check_twice(compiler, &args);
        let hits = events.iter().filter(|event| Hit.is_told_by(event)).count();
        assert_eq!((events.len(), hits), (4, 3));
        // The first fails, the second is compiled all the same.
        trial.write("main.c", "int main(void) { return absent; }\n");
        trial.check_twice(compiler, &args);
    });
}

#[test]
fn sources_of_several_languages_in_one_command_are_compiled_each_as_it_is() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[
            ("main.c", SOURCE),
            ("as_c", "int size = sizeof('a');\n"),
            ("as_cpp", "int size = sizeof('a');\n"),
            ("low.S", ".globl low\nlow: .long 1\n"),
        ]);
        trial.prove_served(compiler, &["-c", "main.c", "low.S"]);
        trial.check_twice(compiler, &["-c", "-x", "c", "as_c", "-x", "c++", "as_cpp"]);
        trial.check_twice(compiler, &["-c", "-x", "c", "as_c", "-x", "none", "main.c"]);
        trial.check_twice(compiler, &["-c", "main.c", "-x", "c"]);
        trial.check_twice(compiler, &["-c", "-x", "c", "as_c", "as_cpp"]);
    });
}

#[test]
fn what_the_driver_says_of_all_sources_it_says_once() {
    with_each(|compiler| {
        let trial = trial();
        trial.check_twice(compiler, &["-c", "main.c", "other.c", "-lm", "-Wl,-x"]);
        trial.check_twice(compiler, &["-c", "main.c", "other.c", "-shared", "-rdynamic"]);
        trial.check_twice(compiler, &["-c", "main.c", "other.c", "-mfloat-abi=hard"]);
        trial.check_twice(compiler, &["-c", "main.c", "other.c", "-stdlib=libc++"]);
        // For one of them alone it is unused.
        trial.check_twice(compiler, &["-c", "main.c", "last.cc", "-stdlib=libc++"]);
        trial.check_twice(compiler, &["-c", "absent.c", "other.c"]);
        trial.prove_left_alone(compiler, &["-c", "other.c", "absent.c"]);
        trial.prove_served(compiler, &["-c", "main.c", "-lm", "-Wl,-x", "-shared"]);
    });
}

#[test]
fn one_output_for_several_sources_or_architectures_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = trial();
        trial.prove_left_alone(compiler, &["-c", "main.c", "other.c", "-o", "both.o"]);
        trial.prove_left_alone(compiler, &["-arch", "x86_64", "-arch", "arm64", "-c", "main.c"]);
    });
}

#[test]
fn the_language_is_part_of_what_is_compiled() {
    with_each(|compiler| {
        let trial =
            CcTrial::of(&[("size.c", "extern const int size;\nconst int size = sizeof('a');\n")]);
        let as_c = ["-x", "c", "-c", "size.c", "-o", "size.o"];
        let as_cpp = ["-x", "c++", "-c", "size.c", "-o", "size.o"];
        trial.prove_hit(compiler, &as_c);
        trial.prove_hit(compiler, &as_cpp);
        trial.check(compiler, &as_c, Hit);
        trial.prove_served(compiler, &["-c", "size.c", "-o", "size.o"]);
        trial.prove_served(compiler, &["-x", "cpp-output", "-c", "size.c", "-o", "size.o"]);
        let cpp = if compiler == GCC { "g++".to_owned() } else { clang_for_cpp() };
        if is_installed(&cpp) {
            trial.prove_hit(&cpp, &["-c", "size.c", "-o", "size.o"]);
        }
    });
}

#[test]
fn assembler_with_and_without_preprocessing_are_different() {
    with_each(|compiler| {
        let text = "#define VALUE 7\n.globl value\nvalue: .long VALUE\n";
        let trial = CcTrial::of(&[("value.s", text), ("value.S", text)]);
        trial.prove_hit(compiler, &["-c", "value.S", "-o", "value.o"]);
        trial.prove_hit(compiler, &["-c", "value.s", "-o", "value.o"]);
        trial.prove_hit(compiler, &["-x", "assembler-with-cpp", "-c", "value.s", "-o", "value.o"]);
        trial.prove_hit(compiler, &["-x", "assembler", "-c", "value.S", "-o", "value.o"]);
        trial.check(compiler, &["-c", "value.S", "-o", "value.o"], Hit);
    });
}
