//! rustc and the macros that it loads.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use kache_observe::{Act, Trace};

use crate::sandbox::{Sandbox, Tried, observe};

/// The compiler itself, not what rustup puts before it, and its directory.
fn toolchain() -> Tried<(PathBuf, PathBuf)> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    Ok((sysroot.join("bin/rustc"), sysroot))
}

fn succeed(command: &mut Command) -> Tried {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Builds a macro `go!` from its body, as cargo would.
fn build_macro(sandbox: &Sandbox, items: &str, body: &str) -> Tried<PathBuf> {
    let (rustc, _) = toolchain()?;
    let source = sandbox.beside("go.rs");
    let library = sandbox.beside("libgo.so");
    let text = format!(
        "extern crate proc_macro; {items}
        #[proc_macro] pub fn go(input: proc_macro::TokenStream) -> proc_macro::TokenStream {{
            let _ = input; {body}
            proc_macro::TokenStream::new()
        }}"
    );
    fs::write(&source, text)?;
    let mut command = sandbox.command(rustc);
    command.args(["--edition=2021", "--crate-type=proc-macro", "-Cprefer-dynamic", "-O"]);
    succeed(command.arg("-o").arg(&library).arg(&source))?;
    Ok(library)
}

/// Compiles a program that uses the macro, and returns what was seen.
fn use_macro(sandbox: &Sandbox, library: &Path, options: &[&str]) -> Tried<Trace> {
    let (rustc, sysroot) = toolchain()?;
    let source = sandbox.root().join("main.rs");
    fs::write(&source, "mod part; go::go!(); fn main() { part::part(); }")?;
    fs::write(sandbox.root().join("part.rs"), "pub fn part() { println!(\"{}\", 1); }")?;
    let mut command = sandbox.command(rustc);
    command.args(["--edition=2021", "--extern"]).arg(format!("go={}", library.display()));
    command.args(options).arg(&source);
    let run = observe(&mut command, &[&sysroot])?;
    assert!(run.status.success());
    Ok(run.trace?)
}

/// What a macro does, in words, without what rustc's search for libraries and
/// sources looks like when a word on its stack is taken for the macro's.
fn seen(sandbox: &Sandbox, trace: &Trace) -> BTreeSet<String> {
    sandbox.seen(trace).into_iter().collect()
}

#[test]
fn what_a_macro_does_counts() -> Tried {
    let sandbox = Sandbox::new()?;
    symlink("dir", sandbox.root().join("way"))?;
    for name in ["by-thread", "by-child", "by-pool", "by-fork"] {
        fs::write(sandbox.root().join(name), name)?;
    }
    let body = r#"
        let _ = std::env::var("T_VARIABLE");
        std::fs::read_to_string("file").unwrap();
        assert_eq!(std::fs::read_dir("dir").unwrap().count(), 1);
        assert!(!std::path::Path::new("absent").exists());
        std::fs::read_link("link").unwrap();
        std::fs::read("way/one").unwrap();
        std::fs::canonicalize("way").unwrap();
        assert!(std::fs::metadata("other").is_ok());
        let cat = std::process::Command::new("cat").arg("by-child").output().unwrap();
        assert_eq!(cat.stdout, b"by-child");
        std::thread::spawn(|| std::fs::read("by-thread").unwrap()).join().unwrap();
        deep(200);
        let (send, receive) = std::sync::mpsc::channel::<String>();
        let worker = std::thread::spawn(move || {
            for name in receive { let _ = std::fs::File::open(name).unwrap(); }
        });
        send.send("by-pool".into()).unwrap();
        drop(send);
        worker.join().unwrap();
        use std::os::unix::process::CommandExt as _;
        let mut cat = std::process::Command::new("cat");
        // Forks, since something has to run in the child.
        unsafe { cat.arg("by-fork").pre_exec(|| { let _ = std::fs::read("in-fork"); Ok(()) }) };
        assert_eq!(cat.output().unwrap().stdout, b"by-fork");
        std::fs::write("written", "").unwrap();
        std::fs::rename("written", "renamed").unwrap();
        std::fs::remove_file("renamed").unwrap();
    "#;
    let items = r#"
        #[inline(never)]
        fn deep(level: u32) -> u64 {
            let filler = [u64::from(level); 8];
            if level == 0 { return std::fs::metadata("below").map_or(0, |found| found.len()); }
            deep(level - 1) + std::hint::black_box(filler)[3]
        }
    "#;
    let library = build_macro(&sandbox, items, body)?;
    let trace = use_macro(&sandbox, &library, &[])?;
    let seen = seen(&sandbox, &trace);
    for expected in [
        "Env T_VARIABLE",
        "Read file",
        "Listed dir",
        "Missing absent",
        "Link link",
        "Read way/one",
        "Resolved way",
        "Looked other",
        "Read by-child",
        "Read by-thread",
        "Missing below",
        "Read by-pool",
        "Read by-fork",
        "Missing in-fork",
        "Wrote written",
        "Renamed written renamed",
        "Removed renamed",
    ] {
        assert!(seen.contains(expected), "{expected}: {seen:#?}");
    }
    Ok(())
}

