//! Precompiled headers, which compilers take without being told.

use kache_cc::first_include::first_includes;
use kache_cc::{Family, depfile};

use crate::compiler::{Dir, for_c, words};

const FILES: &[(&str, &str)] = &[
    ("a.c", "/* first */\n#include <pre.h>\n#include \"later.h\"\nint a = PRE + LATER;\n"),
    ("inc/pre.h", "#define PRE 1\n"),
    ("later.h", "#define LATER 1\n"),
];

/// Why precompiled headers must be looked for by name.
#[test]
fn gcc_names_neither_a_precompiled_header_nor_its_source() {
    for compiler in for_c().into_iter().filter(|it| it.family() == Family::Gcc) {
        let dir = Dir::with(FILES);
        dir.compile(compiler.program, &words("-x c-header inc/pre.h -o inc/pre.h.gch"));
        dir.compile(compiler.program, &words("-c a.c -Iinc -MD"));
        let files = depfile::parse(&dir.text("a.d")).unwrap();
        assert!(!files.iter().any(|file| file.contains("pre.h")), "{files:?}");
        assert!(files.contains(&"later.h".to_owned()), "{files:?}");
        assert_eq!(first_includes(&dir.read("a.c"), &|_| true).names, ["pre.h"]);
    }
}

#[test]
fn a_precompiled_header_that_is_not_the_first_header_is_not_used() {
    for compiler in for_c() {
        let dir = Dir::with(FILES);
        dir.compile(compiler.program, &words("-x c-header later.h -o later.h.gch"));
        dir.compile(compiler.program, &words("-c a.c -Iinc -MD"));
        let files = depfile::parse(&dir.text("a.d")).unwrap();
        assert!(files.contains(&"later.h".to_owned()), "{files:?}");
    }
}
