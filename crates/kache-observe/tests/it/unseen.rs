//! What cannot be seen whole is not taken for seen.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use kache_observe::{NotObserved, Watch};

use crate::sandbox::{Run, Sandbox, Tried, library, observe, observe_by, trace_of};

/// Where the tail is in a trace file, and the first record.
const TAIL_OFFSET: u64 = 24;
const RECORDS_AT: u64 = 384 << 10;

fn run(before: &str, body: &str, options: &[&str]) -> Tried<Run> {
    let sandbox = Sandbox::new()?;
    let program = sandbox.c(before, body, options)?;
    observe(&mut sandbox.command(program), &[])
}

/// The trace file of a watch.
fn file_of(watch: &Watch) -> Tried<PathBuf> {
    let variables = watch.variables(&library()?, &[])?;
    let trace = variables.into_iter().find(|(name, _)| *name == "KACHE_TRACE");
    Ok(trace.ok_or("the trace is named")?.1.into())
}

#[test]
fn a_static_program_is_not_observed() -> Tried {
    let run = run("", "open(\"file\", O_RDONLY);", &["-static"])?;
    assert!(run.status.success());
    assert!(matches!(run.trace, Err(NotObserved::Root)), "{:?}", run.trace);
    Ok(())
}

/// Compiles a program that starts another one, which is static, and runs it.
fn with_static_child(body: &str) -> Tried<Run> {
    let sandbox = Sandbox::new()?;
    let child = sandbox.c("", "return 0;", &["-static"])?;
    let kept = sandbox.root().join("static");
    std::fs::rename(child, kept)?;
    let program = sandbox.c("", body, &[])?;
    observe(&mut sandbox.command(program), &[])
}

#[test]
fn a_static_child_is_not_observed_however_it_is_started() -> Tried {
    for body in [
        "if (!fork()) { execl(\"./static\", \"it\", (char *)0); _exit(1); } wait(0);",
        "if (!vfork()) { execl(\"./static\", \"it\", (char *)0); _exit(1); } wait(0);",
        "pid_t c; posix_spawn(&c, \"./static\", 0, 0, (char *[]){ \"it\", 0 }, environ); wait(0);",
    ] {
        let run = with_static_child(body)?;
        assert!(run.status.success());
        match run.trace {
            Err(NotObserved::Program { program }) => {
                assert!(program.ends_with("static"), "{}", program.display());
            }
            other => panic!("{body}: {other:?}"),
        }
    }
    let run = with_static_child("execl(\"./static\", \"it\", (char *)0); return 1;")?;
    assert!(matches!(run.trace, Err(NotObserved::Program { .. })), "{:?}", run.trace);
    Ok(())
}

#[test]
fn a_child_without_the_variables_is_not_observed() -> Tried {
    let sandbox = Sandbox::new()?;
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "env -i /bin/cat file > /dev/null"]);
    let run = observe(&mut shell, &[])?;
    assert!(run.status.success());
    assert!(matches!(run.trace, Err(NotObserved::Program { .. })), "{:?}", run.trace);
    Ok(())
}

#[test]
fn a_shell_without_the_variables_is_not_observed() -> Tried {
    for body in ["clearenv(); system(\"true\");", "clearenv(); pclose(popen(\"true\", \"r\"));"] {
        let run = run("", body, &[])?;
        assert!(run.status.success());
        assert!(matches!(run.trace, Err(NotObserved::Shell)), "{:?}", run.trace);
    }
    Ok(())
}

#[test]
fn a_program_with_other_rights_is_not_observed() -> Tried {
    let sandbox = Sandbox::new()?;
    let program = sandbox.c("", "return 0;", &[])?;
    let mut permissions = std::fs::metadata(&program)?.permissions();
    // Who it runs as changes nothing for root; that its group does is enough.
    std::os::unix::fs::chown(&program, None, Some(1)).or(Ok::<(), std::io::Error>(()))?;
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o2755);
    std::fs::set_permissions(&program, permissions)?;
    let has_other_rights = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(&program)?) == 1;
    let run = observe(&mut sandbox.command(program), &[])?;
    if has_other_rights {
        assert!(matches!(run.trace, Err(NotObserved::Root)), "{:?}", run.trace);
    }
    Ok(())
}

