//! Threads, signals, and processes in a bad state.

use std::collections::BTreeMap;

use kache_observe::NotObserved;

use crate::sandbox::{Sandbox, Tried, check, check_with, observe, trace_of};

#[test]
fn threads_lose_nothing_and_say_nothing_twice() -> Tried {
    let sandbox = Sandbox::new()?;
    let before = r#"
        enum { THREADS = 8, NAMES = 4000 };
        static char here[PATH_MAX];
        static void *look(void *data) {
            char name[PATH_MAX + 32];
            for (int i = 0; i < NAMES; i++) {
                sprintf(name, "%s/t%d-%d", here, (int)(long)data, i);
                FAILS(open(name, O_RDONLY), ENOENT);
            }
            return 0;
        }
    "#;
    let body = r"
        pthread_t threads[THREADS];
        SOME(getcwd(here, sizeof here));
        for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, look, (void *)i);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    ";
    let program = sandbox.c(before, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for seen in sandbox.seen(&trace) {
        *times.entry(seen).or_default() += 1;
    }
    assert_eq!(times.len(), 8 * 4000);
    assert!(times.values().all(|count| *count == 1));
    Ok(())
}

#[test]
fn a_fact_that_many_threads_find_is_written_a_few_times_at_most() -> Tried {
    let sandbox = Sandbox::new()?;
    let before = r#"
        static void *look(void *data) {
            for (int i = 0; i < 10000; i++) { access("file", R_OK); getenv("T_NAME"); }
            return 0;
        }
    "#;
    let body = r"
        pthread_t threads[8];
        for (int i = 0; i < 8; i++) pthread_create(&threads[i], 0, look, 0);
        for (int i = 0; i < 8; i++) pthread_join(threads[i], 0);
    ";
    let program = sandbox.c(before, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let seen = sandbox.seen(&trace);
    assert!(seen.contains(&"Looked file".to_owned()) && seen.contains(&"Env T_NAME".to_owned()));
    // Two for each thread, if all of them come at the same moment.
    assert!(seen.len() <= 16, "{}", seen.len());
    Ok(())
}

#[test]
fn a_signal_handler_may_do_anything_at_any_time() -> Tried {
    let sandbox = Sandbox::new()?;
    let before = r#"
        enum { TIMES = 500 };
        static volatile int times;
        static void handle(int signal) {
            int error = errno;
            if (times == TIMES) return;
            char name[16] = "s0000";
            int n = times++;
            for (int i = 4; i > 0; i--, n /= 10) name[i] = '0' + n % 10;
            open(name, O_RDONLY);
            open("file", O_RDONLY);
            getenv("T_HANDLED");
            errno = error;
        }
    "#;
    let body = r#"
        static char stack[8192];
        stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
        OK(sigaltstack(&alternate, 0));
        struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK | SA_RESTART };
        OK(sigaction(SIGALRM, &action, 0));
        struct itimerval often = { { 0, 50 }, { 0, 50 } };
        OK(setitimer(ITIMER_REAL, &often, 0));
        for (int i = 0; times < TIMES; i++) {
            char name[16];
            sprintf(name, "m%d", i % 100);
            errno = 0;
            if (open(name, O_RDONLY) >= 0 || errno != ENOENT) return 1;
        }
        "#;
    let program = sandbox.c(before, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let mut seen = sandbox.seen(&trace);
    let names = |letter: char, count: usize, width: usize| {
        (0..count).map(move |index| format!("Missing {letter}{index:0width$}"))
    };
    let mut expected: Vec<String> = names('m', 100, 1).chain(names('s', 500, 4)).collect();
    expected.extend(["Read file".to_owned(), "Env T_HANDLED".to_owned()]);
    expected.sort();
    seen.sort();
    // A handler may come between looking and writing down: then it is said twice.
    seen.dedup();
    assert_eq!(seen, expected);
    Ok(())
}

#[test]
fn closed_descriptors_do_not_matter() {
    check(
        r#"
        for (int i = 0; i < 1024; i++) close(i);
        if (open("file", O_RDONLY) != 0) return 1;
        if (open("dir", O_RDONLY | O_DIRECTORY) != 1) return 2;
        if (openat(1, "one", O_RDONLY) != 2) return 3;
        "#,
        &["Read file", "Looked dir", "Read dir/one"],
    );
}

/// Sets up a filter by which everything that observation might call is deadly.
const FILTER: &str = r"
    #include <linux/audit.h>
    #include <linux/filter.h>
    #include <linux/seccomp.h>
    #include <stddef.h>
    #include <sys/prctl.h>
    #define KILL(name) \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
    static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        KILL(getcwd), KILL(readlinkat), KILL(madvise), KILL(mmap), KILL(getpid), KILL(getppid),
        KILL(rt_sigprocmask), KILL(faccessat), KILL(lseek),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    static struct sock_fprog all = { sizeof filter / sizeof *filter, filter };
";

#[test]
fn a_filter_of_system_calls_ends_no_program() {
    check_with(
        FILTER,
        r#"
        char here[PATH_MAX], path[PATH_MAX + 16];
        SOME(getcwd(here, sizeof here));
        OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all));
        for (int i = 0; i < 10; i++) {
            sprintf(path, "%s/a%d", here, i);
            FAILS(open(path, O_RDONLY), ENOENT);
        }
        syscall(SYS_exit_group, 0);
        "#,
        &[],
        &[
            "Missing a0",
            "Missing a1",
            "Missing a2",
            "Missing a3",
            "Missing a4",
            "Missing a5",
            "Missing a6",
            "Missing a7",
            "Missing a8",
            "Missing a9",
        ],
    );
}

