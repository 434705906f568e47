//! The names of the files that compilers write.

use std::collections::BTreeSet;

use kache_cc::{DepStyle, expected_outputs};

use crate::compiler::{Compiler, Dir, for_c, installed, words};

const FILES: &[(&str, &str)] = &[
    ("a.c", "#include <stddef.h>\n#include \"h.h\"\nint f(int x) { return x + H; }\n"),
    ("a.b.c", "int f(void) { return 1; }\n"),
    ("noext", "int f(void) { return 1; }\n"),
    ("sub/a.c", "#include \"../h.h\"\nint f(void) { return H; }\n"),
    ("t.S", "#include \"h.h\"\n.data\n.byte H\n"),
    ("u.s", ".data\n.byte 1\n"),
    ("h.h", "#define H 1\n"),
    ("o/keep", ""),
];

/// Returns the files that the compiler wrote, after checking that they are those expected.
#[track_caller]
fn check(compiler: &Compiler, line: &str) {
    let dir = Dir::with(FILES);
    let before: BTreeSet<String> = dir.files().into_iter().collect();
    let args = words(line);
    let unit = compiler.unit(&args);
    dir.compile(compiler.program, &args);
    let written: BTreeSet<String> =
        dir.files().into_iter().filter(|file| !before.contains(file)).collect();
    let outputs = expected_outputs(&unit);
    let expected: BTreeSet<String> = outputs.iter().map(|output| output.path.clone()).collect();
    let certain = outputs.iter().filter(|output| output.is_certain);
    let missing: Vec<_> = certain.filter(|output| !written.contains(&output.path)).collect();
    assert!(missing.is_empty(), "{} {line}: {missing:?} of {written:?}", compiler.program);
    let surprise: Vec<_> = written.difference(&expected).collect();
    assert!(surprise.is_empty(), "{} {line}: {surprise:?}", compiler.program);
    check_dep_file(compiler, &dir, line);
}

/// Compares what is known of the dependency file with what it says.
#[track_caller]
fn check_dep_file(compiler: &Compiler, dir: &Dir, line: &str) {
    let unit = compiler.unit(&words(line));
    let Some(dep_file) = &unit.dep_file else { return };
    let text = dir.text(&dep_file.path);
    let names: Vec<&str> = dep_file.targets.iter().map(|target| target.name.as_str()).collect();
    let (targets, _) = text.split_once(": ").unwrap();
    assert_eq!(targets.split_whitespace().collect::<Vec<_>>(), names, "{line}: {text}");
    let files: Vec<&str> = text.split_whitespace().collect();
    assert!(files.contains(&unit.source.as_str()), "{line}: {text}");
    let has_system = files.iter().any(|file| file.ends_with("/stddef.h"));
    let is_a = unit.source == "a.c";
    assert_eq!(has_system, is_a && dep_file.style == DepStyle::All, "{line}: {text}");
    assert_eq!(text.contains("\nh.h:"), dep_file.phony, "{line}: {text}");
}

const LINES: &[&str] = &[
    "-c a.c",
    "-S a.c",
    "-c -S a.c",
    "-S -c a.c",
    "-c a.b.c",
    "-c sub/a.c",
    "-c -x c noext",
    "-c a.c -o o/x.o",
    "-c a.c -oo/x.y.o",
    "-c a.c -o o/x",
    "-c -MD a.c",
    "-c -MD a.b.c",
    "-c -MD sub/a.c",
    "-c -MD -x c noext -o o/n",
    "-S -MD a.c",
    "-S -MD a.c -o o/x.asm",
    "-c -MD a.c -o o/x.y.o",
    "-c -MD a.c -o o/x",
    "-c -MD -MP a.c -o o/x.foo",
    "-c -MMD -MD a.c",
    "-c -MD -MMD -MP a.c",
    "-c -MD -MF o/q.d a.c -o o/x.o",
    "-c -MF o/q.d -MD -MF o/r.d a.c",
    "-c -MD -MT t1 -MQ t2 a.c",
    "-c -MD -MQt1 -MFo/q.d a.c -o o/x.o",
    "-c -Wp,-MD,o/q.d a.c -o o/x.o",
    "-c -Wp,-MMD,o/q.d -MP a.c -o o/x.o",
    "-c -Wp,-MD,o/q.d -MT t1 a.c -o o/x.o",
    "-c -MD t.S",
    "-c -MMD -o o/t.o t.S",
    "-c -MD u.s",
    "-c -MMD -MF o/q.d u.s -o o/u.o",
    "-c --coverage a.c",
    "-c --coverage -o o/x.y.o a.c",
    "-c -ftest-coverage -fprofile-arcs a.c",
    "-c -fprofile-arcs a.c -o o/x",
    "-S --coverage a.c",
    "-c -fstack-usage a.c",
    "-c -fstack-usage -MD -o o/x.lo a.c",
    "-S -fstack-usage a.c -o o/q.s",
    "-c -g -gsplit-dwarf a.c",
    "-c -gsplit-dwarf a.c -o o/x.y.o",
    "-c -g -gsplit-dwarf a.c -o o/x",
    "-c -gsplit-dwarf -g0 a.c",
    "-c -g -gsplit-dwarf -gno-split-dwarf a.c",
    "-S -g -gsplit-dwarf a.c",
    "-c -g -gsplit-dwarf t.S",
    "-c -flto -ffat-lto-objects a.c",
    "-c -flto a.c -o o/x.o",
];

const GCC_LINES: &[&str] = &[
    "-c -Wp,-MD,o/q.d,-DX=1 a.c -o o/x.o",
    "-c -fcallgraph-info a.c -o o/x.y.o",
    "-c -fcallgraph-info=su,da a.c",
    "-c -frecord-gcc-switches a.c",
];

const CLANG_LINES: &[&str] = &[
    "-c --serialize-diagnostics o/x.dia a.c",
    "-c -serialize-diagnostics x.dia a.c -o o/x.o",
    "-c -g -gsplit-dwarf=single a.c",
    "-c -g -gsplit-dwarf=split a.c",
    "-c -g1 -gsplit-dwarf a.c",
    "-c -- a.c",
];

#[test]
fn only_the_expected_files_are_written() {
    for compiler in for_c() {
        let own = match compiler.family() {
            kache_cc::Family::Gcc => GCC_LINES,
            _ => CLANG_LINES,
        };
        for line in LINES.iter().chain(own) {
            check(&compiler, line);
        }
    }
}

#[test]
fn several_sources_are_several_units() {
    for compiler in installed() {
        let dir = Dir::with(FILES);
        let before: BTreeSet<String> = dir.files().into_iter().collect();
        let args = words("-c -MD a.c -O1 a.b.c");
        let kache_cc::Verdict::Compile(units) = kache_cc::classify(&args, compiler.called) else {
            panic!("{}", compiler.program);
        };
        assert_eq!(units.len(), 2);
        dir.compile(compiler.program, &args);
        let together: BTreeSet<String> = dir.files().into_iter().collect();
        let alone = Dir::with(FILES);
        for unit in &units {
            alone.compile(compiler.program, &unit.args);
        }
        assert_eq!(together, alone.files().into_iter().collect());
        for file in together.difference(&before) {
            assert_eq!(dir.read(file), alone.read(file), "{file}");
        }
    }
}
