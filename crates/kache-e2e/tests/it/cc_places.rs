//! Where a project is: what programs and debuggers see of it.

use std::path::Path;

use kache_e2e::process::output_of;
use kache_e2e::project::Project;

use crate::cc_trial::{CcTrial, with_each};
use crate::expected::Expected::{Compiled, Hit};
use crate::files::contains;

const FUNCTION: &str = "int f(int a) { return a + 1; }\n";

fn function() -> CcTrial {
    CcTrial::of(&[("src/main.c", FUNCTION)])
}

/// Returns what a debugger would read of where `object` was compiled.
fn compiled_in(trial: &CcTrial, object: &Path) -> String {
    let mut command = trial.env.command("readelf");
    let text = output_of(command.args(["--debug-dump=info", "--wide"]).arg(object));
    let text = text.expect("the object is readable");
    let mut dirs = text.lines().filter(|line| line.contains("DW_AT_comp_dir"));
    let dir = dirs.next().and_then(|line| line.rsplit_once(": ")).map(|(_, dir)| dir.trim());
    dir.unwrap_or_default().to_owned()
}

fn text(project: &Project) -> String {
    project.dir().to_str().expect("test paths are UTF-8").to_owned()
}

#[test]
fn debug_information_is_shared_and_leads_to_the_working_directory() {
    with_each(|compiler| {
        let trial = function();
        for args in [
            &["-g", "-c", "src/main.c", "-o", "main.o"][..],
            &["-g", "-gdwarf-4", "-c", "{dir}/src/main.c", "-o", "main.o"],
        ] {
            let (first, events) = trial.cached(compiler, args);
            Compiled.assert_told_by(&events[0]);
            assert_eq!(compiled_in(&trial, &trial.project.path("main.o")), "/proc/self/cwd");
            let (again, events) = trial.cached(compiler, args);
            Hit.assert_told_by(&events[0]);
            assert_eq!(again, first);
            let second = trial.second(&format!("second-{}", args.len()));
            let (there, events) = trial.cached_in(&second, compiler, args);
            Hit.assert_told_by(&events[0]);
            assert_eq!(there, first);
            assert!(!contains(&second.path("main.o"), &text(&trial.project)));
        }
    });
}

/// That a header names no known directory is remembered of those that were known then.
#[test]
fn a_header_is_searched_again_when_there_is_another_base_directory() {
    let mut trial = CcTrial::of(&[
        ("first.c", "#include \"names.h\"\nint first;\n"),
        ("names.c", "#include \"names.h\"\nint names;\n"),
        ("plain.c", "int plain;\n"),
    ]);
    let [named, other, include] =
        ["named", "other", "include"].map(|name| trial.env.root().join(name));
    for dir in [&named, &other, &include] {
        std::fs::create_dir(dir).unwrap();
    }
    std::fs::write(include.join("names.h"), format!("/* {}/x */\n", named.display())).unwrap();
    let include = format!("-I{}", include.display());
    // Younger files are read each time.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let told = |trial: &CcTrial, source: &str| {
        let (_, mut events) = trial.cached("gcc", &["-c", &include, source]);
        events.remove(0)
    };
    Compiled.assert_told_by(&told(&trial, "first.c"));
    trial.env.set("KACHE_BASE_DIR", &named);
    for source in ["names.c", "plain.c"] {
        Compiled.assert_told_by(&told(&trial, source));
        Hit.assert_told_by(&told(&trial, source));
    }
    trial.env.set("KACHE_BASE_DIR", &other);
    Compiled.assert_told_by(&told(&trial, "names.c"));
    Hit.assert_told_by(&told(&trial, "plain.c"));
}

#[test]
fn debug_information_below_the_project_leads_below_the_working_directory() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[(".git/HEAD", ""), ("build/main.c", FUNCTION)]);
        let mut command = trial.env.command(&trial.kache.wrapper);
        let args = [compiler, "-g", "-c", "main.c"];
        output_of(command.args(args).current_dir(trial.project.path("build")))
            .expect("it compiles");
        let dir = compiled_in(&trial, &trial.project.path("build/main.o"));
        assert_eq!(dir, "/proc/self/cwd/build");
    });
}