#[test]
fn behind_a_filter_what_takes_a_system_call_is_not_seen() -> Tried {
    for set in [
        "OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all));",
        "OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &all));",
    ] {
        let body = format!(
            "OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); {set}
            FAILS(open(\"relative\", O_RDONLY), ENOENT);
            FAILS(rename(\"a\", \"b\"), ENOENT);
            syscall(SYS_exit_group, 0);"
        );
        let sandbox = Sandbox::new()?;
        let program = sandbox.c(FILTER, &body, &[])?;
        let run = observe(&mut sandbox.command(program), &[])?;
        assert!(run.status.success(), "{set}: {}", run.status);
        assert!(matches!(run.trace, Err(NotObserved::Place { .. })), "{:?}", run.trace);
    }
    // More than there is memory for at the moment of the filter.
    let body = r#"
        char path[64];
        OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all));
        for (int i = 0; i < 10000; i++) { sprintf(path, "/none/%d", i); open(path, O_RDONLY); }
        syscall(SYS_exit_group, 0);
    "#;
    let sandbox = Sandbox::new()?;
    let program = sandbox.c(FILTER, body, &[])?;
    let run = observe(&mut sandbox.command(program), &[])?;
    assert!(run.status.success(), "{}", run.status);
    assert!(matches!(run.trace, Err(NotObserved::Overflow)), "{:?}", run.trace);
    Ok(())
}

#[test]
fn threads_may_fork_while_others_look() -> Tried {
    let sandbox = Sandbox::new()?;
    let before = r#"
        static volatile int stop;
        static void *look(void *data) {
            char name[32];
            for (int i = 0; !stop; i++) {
                sprintf(name, "x%d", i % 500);
                open(name, O_RDONLY);
                void *handle = dlopen("libm.so.6", RTLD_NOW);
                if (handle) dlclose(handle);
            }
            return 0;
        }
    "#;
    let body = r#"
        pthread_t threads[3];
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, look, 0);
        for (int i = 0; i < 200; i++) {
            char name[32];
            pid_t child = fork();
            if (!child) {
                sprintf(name, "c%d", i);
                // The first call of a hook in this process.
                FAILS(rename(name, "b"), ENOENT);
                FAILS(mkdir("no/dir", 0700), ENOENT);
                _exit(0);
            }
            int status;
            if (waitpid(child, &status, 0) != child || status) return 1;
        }
        stop = 1;
        for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    "#;
    let program = sandbox.c(before, body, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    let seen = sandbox.seen(&trace);
    for index in 0..200 {
        assert!(seen.contains(&format!("Missing c{index}")), "{index}");
    }
    Ok(())
}

#[test]
fn a_thread_may_be_cancelled_in_the_middle_of_a_call() {
    check_with(
        r#"
        static void *block(void *data) { open("fifo", O_RDONLY); return 0; }
        "#,
        r#"
        pthread_t thread;
        void *result;
        OK(mkfifo("fifo", 0600));
        pthread_create(&thread, 0, block, 0);
        usleep(50000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        if (result != PTHREAD_CANCELED) return 1;
        "#,
        &[],
        &["Wrote fifo"],
    );
}
