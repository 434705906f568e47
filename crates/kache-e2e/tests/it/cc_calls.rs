//! The ways in which builds call a compiler.

use std::path::PathBuf;

use kache_e2e::events::{Journal, Tally};
use kache_e2e::process::run;
use kache_e2e::project::Project;

use crate::cc_trial::{CLANG, CcTrial, GCC, assert_same, clang_for_cpp, with_each};
use crate::expected::Expected::{Compiled, Hit, Passthrough, Served};

const SOURCE: &str = "#include \"part.h\"\nint f(void) { return PART; }\n";
const FILES: [(&str, &str); 2] = [("main.c", SOURCE), ("part.h", "#define PART 1\n")];

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

#[test]
fn a_compiler_is_known_by_any_of_its_names() {
    let names = [
        "cc",
        "c++",
        "gcc",
        "g++",
        "gcc-12",
        "x86_64-linux-gnu-gcc-12",
        "x86_64-linux-gnu-g++",
        CLANG,
        &clang_for_cpp(),
    ];
    for name in names.into_iter().filter(|name| on_path(name).is_some()) {
        let trial = CcTrial::of(&FILES);
        trial.prove_hit(name, &["-c", "main.c"]);
        // As CMake's launcher does.
        let full = on_path(name).unwrap();
        trial.prove_served(full.to_str().unwrap(), &["-DX", "-o", "main.o", "-c", "main.c"]);
    }
}

#[test]
fn a_script_with_a_compilers_name_is_found_on_the_path_and_asked_what_it_is() {
    let mut trial = CcTrial::of(&FILES);
    drop(trial.program("musl-gcc", "#!/bin/sh\nexec gcc -DMUSL \"$@\"\n"));
    let bin = trial.env.root().join("bin");
    let path = format!("{}:{}", bin.display(), trial.env.var("PATH").unwrap().display());
    trial.env.set("PATH", path);
    let events = trial.check_script("musl-gcc", "$CC -c main.c");
    assert!(Compiled.is_told_by(&events[0][0]), "{}", events[0][0].describe());
    assert_eq!(Tally::of(&events[1]).hits, 1);
}

#[test]
fn a_script_that_names_no_interpreter_is_run_by_the_shell() {
    let trial = CcTrial::of(&FILES);
    let script = trial.program("gcc-of-ours", "exec gcc -DOURS \"$@\"\n");
    let kache = format!("{} {script}", trial.kache.wrapper.display());
    for text in ["$CC -c main.c", "$CC -c main.c -DX=\"1 2\"; echo $?", "$CC -c absent.c; echo $?"]
    {
        assert_same(&trial.script(&kache, text), &trial.script(&script, text));
    }
}

#[test]
fn a_link_with_a_compilers_name_is_that_compiler() {
    let mut trial = CcTrial::of(&FILES);
    let shims = trial.env.root().join("shims");
    std::fs::create_dir(&shims).unwrap();
    for name in ["gcc", "cc", "g++"] {
        std::os::unix::fs::symlink(&trial.kache.wrapper, shims.join(name)).unwrap();
    }
    let script = "$CC -Wall -c main.c; echo $?; $CC -c absent.c; echo $?; $CC --version";
    let bare = trial.script("gcc", script);
    let path = format!("{}:{}", shims.display(), trial.env.var("PATH").unwrap().display());
    trial.env.set("PATH", path);
    let shim = shims.join("gcc");
    for (cc, hits) in [("gcc", 0), ("gcc", 1), (shim.to_str().unwrap(), 1)] {
        let mut journal = Journal::at_end_of(&trial.env.cache_dir());
        assert_same(&trial.script(cc, script), &bare);
        let events = journal.take().unwrap();
        assert_eq!((events.len(), Tally::of(&events).hits), (3, hits), "{cc}");
    }
    // Kache before a link to itself is one kache.
    let twice = format!("{} gcc", trial.kache.wrapper.display());
    assert_same(&trial.script(&twice, script), &bare);
}