#[test]
fn debug_information_that_names_its_directory_belongs_to_one_checkout() {
    with_each(|compiler| {
        let mut trial = function();
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        let args = ["-g", "-c", "src/main.c"];
        trial.prove_hit(compiler, &args);
        let second = trial.second("second");
        trial.check_in(&second, compiler, &args, Compiled);
        trial.check_in(&second, compiler, &args, Hit);
        assert_eq!(compiled_in(&trial, &second.path("main.o")), text(&second));
        trial.check(compiler, &args, Hit);
    });
}

#[test]
fn equal_calls_in_two_directories_of_a_project_have_results_of_their_own() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[(".git/HEAD", "")]);
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        let place = |name: &str| {
            Project::of_files(&[("main.c", FUNCTION)], &trial.project.path(name)).unwrap()
        };
        let (one, two) = (place("one"), place("two"));
        trial.write("main.c", "");
        let args = ["-g", "-c", "main.c"];
        trial.check_in(&one, compiler, &args, Compiled);
        trial.check_in(&one, compiler, &args, Hit);
        trial.check_in(&two, compiler, &args, Compiled);
        trial.check_in(&two, compiler, &args, Hit);
        trial.check_in(&one, compiler, &args, Hit);
    });
}

/// The options map the project away: two checkouts share, and the result is as
/// without kache in both.
#[track_caller]
fn check_mapped(options: &[&str]) {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("src/main.c", "const char *file = __FILE__;\n")]);
        let args = [options, &["-c", "{dir}/src/main.c", "-o", "main.o"]].concat();
        trial.prove_hit(compiler, &args);
        let second = trial.second("elsewhere/second");
        trial.check_in(&second, compiler, &args, Hit);
    });
}

#[test]
fn a_project_that_the_user_maps_is_mapped_as_the_user_says() {
    check_mapped(&["-ffile-prefix-map={dir}=."]);
    check_mapped(&["-g", "-ffile-prefix-map={dir}=/mapped"]);
    check_mapped(&["-g", "-fmacro-prefix-map={dir}=x", "-fdebug-prefix-map={dir}=."]);
}

#[test]
fn a_part_of_the_project_that_the_user_maps_is_mapped_as_the_user_says() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("src/main.c", FUNCTION), ("src/part.h", "")]);
        for option in ["-fdebug-prefix-map={dir}/src=/mapped", "-ffile-prefix-map={dir}/src=/other"]
        {
            let args = ["-g", option, "-include", "{dir}/src/part.h", "-c", "{dir}/src/main.c"];
            trial.prove_hit(compiler, &args);
        }
    });
}

#[test]
fn what_paths_are_mapped_to_is_keyed() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("src/main.c", "const char *file = __FILE__;\n")]);
        trial.env.set("KACHE_CC_PATH_NORMALIZE", "0");
        for option in ["-fmacro-prefix-map", "-ffile-prefix-map", "-fdebug-prefix-map"] {
            for from in ["src", "{dir}/src", "/nowhere"] {
                let map = |to: &str| format!("{option}={from}={to}");
                let (one, two) = (map("one"), map("two"));
                trial.prove_hit(compiler, &["-g", &one, "-c", "{dir}/src/main.c"]);
                trial.check(compiler, &["-g", &two, "-c", "{dir}/src/main.c"], Compiled);
                trial.check(compiler, &["-g", &one, "-c", "{dir}/src/main.c"], Hit);
            }
        }
    });
}

#[test]
fn a_map_of_a_directory_above_the_project_leaves_the_projects_own_name() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("src/main.c", "const char *file = __FILE__;\n")]);
        let above = trial.env.work_dir();
        for option in ["-ffile-prefix-map", "-fmacro-prefix-map", "-fdebug-prefix-map"] {
            let map = format!("{option}={}=/above", above.display());
            // The prefix of a name is a prefix too.
            let start = format!("{option}={}/p=X", above.display());
            for map in [map, start] {
                let args = ["-g0", &map, "-c", "{dir}/src/main.c", "-o", "main.o"];
                trial.prove_hit(compiler, &args);
                let second = trial.second(&format!("p{}", map.len() + option.len()));
                trial.check_in(&second, compiler, &args, Compiled);
                trial.check(compiler, &args, Hit);
                if option != "-fmacro-prefix-map" {
                    let args = ["-g", &map, "-c", "{dir}/src/main.c", "-o", "main.o"];
                    trial.prove_hit(compiler, &args);
                    trial.check_in(&second, compiler, &args, Compiled);
                }
            }
        }
    });
}

