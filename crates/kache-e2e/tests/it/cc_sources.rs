//! What an object is made of beside headers: values, times, files that only the
//! assembler sees; and files that nobody expects.

use crate::cc_trial::{CcTrial, GCC, assert_same, clang_obeys_epoch, with_each};
use crate::expected::Expected::{Compiled, Hit, Miss, Passthrough};
use crate::expected::assert_unstored;

#[test]
fn a_value_that_names_the_checkout_belongs_to_it() {
    with_each(|compiler| {
        for text in [
            "const char *root = ROOT;\n",
            "unsigned long length = sizeof(ROOT);\n",
            "int nothing;\n",
        ] {
            let trial = CcTrial::of(&[("main.c", text)]);
            let second =
                trial.project.second_checkout(&trial.env.work_dir().join("elsewhere/second"));
            let second = second.expect("the project can be copied");
            for (project, expected) in [
                (&trial.project, Compiled),
                (&second, Compiled),
                (&trial.project, Hit),
                (&second, Hit),
            ] {
                let define = format!("-DROOT=\"{}/data\"", project.dir().display());
                let args = [define.as_str(), "-c", "main.c"];
                let bare = trial.bare_in(project, compiler, &args);
                let (seen, events) = trial.cached_in(project, compiler, &args);
                assert_same(&seen, &bare);
                expected.assert_told_by(&events[0]);
            }
        }
    });
}

#[test]
fn a_value_that_names_no_checkout_is_shared() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("main.c", "const char *root = ROOT;\n")]);
        let second = trial.project.second_checkout(&trial.env.work_dir().join("second"));
        let args = ["-DROOT=\"data\"", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        let second = second.expect("the project can be copied");
        let (_, events) = trial.cached_in(&second, compiler, &args);
        Hit.assert_told_by(&events[0]);
    });
}

#[track_caller]
fn never_stored(trial: &CcTrial, compiler: &str, args: &[&str]) {
    for _ in 0..2 {
        let (seen, events) = trial.cached(compiler, args);
        assert!(!seen.bytes("main.o").is_empty());
        let event = events.first().expect("kache wrote an event");
        assert_unstored(event, "TIME");
    }
}

#[test]
fn a_time_that_an_option_names_is_not_stored() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[
            ("main.c", "#include \"empty.h\"\nconst char *time = VALUE;\n"),
            ("paste.h", "#define VALUE CAT(__TI, ME__)\n"),
            ("empty.h", ""),
        ]);
        for options in [
            &["-DVALUE=__TIME__"][..],
            &["-D", "VALUE=__DATE__ __TIMESTAMP__"],
            &["-Wp,-DVALUE=__TIME__"],
            &["-Xpreprocessor", "-DVALUE=__TIME__"],
            &["-DVALUE=CAT(__TI,ME__)", "-DCAT(a,b)=a##b"],
            &["-DVALUE=OF(__TI)", "-DOF(a)=PASTE(a,ME__)", "-DPASTE(a,b)=a##b"],
            &["-DCAT(a,b)=a##b", "-include", "paste.h"],
        ] {
            never_stored(&trial, compiler, &[options, &["-c", "main.c"]].concat());
        }
    });
}

#[test]
fn a_time_that_a_variable_fixes_is_stored_where_the_compiler_knows_the_variable() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "const char *time = VALUE;\n")]);
        let args = ["-DVALUE=__TIME__", "-c", "main.c"];
        trial.env.set("SOURCE_DATE_EPOCH", "1000000");
        if compiler == GCC || clang_obeys_epoch() {
            trial.prove_hit(compiler, &args);
            trial.env.set("SOURCE_DATE_EPOCH", "2000000");
            trial.prove_hit(compiler, &args);
        } else {
            never_stored(&trial, compiler, &args);
        }
    });
}

#[test]
fn a_file_that_only_the_assembler_reads_is_no_secret_to_the_key() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("low.s", ".globl low\nlow:\n.include \"part.inc\"\n"),
            ("low.S", ".globl low\nlow:\n.include \"part.inc\"\n"),
            ("inline.c", "__asm__(\".include \\\"part.inc\\\"\");\nint x;\n"),
            ("split.c", "__asm__(\".incl\" \"ude \\\"part.inc\\\"\");\nint x;\n"),
            ("part.inc", ".long 1\n"),
        ]);
        for source in ["low.s", "low.S", "inline.c", "split.c"] {
            let args = ["-c", source, "-o", "out.o"];
            trial.write("part.inc", ".long 1\n");
            trial.prove_hit(compiler, &args);
            trial.write("part.inc", ".long 2\n");
            trial.check(compiler, &args, Compiled);
        }
    });
}

