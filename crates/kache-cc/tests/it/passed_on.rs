//! Arguments for the assembler and the compiler proper, as real ones take them.

use crate::compiler::{Dir, for_c, words};

#[test]
fn arguments_for_the_tools_behind_the_driver_are_accepted() {
    for compiler in for_c() {
        for line in [
            "-c a.c -Wa,--noexecstack",
            "-c a.c -Wa,--noexecstack,--fatal-warnings -Wp,-DX=1,-UY",
            "-c a.c -Xassembler --noexecstack -Xpreprocessor -DX=1",
            "-c a.c -Xpreprocessor -fopenmp",
            "-c t.S -DX=1 -Wa,--noexecstack",
        ] {
            let dir = Dir::with(&[("a.c", "int a;\n"), ("t.S", ".data\n.byte X\n")]);
            let args = words(line);
            let unit = compiler.unit(&args);
            dir.compile(compiler.program, &unit.args);
        }
    }
}