#[test]
fn a_file_name_as_a_value_belongs_to_one_checkout() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("main.c", "const char *file = __FILE__;\n")]);
        let args = ["-c", "{dir}/main.c", "-o", "main.o"];
        trial.prove_hit(compiler, &args);
        let second = trial.second("second");
        trial.check_in(&second, compiler, &args, Compiled);
        trial.check(compiler, &args, Hit);
        let relative = ["-c", "main.c", "-o", "main.o"];
        trial.prove_hit(compiler, &relative);
        trial.check_in(&second, compiler, &relative, Hit);
    });
}

#[test]
fn what_is_computed_from_a_file_name_belongs_to_one_checkout() {
    with_each(|compiler| {
        for (path, source) in [
            ("main.c", "int length = sizeof(__FILE__);\n"),
            ("main.c", "int length = sizeof(__BASE_FILE__);\n"),
            ("main.c", "#include \"part.h\"\nint length = LENGTH;\n"),
            ("main.c", "const __WCHAR_TYPE__ *file = L\"\" __FILE__;\n"),
            ("main.c", "#define GLUE(a, b) a##b\nint length = sizeof(GLUE(__FI, LE__));\n"),
            ("main.c", "int length = sizeof(NAME);\n"),
            (
                "main.cc",
                "constexpr unsigned of(const char *s) { return *s ? *s + 31 * of(s + 1) : 0; }\n\
                 extern const unsigned hash = of(__builtin_FILE());\n",
            ),
            (
                "main.cc",
                "#include <source_location>\n\
                 constexpr unsigned of(const char *s) { return *s ? *s + 31 * of(s + 1) : 0; }\n\
                 extern const unsigned hash = of(std::source_location::current().file_name());\n",
            ),
        ] {
            if compiler != "gcc" && source.contains("source_location") {
                continue;
            }
            let trial =
                CcTrial::of(&[(path, source), ("part.h", "#define LENGTH sizeof __FILE__\n")]);
            let file = format!("{{dir}}/{path}");
            let args = ["-DNAME=__FILE__", "-I{dir}", "-c", &file, "-o", "main.o"];
            let args = [if path == "main.cc" { &["-std=c++20"][..] } else { &[] }, &args].concat();
            trial.prove_hit(compiler, &args);
            let second = trial.second("longer-than-the-first");
            let there = trial.check_in(&second, compiler, &args, Compiled);
            let here = trial.check(compiler, &args, Hit);
            assert_ne!(here.bytes("main.o"), there.bytes("main.o"), "{source}");
        }
    });
}

#[test]
fn a_base_directory_is_mapped_in_all_that_is_made() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "const char *file = __FILE__;\n")]);
        let second = trial.second("second");
        let args = ["-g", "-c", "{dir}/main.c", "-o", "main.o"];
        trial.env.set("KACHE_BASE_DIR", trial.project.dir());
        let (first, events) = trial.cached(compiler, &args);
        Compiled.assert_told_by(&events[0]);
        assert!(contains(&trial.project.path("main.o"), "/base0/main.c"));
        assert!(!contains(&trial.project.path("main.o"), &text(&trial.project)));
        trial.env.set("KACHE_BASE_DIR", second.dir());
        let (there, events) = trial.cached_in(&second, compiler, &args);
        Hit.assert_told_by(&events[0]);
        assert_eq!(there, first);
    });
}

#[test]
fn a_base_directory_above_the_project_leaves_the_projects_own_name() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[("main.c", "const char *file = __FILE__;\n")]);
        trial.env.set("KACHE_BASE_DIR", trial.env.work_dir());
        let args = ["-c", "{dir}/main.c", "-o", "main.o"];
        let (_, events) = trial.cached(compiler, &args);
        Compiled.assert_told_by(&events[0]);
        assert!(contains(&trial.project.path("main.o"), "/base0/project/main.c"));
        let second = trial.second("second");
        let (_, events) = trial.cached_in(&second, compiler, &args);
        Compiled.assert_told_by(&events[0]);
        assert!(contains(&second.path("main.o"), "/base0/second/main.c"));
    });
}

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
        for event in &events {
            Compiled.assert_told_by(event);
        }
        assert_eq!(seen.bytes("main.o"), trial.bare(compiler, &args).bytes("main.o"));
    });
}
