//! Children, and programs that processes become.

use std::fs;
use std::path::Path;

use kache_observe::{Act, Trace};

use crate::sandbox::{Sandbox, Tried, check, check_with, observe, trace_of};

/// Waiting for children, and what a program does when it is started again.
const CHILD: &str = r#"
static void await(pid_t child) {
    int status;
    if (child <= 0 || waitpid(child, &status, 0) != child || status) {
        fprintf(stderr, "child %d: %x\n", child, status); exit(20);
    }
}
#define CHILD(call) do { pid_t child_ = fork(); \
    if (!child_) { call; perror(#call); _exit(21); } await(child_); } while (0)
/* Opens what it is told to. */
static int again(int argc, char **argv) {
    if (argc < 2) return 0;
    if (atoi(argv[1]) != argc) { fprintf(stderr, "%d arguments\n", argc); exit(22); }
    if (open(argv[2], O_RDONLY) < 0) exit(23);
    if (argc > 3 && !strcmp(argv[3], "variable") && !getenv("T_GIVEN")) exit(24);
    exit(0);
}
"#;

/// The programs that were started, in order.
fn started(trace: &Trace) -> Vec<String> {
    let programs = trace.acts().filter_map(|act| match act {
        Act::Started { program, .. } => Some(program),
        _ => None,
    });
    programs.map(|path| path.file_name().unwrap_or_default().display().to_string()).collect()
}

fn count(trace: &Trace, is: impl Fn(&Act) -> bool) -> usize {
    trace.acts().filter(|act| is(act)).count()
}

#[test]
fn a_child_that_only_forks_is_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        pid_t child = fork();
        if (!child) { OK(open("file", O_RDONLY)); OK(open("absent", O_CREAT, 0600)); _exit(0); }
        await(child);
        OK(open("other", O_RDONLY));
    "#;
    let program = sandbox.c(CHILD, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    assert_eq!(sandbox.seen(&trace), ["Read file", "Read absent", "Wrote absent", "Read other"]);
    let forked = trace.events.iter().find(|event| matches!(event.act, Act::Forked { .. }));
    let forked = forked.ok_or("the child says that it was forked")?;
    let of = |path: &str| {
        let has = |act: &Act| act.path().is_some_and(|it| it.ends_with(path));
        trace.events.iter().find(|event| has(&event.act)).map(|event| event.pid)
    };
    assert_eq!(of("file"), Some(forked.pid));
    assert_eq!(forked.act, Act::Forked { parent: of("other").unwrap_or_default() });
    Ok(())
}

#[test]
fn a_child_made_by_system_call_is_seen() {
    check_with(
        CHILD,
        r#"
        pid_t child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (!child) { OK(open("file", O_RDONLY)); _exit(0); }
        await(child);
        child = _Fork();
        if (!child) { OK(open("other", O_RDONLY)); _exit(0); }
        await(child);
        "#,
        &[],
        &["Read file", "Read other"],
    );
}

#[test]
fn every_way_to_become_a_program_is_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    for index in 0..12 {
        fs::write(sandbox.root().join(format!("f{index}")), "")?;
    }
    let body = r#"
        again(argc, argv);
        char *self = argv[0];
        char *with[4096] = { "T_GIVEN=1" };
        for (int i = 0; environ[i]; i++) with[i + 1] = environ[i];
        CHILD(execl(self, self, "3", "f0", (char *)0));
        CHILD(execl(self, self, "9", "f1", "3", "4", "5", "6", "7", "8", (char *)0));
        CHILD(execlp(self, self, "7", "f2", "3", "4", "5", "6", (char *)0));
        CHILD(execle(self, self, "4", "f3", "variable", (char *)0, with));
        CHILD(execle(self, self, "8", "f4", "variable", "4", "5", "6", "7", (char *)0, with));
        CHILD(execv(self, ((char *[]){ self, "3", "f5", 0 })));
        CHILD(execve(self, ((char *[]){ self, "4", "f6", "variable", 0 }), with));
        CHILD(execvp(self, ((char *[]){ self, "3", "f7", 0 })));
        CHILD(execvpe(self, ((char *[]){ self, "4", "f8", "variable", 0 }), with));
        CHILD(fexecve(open(self, O_PATH), ((char *[]){ self, "3", "f9", 0 }), environ));
        CHILD(execveat(AT_FDCWD, self, ((char *[]){ self, "3", "f10", 0 }), environ, 0));
        CHILD(syscall(SYS_execve, self, ((char *[]){ self, "3", "f11", 0 }), environ));
    "#;
    let program = sandbox.c(CHILD, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let seen = sandbox.seen(&trace);
    for index in 0..12 {
        let expected = format!("Read f{index}");
        assert!(seen.contains(&expected), "{expected}: {seen:?}");
    }
    assert_eq!(started(&trace), ["program"; 13]);
    assert_eq!(count(&trace, |act| matches!(act, Act::Exec(_))), 12);
    assert_eq!(count(&trace, |act| matches!(act, Act::Forked { .. })), 12);
    Ok(())
}

#[test]
fn any_number_of_arguments_is_passed_on() -> Tried {
    let sandbox = Sandbox::new()?;
    for total in [3_usize, 6, 7, 8, 511, 512, 513, 900] {
        let more: Vec<String> = (3..total).map(|index| format!("\"{index}\", ")).collect();
        let more = more.concat();
        let body = format!(
            r#"
            again(argc, argv);
            CHILD(execl(argv[0], argv[0], "{total}", "file", {more}(char *)0));
            "#
        );
        let program = sandbox.c(CHILD, &body, &[])?;
        let trace = trace_of(&mut sandbox.command(program))?;
        assert_eq!(sandbox.seen(&trace), ["Read file"], "{total}");
    }
    Ok(())
}

#[test]
fn a_child_of_vfork_is_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        again(argc, argv);
        pid_t child = vfork();
        if (!child) {
            execl("./absent", "absent", (char *)0);
            execl(argv[0], argv[0], "3", "file", (char *)0);
            _exit(1);
        }
        await(child);
        OK(open("other", O_RDONLY));
    "#;
    let program = sandbox.c(CHILD, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    assert_eq!(
        sandbox.seen(&trace),
        ["Exec ./absent", "Missing ./absent", "ExecFailed ./absent", "Read file", "Read other"]
    );
    let other = trace
        .events
        .iter()
        .find(|event| matches!(&event.act, Act::Read(path) if path.ends_with("other")));
    // The parent is still known by its own id.
    let root = trace.events.first().map(|event| event.pid);
    assert_eq!(other.map(|event| event.pid), root);
    Ok(())
}

#[test]
fn spawned_programs_are_seen_and_failures_are_missing() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        again(argc, argv);
        pid_t child = 0;
        char *list[] = { argv[0], "3", "file", 0 };
        if (posix_spawn(&child, argv[0], 0, 0, list, environ)) return 1;
        await(child);
        list[2] = "other";
        if (posix_spawnp(&child, argv[0], 0, 0, list, environ)) return 1;
        await(child);
        list[2] = "dir/one";
        if (posix_spawn(0, argv[0], 0, 0, list, environ)) return 1;
        if (wait(0) <= 0) return 1;
        if (posix_spawn(&child, "./absent", 0, 0, list, environ) != ENOENT) return 2;
        if (posix_spawnp(&child, "./gone", 0, 0, list, environ) != ENOENT) return 3;
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "out", O_CREAT | O_WRONLY, 0600);
        list[2] = "./file";
        if (posix_spawn(&child, argv[0], &actions, 0, list, environ)) return 4;
        await(child);
        "#;
    let program = sandbox.c(CHILD, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let seen = sandbox.seen(&trace);
    let expected = [
        "Read file",
        "Read other",
        "Read dir/one",
        "Missing ./absent",
        "Missing ./gone",
        "Read out",
        "Wrote out",
        "Read ./file",
    ];
    assert_eq!(seen, expected);
    assert_eq!(count(&trace, |act| matches!(act, Act::Spawned { .. })), 4);
    assert_eq!(started(&trace), ["program"; 5]);
    Ok(())
}

#[test]
fn what_a_search_for_a_program_passes_is_missing() -> Tried {
    let sandbox = Sandbox::new()?;
    fs::create_dir_all(sandbox.root().join("first"))?;
    fs::create_dir_all(sandbox.root().join("dir/tool"))?;
    fs::create_dir_all(sandbox.root().join("second"))?;
    fs::write(sandbox.root().join("first/other"), "")?;
    sandbox.script("second/tool", "#!/bin/sh\nread line < file\n")?;
    let root = sandbox.root().display().to_string();
    let path = format!("{root}/none:first:dir:{root}/second:{root}/third:/usr/bin:/bin");
    for call in [
        "CHILD(execlp(\"tool\", \"tool\", (char *)0));",
        "CHILD(execvp(\"tool\", ((char *[]){ \"tool\", 0 })));",
        "CHILD(execvpe(\"tool\", ((char *[]){ \"tool\", 0 }), environ));",
        "pid_t c; if (posix_spawnp(&c, \"tool\", 0, 0, (char *[]){ \"tool\", 0 }, environ)) return 1;
         await(c);",
    ] {
        let program = sandbox.c(CHILD, call, &[])?;
        let trace = trace_of(sandbox.command(program).env("PATH", &path))?;
        let mut seen = sandbox.seen(&trace);
        seen.retain(|act| act != "Looked .");
        seen.sort();
        let ran = if call.contains("spawn") { "Spawned second/tool" } else { "Exec second/tool" };
        let mut expected = vec![
            "Looked dir/tool", "Missing first/tool", "Missing none/tool", "Read file",
            "Read second/tool", ran,
        ];
        expected.sort_unstable();
        assert_eq!(seen, expected, "{call}");
        assert!(trace.acts().any(|act| *act == Act::Env("PATH".into())));
    }
    Ok(())
}

#[test]
fn shells_of_the_c_library_are_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        if (system("read line < file")) return 1;
        FILE *stream = popen("read line < other; echo here", "r");
        char line[8];
        SOME(fgets(line, 8, stream));
        if (pclose(stream)) return 2;
        if (!system(0)) return 3;
    "#;
    let program = sandbox.c("", body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    // Shells look at where they are.
    let mut seen = sandbox.seen(&trace);
    seen.retain(|act| act != "Looked .");
    // One of them runs beside its parent.
    seen.sort();
    assert_eq!(seen, ["Read file", "Read other", "Shell", "Shell", "Shell"]);
    assert_eq!(started(&trace).len(), 4);
    Ok(())
}

#[test]
fn a_failed_program_leaves_no_expectation() {
    check(
        r#"
        OK(chmod("file", 0755));
        FAILS(execl("./dir", "dir", (char *)0), EACCES);
        FAILS(execl("./file", "file", (char *)0), ENOEXEC);
        FAILS(execlp("no-such-program", "it", (char *)0), ENOENT);
        FAILS(execvp("./none", argv), ENOENT);
        FAILS(execvp("", argv), ENOENT);
        "#,
        &[
            "Wrote file",
            "Exec ./dir",
            "Looked ./dir",
            "ExecFailed ./dir",
            "Exec ./file",
            "Looked ./file",
            "ExecFailed ./file",
            "Exec ./none",
            "Missing ./none",
            "ExecFailed ./none",
        ],
    );
}

#[test]
fn system_calls_by_name_are_seen_and_others_pass() {
    check_with(
        "#include <linux/openat2.h>",
        r#"
        struct stat s;
        struct statx x;
        char buffer[64];
        OK(mkdir("d", 0700));
        OK(syscall(SYS_openat, AT_FDCWD, "file", O_RDONLY));
        struct open_how how = { .flags = O_RDONLY };
        if (syscall(SYS_openat2, AT_FDCWD, "other", &how, sizeof how) < 0 && errno != ENOSYS)
            return 1;
        OK(syscall(SYS_statx, AT_FDCWD, "dir", 0, STATX_ALL, &x));
        OK(syscall(SYS_faccessat, AT_FDCWD, "dir/one", R_OK));
        OK(syscall(SYS_readlinkat, AT_FDCWD, "link", buffer, sizeof buffer));
        FAILS(syscall(SYS_openat, AT_FDCWD, "absent", O_RDONLY), ENOENT);
        OK(syscall(SYS_unlinkat, AT_FDCWD, "d", AT_REMOVEDIR));
        OK(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "b", 0));
        int fd = open("b", O_RDONLY);
        // Six arguments, the last of which is on the stack.
        char *map = (char *)syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED || map[0] != 'c') return 2;
        FAILS(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 1), EINVAL);
        if (syscall(SYS_getpid) != getpid()) return 3;
        FAILS(syscall(100000), ENOSYS);
        "#,
        &[],
        &[
            "Wrote d",
            "Read file",
            "Read other",
            "Looked dir",
            "Looked dir/one",
            "Link link",
            "Missing absent",
            "Removed d",
            "Renamed file b",
            "Read b",
        ],
    );
}

