//! Variables that a compiler obeys.

use std::time::{Duration, Instant};

use kache_e2e::events::Journal;
use kache_e2e::process::run;

use crate::cc_trial::{BOTH, CLANG, CcTrial, GCC, assert_same, is_installed, with_each};
use crate::expected::Expected::{Compiled, Hit, Passthrough};
use crate::files::make_executable;

const USES_PART: &str = "#include <part.h>\nint part = PART;\n";

fn two_directories(source: &str) -> CcTrial {
    CcTrial::of(&[
        (source, USES_PART),
        ("one/part.h", "#define PART 1\n"),
        ("two/part.h", "#define PART 2\n"),
    ])
}

#[track_caller]
fn check_search(variable: &str, source: &str) {
    with_each(|compiler| {
        let mut trial = two_directories(source);
        let args = ["-c", source, "-o", "out.o"];
        trial.env.set(variable, "one");
        trial.prove_hit(compiler, &args);
        trial.env.set(variable, "two");
        trial.check(compiler, &args, Compiled);
        trial.env.set(variable, "one:two");
        trial.prove_hit(compiler, &args);
        trial.remove("one/part.h");
        trial.check(compiler, &args, Compiled);
        trial.write("one/part.h", "#define PART 3\n");
        trial.check(compiler, &args, Compiled);
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn the_search_path_in_a_variable_is_keyed() {
    check_search("CPATH", "main.c");
}

/// Runs its arguments with `CPATH` twice in the environment, which no shell does.
const TWICE: &str = r#"#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **args, char **environment) {
    int n = 0;
    while (environment[n]) n++;
    char **all = calloc(n + 3, sizeof *all);
    all[0] = "CPATH=one";
    all[1] = "CPATH=two";
    for (int i = 0; i < n; i++) all[i + 2] = environment[i];
    return execvpe(args[1], args + 1, all);
}
"#;

#[test]
fn a_variable_that_is_set_twice_is_for_the_compiler_to_read() {
    let trial = two_directories("main.c");
    let source = trial.env.root().join("twice.c");
    std::fs::write(&source, TWICE).unwrap();
    let twice = source.with_extension("");
    let made = run(trial.env.command(GCC).arg(&source).arg("-o").arg(&twice)).unwrap();
    assert!(made.status.success(), "{}", made.stderr);
    let under = |wrapper: &str| format!("{} {wrapper} gcc", twice.display());
    let mut journal = Journal::at_end_of(&trial.env.cache_dir());
    for _ in 0..2 {
        let kache = trial.script(&under(trial.kache.wrapper.to_str().unwrap()), "$CC -c main.c");
        assert_same(&kache, &trial.script(&under(""), "$CC -c main.c"));
    }
    let reasons: Vec<String> =
        journal.take().unwrap().into_iter().map(|event| event.reason).collect();
    assert_eq!(reasons, ["CPATH is twice in the environment"; 2]);
}

#[test]
fn the_search_path_for_c_in_a_variable_is_keyed() {
    check_search("C_INCLUDE_PATH", "main.c");
}

#[test]
fn the_search_path_for_cpp_in_a_variable_is_keyed() {
    check_search("CPLUS_INCLUDE_PATH", "main.cc");
}

#[test]
fn an_empty_part_of_a_search_path_is_the_working_directory() {
    with_each(|compiler| {
        let mut trial = two_directories("main.c");
        let args = ["-c", "main.c"];
        trial.env.set("CPATH", ":two");
        trial.prove_hit(compiler, &args);
        trial.write("part.h", "#define PART 3\n");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn an_assembler_that_a_variable_finds_is_another_one() {
    let mut trial = CcTrial::of(&[("main.c", "int x;\n"), ("bin/note", "")]);
    let args = ["-c", "main.c"];
    trial.prove_hit(GCC, &args);
    let said = run(trial.env.command("sh").args(["-c", "command -v as"])).expect("sh starts");
    let script = format!("#!/bin/sh\nexec {} --defsym MINE=1 \"$@\"\n", said.stdout.trim());
    trial.write("bin/as", &script);
    make_executable(&trial.project.path("bin/as"));
    trial.env.set("COMPILER_PATH", trial.project.path("bin"));
    trial.check(GCC, &args, Compiled);
    trial.env.unset("COMPILER_PATH");
    trial.check(GCC, &args, Hit);
}

#[test]
fn where_the_compiler_proper_is_said_to_be_is_keyed() {
    let mut trial = CcTrial::of(&[("main.c", "int x;\n")]);
    let args = ["-c", "main.c"];
    trial.prove_hit(GCC, &args);
    trial.env.set("GCC_EXEC_PREFIX", "/usr/lib/gcc/");
    trial.check(GCC, &args, Compiled);
    trial.env.unset("GCC_EXEC_PREFIX");
    trial.check(GCC, &args, Hit);
}

#[test]
fn the_language_of_diagnostics_is_keyed() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "int f(void) { int unused; return 0; }\n")]);
        let args = ["-Wall", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        trial.env.set("LC_ALL", "C.UTF-8");
        let seen = trial.check(compiler, &args, Compiled);
        assert_eq!(seen.stderr().is_ascii(), compiler != GCC, "GCC has better quotation marks");
        trial.env.set("LC_ALL", "C");
        trial.check(compiler, &args, Hit);
        trial.env.unset("LC_ALL");
        trial.env.set("LANG", "C.UTF-8");
        trial.check(compiler, &args, Compiled);
        trial.env.set("LC_CTYPE", "C");
        trial.check(compiler, &args, Compiled);
    });
}

