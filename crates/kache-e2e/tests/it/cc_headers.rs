//! Headers: each one that is read is an input, and so is each that is not there.

use crate::cc_trial::{CcTrial, with_each};
use crate::expected::Expected::{Compiled, Hit};

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