#[test]
fn libraries_are_linked_and_loaded() -> Tried {
    let sandbox = Sandbox::new()?;
    let library = build_library(&sandbox, "loaded", "int loaded(void) { return 7; }", &[])?;
    let body = format!(
        r#"
        void *handle = dlopen("{}", RTLD_NOW);
        SOME(handle);
        int (*call)(void) = (int (*)(void))dlsym(handle, "loaded");
        if (call() != 7) return 1;
        if (dlopen("./absent.so", RTLD_NOW)) return 2;
        SOME(dlerror());
        "#,
        library.display()
    );
    let program = sandbox.c("", &body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let loaded: Vec<&Act> = trace.acts().filter(|act| matches!(act, Act::Loaded(_))).collect();
    assert_eq!(loaded, [&Act::Loaded(library)]);
    let absent = sandbox.root().join("./absent.so");
    assert_eq!(count(&trace, |act| *act == Act::Missing(absent.clone())), 1);
    let is_libc = |path: &Path| path.ends_with("libc.so.6");
    assert_eq!(count(&trace, |act| matches!(act, Act::Linked(path) if is_libc(path))), 1);
    Ok(())
}

fn build_library(
    sandbox: &Sandbox,
    name: &str,
    source: &str,
    options: &[&str],
) -> Tried<std::path::PathBuf> {
    let file = sandbox.root().join(format!("{name}.c"));
    let library = sandbox.root().join(format!("lib{name}.so"));
    fs::write(&file, source)?;
    let mut cc = sandbox.command("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&file).args(options);
    if cc.status()?.success() { Ok(library) } else { Err("cc failed".into()) }
}

#[test]
fn a_library_is_found_where_its_user_looks() -> Tried {
    let sandbox = Sandbox::new()?;
    fs::create_dir(sandbox.root().join("deep"))?;
    let inner = build_library(&sandbox, "inner", "int inner(void) { return 8; }", &[])?;
    let moved = sandbox.root().join("deep/libinner.so");
    fs::rename(inner, &moved)?;
    let outer = r#"
        #include <dlfcn.h>
        int outer(void) {
            void *handle = dlopen("libinner.so", RTLD_NOW);
            return handle ? ((int (*)(void))dlsym(handle, "inner"))() : -1;
        }
    "#;
    let options = ["-Wl,-rpath,$ORIGIN/deep", "-Wl,--enable-new-dtags"];
    build_library(&sandbox, "outer", outer, &options)?;
    let rpath = format!("-Wl,-rpath,{}", sandbox.root().display());
    let directory = format!("-L{}", sandbox.root().display());
    let program = sandbox.c(
        "int outer(void);",
        "if (outer() != 8) return 1; access(\"file\", R_OK);",
        &[&rpath, &directory, "-Wl,--no-as-needed", "-louter", "-Wl,--as-needed"],
    )?;
    let trace = trace_of(&mut sandbox.command(program))?;
    assert_eq!(count(&trace, |act| *act == Act::Loaded(moved.clone())), 1);
    Ok(())
}

#[test]
fn many_children_at_once_are_all_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        again(argc, argv);
        char name[16];
        pid_t child;
        char *list[] = { argv[0], "3", name, 0 };
        for (int i = 0; i < 200; i++) {
            sprintf(name, "n%d", i);
            OK(link("file", name));
            if (posix_spawn(&child, argv[0], 0, 0, list, environ)) return 1;
        }
        for (int i = 0; i < 200; i++) { int status; if (wait(&status) <= 0 || status) return 2; }
    "#;
    let program = sandbox.c(CHILD, body, &[])?;
    let run = observe(&mut sandbox.command(program), &[])?;
    assert!(run.status.success());
    let trace = run.trace?;
    assert_eq!(started(&trace).len(), 201);
    let root = trace.events.first().map(|event| event.pid);
    let by_children = trace.events.iter().filter(|event| Some(event.pid) != root);
    assert_eq!(by_children.filter(|event| matches!(event.act, Act::Read(_))).count(), 200);
    Ok(())
}

#[test]
fn what_many_processes_do_is_told_once() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        again(argc, argv);
        pid_t child;
        char *list[] = { argv[0], "3", "file", 0 };
        for (int i = 0; i < 20; i++) {
            if (posix_spawn(&child, argv[0], 0, 0, list, environ)) return 1;
            await(child);
        }
    "#;
    let program = sandbox.c(CHILD, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    assert_eq!(started(&trace).len(), 21);
    assert_eq!(sandbox.seen(&trace), ["Read file"]);
    Ok(())
}
