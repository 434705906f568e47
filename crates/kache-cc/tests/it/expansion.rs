//! Where two states of a unit have one expansion, compilers make the same of them.

use std::collections::BTreeMap;
use std::fs;

use kache_cc::expansion::{digest, hidden_by};
use kache_cc::{DriverLanguage, preprocess};
use kache_key::{Digest, Roots};

use crate::compiler::{Compiler, Dir, for_c, installed, words};

const MAIN: &str = "#include \"part.h\"\n#include \"other.h\"\nint main(void) {\n  \
    return f(1) + g(TWICE(2),\n    3) + h(4);\n}\n";

const PART: &str = "/* A part. */\n#define ONE 1\n#define UNUSED 1\n#define SUM(a, b) ((a) + (b))\n\
    #define CAT(a, b) a##b\n#ifdef ABSENT\nint absent;\n#endif\n\n\
    static int f(int a) { /* one */\n  int b = 2; // two\n  return SUM(a,\n             CAT(O, NE)) + b;\n}\n\
    #define g(a, b) SUM(a, b) /* three */\n";

const OTHER: &str = "static int h(int a) {\n  switch (a) {\n  case 1:\n    a = SUM(a, 1);\n    \
    /* fall through */\n  case 2:\n    a++; int c = a; return c;\n  }\n  return 0;\n}\n\
    #define TWICE(a) SUM(a, a)\n";

/// What is changed in the two headers, each time alone.
const EDITS: &[(&str, &str)] = &[
    ("A part.", "Another part, of another length."),
    ("/* A part. */", "// A part."),
    ("/* A part. */", ""),
    ("UNUSED 1", "UNUSED 2"),
    ("#define UNUSED 1", ""),
    ("#define UNUSED 1", "#undef UNUSED"),
    ("ONE 1", "ONE (1)"),
    ("ONE 1", "ONE 2"),
    ("ONE 1", "ONE /* one */ 1"),
    ("int absent", "long absent"),
    ("#ifdef ABSENT", "#if 0"),
    ("#endif\n\n", "#endif\n"),
    ("#endif\n\n", "#endif\n// line\n"),
    ("/* one */", "/* longer */"),
    ("/* one */", "// one"),
    ("// two", ""),
    ("int b = 2;", "int /* b */ b = 2;"),
    ("int b = 2;", "int   b = 2;"),
    ("SUM(a,\n", "SUM(a, // first\n"),
    ("             CAT", "  CAT"),
    ("             CAT", "/* second */ CAT"),
    ("((a) + (b))", "( (a) + (b) )"),
    ("((a) + (b))", "((b) + (a))"),
    ("/* three */", ""),
    ("fall through", "FALLTHRU"),
    ("fall through", "goes on"),
    ("    /* fall through */\n", "    /* so */ /* fall through */\n"),
    ("int c = a;", "int c = /**/ a;"),
    ("a++; int", "a++;  int"),
    ("SUM(a, 1)", "SUM(a,1)"),
    ("SUM(a, 1)", "((a) + (1))"),
    ("#define TWICE(a) SUM(a, a)", "#define TWICE(a) SUM(a, \\\n  a)"),
    ("return 0;\n", "return 0; /* nothing\n  at all */\n"),
];

const OPTIONS: &[&str] = &[
    "",
    "-g -gdwarf-4 -O2 -Wall -Wextra",
    "-S -g -gdwarf-4 -fsanitize=undefined",
    "-fstack-usage -Wmisleading-indentation -Wunused-macros",
];