#[test]
fn a_record_that_was_not_finished_is_a_hole() -> Tried {
    let sandbox = Sandbox::new()?;
    let watch = Watch::start()?;
    let trace = OpenOptions::new().read(true).write(true).open(file_of(&watch)?)?;
    // What a process leaves that is killed between reserving a record and writing it.
    trace.write_all_at(&(RECORDS_AT + 48).to_ne_bytes(), TAIL_OFFSET)?;
    let mut shell = sandbox.command("cat");
    let run = observe_by(watch, shell.arg("file"), &[])?;
    assert!(matches!(run.trace, Err(NotObserved::Hole)), "{:?}", run.trace);
    Ok(())
}

#[test]
fn a_full_trace_is_no_trace_and_no_program_minds() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        for (int i = 0; i < 10000; i++) {
            char name[16];
            sprintf(name, "n%d", i);
            FAILS(open(name, O_RDONLY), ENOENT);
        }
    "#;
    let program = sandbox.c("", body, &[])?;
    for directory in [Path::new("/dev/shm"), sandbox.root()] {
        let watch = Watch::start_in(directory, 448 << 10)?;
        let run = observe_by(watch, &mut sandbox.command(&program), &[])?;
        assert!(run.status.success());
        assert!(matches!(run.trace, Err(NotObserved::Overflow)), "{:?}", run.trace);
    }
    let trace = trace_of(&mut sandbox.command(&program))?;
    assert_eq!(sandbox.seen(&trace).len(), 10000);
    Ok(())
}

#[test]
fn a_trace_may_be_anything() -> Tried {
    for (offset, bytes) in [
        // A kind that there is not, and a record longer than the file.
        (RECORDS_AT, 0xff_u64.to_ne_bytes()),
        (RECORDS_AT, (33_u64 << 32 | 1).to_ne_bytes()),
        (RECORDS_AT, (u64::MAX << 32 | 1).to_ne_bytes()),
    ] {
        let watch = Watch::start()?;
        let trace = OpenOptions::new().write(true).open(file_of(&watch)?)?;
        trace.write_all_at(&(RECORDS_AT + 48).to_ne_bytes(), TAIL_OFFSET)?;
        trace.write_all_at(&bytes, offset)?;
        let read = watch.finish(1);
        assert!(matches!(read, Err(NotObserved::Malformed { .. })), "{read:?}");
    }
    let watch = Watch::start()?;
    let trace = OpenOptions::new().write(true).open(file_of(&watch)?)?;
    trace.write_all_at(&u64::MAX.to_ne_bytes(), TAIL_OFFSET)?;
    assert!(matches!(watch.finish(1), Err(NotObserved::Overflow)));
    Ok(())
}