#[test]
fn a_list_of_headers_that_a_variable_asks_for_is_left_to_the_compiler() {
    let mut trial = CcTrial::of(&[("main.c", "#include \"part.h\"\n"), ("part.h", "")]);
    let args = ["-c", "main.c"];
    for compiler in BOTH.into_iter().filter(|compiler| is_installed(compiler)) {
        trial.prove_hit(compiler, &args);
        for variable in ["DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "CC_PRINT_HEADERS"] {
            trial.env.set(variable, "deps.txt");
            let seen = trial.check(compiler, &args, Passthrough);
            let is_for_this = (compiler == GCC) != (variable == "CC_PRINT_HEADERS");
            if is_for_this && compiler == GCC {
                assert!(!seen.bytes("deps.txt").is_empty(), "{variable} is obeyed");
            }
            trial.env.unset(variable);
        }
    }
}

#[test]
fn another_directory_for_temporary_files_changes_nothing() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "int x;\n")]);
        let args = ["-g", "-O1", "-c", "main.c"];
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        trial.prove_hit(compiler, &args);
        let other = trial.env.root().join("other-tmp");
        std::fs::create_dir(&other).expect("the environment can be written");
        trial.env.set("TMPDIR", &other);
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn the_name_of_the_working_directory_is_keyed_where_debug_information_holds_it() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "int x;\n")]);
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        let args = ["-g", "-c", "main.c"];
        trial.prove_hit(compiler, &args);
        let link = trial.env.root().join("link");
        std::os::unix::fs::symlink(trial.project.dir(), &link).expect("a link can be made");
        trial.env.set("PWD", &link);
        let seen = trial.check(compiler, &args, Compiled);
        let name = link.to_str().expect("test paths are UTF-8").as_bytes();
        assert!(seen.bytes("main.o").windows(name.len()).any(|bytes| bytes == name));
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn variables_that_edit_the_arguments_leave_the_call_to_the_compiler() {
    if is_installed(CLANG) {
        let mut trial = CcTrial::of(&[("main.c", "int part = PART;\n")]);
        let args = ["-DPART=1", "-c", "main.c"];
        trial.prove_hit(CLANG, &args);
        for edits in ["+-DPART=__LINE__", "^-S", "+-gsplit-dwarf +-g", "#+-UPART +-DPART=5"] {
            trial.env.set("CCC_OVERRIDE_OPTIONS", edits);
            trial.check(CLANG, &args, Passthrough);
        }
        trial.env.unset("CCC_OVERRIDE_OPTIONS");
        trial.env.set("RC_DEBUG_OPTIONS", "1");
        trial.check(CLANG, &["-g", "-DPART=1", "-c", "main.c"], Passthrough);
    }
}

#[test]
fn a_recorded_command_line_is_left_to_clang() {
    if is_installed(CLANG) {
        let trial = CcTrial::of(&[("main.c", "int x;\n")]);
        for option in ["-frecord-command-line", "-grecord-command-line", "-frecord-gcc-switches"] {
            trial.check(CLANG, &[option, "-g", "-c", "main.c"], Passthrough);
        }
    }
}

#[test]
fn a_library_that_the_user_preloads_counts() {
    let mut trial = CcTrial::of(&[
        ("main.c", "int part =\n#include \"part.h\"\n;\n"),
        ("part.h", "1"),
        ("other.h", "2"),
        (
            "preload.c",
            "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <string.h>\n\
             int open(const char *path, int flags, int mode) {\n\
             int (*next)(const char *, int, int) = dlsym(RTLD_NEXT, \"open\");\n\
             size_t n = strlen(path);\n\
             if (n >= 6 && !strcmp(path + n - 6, \"part.h\")) path = \"other.h\";\n\
             return next(path, flags, mode);\n}\n",
        ),
    ]);
    trial.make(
        GCC,
        &["-w", "-shared", "-fPIC", "preload.c", "-o", "preload.so", "-ldl"],
        "preload.so",
    );
    let args = ["-c", "main.c"];
    trial.prove_hit(GCC, &args);
    let without = trial.check(GCC, &args, Hit);
    let library = trial.project.path("preload.so");
    trial.env.set("LD_PRELOAD", library);
    let with = trial.check(GCC, &args, Compiled);
    assert_ne!(with.bytes("main.o"), without.bytes("main.o"), "the library makes a difference");
}

#[test]
fn a_limit_on_the_size_of_files_stops_no_compilation() {
    let trial = CcTrial::of(&[("main.c", "int x;\n")]);
    let kache = trial.kache.wrapper.display();
    let limited = format!("ulimit -f 20000; {kache} gcc -c main.c");
    assert_eq!(trial.script(GCC, &limited).code(), Some(0));
}

#[test]
fn what_a_compiler_leaves_behind_is_not_waited_for() {
    let trial = CcTrial::of(&[("main.c", "int x;\n")]);
    let compiler = trial.program("mycc-gcc", "#!/bin/sh\nsleep 20 &\nexec gcc \"$@\"\n");
    let began = Instant::now();
    let call = format!("{} {compiler} -c main.c", trial.kache.wrapper.display());
    assert_eq!(trial.script(GCC, &call).code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20));
}
