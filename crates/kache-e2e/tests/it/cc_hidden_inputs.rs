//! What a compiler reads without saying so: files for the assembler, the
//! clock, plugins, profiles, precompiled headers.

use crate::cc_trial::{CLANG, CcTrial, GCC, clang_obeys_epoch, is_installed, with_each};
use crate::expected::Expected::{Compiled, Failure, Hit, Passthrough, Unstored};

/// Compiles `source`, which reads `data.bin` behind the compiler's back, with
/// two contents of that file.
#[track_caller]
fn check_embedded(compiler: &str, path: &str, source: &str, data: [&str; 2]) {
    let [first, second] = data;
    let mut trial = CcTrial::of(&[(path, source), ("data.bin", first)]);
    let args = ["-c", path, "-o", "out.o"];
    trial.prove_hit(compiler, &args);
    let before = trial.check(compiler, &args, Hit);
    trial.write("data.bin", second);
    let after = trial.check(compiler, &args, Compiled);
    assert_ne!(before.bytes("out.o"), after.bytes("out.o"), "the file is read: {source}");
    trial.write("data.bin", first);
    trial.check(compiler, &args, Hit);
    trial.remove("data.bin");
    // The message has the name of a temporary file in it.
    for event in trial.cached(compiler, &args).1 {
        Failure.assert_told_by(&event);
    }
}

const BYTES: [&str; 2] = ["one", "two"];

#[test]
fn a_file_that_assembler_text_embeds_is_not_overlooked() {
    with_each(|compiler| {
        check_embedded(compiler, "main.s", ".data\n.incbin \"data.bin\"\n", BYTES);
        let preprocessed = "#define READ .incbin\n.data\nREAD \"data.bin\"\n";
        check_embedded(compiler, "main.S", preprocessed, BYTES);
    });
}

#[test]
fn a_file_that_inline_assembler_embeds_is_not_overlooked() {
    with_each(|compiler| {
        for statement in [
            r#"__asm__(".data\n.incbin \"data.bin\"\n.text\n");"#,
            r#"__asm__(".data\n.inc" "bin \"data.bin\"\n.text\n");"#,
            r#"__asm__(".data\n.\151ncbin \"data.bin\"\n.text\n");"#,
            "#define BIN \"bin \\\"data.bin\\\"\\n.text\\n\"\n__asm__(\".data\\n.inc\" BIN);",
            "__asm__(\".data\\n.inc\\\nbin \\\"data.bin\\\"\\n.text\\n\");",
        ] {
            check_embedded(compiler, "main.c", &format!("{statement}\nint x;\n"), BYTES);
        }
    });
}

#[test]
fn a_file_that_a_raw_string_embeds_is_not_overlooked() {
    with_each(|compiler| {
        let source = "asm(R\"(.data\n.incbin \"data.bin\"\n.text\n)\");\nint x;\n";
        check_embedded(compiler, "main.cc", source, BYTES);
    });
}

#[test]
fn a_file_that_a_header_embeds_is_not_overlooked() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("main.c", "#include \"embed.h\"\nEMBED(\"data.bin\")\n"),
            ("embed.h", "#define EMBED(f) __asm__(\".data; .incbin \\\"\" f \"\\\"; .text\");\n"),
            ("data.bin", "one"),
        ]);
        trial.prove_hit(compiler, &["-c", "main.c"]);
        trial.write("data.bin", "two");
        trial.check(compiler, &["-c", "main.c"], Compiled);
    });
}

#[test]
fn assembler_text_that_is_included_is_not_overlooked() {
    let lines = [".byte 1\n", ".byte 2\n"];
    with_each(|compiler| {
        check_embedded(compiler, "main.s", ".data\n.include \"data.bin\"\n", lines);
        let inline = r#"__asm__(".data\n.include \"data.bin\"\n.text\n");"#;
        check_embedded(compiler, "main.c", inline, lines);
    });
}

#[test]
fn a_file_read_by_the_embed_directive_is_not_overlooked() {
    let compiler = "clang-19";
    if is_installed(compiler) {
        let source = "const char data[] = {\n#embed \"data.bin\"\n};\n";
        check_embedded(compiler, "main.c", source, BYTES);
    }
}

#[test]
fn assembler_text_that_reads_nothing_is_stored() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[
            ("main.s", ".data\n.byte 1\n"),
            ("main.c", "__asm__(\".data\\n.byte 1\\n.text\");\n"),
        ]);
        trial.prove_hit(compiler, &["-c", "main.s"]);
        trial.prove_hit(compiler, &["-c", "main.c"]);
    });
}

/// Why what a clock decides is not stored.
const USED: &str = "`__DATE__`, `__TIME__` or `__TIMESTAMP__` is used";

#[test]
fn what_the_clock_decides_is_not_stored() {
    with_each(|compiler| {
        for (source, header) in [
            ("const char *t = __TIME__;\n", ""),
            ("const char *t = __DATE__;\n", ""),
            ("#include \"part.h\"\nconst char *t = NOW;\n", "#define NOW __TIME__\n"),
            ("#define GLUE(a, b) a##b\nconst char *t = GLUE(__TI, ME__);\n", ""),
            (
                "#include \"part.h\"\nconst char *t = GLUE(__DA, TE__);\n",
                "#define GLUE(a, b) a %:%: b\n",
            ),
            ("const char *t = __TI\\\nME__;\n", ""),
        ] {
            let trial = CcTrial::of(&[("main.c", source), ("part.h", header)]);
            trial.check_unstored(compiler, &["-c", "main.c"], USED);
        }
    });
}