#[test]
fn what_rustc_and_its_linker_do_does_not_count() -> Tried {
    let sandbox = Sandbox::new()?;
    let library = build_macro(&sandbox, "", "std::fs::read(\"file\").unwrap();")?;
    let trace = use_macro(&sandbox, &library, &["-Cdebuginfo=2"])?;
    let started: Vec<&Act> =
        trace.acts().filter(|act| matches!(act, Act::Started { .. })).collect();
    assert_eq!(started.len(), 1, "only rustc: {started:?}");
    let all = trace.events.iter().filter(|event| matches!(event.act, Act::Started { .. })).count();
    assert!(all > 2, "the linker is seen, too: {all}");
    let own = |act: &Act| act.path().is_some_and(|path| path.ends_with("libstd.so"));
    assert!(!trace.acts().any(own));
    // Where a word on the stack misleads, a few looks of rustc's own count.
    let count = trace.acts().count();
    assert!(count < 40, "{count}: {:#?}", trace.acts().collect::<Vec<_>>());
    assert!(trace.acts().any(|act| act.path().is_some_and(|path| path.ends_with("file"))));
    Ok(())
}

#[test]
fn without_a_macro_nothing_of_rustc_counts() -> Tried {
    let sandbox = Sandbox::new()?;
    let (rustc, sysroot) = toolchain()?;
    fs::write(sandbox.root().join("plain.rs"), "pub fn plain() {}")?;
    let mut command = sandbox.command(rustc);
    command.args(["--crate-type=lib", "plain.rs"]);
    let run = observe(&mut command, &[&sysroot])?;
    assert!(run.status.success());
    let trace = run.trace?;
    let acts: Vec<&Act> = trace.acts().collect();
    assert!(matches!(acts.as_slice(), [Act::Started { .. }]), "{acts:?}");
    Ok(())
}

#[test]
fn a_compiler_that_a_macro_runs_counts_whole() -> Tried {
    let sandbox = Sandbox::new()?;
    let (rustc, _) = toolchain()?;
    fs::write(sandbox.root().join("probe.rs"), "pub fn probe() {}")?;
    let body = format!(
        r#"let status = std::process::Command::new("{}")
            .args(["--crate-type=lib", "--emit=metadata", "probe.rs"]).status().unwrap();
        assert!(status.success());"#,
        rustc.display()
    );
    let library = build_macro(&sandbox, "", &body)?;
    let trace = use_macro(&sandbox, &library, &[])?;
    assert!(seen(&sandbox, &trace).contains("Read probe.rs"));
    Ok(())
}

#[test]
fn a_static_child_of_a_macro_is_not_observed_but_one_of_rustc_does_not_matter() -> Tried {
    let sandbox = Sandbox::new()?;
    let program = sandbox.c("", "return 0;", &["-static"])?;
    let kept = sandbox.root().join("static");
    fs::rename(program, &kept)?;
    let body = "std::process::Command::new(\"./static\").status().unwrap();";
    let library = build_macro(&sandbox, "", body)?;
    assert!(use_macro(&sandbox, &library, &[]).is_err());

    // A linker that does its work by another, which is static.
    let text = format!("#!/bin/sh\n{} && exec cc \"$@\"\n", kept.display());
    let linker = sandbox.script("linker", &text)?;
    let library = build_macro(&sandbox, "", "std::fs::read(\"file\").unwrap();")?;
    let option = format!("-Clinker={}", linker.display());
    let trace = use_macro(&sandbox, &library, &[&option])?;
    assert!(seen(&sandbox, &trace).contains("Read file"));
    Ok(())
}

