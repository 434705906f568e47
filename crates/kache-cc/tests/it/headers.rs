//! Learning the names of headers changes nothing, and misses none that the user's file has.

use std::collections::BTreeSet;

use kache_cc::{CcUnit, Family, HeadersFrom, depfile, expected_outputs, instrument};

use crate::compiler::{Compiler, Dir, for_c, installed, words};

const OURS: &str = "ours";

const FILES: &[(&str, &str)] = &[
    (
        "a.c",
        "#include <stdio.h>\n#include \"user.h\"\n#include <sys.h>\n#include \"user.h\"\n\
         static int unused;\nint f(void) { return puts(\"x\") + U; }\n",
    ),
    ("inc/user.h", "#include \"inner.h\"\n#define U INNER\n"),
    ("inc/inner.h", "#pragma once\n#define INNER 1\n#warning inner\n"),
    ("sys/sys.h", "#include \"below.h\"\n"),
    ("sys/below.h", "int below;\n"),
    ("inc/prefix.h", "#define PREFIX 1\n"),
    ("inc/macros.h", "#define MACROS 1\n"),
    ("t.S", "#include \"user.h\"\n.data\n.byte U\n"),
    ("o/keep", ""),
];

const COMMON: &str = "-c a.c -o o/a.o -Wall -Iinc -isystem sys";

/// Options that show in outputs what the compiler was told.
const SHOWING: &[&str] = &[
    "",
    "-ggdb3 -O2",
    "-g -gsplit-dwarf",
    "-S -g -fverbose-asm",
    "-flto -frandom-seed=1",
    "-include inc/prefix.h -imacros inc/macros.h",
    "-include prefix.h",
];

/// Compiles as the user would, and so that the headers become known; returns
/// them after checking that all else is the same.
#[track_caller]
fn check(compiler: &Compiler, line: &str) -> BTreeSet<String> {
    let args = words(line);
    let unit = compiler.unit(&args);
    // Both in one directory: debug information names it.
    let dir = Dir::with(FILES);
    let plain_stderr = dir.compile(compiler.program, &args);
    let plain_files = dir.files();
    let outputs = expected_outputs(&unit);
    let plain: Vec<Vec<u8>> = outputs.iter().map(|output| dir.take(&output.path)).collect();
    let instrumented = instrument(&unit, OURS);
    let mut all = instrumented.args.clone();
    all.extend(unit.args.iter().cloned());
    let stderr = dir.compile(compiler.program, &all);
    assert_eq!(stderr, plain_stderr, "{} {line}", compiler.program);
    let headers = headers(&dir, &unit);
    for (output, plain) in outputs.iter().zip(plain) {
        let same = dir.read(&output.path) == plain;
        assert!(same, "{} {line}: {} differs", compiler.program, output.path);
    }
    let mut files = dir.files();
    files.retain(|file| file != OURS);
    assert_eq!(files, plain_files, "{} {line}", compiler.program);
    headers
}

/// Returns the headers that were read.
fn headers(dir: &Dir, unit: &CcUnit) -> BTreeSet<String> {
    let from_dep_file = |path: &str| depfile::parse(&dir.text(path)).unwrap();
    let mut headers = match instrument(unit, OURS).headers_from {
        HeadersFrom::Source => Vec::new(),
        HeadersFrom::UserDepFile(path) => from_dep_file(&path),
        HeadersFrom::OurDepFile => from_dep_file(OURS),
    };
    headers.retain(|header| *header != unit.source);
    let canonical = headers.iter().map(|header| {
        let path = dir.path(header).canonicalize().unwrap();
        let here = dir.path("").canonicalize().unwrap();
        path.strip_prefix(here).unwrap_or(&path).to_str().unwrap().to_owned()
    });
    canonical.collect()
}

#[test]
fn the_headers_are_those_of_the_users_file_or_all() {
    for compiler in for_c() {
        for showing in SHOWING {
            let line = |how: &str| format!("{COMMON} {showing} {how}");
            let ours = check(&compiler, &line(""));
            for header in ["inc/inner.h", "inc/user.h", "sys/below.h", "sys/sys.h"] {
                assert!(ours.contains(header), "{} {showing}: {ours:?}", compiler.program);
            }
            assert!(ours.iter().any(|it| it.ends_with("/stdio.h")), "{ours:?}");
            let prefix = showing.contains("prefix.h");
            assert_eq!(ours.contains("inc/prefix.h"), prefix, "{showing}");
            assert_eq!(check(&compiler, &line("-MD")), ours, "{}", compiler.program);
            let of_user = |header: &&String| header.starts_with("inc/");
            let of_user: BTreeSet<String> = ours.iter().filter(of_user).cloned().collect();
            for how in ["-MMD -MP", "-Wp,-MMD,o/w.d"] {
                assert_eq!(check(&compiler, &line(how)), of_user, "{} {how}", compiler.program);
            }
        }
    }
}

#[test]
fn assembler_sources_have_headers_only_if_they_are_preprocessed() {
    for compiler in installed() {
        for how in ["", "-MD", "-MMD"] {
            let headers = check(&compiler, &format!("-c t.S -o o/t.o -Iinc {how}"));
            assert!(headers.contains("inc/inner.h"), "{} {how}: {headers:?}", compiler.program);
        }
    }
}

/// Why GCC is not told to list headers with `-H`.
#[test]
fn gcc_shows_its_option_for_headers_and_does_not_list_all_of_them() {
    for compiler in of(Family::Gcc) {
        let dir = Dir::with(FILES);
        let line = format!("{COMMON} -g");
        dir.compile(compiler.program, &words(&line));
        let plain = dir.read("o/a.o");
        let stderr = dir.compile(compiler.program, &words(&format!("{line} -H")));
        assert!(plain != dir.read("o/a.o"), "{}", compiler.program);
        assert!(!stderr.contains("stdc-predef.h"), "{stderr}");
    }
}

/// Why Clang is not told to list headers by its variables.
#[test]
fn clang_changes_the_users_dependency_file_where_it_lists_headers() {
    for compiler in of(Family::Clang) {
        let dir = Dir::with(FILES);
        let args = words(&format!("{COMMON} -MMD"));
        dir.compile(compiler.program, &args);
        let plain = dir.text("o/a.d");
        let env = [("CC_PRINT_HEADERS", "1"), ("CC_PRINT_HEADERS_FILE", OURS)];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let output = dir.run(compiler.program, &args, &env);
        assert!(output.status.success(), "{}", compiler.program);
        assert!(plain != dir.text("o/a.d"), "{}", compiler.program);
    }
}

fn of(family: Family) -> impl Iterator<Item = Compiler> {
    installed().into_iter().filter(move |compiler| compiler.family() == family)
}