#[test]
fn the_time_of_a_files_last_change_is_not_stored() {
    with_each(|compiler| {
        for source in [
            "const char *t = __TIMESTAMP__;\n",
            "#define GLUE(a, b) a##b\nconst char *t = GLUE(__TIME, STAMP__);\n",
        ] {
            let trial = CcTrial::of(&[("main.c", source)]);
            trial.check_unstored(compiler, &["-c", "main.c"], USED);
        }
    });
}

#[test]
fn a_time_that_is_named_and_not_used_is_no_reason() {
    with_each(|compiler| {
        for source in [
            "/* __DATE__ */ const char *t = \"__TIME__\";\n",
            "#define NOW __TIME__\n#if 0\nconst char *t = NOW;\n#endif\nint x;\n",
            "#ifdef __TIMESTAMP__\nint x;\n#endif\n",
        ] {
            let trial = CcTrial::of(&[("main.c", source)]);
            trial.prove_hit(compiler, &["-c", "main.c"]);
        }
    });
}

#[test]
fn the_time_of_a_files_last_change_is_not_fixed_by_a_variable() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "const char *t = __TIMESTAMP__;\n")]);
        trial.env.set("SOURCE_DATE_EPOCH", "0");
        if compiler == CLANG && clang_obeys_epoch() {
            trial.prove_hit(compiler, &["-c", "main.c"]);
        } else {
            trial.check_unstored(compiler, &["-c", "main.c"], USED);
        }
    });
}

#[test]
fn a_time_that_a_variable_fixes_is_keyed_where_the_compiler_obeys_it() {
    let source = [("main.c", "const char *d = __DATE__, *t = __TIME__;\n")];
    let args = ["-c", "main.c"];
    with_each(|compiler| {
        let mut trial = CcTrial::of(&source);
        trial.env.set("SOURCE_DATE_EPOCH", "0");
        if compiler == CLANG && !clang_obeys_epoch() {
            trial.check_unstored(compiler, &args, USED);
            return;
        }
        trial.prove_hit(compiler, &args);
        trial.env.set("SOURCE_DATE_EPOCH", "86400");
        trial.check(compiler, &args, Compiled);
        trial.env.unset("SOURCE_DATE_EPOCH");
        trial.check_unstored(compiler, &args, USED);
    });
}

#[test]
fn the_contents_of_a_response_file_are_keyed() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "int part = PART;\n"), ("args", "-DPART=1 -c\n")]);
        trial.prove_hit(compiler, &["@args", "main.c"]);
        trial.write("args", "-DPART=2 -c\n");
        trial.check(compiler, &["@args", "main.c"], Compiled);
        trial.write("args", "-DPART=1 -c\n");
        trial.check(compiler, &["@args", "main.c"], Hit);
    });
}

const USES_PART: &str = "#include \"part.h\"\nint part = PART;\n";

#[test]
fn a_precompiled_header_that_appears_is_not_overlooked() {
    let mut trial = CcTrial::of(&[
        ("main.c", USES_PART),
        ("inc/part.h", "#define PART 1\n"),
        ("other/part.h", "#define PART 2\n"),
    ]);
    let args = ["-Iinc", "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    trial.make(GCC, &["-xc-header", "other/part.h", "-o", "inc/part.h.gch"], "inc/part.h.gch");
    trial.check(GCC, &args, Unstored);
    trial.make(GCC, &["-DX", "-xc-header", "inc/part.h", "-o", "inc/part.h.gch"], "inc/part.h.gch");
    trial.check(GCC, &args, Unstored);
    trial.remove("inc/part.h.gch");
    trial.check(GCC, &args, Hit);
}

#[test]
fn a_precompiled_header_in_place_of_one_given_as_an_option_is_not_overlooked() {
    with_each(|compiler| {
        let made = if compiler == GCC { "part.h.gch" } else { "part.h.pch" };
        let mut trial =
            CcTrial::of(&[("main.c", "int part = PART;\n"), ("part.h", "#define PART 1\n")]);
        let args = ["-include", "part.h", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.make(compiler, &["-xc-header", "part.h", "-o", made], made);
        trial.check(compiler, &args, Unstored);
        trial.remove(made);
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn a_directory_of_precompiled_headers_is_not_overlooked() {
    let mut trial = CcTrial::of(&[
        ("main.c", USES_PART),
        ("part.h", "#define PART 1\n"),
        ("other/part.h", "#define PART 2\n"),
    ]);
    let args = ["-c", "main.c"];
    trial.write("part.h.gch/note", "");
    trial.check(GCC, &args, Unstored);
    let made = "part.h.gch/one.gch";
    trial.make(GCC, &["-xc-header", "other/part.h", "-o", made], made);
    trial.check(GCC, &args, Unstored);
}

#[test]
fn making_a_precompiled_header_is_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("part.h", "#define PART 1\n")]);
        for args in [&["part.h"][..], &["-xc-header", "-c", "part.h", "-o", "out"]] {
            for event in trial.cached(compiler, args).1 {
                Passthrough.assert_told_by(&event);
            }
        }
    });
}
