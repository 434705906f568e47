//! Headers: each one that is read is an input, and so is each that is not there.

use crate::cc_trial::{CcTrial, with_each};
use crate::expected::Expected::{Compiled, Failure, Hit};

const PROGRAM: &str = "#include <stdio.h>\n#include \"part.h\"\n\
    int main(void) { int unused; printf(\"%d\\n\", PART); return 0; }\n";

#[test]
fn a_header_in_any_depth_is_an_input() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", PROGRAM),
            ("part.h", "#include \"deep/deeper.h\"\n#define PART DEEPER\n"),
            ("deep/deeper.h", "#define DEEPER 1\n"),
        ]);
        let args = ["-Wall", "-c", "main.c", "-o", "main.o"];
        trial.prove_hit(compiler, &args);
        trial.write("deep/deeper.h", "#define DEEPER 2\n");
        trial.check(compiler, &args, Compiled);
        trial.write("deep/deeper.h", "#define DEEPER 1\n");
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn a_header_that_is_found_earlier_from_now_on_is_a_change() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", PROGRAM),
            ("first/other.h", ""),
            ("second/part.h", "#define PART 1\n"),
        ]);
        let args = ["-Ifirst", "-Isecond", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("first/part.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
        trial.write("part.h", "#define PART 3\n");
        trial.check(compiler, &args, Compiled);
        trial.remove("part.h");
        trial.remove("first/part.h");
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn a_header_that_a_source_only_asks_for_is_an_input() {
    with_each(|compiler| {
        let asks = "#if __has_include(\"maybe.h\")\nint there;\n#else\nint absent;\n#endif\n";
        let mut trial = CcTrial::of(&[("main.c", asks)]);
        let args = ["-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("maybe.h", "");
        trial.check(compiler, &args, Compiled);
        trial.remove("maybe.h");
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn a_header_that_is_asked_for_by_another_name_is_an_input() {
    with_each(|compiler| {
        let asks = "#if HAS(\"maybe.h\")\nint there;\n#else\nint absent;\n#endif\n";
        let names = "#define HAS __has_include\n";
        let mut trial = CcTrial::of(&[("main.c", asks), ("names.h", names)]);
        for option in [&["-include", "names.h"][..], &["-DHAS=__has_include"]] {
            let args = [option, &["-c", "main.c"]].concat();
            trial.prove_hit(compiler, &args);
            trial.write("maybe.h", "");
            trial.check(compiler, &args, Compiled);
            trial.remove("maybe.h");
            trial.check(compiler, &args, Hit);
        }
    });
}

#[test]
fn a_header_that_the_users_dependency_file_leaves_out_is_an_input() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", PROGRAM), ("sys/part.h", "#define PART 1\n")]);
        for args in
            [&["-isystem", "sys", "-c", "main.c"][..], &["-isystemsys", "-MMD", "-c", "main.c"]]
        {
            trial.write("sys/part.h", "#define PART 1\n");
            trial.prove_hit(compiler, args);
            trial.write("sys/part.h", "#define PART 2\n");
            trial.check(compiler, args, Compiled);
        }
    });
}

#[test]
fn a_header_generated_again_is_a_change_only_if_its_text_is() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", PROGRAM), ("out/part.h", "#define PART 1\n")]);
        let args = ["-Iout", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("out/part.h", "#define PART 1\n");
        trial.check(compiler, &args, Hit);
        trial.write("out/part.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
        trial.remove("out/part.h");
        trial.check(compiler, &args, Failure);
    });
}

#[test]
fn a_prefix_header_is_looked_for_in_the_working_directory_first() {
    with_each(|compiler| {
        for option in ["-include", "-imacros"] {
            let mut trial = CcTrial::of(&[
                ("src/main.c", "int part = PART;\n"),
                ("inc/part.h", "#define PART 1\n"),
            ]);
            let args = [option, "part.h", "-Iinc", "-c", "src/main.c"];
            trial.prove_hit(compiler, &args);
            trial.write("part.h", "#define PART 2\n");
            trial.check(compiler, &args, Compiled);
        }
    });
}

#[test]
fn a_header_beside_the_one_that_includes_it_is_found_first() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", PROGRAM),
            ("lib/part.h", "#include \"detail.h\"\n"),
            ("inc/detail.h", "#define PART 1\n"),
        ]);
        let args = ["-Ilib", "-Iinc", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("lib/detail.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_header_beside_one_of_a_directory_from_a_variable_is_found_first() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", "#include <part.h>\nint part = PART;\n"),
            ("lib/part.h", "#include \"detail.h\"\n"),
            ("inc/detail.h", "#define PART 1\n"),
        ]);
        trial.env.set("CPATH", "lib");
        let args = ["-Iinc", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("lib/detail.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_header_named_like_one_of_the_system_takes_its_place() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", PROGRAM), ("inc/part.h", "#define PART 1\n")]);
        let args = ["-Iinc", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("inc/stdio.h", "int printf(const char *, ...);\n#define MINE 1\n");
        trial.check(compiler, &args, Compiled);
        trial.remove("inc/stdio.h");
        trial.check(compiler, &args, Hit);
        trial.write("inc/bits/types.h", "#error mine\n");
        trial.check(compiler, &args, Failure);
    });
}

