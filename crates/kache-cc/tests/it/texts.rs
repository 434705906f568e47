//! Texts that compilers read and write, by their own rules.

use std::fs;

use kache_cc::{depfile, response_file};

use crate::compiler::{Dir, for_c, words};

/// Names of headers that make needs escaped, or nearly.
const ODD_NAMES: &[&str] =
    &["a b.h", "a#b.h", "a$b.h", "a\\b.h", "a\\ b.h", "a:b.h", "ä.h", "a'b.h", "a%b.h", "{a}.h"];

#[test]
fn odd_names_are_read_from_a_dependency_file() {
    for compiler in for_c() {
        for name in ODD_NAMES {
            let dir = Dir::with(&[("a.c", "int a;\n"), (name, "")]);
            dir.compile(compiler.program, &odd_line(name));
            let files = depfile::parse(&dir.text("d")).unwrap();
            let found = files.iter().any(|file| file == name);
            // Clang writes a backslash as a slash: no file has that name.
            let is_lost = name.contains('\\') && compiler.program.starts_with("clang");
            assert!(found || is_lost, "{} {name}: {files:?}", compiler.program);
        }
    }
}

fn odd_line(name: &str) -> Vec<String> {
    let mut line = words("-c a.c -MD -MF d -include");
    line.push(name.to_owned());
    line
}

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