/// An assembler that leaves a symbol in each object.
const OTHER_AS: &str = "#!/bin/sh\nexec /usr/bin/as --defsym FROM_OTHER=1 \"$@\"\n";

#[test]
fn an_assembler_that_appears_on_the_path_is_another_one() {
    let mut trial = CcTrial::of(&[("main.c", "int x = 1;\n")]);
    let other = trial.program("as.later", OTHER_AS);
    let bin = trial.env.root().join("bin");
    let path = format!("{}:{}", bin.display(), trial.env.var("PATH").unwrap().display());
    trial.env.set("PATH", path);
    let args = ["-c", "main.c"];
    trial.prove_hit(GCC, &args);
    std::fs::rename(&other, bin.join("as")).unwrap();
    let seen = trial.check(GCC, &args, Miss);
    assert!(String::from_utf8_lossy(seen.bytes("main.o")).contains("FROM_OTHER"));
    std::fs::remove_file(bin.join("as")).unwrap();
    trial.check(GCC, &args, Hit);
}

#[test]
fn an_assembler_that_appears_where_gcc_looks_first_is_another_one() {
    let mut trial = CcTrial::of(&[("main.c", "int x = 1;\n")]);
    let dir = trial.env.root().join("tools/");
    std::fs::create_dir(&dir).unwrap();
    trial.env.set("COMPILER_PATH", dir.clone());
    let args = ["-c", "main.c"];
    trial.prove_hit(GCC, &args);
    let other = trial.program("as", OTHER_AS);
    std::fs::rename(other, dir.join("as")).unwrap();
    trial.check(GCC, &args, Miss);
}

const LOOP: &str = "int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; i++) s += v[i]; return s; }\n";

/// Options that make another file each time.
const DIFFER: [&str; 6] =
    ["-Q", "-Wa,--MD", "-fsave-optimization", "-fproc-stat", "-save-stats", "-ftime-trace"];

#[test]
fn every_file_that_an_option_makes_comes_back_or_the_compiler_makes_it() {
    let both = [
        &["-gsplit-dwarf"][..],
        &["-gsplit-dwarf", "-g"],
        &["-gsplit-dwarf=split"],
        &["-gsplit-dwarf=single"],
        &["-gsplit-dwarf", "-g0"],
        &["-fstack-usage"],
        &["-ftest-coverage", "-frandom-seed=1"],
        &["-fsave-optimization-record"],
        &["-Wa,--MD,as.d"],
        &["-Wa,-aln=listing.txt"],
        &["-MD", "-MF", "deps.d", "-fstack-usage"],
        &["-save-temps"],
    ];
    let gcc = [
        &["-fopt-info-all=opt.txt"][..],
        &["-fopt-info"],
        &["-aux-info", "aux.txt"],
        &["-fdump-tree-optimized"],
        &["-fdump-rtl-expand=dump.txt"],
        &["-fdump-passes"],
        &["-fcallgraph-info"],
        &["-fcallgraph-info=su,da"],
        &["-fcompare-debug"],
        &["-da"],
        &["-Q"],
    ];
    let clang = [
        &["-foptimization-record-file=other.yaml"][..],
        &["-Xclang", "-header-include-file", "-Xclang", "headers.txt"],
        &["-MJ", "commands.json"],
        &["-fproc-stat-report=stat.txt"],
        &["-save-stats"],
        &["-ftime-trace"],
        &["--serialize-diagnostics", "main.dia"],
        &["-Rpass=.*"],
        &["-fprofile-instr-generate", "-fcoverage-mapping"],
        &["-Xclang", "-dependency-dot", "-Xclang", "deps.dot"],
    ];
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", LOOP)]);
        // Debug information names no place of kache's choosing.
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        let own = if compiler == GCC { &gcc[..] } else { &clang[..] };
        for options in both.iter().chain(own) {
            let args = [options, &["-O2", "-c", "main.c", "-o", "main.o"][..]].concat();
            if options.iter().any(|option| DIFFER.iter().any(|start| option.starts_with(start))) {
                let (_, events) = trial.cached(compiler, &args);
                Passthrough.assert_told_by(&events[0]);
            } else {
                let events = trial.check_twice(compiler, &args);
                assert_eq!(events.len(), 2, "{options:?}");
            }
        }
    });
}
