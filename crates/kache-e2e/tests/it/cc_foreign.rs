//! Options that lead to other files, programs and code: what they lead to is seen.

use std::fs;

use crate::cc_trial::{CLANG, CcTrial, GCC, clang_version, is_installed, with_each};
use crate::expected::Expected::{self, Compiled, Failure, Hit, Passthrough, Unstored};

/// Compiles with two contents of the file `input`, which make a difference.
#[track_caller]
fn check_read(trial: &mut CcTrial, compiler: &str, args: &[&str], input: &str, texts: [&str; 2]) {
    let [first, second] = texts;
    trial.write(input, first);
    trial.prove_hit(compiler, args);
    let before = trial.check(compiler, args, Hit);
    trial.write(input, second);
    let after = trial.check(compiler, args, Compiled);
    assert_ne!(before, after, "`{input}` makes a difference");
    trial.check(compiler, args, Hit);
    trial.write(input, first);
    trial.check(compiler, args, Hit);
}

#[test]
fn options_that_bring_in_modules_are_left_to_the_compiler() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("main.c", "int x;\n")]);
        trial.check(compiler, &["-fmodules", "-c", "main.c"], Passthrough);
    });
}

#[test]
fn files_that_options_name_in_vain_are_the_compilers_error() {
    with_each(|compiler| {
        let trial = CcTrial::of(&[("main.c", "int x;\n")]);
        for option in ["-fplugin=./none.so", "-specs=none.specs", "--specs=none.specs"] {
            // Clang takes no specs and says nothing of it.
            let is_ignored = compiler == CLANG && option.contains("specs");
            let expected = if is_ignored { Compiled } else { Failure };
            trial.check(compiler, &[option, "-c", "main.c"], expected);
        }
    });
}

#[test]
fn the_contents_of_a_file_of_options_are_an_input() {
    let specs = |options: &str| format!("*cc1_options:\n+ %{{!fno-common:{options}}}\n\n");
    let mut trial = CcTrial::of(&[
        ("main.c", "int x;\n"),
        ("my.specs", ""),
        ("other.specs", &specs("-fcommon")),
        ("args", "-fcommon\n"),
    ]);
    let absolute = trial.project.path("my.specs");
    let absolute = format!("--specs={}", absolute.display());
    for option in ["-specs=my.specs", absolute.as_str()] {
        let args = [option, "-c", "main.c"];
        let texts = [&specs("-fcommon"), &specs("-g")];
        check_read(&mut trial, GCC, &args, "my.specs", texts.map(String::as_str));
    }
    let args = ["-specs=my.specs", "-c", "main.c"];
    trial.write("my.specs", "%include <other.specs>\n");
    let texts = [&specs("-fcommon"), &specs("-fPIC -O1")];
    check_read(&mut trial, GCC, &args, "other.specs", texts.map(String::as_str));
    trial.write("my.specs", &specs("@args"));
    check_read(&mut trial, GCC, &args, "args", ["-fcommon\n", "-g\n"]);
    trial.write("my.specs", "nonsense");
    trial.check(GCC, &args, Failure);
    // What these options have the compiler write, nobody expects.
    trial.write("my.specs", &specs("-fstack-usage"));
    trial.check(GCC, &args, Unstored);
}