#[test]
fn a_walk_by_the_c_library_is_not_seen_whole() -> Tried {
    let includes = "#include <ftw.h>\n#include <fts.h>\n#include <glob.h>
        static int visit(const char *p, const struct stat *s, int f) { return 0; }
        static int visit4(const char *p, const struct stat *s, int f, struct FTW *b) { return 0; }";
    for body in [
        "OK(ftw(\"dir\", visit, 4));",
        "OK(nftw(\"dir\", visit4, 4, 0));",
        "OK(nftw64(\"dir\", (void *)visit4, 4, 0));",
        "char *tops[] = { \"dir\", 0 }; SOME(fts_open(tops, FTS_PHYSICAL, 0));",
        "glob_t g; glob(\"dir/*/x\", 0, 0, &g);",
        "glob_t g; glob(\"dir/{a,b}\", GLOB_BRACE, 0, &g);",
    ] {
        let run = run(includes, body, &[])?;
        assert!(run.status.success(), "{body}");
        match run.trace {
            Err(NotObserved::Walk { top }) => assert!(top.ends_with("dir"), "{}", top.display()),
            other => panic!("{body}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_pattern_for_one_directory_is_a_listing() {
    crate::sandbox::check_with(
        "#include <glob.h>",
        r#"
        glob_t g;
        if (glob("dir/*", 0, 0, &g) || g.gl_pathc != 1) return 1;
        if (glob("*.none", 0, 0, &g) != GLOB_NOMATCH) return 2;
        if (glob("file", 0, 0, &g)) return 3;
        if (glob("absent", 0, 0, &g) != GLOB_NOMATCH) return 4;
        if (glob("none/*", 0, 0, &g) != GLOB_NOMATCH) return 5;
        if (glob("none/*/x", 0, 0, &g) != GLOB_NOMATCH) return 6;
        "#,
        &[],
        &["Listed dir", "Listed .", "Looked file", "Missing absent", "Missing none"],
    );
}

#[test]
fn a_directory_without_a_path_makes_names_in_it_unseen() -> Tried {
    let body = r#"
        char here[PATH_MAX];
        SOME(getcwd(here, sizeof here));
        OK(mkdir("gone", 0700));
        OK(chdir("gone"));
        OK(rmdir(strcat(here, "/gone")));
        FAILS(open("name", O_RDONLY), ENOENT);
    "#;
    let run = run("", body, &[])?;
    match run.trace {
        Err(NotObserved::Place { name }) => assert_eq!(name, Path::new("name")),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_second_c_library_is_not_seen() -> Tried {
    let body = "SOME(dlmopen(LM_ID_NEWLM, \"libm.so.6\", RTLD_NOW));";
    let run = run("", body, &[])?;
    assert!(run.status.success());
    assert!(matches!(run.trace, Err(NotObserved::Runtime { .. })), "{:?}", run.trace);
    Ok(())
}

#[test]
fn a_program_made_by_go_is_not_seen() -> Tried {
    // Such a program may use the C library, and also calls the kernel by itself.
    let note = r#"
        __asm__(".section .note.go.buildid, \"a\", @note\n"
            ".long 4, 6, 9\n.ascii \"GNU\\0\"\n.ascii \"before\\0\\0\"\n"
            ".long 4, 5, 4\n.ascii \"Go\\0\\0\"\n.ascii \"build\\0\\0\\0\"\n.text");
    "#;
    let run = run(note, "", &[])?;
    assert!(run.status.success());
    assert!(matches!(run.trace, Err(NotObserved::Runtime { .. })), "{:?}", run.trace);
    Ok(())
}

#[test]
fn a_new_root_makes_paths_unseen() -> Tried {
    let run = run("", "if (chroot(\"dir\") && errno != EPERM) return 1;", &[])?;
    assert!(run.status.success());
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(matches!(run.trace, Err(NotObserved::Place { .. })), is_root);
    Ok(())
}

#[test]
fn a_library_that_cannot_be_named_is_refused() -> Tried {
    let watch = Watch::start()?;
    for path in ["/a b/lib.so", "/a:b/lib.so", "lib.so"] {
        assert!(watch.variables(Path::new(path), &[]).is_err(), "{path}");
    }
    for host in ["/a:b", "relative"] {
        assert!(watch.variables(&library()?, &[Path::new(host)]).is_err(), "{host}");
    }
    Ok(())
}

#[test]
fn a_missing_library_is_not_observed() -> Tried {
    let sandbox = Sandbox::new()?;
    let watch = Watch::start()?;
    let variables = watch.variables(Path::new("/no/such/library.so"), &[])?;
    let mut child = sandbox.command("cat").arg("file").envs(variables).spawn()?;
    assert!(child.wait()?.success());
    assert!(matches!(watch.finish(child.id()), Err(NotObserved::Root)));
    Ok(())
}

#[test]
fn the_file_goes_with_the_watch() -> Tried {
    let watch = Watch::start()?;
    let file = file_of(&watch)?;
    assert!(file.exists());
    drop(watch);
    assert!(!file.exists());
    let watch = Watch::start()?;
    let file = file_of(&watch)?;
    assert!(watch.finish(1).is_err());
    assert!(!file.exists());
    Ok(())
}

#[test]
fn only_traces_that_nobody_watches_are_swept() -> Tried {
    let watch = Watch::start()?;
    let file = file_of(&watch)?;
    let stale = file.with_file_name("kache-trace-0-stale");
    std::fs::write(&stale, "")?;
    let other = file.with_file_name("kache-tracer");
    std::fs::write(&other, "")?;
    kache_observe::sweep();
    assert!(file.exists() && !stale.exists() && other.exists());
    Ok(std::fs::remove_file(other)?)
}

#[test]
fn who_stays_behind_is_told() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        int ready[2], stop[2];
        char byte;
        pipe(ready); pipe(stop);
        pid_t child = fork();
        if (!child) { write(ready[1], "", 1); close(stop[1]); read(0, &byte, 1); _exit(0); }
        read(ready[0], &byte, 1);
        printf("%d\n", child);
    "#;
    let program = sandbox.c("", body, &[])?;
    let (input, keep) = std::io::pipe()?;
    let said = sandbox.beside("said");
    let mut command = sandbox.command(program);
    command.stdin(input).stdout(std::fs::File::create(&said)?);
    let trace = trace_of(&mut command)?;
    drop(keep);
    let child: u32 = std::fs::read_to_string(said)?.trim().parse()?;
    assert_eq!(trace.left_behind, [child]);
    Ok(())
}