#[test]
fn a_link_to_kache_without_a_compiler_behind_it_says_so() {
    let trial = CcTrial::of(&FILES);
    let (seen, _) = trial.cached("absent-gcc", &["-c", "main.c"]);
    assert!(seen.stderr().contains("absent-gcc"), "{}", seen.stderr());
    assert_eq!(seen.code(), Some(127));
}

#[test]
fn arguments_in_response_files_are_arguments() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            FILES[0],
            FILES[1],
            ("args", "-DTEXT='\"a b\"' -O1\n-c main.c\t-o \"main.o\"\n"),
            ("quotes", "-DTEXT=\\\"a\\ b\\\" \"-DX=\\\"y\\\"\" -c main.c"),
            ("open", "-c main.c '-DX"),
            ("nested", "@args"),
        ]);
        trial.prove_hit(compiler, &["@args"]);
        trial.prove_hit(compiler, &["@quotes"]);
        trial.check_twice(compiler, &["@open"]);
        trial.check_twice(compiler, &["@nested"]);
        trial.prove_left_alone(compiler, &["-c", "main.c", "@absent"]);
        trial.write("args", "-DTEXT='\"a b\"' -O2\n-c main.c\t-o \"main.o\"\n");
        trial.check(compiler, &["@args"], Compiled);
    });
}

#[test]
fn what_can_be_read_only_once_is_for_the_compiler_to_read() {
    with_each(|compiler| {
        let trial = CcTrial::of(&FILES);
        for script in [
            "echo 'int x;' | $CC -x c -c - -o main.o",
            "echo 'int x;' | $CC -x c -c /dev/stdin -o main.o",
            "$CC -x c -c <(echo 'int x;') -o main.o 2> /dev/null",
            "$CC -x c -c /dev/null -o main.o",
            "$CC @<(echo '-c main.c -DX -o main.o')",
            "mkfifo pipe.c; echo 'int x;' > pipe.c & $CC -c pipe.c; rm pipe.c",
        ] {
            for events in trial.check_script(compiler, script) {
                assert!(Passthrough.is_told_by(&events[0]), "{script}: {}", events[0].describe());
            }
        }
        let header = "echo '#define Y 2' | $CC -include /dev/stdin -c main.c";
        trial.check_script(compiler, header);
        trial.check_script(
            compiler,
            "echo '#define PART 2' > other.h; $CC -include /dev/stdin -c main.c < other.h",
        );
    });
}

#[test]
fn a_source_on_standard_input_does_not_disturb_one_in_a_file() {
    with_each(|compiler| {
        let trial = CcTrial::of(&FILES);
        let script = "yes '' | $CC -c main.c; echo $?";
        trial.check_script(compiler, script);
        let [_, again] = trial.check_script(compiler, script);
        assert!(Hit.is_told_by(&again[0]), "{}", again[0].describe());
    });
}

#[test]
fn an_output_directory_that_is_missing_or_forbidden_is_the_compilers_error() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[FILES[0], FILES[1], ("file", "")]);
        trial.prove_hit(compiler, &["-MD", "-c", "main.c", "-o", "main.o"]);
        let gone =
            "mkdir -p out; $CC -c main.c -o out/main.o; rm -r out; $CC -c main.c -o out/main.o; ls";
        trial.check_script(compiler, gone);
        for place in ["absent/main.o", "file/main.o", "/proc/main.o"] {
            trial.check_twice(compiler, &["-c", "main.c", "-o", place]);
            trial.check_twice(compiler, &["-MD", "-MF", place, "-c", "main.c", "-o", "main.o"]);
        }
    });
}

const MAKEFILE: &str = "OBJECTS = a.o b.o c.o d.o e.o f.o\n\
    program: main.o $(OBJECTS)\n\t$(CC) -o $@ $^\n\
    %.o: %.c\n\t$(CC) -O1 -MMD -MP -c -o $@ $<\n\
    -include *.d\n";