#[test]
fn colours_that_a_file_of_options_asks_for_are_as_a_variable_says() {
    let mut trial = CcTrial::of(&[
        ("main.c", "int f(void) {}\n"),
        ("my.specs", "*cc1_options:\n+ -fdiagnostics-color=always\n\n"),
    ]);
    let args = ["-specs=my.specs", "-Wall", "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    let first = trial.check(GCC, &args, Hit);
    trial.env.set("GCC_COLORS", "warning=01;36");
    assert_ne!(trial.check(GCC, &args, Compiled).stderr(), first.stderr());
    trial.check(GCC, &args, Hit);
}

#[test]
fn a_file_of_options_found_elsewhere_gives_way_to_one_that_appears() {
    let specs = |option: &str| format!("*cc1_options:\n+ {option}\n\n");
    let mut trial = CcTrial::of(&[("main.c", "int x;\n"), ("dir/my.specs", &specs("-fcommon"))]);
    let args = ["-Bdir/", "-specs=my.specs", "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    let first = trial.check(GCC, &args, Hit);
    trial.write("dir/x86_64-linux-gnu/12/my.specs", &specs("-O1 -g"));
    let second = trial.check(GCC, &args, Compiled);
    assert_ne!(first, second);
    trial.check(GCC, &args, Hit);
}

#[test]
fn the_contents_of_a_configuration_file_are_an_input() {
    if is_installed(CLANG) {
        let mut trial = CcTrial::of(&[("main.c", "int x = VALUE;\n"), ("my.cfg", "")]);
        let args = ["--config", "./my.cfg", "-c", "main.c"];
        check_read(&mut trial, CLANG, &args, "my.cfg", ["-DVALUE=1\n", "-DVALUE=2\n"]);
    }
}

#[test]
fn options_for_clang_itself_that_bring_in_other_code_are_left_to_it() {
    if is_installed(CLANG) {
        let trial = CcTrial::of(&[("main.c", "int x;\n"), ("part.h", "")]);
        for options in
            [&["-Xclang", "-load", "-Xclang", "./none.so"][..], &["-include-pch", "part.h.pch"]]
        {
            trial.check(CLANG, &[options, &["-c", "main.c"]].concat(), Passthrough);
        }
    }
}

/// A plugin for GCC that writes the result of `expression`, a string, into each object.
fn gcc_plugin(expression: &str) -> String {
    format!(
        r#"
        #include <stdio.h>
        #include <stdlib.h>
        #include <time.h>
        int plugin_is_GPL_compatible;
        extern FILE *asm_out_file;
        extern void register_callback(const char *, int, void (*)(void *, void *), void *);
        static const char *line(const char *path) {{
            static char text[80];
            FILE *file = fopen(path, "r");
            if (!file || !fgets(text, sizeof text, file)) return "nothing";
            return text;
        }}
        static void finish(void *a, void *b) {{
            const char *text = {expression};
            fprintf(asm_out_file, ".data\n.ascii \"<%s>\"\n", text ? text : "unset");
        }}
        int plugin_init(void *info, void *version) {{
            register_callback("test", 5, finish, 0);
            return 0;
        }}
        "#
    )
}

/// Builds the shared library `library` from `source`.
#[track_caller]
fn build_library(trial: &mut CcTrial, source: &str, library: &str) {
    trial.write("plugin.c", source);
    let compiler = ["-w", "-shared", "-fPIC", "plugin.c", "-o", library];
    trial.make(GCC, &compiler, library);
}

#[test]
fn a_plugin_of_gcc_is_an_input_and_so_is_what_it_reads() {
    let mut trial = CcTrial::of(&[("main.c", "int x;\n"), ("note", "one")]);
    let args = ["-fplugin=./p.so", "-fplugin-arg-p-key=value", "-c", "main.c"];
    let shows = |trial: &CcTrial, expected: Expected, text: &str| {
        let seen = trial.check(GCC, &args, expected);
        let object = String::from_utf8_lossy(seen.bytes("main.o"));
        assert!(object.contains(&format!("<{text}>")), "{text}");
    };
    build_library(&mut trial, &gcc_plugin("\"first\""), "p.so");
    shows(&trial, Compiled, "first");
    shows(&trial, Hit, "first");
    build_library(&mut trial, &gcc_plugin("line(\"note\")"), "p.so");
    shows(&trial, Compiled, "one");
    shows(&trial, Hit, "one");
    trial.write("note", "two");
    shows(&trial, Compiled, "two");
    trial.remove("note");
    shows(&trial, Compiled, "nothing");
    shows(&trial, Hit, "nothing");
    build_library(&mut trial, &gcc_plugin("getenv(\"PLUGIN_NOTE\")"), "p.so");
    shows(&trial, Compiled, "unset");
    trial.env.set("PLUGIN_NOTE", "variable");
    shows(&trial, Compiled, "variable");
    shows(&trial, Hit, "variable");
    trial.env.unset("PLUGIN_NOTE");
    shows(&trial, Hit, "unset");
}

#[test]
fn what_a_plugin_of_gcc_does_with_the_time_is_not_stored() {
    let mut trial = CcTrial::of(&[("main.c", "int x;\n")]);
    let args = ["-fplugin=./p.so", "-c", "main.c"];
    build_library(&mut trial, &gcc_plugin("time(0) % 2 ? \"odd\" : \"even\""), "p.so");
    trial.check_unstored(GCC, &args, "what time it is");
    trial.check_unstored(GCC, &args, "what time it is");
}

/// A library for Clang that says something when it is loaded.
fn clang_plugin(text: &str) -> String {
    format!(
        r#"
        #include <stdio.h>
        __attribute__((constructor)) static void load(void) {{ fputs("{text}\n", stderr); }}
        struct Info {{ unsigned version; const char *name, *text; void (*set)(void *); }};
        static void set(void *builder) {{}}
        struct Info llvmGetPassPluginInfo(void) {{
            struct Info info = {{1, "test", "1", set}};
            return info;
        }}
        "#
    )
}

#[test]
fn a_plugin_of_clang_is_an_input() {
    if !is_installed(CLANG) {
        return;
    }
    let mut trial = CcTrial::of(&[("main.c", "int x;\n")]);
    build_library(&mut trial, &clang_plugin("first"), "p.so");
    for option in ["-fplugin=./p.so", "-fpass-plugin=./p.so"] {
        let args = [option, "-c", "main.c"];
        trial.prove_hit(CLANG, &args);
        assert!(trial.check(CLANG, &args, Hit).stderr().contains("first"), "{option}");
    }
    build_library(&mut trial, &clang_plugin("second"), "p.so");
    for option in ["-fplugin=./p.so", "-fpass-plugin=./p.so"] {
        let args = [option, "-c", "main.c"];
        assert!(trial.check(CLANG, &args, Compiled).stderr().contains("second"), "{option}");
    }
}

/// An assembler that leaves a symbol in each object.
const OTHER_AS: &str = "#!/bin/sh\nexec /usr/bin/as --defsym FROM_OTHER=1 \"$@\"\n";

#[test]
fn the_tools_that_an_option_leads_to_are_inputs() {
    let source = "#include <stdarg.h>\n#ifdef MARK\nint mark;\n#endif\nint x = 1;\n";
    let trial = CcTrial::of(&[("main.c", source), ("bin/note", "")]);
    let tools = trial.env.root().join("bin");
    let other = trial.program("as", OTHER_AS);
    let option = format!("-B{}", tools.display());
    let args = [option.as_str(), "-c", "main.c"];
    let symbols = |symbol: &str, expected: Expected| {
        let seen = trial.check(GCC, &args, expected);
        let object = String::from_utf8_lossy(seen.bytes("main.o"));
        for name in ["FROM_OTHER", "FROM_THIRD", "mark"] {
            assert_eq!(object.contains(name), symbol == name, "{name}");
        }
    };
    symbols("FROM_OTHER", Compiled);
    symbols("FROM_OTHER", Hit);
    drop(trial.program("as", &OTHER_AS.replace("OTHER", "THIRD")));
    symbols("FROM_THIRD", Compiled);
    fs::remove_file(&other).unwrap();
    symbols("", Compiled);
    // It has another name, too.
    let target = trial.program("x86_64-linux-gnu-as", OTHER_AS);
    symbols("FROM_OTHER", Compiled);
    fs::remove_file(target).unwrap();
    symbols("", Hit);
    // Headers there belong to the compiler as well.
    fs::create_dir(tools.join("include")).unwrap();
    fs::write(tools.join("include/stdarg.h"), "#define MARK\n").unwrap();
    symbols("mark", Compiled);
    symbols("mark", Hit);
    fs::remove_dir_all(tools.join("include")).unwrap();
    // Specifications can do anything.
    fs::write(tools.join("specs"), "*cpp_unique_options:\n+ -DMARK\n\n").unwrap();
    symbols("mark", Unstored);
    trial.prove_hit(GCC, &["-B", "bin", "-c", "main.c"]);
    trial.prove_hit(GCC, &["-Bnone", "-c", "main.c"]);
}

#[test]
fn another_assembler_for_clang_is_an_input() {
    if is_installed(CLANG) {
        let trial = CcTrial::of(&[("main.c", "int x = 1;\n"), ("bin/note", "")]);
        trial.prove_hit(CLANG, &["-Bbin", "-c", "main.c"]);
        trial.prove_hit(CLANG, &["-fno-integrated-as", "-c", "main.c"]);
        let other = trial.program("as", OTHER_AS);
        let option = format!("-B{}", trial.env.root().join("bin").display());
        let args = [option.as_str(), "-fno-integrated-as", "-c", "main.c"];
        trial.prove_hit(CLANG, &args);
        let seen = trial.check(CLANG, &args, Hit);
        assert!(String::from_utf8_lossy(seen.bytes("main.o")).contains("FROM_OTHER"));
        fs::remove_file(other).unwrap();
        let seen = trial.check(CLANG, &args, Compiled);
        assert!(!String::from_utf8_lossy(seen.bytes("main.o")).contains("FROM_OTHER"));
    }
}

#[test]
fn a_program_around_those_behind_the_driver_is_an_input() {
    let trial = CcTrial::of(&[("main.c", "int x = VALUE;\n")]);
    let around = |value: &str| {
        let script = "#!/bin/sh\ncase $1 in *cc1) exec \"$@\" -DVALUE=N;; esac\nexec \"$@\"\n";
        trial.program("around", &script.replace('N', value))
    };
    let program = around("1");
    let args = ["-wrapper", program.as_str(), "-c", "main.c"];
    trial.prove_hit(GCC, &args);
    let first = trial.check(GCC, &args, Hit);
    drop(around("2"));
    assert_ne!(trial.check(GCC, &args, Compiled), first);
}

#[test]
fn arguments_in_a_file_for_the_assembler_are_an_input() {
    let mut trial = CcTrial::of(&[("low.S", ".long VALUE\n"), ("as.args", "")]);
    let texts = ["--defsym VALUE=3\n", "--defsym VALUE=4\n"];
    let args = ["-Wa,@as.args", "-c", "low.S"];
    check_read(&mut trial, GCC, &args, "as.args", texts);
    trial.prove_hit(GCC, &["-Wa,--defsym,VALUE=3", "-c", "low.S"]);
    trial.write("as.args", "--defsym VALUE=3 --MD as.d\n");
    trial.check_unstored(GCC, &args, "unexpected output `as.d`");
}

#[test]
fn a_directory_of_files_for_the_assembler_is_searched() {
    with_each(|compiler| {
        let mut trial = CcTrial::of(&[
            ("low.s", ".include \"part.inc\"\n"),
            ("inc/part.inc", ".long 1\n"),
            ("first/note", ""),
        ]);
        for options in [&["-Wa,-I,first", "-Wa,-Iinc"][..], &["-Wa,-Ifirst,-I,inc"]] {
            let args = [options, &["-c", "low.s"]].concat();
            check_read(&mut trial, compiler, &args, "inc/part.inc", [".long 1\n", ".long 2\n"]);
            trial.write("first/part.inc", ".long 3\n");
            trial.check(compiler, &args, Compiled);
            trial.remove("first/part.inc");
            trial.check(compiler, &args, Hit);
        }
    });
}

#[test]
fn directories_of_headers_that_are_put_together_are_searched() {
    with_each(|compiler| {
        let part = ["#define PART 1\n", "#define PART 2\n"];
        let mut trial = CcTrial::of(&[
            ("main.c", "#include <part.h>\nint part = PART;\n"),
            ("base/inc/part.h", ""),
            ("base/first/note", ""),
        ]);
        for place in ["-iwithprefix", "-iwithprefixbefore"] {
            let args = ["-iprefix", "base/", place, "first", place, "inc", "-c", "main.c"];
            check_read(&mut trial, compiler, &args, "base/inc/part.h", part);
            trial.write("base/first/part.h", "#define PART 3\n");
            trial.check(compiler, &args, Compiled);
            trial.remove("base/first/part.h");
            trial.check(compiler, &args, Hit);
        }
        if compiler == CLANG {
            trial.write("main.c", "#include <Part/part.h>\nint part = PART;\n");
            let header = "lib/Part.framework/Headers/part.h";
            check_read(&mut trial, compiler, &["-Flib", "-c", "main.c"], header, part);
            check_read(&mut trial, compiler, &["-iframework", "lib", "-c", "main.c"], header, part);
        }
    });
}

#[test]
fn the_contents_of_a_sanitizers_list_are_an_input() {
    if is_installed(CLANG) {
        let mut trial = CcTrial::of(&[("main.c", "int f(int *p) { return *p; }\n")]);
        let address = ["-fsanitize=address", "-fsanitize-ignorelist=list", "-c", "main.c"];
        check_read(&mut trial, CLANG, &address, "list", ["fun:other\n", "fun:f\n"]);
        let allow = "-fsanitize-coverage-allowlist=coverage";
        let coverage = ["-fsanitize-coverage=trace-pc-guard", allow, "-c", "main.c"];
        let lists = ["src:*\nfun:*\n", "src:*\nfun:other\n"];
        check_read(&mut trial, CLANG, &coverage, "coverage", lists);
    }
}

const BRANCHES: &str = "int g(int);\nint f(int a) {\n  if (a)\n    return g(a);\n  return 0;\n}\n";

#[test]
fn the_contents_of_a_profile_are_an_input() {
    if is_installed(CLANG) {
        let mut trial = CcTrial::of(&[("main.c", BRANCHES)]);
        let args = ["-O2", "-fprofile-sample-use=samples", "-c", "main.c"];
        let samples = ["f:100:10\n 1: 10\n 2: 10\n", "f:100:1000\n 1: 1000\n 2: 1\n"];
        check_read(&mut trial, CLANG, &args, "samples", samples);
    }
}

fn profdata() -> String {
    format!("llvm-profdata-{}", clang_version())
}

/// Makes a profile of [`BRANCHES`] for Clang in the file `path`.
#[track_caller]
fn count_for_clang(trial: &mut CcTrial, path: &str, counts: [u32; 2]) {
    let [entered, taken] = counts;
    let profdata = profdata();
    let script = format!(
        "{CLANG} -O2 -fprofile-instr-generate -c main.c -o p.o -S -emit-llvm 2>&1; \
         hash=$(sed -n 's/.*@__profd_f = .*i64 [0-9-]*, i64 \\([0-9]*\\),.*/\\1/p' p.o); \
         printf 'f\\n%s\\n2\\n{entered}\\n{taken}\\n' $hash > p.text; \
         {profdata} merge p.text -o {path}"
    );
    let seen = trial.script(CLANG, &script);
    assert_eq!(seen.code(), Some(0), "{}", seen.stderr());
    trial.keep(path);
}

#[test]
fn a_profile_that_clang_finds_by_name_is_an_input() {
    if !is_installed(CLANG) || !is_installed(&profdata()) {
        return;
    }
    let mut trial = CcTrial::of(&[("main.c", BRANCHES), ("dir/note", "")]);
    for (option, path) in [
        ("-fprofile-use", "default.profdata"),
        ("-fprofile-use=dir", "dir/default.profdata"),
        ("-fprofile-use=my.profdata", "my.profdata"),
        ("-fprofile-instr-use=my.profdata", "my.profdata"),
    ] {
        let args = ["-O2", option, "-c", "main.c"];
        count_for_clang(&mut trial, path, [100, 100]);
        trial.prove_hit(CLANG, &args);
        let first = trial.check(CLANG, &args, Hit);
        count_for_clang(&mut trial, path, [100, 1]);
        assert_ne!(trial.check(CLANG, &args, Compiled).bytes("main.o"), first.bytes("main.o"));
        trial.remove(path);
        trial.check(CLANG, &args, Failure);
    }
}

/// Runs a program that writes how often its parts ran, with `options` for where.
#[track_caller]
fn count(trial: &CcTrial, options: &str, output: &str, arguments: &str) {
    let script = format!(
        "gcc -O2 {options} -c main.c -o {output} && gcc -O2 {options} {output} -o program && ./program {arguments}"
    );
    assert_eq!(trial.bare("bash", &["-c", &script]).code(), Some(0));
}

const COUNTED: &str = "int f(int a) { return a > 2 ? a * 2 : a; }\n\
    int main(int n, char **v) { int s = 0; while (n--) s += f(n); return s < 0; }\n";

#[test]
fn the_counts_of_a_run_are_an_input_by_whose_they_are() {
    let trial = CcTrial::of(&[("main.c", COUNTED)]);
    let counts = trial.env.root().join("counts");
    let counts = counts.to_str().unwrap();
    let (making, option) =
        (format!("-fprofile-generate={counts}"), format!("-fprofile-use={counts}"));
    let args = ["-O2", option.as_str(), "-c", "main.c", "-o", "main.o"];
    // There are none yet, which GCC warns of.
    assert!(trial.check(GCC, &args, Compiled).stderr().contains("missing-profile"));
    trial.check(GCC, &args, Hit);
    count(&trial, &making, "main.o", "");
    trial.prove_hit(GCC, &args);
    count(&trial, &making, "main.o", "1 2 3 4 5 6 7");
    trial.prove_hit(GCC, &args);
    // For an output of another name, and elsewhere, they are others.
    let other = ["-O2", option.as_str(), "-c", "main.c", "-o", "other.o"];
    trial.check(GCC, &other, Compiled);
    count(&trial, &making, "other.o", "1");
    trial.prove_hit(GCC, &other);
    trial.check(GCC, &args, Hit);
    let second = trial.second("elsewhere/second");
    trial.check_in(&second, GCC, &args, Compiled);
    fs::remove_dir_all(counts).unwrap();
    assert!(trial.check(GCC, &args, Hit).stderr().contains("missing-profile"));
}

#[test]
fn counts_that_gcc_finds_by_the_outputs_name_are_an_input() {
    let mut trial = CcTrial::of(&[("main.c", COUNTED)]);
    let counts = trial.env.root().join("counts");
    let dir = format!("-fprofile-dir={}", counts.display());
    for options in
        [&["-fprofile-use"][..], &["-fbranch-probabilities"], &["-fprofile-use", dir.as_str()]]
    {
        let args = [&["-O2"], options, &["-c", "main.c", "-o", "main.o"]].concat();
        let making = format!("-fprofile-generate {}", options.get(1).unwrap_or(&""));
        trial.prove_hit(GCC, &args);
        count(&trial, &making, "main.o", "");
        if options.len() == 1 {
            trial.keep("main.gcda");
        }
        trial.prove_hit(GCC, &args);
        let first = trial.check(GCC, &args, Hit);
        count(&trial, &making, "main.o", "1 2 3 4 5 6 7");
        assert_ne!(trial.check(GCC, &args, Compiled), first, "{options:?}");
        if options.len() == 1 {
            trial.remove("main.gcda");
        }
    }
}
