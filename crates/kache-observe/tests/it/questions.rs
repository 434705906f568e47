//! Questions that no file answers: variables, the time, users, others.

use kache_observe::Act;

use crate::sandbox::{Sandbox, Tried, check, check_with, trace_of};

#[test]
fn variables_are_seen_by_name_set_or_not() {
    check(
        r#"
        setenv("T_SET", "value", 1);
        if (strcmp(getenv("T_SET"), "value")) return 1;
        if (getenv("T_UNSET")) return 2;
        secure_getenv("T_SECURE");
        for (int i = 0; i < 1000; i++) getenv("T_UNSET");
        "#,
        &["Env T_SET", "Env T_UNSET", "Env T_SECURE"],
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_function_that_only_old_programs_can_name_is_seen() {
    check_with(
        r#"
        __asm__(".symver ask, __secure_getenv@GLIBC_2.2.5");
        char *ask(const char *);
        "#,
        r#"
        setenv("T_OLD", "value", 1);
        if (!ask("T_OLD") || strcmp(ask("T_OLD"), "value")) return 1;
        "#,
        &[],
        &["Env T_OLD"],
    );
}

#[test]
fn the_time_of_day_is_seen_once() {
    check(
        r"
        struct timespec spec;
        struct timeval val;
        OK(clock_gettime(CLOCK_MONOTONIC, &spec));
        for (int i = 0; i < 3; i++) {
            OK(clock_gettime(CLOCK_REALTIME, &spec));
            OK(gettimeofday(&val, 0));
            if (time(0) < 1000000000) return 1;
        }
        ",
        &["Clock"],
    );
}

#[test]
fn how_long_a_machine_runs_is_not_the_time_of_day() {
    check("struct timespec spec; OK(clock_gettime(CLOCK_MONOTONIC, &spec));", &[]);
}

#[test]
fn the_time_zone_is_seen_once() {
    check(
        r"
        time_t when = 1;
        struct tm parts;
        SOME(gmtime(&when));
        SOME(localtime(&when));
        SOME(localtime_r(&when, &parts));
        ",
        &["LocalTime"],
    );
}

#[test]
fn a_connection_is_seen() {
    let includes = "#include <sys/socket.h>\n#include <sys/un.h>\n#include <netdb.h>";
    let address = r#"
        int s = socket(AF_UNIX, SOCK_DGRAM, 0);
        struct sockaddr_un to = { AF_UNIX, "nobody" };
    "#;
    for call in [
        "FAILS(connect(s, (void *)&to, sizeof to), ENOENT);",
        "OK(bind(s, (void *)&to, sizeof to));",
        "FAILS(sendto(s, \"\", 1, 0, (void *)&to, sizeof to), ENOENT);",
        "struct msghdr m = { &to, sizeof to }; FAILS(sendmsg(s, &m, 0), ENOENT);",
        "gethostbyname(\"localhost\");",
    ] {
        check_with(includes, &format!("{address}{call}"), &[], &["Network"]);
    }
    let nobody = "to.sun_family = AF_UNSPEC; OK(connect(s, (void *)&to, sizeof to));";
    check_with(includes, &format!("{address}{nobody}"), &[], &[]);
    check_with(includes, "int s[2]; OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));", &[], &[]);
}

#[test]
fn what_the_c_library_asks_for_by_itself_is_seen() -> Tried {
    let sandbox = Sandbox::new()?;
    let program = sandbox.c(
        "#include <locale.h>\n#include <pwd.h>",
        r#"setlocale(LC_ALL, ""); getpwuid(0);"#,
        &[],
    )?;
    let trace = trace_of(&mut sandbox.command(program))?;
    for expected in
        [Act::Env("LC_ALL".into()), Act::Env("LANG".into()), Act::Read("/etc/passwd".into())]
    {
        assert!(trace.acts().any(|act| *act == expected), "{expected:?}");
    }
    Ok(())
}

#[test]
fn a_language_that_a_program_chooses_asks_for_no_variable() -> Tried {
    let sandbox = Sandbox::new()?;
    let program = sandbox.c("#include <locale.h>", r#"setlocale(LC_ALL, "C");"#, &[])?;
    let trace = trace_of(&mut sandbox.command(program))?;
    assert!(!trace.acts().any(|act| *act == Act::Env("LC_ALL".into())));
    Ok(())
}