#[test]
fn two_makes_at_once_in_two_checkouts_compile_each_source_once() {
    with_each(|compiler| {
        let mut files = vec![("Makefile".to_owned(), MAKEFILE.to_owned())];
        let mut calls = String::new();
        for name in ["a", "b", "c", "d", "e", "f"] {
            let text =
                format!("#include <stdio.h>\nint {name}(void) {{ return {}; }}\n", name.len());
            files.push((format!("{name}.c"), text));
            calls.extend(["int ", name, "(void);\n"]);
        }
        files.push((
            "main.c".to_owned(),
            format!("{calls}int main(void) {{ return a() + f() - 2; }}\n"),
        ));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        let trial = CcTrial::of(&files);
        let second = trial.project.second_checkout(&trial.env.work_dir().join("second")).unwrap();
        let bare = trial.bare("make", &["-s", "-j4", &format!("CC={compiler}")]);
        let cc = format!("CC={} {compiler}", trial.kache.wrapper.display());
        let mut journal = Journal::at_end_of(&trial.env.cache_dir());
        let make = |project: &Project| trial.bare_in(project, "make", &["-s", "-j4", &cc]);
        let seen = std::thread::scope(|scope| {
            let other = scope.spawn(|| make(&second));
            [make(&trial.project), other.join().unwrap()]
        });
        for seen in &seen {
            assert_same(seen, &bare);
        }
        let events = journal.take().unwrap();
        let tally = Tally::of(&events);
        assert_eq!((tally.hits, tally.misses + tally.dups), (7, 7), "{events:#?}");
        // The links.
        assert_eq!(tally.passthroughs, 2);
    });
}

const BUILD_SCRIPT: &str = r#"
use std::process::Command;

fn main() {
    let (cc, out) = (std::env::var("CC").unwrap(), std::env::var("OUT_DIR").unwrap());
    let mut words = cc.split(' ');
    let mut compiler = Command::new(words.next().unwrap());
    let object = format!("{out}/native.o");
    let args = ["-O0", "-ffunction-sections", "-fPIC", "-Wall", "-o", &object, "-c", "native.c"];
    assert!(compiler.args(words).args(args).status().unwrap().success());
    let archive = format!("{out}/libnative.a");
    assert!(Command::new("ar").args(["crsD", &archive, &object]).status().unwrap().success());
    println!("cargo::rustc-link-search=native={out}\ncargo::rustc-link-lib=static=native");
}
"#;

#[test]
fn a_build_script_that_compiles_c_is_served() {
    let mut trial = CcTrial::of(&[
        (
            "Cargo.toml",
            "[package]\nname = \"native\"\nversion = \"0.1.0\"\nedition = \"2021\"\nbuild = \"build.rs\"\n",
        ),
        ("build.rs", BUILD_SCRIPT),
        ("native.c", "int native(void) { return 42; }\n"),
        (
            "src/main.rs",
            "unsafe extern \"C\" { fn native() -> i32; }\nfn main() { println!(\"{}\", unsafe { native() }); }\n",
        ),
    ]);
    let cc = format!("{} {GCC}", trial.kache.wrapper.display());
    trial.env.set("CC", cc);
    let second = trial.project.second_checkout(&trial.env.work_dir().join("second")).unwrap();
    // Cargo sets the library path for each checkout, and that may make another compiler of it.
    for (project, expected) in
        [(&trial.project, Compiled), (&trial.project, Hit), (&second, Served)]
    {
        project.clean().unwrap();
        let mut journal = Journal::at_end_of(&trial.env.cache_dir());
        let built = run(trial.env.command("cargo").args(["run", "-q"]).current_dir(project.dir()));
        assert_eq!(built.unwrap().stdout, "42\n");
        let events = journal.take().unwrap();
        let compiled =
            events.iter().find(|event| event.name == "native.c").expect("it was compiled");
        expected.assert_told_by(compiled);
    }
}