#[test]
fn a_header_between_two_of_one_name_is_what_include_next_finds() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", PROGRAM),
            ("first/part.h", "#include_next <part.h>\n"),
            ("second/other.h", ""),
            ("third/part.h", "#define PART 1\n"),
        ]);
        let args = ["-Ifirst", "-Isecond", "-Ithird", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("second/part.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_directory_of_headers_that_appears_is_a_change() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", PROGRAM), ("second/part.h", "#define PART 1\n")]);
        let args = ["-Ifirst/inc", "-Isecond", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("first/inc/other.h", "");
        trial.check(compiler, &args, Compiled);
        trial.check(compiler, &args, Hit);
        trial.write("first/inc/part.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_directory_that_a_variable_names_and_that_appears_is_a_change() {
    with_each(|compiler| {
        for variable in ["CPATH", "C_INCLUDE_PATH"] {
            let mut trial = CcTrial::of(&[("main.c", "#include <limits.h>\nint n = INT_MAX;\n")]);
            trial.env.set(variable, trial.project.path("late"));
            let args = ["-c", "main.c"];
            trial.prove_hit(compiler, &args);
            trial.write("late/other.h", "");
            trial.check(compiler, &args, Compiled);
            trial.check(compiler, &args, Hit);
            trial.write("late/limits.h", "#define INT_MAX 1\n");
            trial.check(compiler, &args, Compiled);
        }
    });
}

#[test]
fn a_directory_of_system_headers_that_the_compiler_spells_otherwise_is_searched_all_the_same() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", PROGRAM),
            ("build/keep.h", ""),
            ("first/other.h", ""),
            ("second/part.h", "#define PART 1\n"),
        ]);
        let args = [
            "-isystem",
            "{dir}/build/../first",
            "-isystem",
            "{dir}/build/../second",
            "-c",
            "main.c",
        ];
        trial.prove_hit(compiler, &args);
        trial.write("first/part.h", "#define PART 2\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_link_that_leads_nowhere_may_lead_to_a_header_later() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", PROGRAM),
            ("first/other.h", ""),
            ("second/part.h", "#define PART 1\n"),
        ]);
        trial.link("first/part.h", "../later/part.h");
        let args = ["-Ifirst", "-Isecond", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("later/part.h", "#define PART 2\n");
        trial.prove_hit(compiler, &args);
        trial.remove("later/part.h");
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn a_header_asked_for_in_any_directory_is_an_input_where_it_appears() {
    with_each(|compiler| {
        let asks = "#if __has_include(<dir/maybe.h>)\nint there;\n#endif\n";
        let mut trial = CcTrial::of(&[("src/main.c", asks), ("inc/other.h", "")]);
        let args = ["-Iinc", "-c", "src/main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("inc/dir/maybe.h", "");
        trial.check(compiler, &args, Compiled);
        trial.remove("inc/dir/maybe.h");
        trial.project.remove("inc/dir").expect("the directory can be removed");
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn a_header_asked_for_by_a_name_that_a_macro_makes_is_an_input() {
    with_each(|compiler| {
        let asks = "#define NAME \"maybe.h\"\n#if __has_include(NAME)\nint there;\n#endif\n";
        let pasted = "#define STR(x) #x\n#define NAME(x) STR(x.h)\n\
            #if __has_include(NAME(maybe))\nint there;\n#endif\n";
        for asks in [asks, pasted] {
            let mut trial = CcTrial::of(&[("main.c", asks)]);
            trial.prove_hit(compiler, &["-c", "main.c"]);
            trial.write("maybe.h", "");
            trial.check(compiler, &["-c", "main.c"], Compiled);
            trial.remove("maybe.h");
            trial.check(compiler, &["-c", "main.c"], Hit);
        }
    });
}

#[test]
fn headers_that_exchange_their_contents_are_a_change() {
    with_each(|compiler| {
        let (one, two) = ("enum { ONE = sizeof(char) };\n", "enum { TWO = sizeof(int) };\n");
        let uses = "#include \"a.h\"\nint before = __COUNTER__;\n#include \"b.h\"\n\
            int x = ONE, y = TWO; const char *who = WHO;\n";
        let with_name = |text: &str, first: bool| {
            format!("{text}{}", if first { "#define WHO __FILE__\n" } else { "" })
        };
        let mut trial = CcTrial::of(&[
            ("main.c", uses),
            ("a.h", &with_name(one, true)),
            ("b.h", &with_name(two, false)),
        ]);
        let args = ["-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.write("a.h", &with_name(two, false));
        trial.write("b.h", &with_name(one, true));
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn equal_sources_in_two_directories_keep_their_own_names() {
    with_each(|compiler| {
        let text = "const char *file = __FILE__;\n#include \"part.h\"\n";
        let part = "const char *part(void) { return __FILE__; }\n";
        let mut trial = CcTrial::of(&[
            ("a/x.c", text),
            ("b/x.c", text),
            ("a/part.h", part),
            ("b/part.h", part),
        ]);
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        for options in [&[][..], &["-g"]] {
            let a = [options, &["-c", "a/x.c", "-o", "x.o"]].concat();
            let b = [options, &["-c", "b/x.c", "-o", "x.o"]].concat();
            trial.prove_hit(compiler, &a);
            trial.check(compiler, &b, Compiled);
            trial.check(compiler, &a, Hit);
            trial.check(compiler, &b, Hit);
        }
    });
}

#[test]
fn a_directory_of_a_headers_name_that_becomes_a_file_is_a_change() {
    with_each(|compiler| {
        let includes = ("main.c", "#include <part.h>\nint part = PART;\n");
        let mut trial = CcTrial::of(&[includes, ("second/part.h", "#define PART 2\n")]);
        let args = ["-Ifirst", "-Isecond", "-c", "main.c"];
        let dir = trial.project.path("first/part.h");
        std::fs::create_dir_all(&dir).unwrap();
        trial.prove_hit(compiler, &args);
        std::fs::remove_dir(&dir).unwrap();
        trial.prove_hit(compiler, &args);
        trial.write("first/part.h", "#define PART 1\n");
        trial.check(compiler, &args, Compiled);
    });
}