/// Returns the digest of the expansion of `main.c`, if it has a clear one.
fn expansion_of(dir: &Dir, compiler: &Compiler, line: &[String]) -> Option<Digest> {
    let run = preprocess(&compiler.unit(line), "ours");
    let output = dir.run(compiler.program, &run, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut read = |path: &str| fs::read(dir.path(path)).map_err(|error| error.to_string());
    let found = digest(&output.stdout, &Roots::default(), &mut read);
    found.ok().filter(|_| output.stderr.is_empty())
}

/// Returns all that a compilation makes and says.
fn result_of(dir: &Dir, compiler: &Compiler, line: &[String]) -> (String, Vec<Vec<u8>>) {
    let said = dir.compile(compiler.program, line);
    let made = dir.files().into_iter().filter(|name| name.starts_with("out."));
    (said, made.map(|name| dir.take(&name)).collect())
}

#[test]
fn states_with_one_expansion_make_one_object() {
    for compiler in for_c() {
        for options in OPTIONS {
            let stage = if options.contains("-S") { "-o out.s" } else { "-c -o out.o" };
            let line = words(&format!("{options} {stage} main.c"));
            // Objects name the directory that they were made in: it is one for all.
            let dir = Dir::with(&[("main.c", MAIN)]);
            let mut results = BTreeMap::new();
            let mut shared = 0;
            for (old, new) in std::iter::once(&("", "")).chain(EDITS) {
                assert!(PART.contains(old) || OTHER.contains(old), "{old}");
                fs::write(dir.path("part.h"), PART.replacen(old, new, 1)).unwrap();
                fs::write(dir.path("other.h"), OTHER.replacen(old, new, 1)).unwrap();
                let Some(expansion) = expansion_of(&dir, &compiler, &line) else { continue };
                let result = result_of(&dir, &compiler, &line);
                let known = results.entry(expansion).or_insert_with(|| result.clone());
                assert!(*known == result, "{} {options}: {old} to {new}", compiler.program);
                shared += 1;
            }
            assert!(shared >= results.len() + 8, "{} {options}", compiler.program);
        }
    }
}

#[test]
fn units_that_hide_something_are_known() {
    for compiler in for_c() {
        let is_hidden = |line: &str| hidden_by(&compiler.unit(&words(line))).is_some();
        for line in ["-c a.c", "-O2 -Wall -Wextra -c a.c", "-g -gdwarf-4 -c a.c", "-MD -S a.c"] {
            assert!(!is_hidden(line), "{} {line}", compiler.program);
        }
        for line in [
            "-c a.S",
            "-c a.i",
            "-g3 -c a.c",
            "-ggdb3 -c a.c",
            "--coverage -c a.c",
            "-fprofile-arcs -c a.c",
            "-ftest-coverage -c a.c",
            "-fsanitize=address -c a.c",
            "-S -fverbose-asm a.c",
            "-imacros a.h -c a.c",
            "-Wimplicit-fallthrough=1 -c a.c",
            "-Werror=documentation -c a.c",
            "-Weverything -c a.c",
        ] {
            assert!(is_hidden(line), "{} {line}", compiler.program);
        }
        let is_clang = compiler.program.starts_with("clang");
        for line in ["-g -c a.c", "-gdwarf-4 -gdwarf-5 -c a.c", "-g1 -c a.c"] {
            assert_eq!(is_hidden(line), is_clang, "{} {line}", compiler.program);
        }
    }
}

/// Clang writes digests of the sources themselves.
#[test]
fn debug_information_of_clang_tells_a_comment() {
    for compiler in for_c() {
        let dir = Dir::with(&[("main.c", MAIN), ("other.h", OTHER)]);
        let made = [PART, &PART.replace("A part", "B part")].map(|part| {
            fs::write(dir.path("part.h"), part).unwrap();
            result_of(&dir, &compiler, &words("-g -gdwarf-5 -c -o out.o main.c")).1
        });
        let is_clang = compiler.program.starts_with("clang");
        assert_eq!(made[0] != made[1], is_clang, "{}", compiler.program);
    }
}

#[test]
fn the_headers_of_the_system_hide_nothing() {
    let c = "#include <stdio.h>\n#include <stdlib.h>\n#include <math.h>\n#include <unistd.h>\n";
    let cpp = "#include <algorithm>\n#include <iostream>\n#include <map>\n#include <regex>\n";
    for compiler in installed() {
        let is_cpp = compiler.called.language == DriverLanguage::Cpp;
        let (name, text) = if is_cpp { ("main.cc", cpp) } else { ("main.c", c) };
        let dir = Dir::with(&[(name, text)]);
        let found = expansion_of(&dir, &compiler, &words(&format!("-O2 -c {name}")));
        assert!(found.is_some(), "{}", compiler.program);
    }
}
