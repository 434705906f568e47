//! Programs that people use.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use kache_observe::{Act, Trace};

use crate::sandbox::{Sandbox, Tried, trace_of};

/// Whether a program is here. A test that is skipped says so; in CI it fails.
pub(crate) fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    let found = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    assert!(found || std::env::var_os("CI").is_none(), "{program} is missing");
    if !found {
        #[expect(clippy::print_stderr, reason = "who runs the tests should know")]
        {
            eprintln!("skipped: {program} is missing");
        }
    }
    found
}

fn starts(trace: &Trace) -> usize {
    trace.acts().filter(|act| matches!(act, Act::Started { .. })).count()
}

#[track_caller]
fn contains(sandbox: &Sandbox, trace: &Trace, expected: &[&str]) {
    let seen = sandbox.seen(trace);
    for expected in expected {
        assert!(seen.iter().any(|act| act == expected), "{expected}: {seen:#?}");
    }
}

#[test]
fn a_pipeline_of_a_shell_is_seen_whole() -> Tried {
    let sandbox = Sandbox::new()?;
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "cat file | tr a-z A-Z > upper; cd dir && cat one > /dev/null"]);
    let trace = trace_of(&mut shell)?;
    contains(&sandbox, &trace, &["Read file", "Wrote upper", "Looked dir", "Read dir/one"]);
    assert_eq!(starts(&trace), 4, "{:?}", trace.events);
    Ok(())
}

#[test]
fn bash_with_its_own_getenv_is_seen() -> Tried {
    if !has("bash") {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut bash = sandbox.command("bash");
    bash.args([
        "-c",
        "x=$(< file); for f in dir/*; do cat $f; done | sort > sorted; [[ -e no ]]; :",
    ]);
    let trace = trace_of(&mut bash)?;
    contains(
        &sandbox,
        &trace,
        &["Read file", "Listed dir/", "Read dir/one", "Wrote sorted", "Missing no"],
    );
    Ok(())
}

#[test]
fn python_is_seen() -> Tried {
    if !has("python3") {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let script = "
import os, subprocess, glob, tempfile
open('file').read()
os.listdir('dir')
os.path.exists('absent')
os.readlink('link')
with os.scandir('.') as it: list(it)
os.makedirs('new/deep')
subprocess.run(['cat', 'dir/one'], stdout=subprocess.DEVNULL, check=True)
subprocess.run('cat other > copy', shell=True, check=True)
";
    fs::write(sandbox.root().join("script.py"), script)?;
    let mut python = sandbox.command("python3");
    let trace = trace_of(python.arg("script.py"))?;
    contains(
        &sandbox,
        &trace,
        &[
            "Read script.py",
            "Read file",
            "Listed dir",
            "Missing absent",
            "Link link",
            "Listed .",
            "Wrote new/deep",
            "Read dir/one",
            "Read other",
            "Wrote copy",
        ],
    );
    Ok(())
}

#[test]
fn a_c_compiler_reads_headers_and_passes_where_they_are_not() -> Tried {
    let sandbox = Sandbox::new()?;
    for directory in ["first", "second", "third"] {
        fs::create_dir(sandbox.root().join(directory))?;
    }
    fs::write(sandbox.root().join("second/a.h"), "#include \"b.h\"\n")?;
    fs::write(sandbox.root().join("third/b.h"), "#define B 1\n")?;
    fs::write(sandbox.root().join("data.bin"), "bytes")?;
    let source = "#include <a.h>\n#if __has_include(\"c.h\")\n#error\n#endif\n\
        __asm__(\".incbin \\\"data.bin\\\"\");\nint b = B;\n";
    fs::write(sandbox.root().join("source.c"), source)?;
    let mut cc = sandbox.command("cc");
    cc.args(["-Ifirst", "-Isecond", "-Ithird", "-c", "source.c", "-o", "out.o"]);
    let trace = trace_of(&mut cc)?;
    contains(
        &sandbox,
        &trace,
        &[
            "Read source.c",
            "Missing first/a.h",
            "Read second/a.h",
            "Missing second/b.h",
            "Missing first/b.h",
            "Read third/b.h",
            "Missing c.h",
            "Missing first/c.h",
            "Missing second/c.h",
            "Missing third/c.h",
            "Read data.bin",
            "Wrote out.o",
        ],
    );
    assert!(starts(&trace) >= 3, "a driver, a compiler, an assembler: {:?}", trace.events);
    Ok(())
}

#[test]
fn a_sanitized_program_runs_and_is_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    for sanitizer in ["address", "undefined"] {
        let option = format!("-fsanitize={sanitizer}");
        let Ok(program) = sandbox.c("", "OK(open(\"file\", O_RDONLY));", &[&option]) else {
            continue;
        };
        let trace = trace_of(&mut sandbox.command(program))?;
        contains(&sandbox, &trace, &["Read file"]);
    }
    Ok(())
}

#[test]
fn an_exception_passes_through_a_hook() -> Tried {
    if !has("c++") {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let source = sandbox.beside("throw.cc");
    let program = sandbox.beside("throw");
    fs::write(
        &source,
        r#"
        #include <dirent.h>
        #include <stdlib.h>
        static int fail(const struct dirent *) { throw 7; }
        int main() {
            struct dirent **list;
            try { scandir("dir", &list, fail, 0); } catch (int thrown) { return thrown - 7; }
            return 1;
        }
        "#,
    )?;
    let mut compiler = sandbox.command("c++");
    assert!(compiler.arg("-o").arg(&program).arg(&source).status()?.success());
    let bare = sandbox.command(&program).status()?;
    assert!(bare.success());
    trace_of(&mut sandbox.command(&program))?;
    Ok(())
}

#[test]
fn make_and_its_children_are_seen() -> Tried {
    if !has("make") {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    symlink("file", sandbox.root().join("input"))?;
    let rules = "all: out1 out2\nout%: input\n\tcp input $@\n-include absent.d\n";
    fs::write(sandbox.root().join("Makefile"), rules)?;
    let mut make = sandbox.command("make");
    let trace = trace_of(make.args(["-s", "-j2"]))?;
    contains(
        &sandbox,
        &trace,
        &["Read Makefile", "Missing absent.d", "Read input", "Wrote out1", "Wrote out2"],
    );
    Ok(())
}

#[test]
fn a_program_in_rust_is_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    let source = sandbox.beside("program.rs");
    let program = sandbox.beside("program");
    fs::write(
        &source,
        r#"
        use std::{env, fs, process::Command};
        fn main() {
            let _ = env::var("T_RUST");
            fs::read_to_string("file").unwrap();
            fs::copy("other", "copy").unwrap();
            fs::read_dir("dir").unwrap().for_each(drop);
            assert!(!fs::exists("absent").unwrap());
            fs::create_dir_all("new/deep").unwrap();
            fs::hard_link("other", "hard").unwrap();
            fs::remove_dir_all("new").unwrap();
            assert!(Command::new("./none").status().is_err());
            assert!(Command::new("true").current_dir("dir").status().unwrap().success());
        }
        "#,
    )?;
    let mut rustc = sandbox.command("rustc");
    assert!(rustc.arg("-o").arg(&program).arg(&source).status()?.success());
    let trace = trace_of(&mut sandbox.command(program))?;
    contains(
        &sandbox,
        &trace,
        &[
            "Env T_RUST",
            "Read file",
            "Read other",
            "Wrote copy",
            "Listed dir",
            "Missing absent",
            "Wrote new/deep",
            "Wrote hard",
            "Removed new/deep",
            "Removed new",
            "Missing ./none",
        ],
    );
    assert_eq!(starts(&trace), 2);
    Ok(())
}
