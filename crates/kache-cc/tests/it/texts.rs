//! Texts that compilers read and write, by their own rules.

use std::fs;

use kache_cc::response_file;

use crate::compiler::{Dir, for_c, words};

/// Arguments that define one macro each, as they stand in a response file.
const QUOTED: &str =
    "-c\ta.c\n-DA='x y' \"-DB=\\\"q\\\"\" -DC=a\\ b -D'D'=\\\\ -DE=\"'\" -DF=\"\"\n\n";

#[test]
fn a_response_file_is_read_as_the_compilers_do() {
    for compiler in for_c() {
        let dir = Dir::with(&[("a.c", "int a;\n"), ("args", QUOTED)]);
        let read = |path: &str| fs::read_to_string(dir.path(path));
        let expanded = response_file::expand(&words("@args"), &mut { read }).unwrap();
        let macros = |args: &[String]| {
            let mut line = words("-dM -E");
            line.extend(args.iter().filter(|arg| *arg != "-c").cloned());
            let output = dir.run(compiler.program, &line, &[]);
            assert!(output.status.success(), "{args:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let (ours, theirs) = (macros(&expanded), macros(&words("@args")));
        assert_eq!(ours, theirs, "{}", compiler.program);
        assert!(ours.contains("#define A x y\n"), "{ours}");
    }
}