#[test]
fn what_a_library_of_a_macro_does_while_it_is_loaded_counts() -> Tried {
    let sandbox = Sandbox::new()?;
    let items = r#"
        extern "C" fn early() { let _ = std::fs::read("early"); }
        #[used]
        #[link_section = ".init_array"]
        static EARLY: extern "C" fn() = early;
    "#;
    let library = build_macro(&sandbox, items, "")?;
    let trace = use_macro(&sandbox, &library, &[])?;
    assert!(seen(&sandbox, &trace).contains("Missing early"));
    Ok(())
}

/// Runs a host in C, which is given the path of a library that is a guest. The guest's
/// `guest` opens the file that it is given.
fn host(before: &str, body: &str) -> Tried<(Sandbox, Trace)> {
    let sandbox = Sandbox::new()?;
    let source = sandbox.beside("guest.c");
    let library = sandbox.root().join("guest.so");
    let text = "#include <fcntl.h>\nvolatile int kept;
        int guest(const char *name) { kept = open(name, O_RDONLY); return kept; }";
    fs::write(&source, text)?;
    succeed(sandbox.command("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source))?;
    let before = format!("#include <ucontext.h>\n{before}");
    let start = "void *handle = dlopen(argv[1], RTLD_NOW); SOME(handle);
        int (*volatile guest)(const char *) = (int (*)(const char *))dlsym(handle, \"guest\");";
    let program = sandbox.c(&before, &format!("{start}{body}"), &[])?;
    let directory = sandbox.beside("host");
    fs::create_dir(&directory)?;
    let kept = directory.join("program");
    fs::rename(program, &kept)?;
    let run = observe(sandbox.command(kept).arg(library), &[&directory])?;
    assert!(run.status.success(), "{}", run.status);
    Ok((sandbox, run.trace?))
}

#[test]
fn who_only_knows_a_guest_is_not_the_guest() -> Tried {
    let (sandbox, trace) = host(
        "",
        r#"
        OK(open("other", O_RDONLY));
        guest("file");
        OK(open("dir/one", O_RDONLY));
        if (argc > 100) guest("none");
        "#,
    )?;
    assert_eq!(sandbox.seen(&trace), ["Read file"]);
    Ok(())
}

#[test]
fn what_a_child_of_the_host_did_counts_when_a_guest_does_it() -> Tried {
    let (sandbox, trace) = host(
        "",
        r#"
        if (system("cat file dir/one >/dev/null")) return 1;
        guest("file");
        "#,
    )?;
    assert_eq!(sandbox.seen(&trace), ["Read file"]);
    Ok(())
}

#[test]
fn a_guest_that_is_gone_leaves_nothing_to_stumble_over() -> Tried {
    let (sandbox, trace) = host(
        "static int again(int (*f)(const char *), int n) {
            volatile long room[64]; room[n & 63] = (long)f + 5;
            return n ? again(f, n - 1) + room[3] : open(\"other\", O_RDONLY);
        }",
        r#"
        guest("file");
        OK(dlclose(handle));
        again(guest, 20);
        "#,
    )?;
    assert_eq!(sandbox.seen(&trace), ["Read file"]);
    Ok(())
}

#[test]
fn a_guest_is_found_on_any_stack_and_nothing_beyond_it_is_read() -> Tried {
    let (sandbox, trace) = host(
        r#"
        static int (*inner)(const char *);
        static ucontext_t main_context, context;
        static void by_guest(void) { inner("file"); }
        static void by_host(void) { open("other", O_RDONLY); }
        static void on_small_stack(void (*run)(void)) {
            enum { SIZE = 16384 };
            char *stack = mmap(0, SIZE + 4096, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            // Nobody may read what comes behind the stack.
            OK(mprotect(stack + SIZE, 4096, PROT_NONE));
            getcontext(&context);
            context.uc_stack.ss_sp = stack;
            context.uc_stack.ss_size = SIZE;
            context.uc_link = &main_context;
            makecontext(&context, run, 0);
            swapcontext(&main_context, &context);
            OK(munmap(stack, SIZE + 4096));
        }
        static void *in_thread(void *data) { on_small_stack(by_host); inner("link"); return 0; }
        "#,
        r"
        inner = guest;
        on_small_stack(by_host);
        on_small_stack(by_guest);
        pthread_t thread;
        pthread_create(&thread, 0, in_thread, 0);
        pthread_join(thread, 0);
        ",
    )?;
    assert_eq!(sandbox.seen(&trace), ["Read file", "Read link"]);
    Ok(())
}
