//! Two checkouts of one C project: what is shared, and what belongs to one.

use std::fs;

use crate::cc_trial::{CcTrial, with_each};
use crate::expected::Expected::{Compiled, Hit};

#[test]
fn a_header_included_by_its_absolute_path_is_the_same_in_every_checkout() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("part.h", "#define PART 1\n")]);
        let header = trial.project.path("part.h");
        trial.write("main.c", &format!("#include \"{}\"\nint part = PART;\n", header.display()));
        let args = ["-c", "main.c"];
        trial.prove_hit(compiler, &args);
        let second = trial.project.second_checkout(&trial.env.work_dir().join("second")).unwrap();
        trial.write("part.h", "#define PART 2\n");
        let (seen, events) = trial.cached_in(&second, compiler, &args);
        events.iter().for_each(|event| Compiled.assert_told_by(event));
        assert_eq!(seen.bytes("main.o"), trial.bare(compiler, &args).bytes("main.o"));
    });
}

#[test]
fn a_checkout_that_nothing_names_shares_with_others() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[
            ("src/main.c", "#include \"part.h\"\nint part = PART;\n"),
            ("inc/part.h", "#define PART 1\n"),
        ]);
        let inc = format!("-I{}", trial.project.path("inc").display());
        let dep = ["-MD", "-c", "src/main.c", "-o", "main.o"];
        trial.prove_hit(compiler, &[&[inc.as_str()], &dep[..]].concat());
        let second = trial.project.second_checkout(&trial.env.work_dir().join("second")).unwrap();
        let inc = format!("-I{}", second.path("inc").display());
        let (seen, events) =
            trial.cached_in(&second, compiler, &[&[inc.as_str()], &dep[..]].concat());
        events.iter().for_each(|event| Hit.assert_told_by(event));
        let listed = String::from_utf8_lossy(seen.bytes("main.d")).into_owned();
        assert!(listed.contains(&second.path("inc/part.h").display().to_string()), "{listed}");
        assert!(fs::metadata(second.path("main.o")).is_ok());
    });
}
