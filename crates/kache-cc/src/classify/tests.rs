use proptest::prelude::*;

use super::*;
use crate::driver::DriverLanguage::{ByName, Cpp};

fn called(family: Family) -> Called {
    Called { family, language: ByName }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
fn units_of(line: &str, called: Called) -> Vec<CcUnit> {
    match classify(&words(line), called) {
        Verdict::Compile(units) => units,
        Verdict::Refuse(refusal) => panic!("{line}: {refusal}"),
    }
}

#[track_caller]
fn unit_of(line: &str, family: Family) -> CcUnit {
    let mut units = units_of(line, called(family));
    assert_eq!(units.len(), 1, "{line}");
    units.remove(0)
}

/// Checks why a command line is refused by each of `families`.
#[track_caller]
fn refused(families: &[Family], line: &str, reason: &str) {
    for family in families {
        match classify(&words(line), called(*family)) {
            Verdict::Refuse(refusal) => assert_eq!(refusal.to_string(), reason, "{line}"),
            Verdict::Compile(_) => panic!("{family:?} {line}"),
        }
    }
}

const GCC: &[Family] = &[Family::Gcc];
const CLANG: &[Family] = &[Family::Clang];
const BOTH: &[Family] = &[Family::Gcc, Family::Clang];

#[test]
fn what_is_no_compilation_of_sources_is_refused() {
    refused(BOTH, "", "a link");
    refused(BOTH, "a.c", "a link");
    refused(BOTH, "-o a a.o b.o", "`a.o` is not a C, C++ or assembler source");
    refused(BOTH, "-c", "no input file");
    refused(BOTH, "-E a.c", "`-E` does not make an object");
    refused(BOTH, "-M a.c", "`-M` does not make an object");
    refused(BOTH, "-c -x c -", "source on standard input");
    refused(BOTH, "-c a.c -o -", "`-o` names `-`");
    refused(BOTH, "-c a.c -o /dev/null", "`-o` names `/dev/null`");
    refused(BOTH, "-c a.c -MD -MF -", "`-MF` names `-`");
    refused(BOTH, "-c a.c -o dir/", "`-o` names `dir/`");
    refused(BOTH, "-c .c", "`source` names `.c`");
    refused(BOTH, "-c a.c -o o/.x", "`-o` names `o/.x`");
    refused(BOTH, "-c a.c b.c -o x.o", "`-o` with several sources");
    refused(BOTH, "-c a.c b.o", "`b.o` is not a C, C++ or assembler source");
    refused(BOTH, "-c a.h", "`a.h` is not a C, C++ or assembler source");
    refused(BOTH, "-c a.m", "`a.m` is not a C, C++ or assembler source");
    refused(BOTH, "-c -x c-header a.h", "`-x` has the unknown value `c-header`");
    refused(BOTH, "-c a.c @args", "response file `@args`");
    refused(BOTH, "-fsyntax-only a.c", "`-fsyntax-only` does not make an object");
    refused(BOTH, "--version", "`--version` does not make an object");
}

#[test]
fn an_unknown_option_is_refused_by_name() {
    refused(BOTH, "-c a.c -fno-such", "unknown option `-fno-such`");
    refused(BOTH, "-c a.c -mno-such=1", "unknown option `-mno-such=1`");
    refused(BOTH, "-c a.c --unknown", "unknown option `--unknown`");
    refused(BOTH, "-c a.c -cx", "unknown option `-cx`");
    refused(BOTH, "-c a.c -I", "`-I` has no value");
    refused(BOTH, "-c a.c -MD -MF", "`-MF` has no value");
    refused(GCC, "-c -- a.c", "unknown option `--`");
    refused(CLANG, "-c -- a.c -O2", "`-O2` after `--`");
    for argument in ["-stats", "-time-passes", "--help-hidden", "-dot-cfg-mssa=1", "list", "-x=y"] {
        let line = format!("-c a.c -mllvm {argument}");
        refused(CLANG, &line, &format!("`-mllvm` passes on the unknown option `{argument}`"));
    }
    refused(CLANG, "-c a.c -mllvm", "`-mllvm` has no value");
}

#[test]
fn what_an_entry_cannot_hold_is_refused() {
    refused(BOTH, "-c a.c -save-temps=obj", "`-save-temps=` writes files that are not modelled");
    refused(
        CLANG,
        "-c a.c -working-directory=x",
        "`-working-directory` runs the compiler elsewhere",
    );
    refused(GCC, "-c a.c -fdump-tree-all", "`-fdump-` writes files that are not modelled");
    refused(GCC, "-c a.c -fopt-info-vec=x", "`-fopt-info-` writes files that are not modelled");
    refused(CLANG, "-c a.c -fmodules", "`-fmodules` reads or writes compiled modules");
    refused(CLANG, "-c a.c -ftime-trace", "`-ftime-trace` writes files that are not modelled");
    refused(
        CLANG,
        "-c a.c -frecord-command-line",
        "`-frecord-command-line` writes the whole command line into the object",
    );
    refused(CLANG, "-c a.c -arch x86_64 -arch arm64", "`-arch` asks for several architectures");
    refused(
        GCC,
        "-c a.c -fdiagnostics-format=json-file",
        "`-fdiagnostics-format=json-file` writes diagnostics into a file",
    );
    refused(BOTH, "-c a.c -I-", "`-I-` looks for headers in a way that is not modelled");
    refused(
        BOTH,
        "-c a.c -MG -MD",
        "`-MG` changes the dependency file in a way that is not modelled",
    );
}

#[test]
fn what_is_off_by_default_may_be_switched_off() {
    unit_of("-c a.c -fno-modules -fno-syntax-only", Family::Clang);
    unit_of("-c a.c -fno-lto -gno-record-gcc-switches", Family::Gcc);
}

#[test]
fn arguments_for_the_tools_behind_the_driver_are_looked_at() {
    refused(BOTH, "-c a.c -Wa,-ahls=x", "`-Wa,` passes on the unknown option `-ahls=x`");
    refused(BOTH, "-c a.c -Wa,--MD,x", "`-Wa,` passes on the unknown option `--MD`");
    refused(BOTH, "-c a.c -Wa,-I", "`-Wa,-I` has no value");
    refused(BOTH, "-c a.c -Wp,-include,x", "`-Wp,` passes on the unknown option `-include`");
    refused(BOTH, "-c a.c -Wp,-MD", "`-Wp,-MD` has no value");
    refused(
        BOTH,
        "-c a.c -Xpreprocessor -MD",
        "`-Xpreprocessor` passes on the unknown option `-MD`",
    );
    refused(BOTH, "-c a.c -Xassembler -o", "`-Xassembler` passes on the unknown option `-o`");
    refused(CLANG, "-c a.c -Xclang -load", "`-Xclang` passes on the unknown option `-load`");
    refused(
        CLANG,
        "-c a.c -Xclang -header-include-file",
        "`-Xclang` passes on the unknown option `-header-include-file`",
    );
    refused(CLANG, "-c a.c -Wp,-MD,x,-DX", "`-Wp,` passes on the unknown option `-MD,x,-DX`");
    let unit =
        unit_of("-c a.c -Wp,-DX=1,-UY -Wa,--noexecstack,-mrelax-relocations=no", Family::Gcc);
    assert_eq!(unit.defines, ["X=1"]);
    let kept: Vec<&str> = unit.arguments.iter().filter_map(|it| it.value.as_deref()).collect();
    assert_eq!(kept, ["-DX=1", "-UY", "--noexecstack,-mrelax-relocations=no"]);
    unit_of("-c a.c -Xclang -fno-builtin -Xpreprocessor -fopenmp", Family::Clang);
    let compressed = unit_of("-c a.c -Wa,--compress-debug-sections", Family::Gcc);
    assert!(compressed.facts.compresses_debug);
    unit_of("-c a.S -Wa,--defsym,X=1", Family::Gcc);
}

#[test]
fn the_language_comes_from_x_the_extension_and_the_driver() {
    #[track_caller]
    fn check(line: &str, language: DriverLanguage, expected: &[Language]) {
        let called = Called { family: Family::Gcc, language };
        let found: Vec<Language> = units_of(line, called).iter().map(|it| it.language).collect();
        assert_eq!(found, expected, "{line}");
    }
    check("-c a.c", ByName, &[Language::C]);
    check("-c a.c", Cpp, &[Language::Cpp]);
    check("-c -x c a.cc", Cpp, &[Language::C]);
    check("-c -xc++ a.c b.c", ByName, &[Language::Cpp, Language::Cpp]);
    check("-c a.S b.s", ByName, &[Language::AssemblerWithCpp, Language::Assembler]);
    // The driver says once, for all sources, that it has no effect.
    refused(BOTH, "-c a.c -x c++", "`-x` stands behind a source");
    refused(BOTH, "-c -xc++ a.c -x none b.c", "`-x` stands behind a source");
}

#[test]
fn a_driver_mode_makes_another_driver_of_clang() {
    assert_eq!(unit_of("-c a.c --driver-mode=g++", Family::Clang).language, Language::Cpp);
    assert_eq!(unit_of("/c a.c --driver-mode=cl", Family::Clang).family, Family::ClangCl);
    refused(CLANG, "-c a.c --driver-mode=flang", "`--driver-mode=` has the unknown value `flang`");
    refused(GCC, "-c a.c --driver-mode=cl", "unknown option `--driver-mode=cl`");
}

#[test]
fn each_of_several_sources_keeps_the_options_and_its_own_name() {
    let units = units_of("-O1 -c -MD a.c -DX sub/b.c", called(Family::Gcc));
    let [a, b] = &units[..] else { panic!("{units:?}") };
    assert_eq!(a.args, words("-O1 -c -MD a.c -DX"));
    assert_eq!(b.args, words("-O1 -c -MD -DX sub/b.c"));
    assert_eq!((a.output.as_str(), b.output.as_str()), ("a.o", "b.o"));
    assert_eq!(b.dep_file.as_ref().map(|it| it.path.as_str()), Some("b.d"));
}

#[test]
fn include_directories_keep_their_order_and_kind() {
    let line = "-c a.c -Ia -I b -isystemc -iquote d -idirafter e -nostdinc --sysroot=/s";
    let unit = unit_of(line, Family::Gcc);
    let dirs: Vec<(&str, &str)> =
        unit.include_dirs.iter().map(|dir| (dir.kind.name(), dir.path.as_str())).collect();
    let expected =
        [("-I", "a"), ("-I", "b"), ("-isystem", "c"), ("-iquote", "d"), ("-idirafter", "e")];
    assert_eq!(dirs, expected);
    let unit = unit_of("-c a.c -DA=1 -D B", Family::Clang);
    assert_eq!(unit.defines, ["A=1", "B"]);
}

/// Checks which facts a command line is about; `name` is of a field of [`Facts`].
#[track_caller]
fn fact(family: Family, options: &str, name: &str, expected: bool) {
    let facts = unit_of(&format!("-c a.c {options}"), family).facts;
    let found = match name {
        "debug_info" => facts.debug_info,
        "compresses_debug" => facts.compresses_debug,
        "native" => facts.uses_native_cpu,
        "coverage" => facts.coverage,
        "lto" => facts.lto,
        "foreign" => facts.foreign,
        "counts" => facts.reads_counts,
        "output" => facts.output_is_keyed,
        other => panic!("{other}"),
    };
    assert_eq!(found, expected, "{options}: {name}");
}

#[test]
fn options_tell_facts() {
    let (gcc, clang) = (Family::Gcc, Family::Clang);
    fact(gcc, "", "debug_info", false);
    fact(gcc, "-g", "debug_info", true);
    fact(gcc, "-ggdb3", "debug_info", true);
    fact(gcc, "-gdwarf-5", "debug_info", true);
    fact(gcc, "-g -g0", "debug_info", false);
    fact(clang, "-gline-tables-only", "debug_info", true);
    fact(gcc, "-gz", "compresses_debug", true);
    fact(gcc, "-gz=zlib -gz=none", "compresses_debug", false);
    fact(gcc, "-march=native", "native", true);
    fact(clang, "-mtune=native -mtune=generic", "native", true);
    fact(clang, "-mcpu=native", "native", true);
    fact(gcc, "-march=x86-64", "native", false);
    fact(gcc, "--coverage", "coverage", true);
    fact(gcc, "-fprofile-arcs", "coverage", true);
    fact(gcc, "-ftest-coverage", "coverage", true);
    fact(gcc, "-fprofile-arcs", "output", true);
    fact(gcc, "-g -gsplit-dwarf", "output", true);
    fact(gcc, "-g -gsplit-dwarf -gno-split-dwarf", "output", false);
    fact(gcc, "-fstack-usage", "output", true);
    fact(gcc, "-O2 -g", "output", false);
    fact(clang, "-fprofile-instr-generate -fcoverage-mapping", "coverage", true);
    fact(gcc, "-flto=auto", "lto", true);
    fact(clang, "-flto=thin", "lto", true);
    fact(gcc, "-fopenmp", "lto", true);
    for options in ["-specs=s", "--specs=/s", "-fplugin=./p.so", "-wrapper a,b", "-Wa,@f"] {
        fact(gcc, options, "foreign", true);
    }
    for options in ["-fplugin=./p.so", "-fpass-plugin=./p.so", "--config f", "--config=f"] {
        fact(clang, options, "foreign", true);
    }
    fact(gcc, "-B a -Bb/ -iplugindir=p -Wa,-I,a,-Ib", "foreign", false);
    for options in ["-fprofile-use", "-fprofile-use=p", "-fbranch-probabilities"] {
        fact(gcc, options, "counts", true);
        fact(gcc, options, "output", true);
    }
    fact(gcc, "-fno-profile-use", "counts", false);
    fact(clang, "-fprofile-use=p", "counts", false);
}

#[test]
fn colours_are_as_the_last_option_says() {
    #[track_caller]
    fn check(family: Family, options: &str, colour: Colour) {
        assert_eq!(unit_of(&format!("-c a.c {options}"), family).colour, colour, "{options}");
    }
    check(Family::Gcc, "", Colour::Default);
    check(Family::Gcc, "-fdiagnostics-color", Colour::Always);
    check(Family::Gcc, "-fdiagnostics-color=always -fno-diagnostics-color", Colour::Never);
    check(Family::Gcc, "-fdiagnostics-color=auto", Colour::Auto);
    check(Family::Clang, "-fcolor-diagnostics", Colour::Always);
    check(Family::Clang, "-fno-color-diagnostics", Colour::Never);
    refused(
        BOTH,
        "-c a.c -fdiagnostics-color=some",
        "`-fdiagnostics-color=` has the unknown value `some`",
    );
}

#[test]
fn a_dependency_file_needs_a_request() {
    refused(BOTH, "-c a.c -MF x.d", "`-MF` without `-MD` or `-MMD`");
    refused(BOTH, "-c a.c -MP", "`-MP` without `-MD` or `-MMD`");
    refused(GCC, "-c a.c -MD -Wp,-MD,x", "`-Wp,-MD` is given beside another dependency file");
    refused(GCC, "-c a.c -Wp,-MMD,x -MF y", "`-Wp,-MD` is given beside another dependency file");
    let unit = unit_of("-c a.s -MMD -MF x.d -MQ t", Family::Clang);
    assert_eq!(unit.dep_file, None);
    let kept: Vec<&str> = unit.arguments.iter().map(|it| it.option.as_str()).collect();
    assert_eq!(kept, ["-MMD", "-MF", "-MQ"]);
}

#[test]
fn clang_as_the_microsoft_compiler_is_classified() {
    let line = "/nologo /c /Foobj\\x.obj -DX /Iinc /W4 /O2 /MD /Zi /std:c++17 /EHsc src\\a.cpp";
    let unit = unit_of(line, Family::ClangCl);
    assert_eq!(unit.output, "obj\\x.obj");
    assert_eq!(unit.language, Language::Cpp);
    assert!(unit.facts.debug_info);
    assert_eq!(unit.dep_file, None);
    assert_eq!(unit_of("/c src\\a.c", Family::ClangCl).output, "a.obj");
    assert_eq!(unit_of("/c a.c -TP", Family::ClangCl).language, Language::Cpp);
    let cl = &[Family::ClangCl];
    refused(cl, "a.c", "a link");
    refused(
        cl,
        "/c a.c /showIncludes",
        "`/showIncludes` prints what only a run of the compiler can tell",
    );
    refused(cl, "/c a.c /Yuz.h", "`/Yu` reads or writes a precompiled header");
    refused(cl, "/c a.c /unknown", "unknown option `/unknown`");
}

proptest! {
    #[test]
    fn every_command_line_has_one_verdict(
        args in proptest::collection::vec(
            "(-c|-S|-o|-MD|-MF|-Wp,-MD,|-Wa,|-f|-m|-g|-x|-I|--|-|/|@)?[a-zA-Z.,=/é-]{0,8}", 0..8,
        ),
        which in 0_usize..3,
    ) {
        let family = [Family::Gcc, Family::Clang, Family::ClangCl][which];
        let verdict = classify(&args, called(family));
        prop_assert_eq!(&verdict, &classify(&args, called(family)));
        if let Verdict::Compile(units) = verdict {
            prop_assert!(!units.is_empty());
            for unit in units {
                prop_assert!(unit.args.contains(&unit.source));
                let again = classify(&unit.args, called(family));
                prop_assert_eq!(again, Verdict::Compile(vec![unit]));
            }
        }
    }

    #[test]
    fn an_option_that_no_table_has_is_refused(name in "[a-z]{12,20}") {
        for family in [Family::Gcc, Family::Clang] {
            for prefix in ["-f", "-fno-", "-m", "--"] {
                let arg = format!("{prefix}{name}");
                let args = [words("-c a.c"), vec![arg.clone()]].concat();
                let refusal = Verdict::Refuse(Refusal::UnknownOption(arg));
                prop_assert_eq!(classify(&args, called(family)), refusal);
            }
        }
    }
}
