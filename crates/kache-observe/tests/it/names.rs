//! Looking at names: what is there, what is not, and under which path that is
//! written down.

use kache_observe::Act;

use crate::sandbox::{Sandbox, Tried, check, check_with, trace_of};

#[test]
fn every_way_to_look_is_seen() {
    check(
        r#"
        for (int i = 0; i < 20; i++) {
            char name[8];
            sprintf(name, "f%d", i);
            close(creat(name, 0600));
        }
        struct stat s;
        struct stat64 s64;
        struct statx x;
        struct statfs f;
        struct statvfs v;
        OK(stat("f0", &s));
        OK(stat64("f1", &s64));
        OK(lstat("f2", &s));
        OK(lstat64("f3", &s64));
        OK(fstatat(AT_FDCWD, "f4", &s, 0));
        OK(fstatat64(AT_FDCWD, "f5", &s64, 0));
        OK(statx(AT_FDCWD, "f6", 0, STATX_ALL, &x));
        OK(access("f7", R_OK));
        OK(eaccess("f8", R_OK));
        OK(euidaccess("f9", R_OK));
        OK(faccessat(AT_FDCWD, "f10", R_OK, 0));
        OK(statfs("f11", &f));
        OK(statvfs("f12", &v));
        "#,
        &[
            "Wrote f0",
            "Wrote f1",
            "Wrote f2",
            "Wrote f3",
            "Wrote f4",
            "Wrote f5",
            "Wrote f6",
            "Wrote f7",
            "Wrote f8",
            "Wrote f9",
            "Wrote f10",
            "Wrote f11",
            "Wrote f12",
            "Wrote f13",
            "Wrote f14",
            "Wrote f15",
            "Wrote f16",
            "Wrote f17",
            "Wrote f18",
            "Wrote f19",
            "Looked f0",
            "Looked f1",
            "Looked f2",
            "Looked f3",
            "Looked f4",
            "Looked f5",
            "Looked f6",
            "Looked f7",
            "Looked f8",
            "Looked f9",
            "Looked f10",
            "Looked f11",
            "Looked f12",
        ],
    );
}

#[test]
fn programs_built_for_an_old_c_library_are_seen() {
    // Only by name and version can a new program call what old ones call.
    check_with(
        r#"
        #define OLD(name, version) __asm__(".symver old" #name ", " #name "@" version)
        #if defined(__x86_64__)
        #define FIRST "GLIBC_2.2.5"
        #define FOURTH "GLIBC_2.4"
        #else
        #define FIRST "GLIBC_2.17"
        #define FOURTH "GLIBC_2.17"
        #endif
        OLD(__xstat, FIRST); int old__xstat(int, const char *, void *);
        OLD(__lxstat64, FIRST); int old__lxstat64(int, const char *, void *);
        OLD(__fxstatat, FOURTH); int old__fxstatat(int, int, const char *, void *, int);
        "#,
        r#"
        struct stat s;
        OK(old__xstat(1, "file", &s));
        OK(old__lxstat64(1, "other", &s));
        OK(old__fxstatat(1, AT_FDCWD, "dir", &s, 0));
        FAILS(old__xstat(1, "absent", &s), ENOENT);
        "#,
        &[],
        &["Looked file", "Looked other", "Looked dir", "Missing absent"],
    );
}

#[test]
fn what_is_not_there_is_missing_whoever_asks() {
    check(
        r#"
        struct stat s;
        char buffer[PATH_MAX];
        FAILS(open("a", O_RDONLY), ENOENT);
        FAILS(stat("b", &s), ENOENT);
        FAILS(access("c", R_OK), ENOENT);
        FAILS(readlink("d", buffer, 8), ENOENT);
        FAILS(opendir("e"), ENOENT);
        FAILS(realpath("f", buffer), ENOENT);
        FAILS(execl("./g", "g", (char *)0), ENOENT);
        FAILS(lstat("file/below", &s), ENOTDIR);
        FAILS(open("no/where", O_CREAT | O_WRONLY, 0600), ENOENT);
        FAILS(chdir("h"), ENOENT);
        FAILS(truncate("i", 0), ENOENT);
        FAILS(mkdir("no/dir", 0700), ENOENT);
        "#,
        &[
            "Missing a",
            "Missing b",
            "Missing c",
            "Missing d",
            "Missing e",
            "Missing f",
            "Exec ./g",
            "Missing ./g",
            "ExecFailed ./g",
            "Missing file/below",
            "Missing no/where",
            "Missing h",
            "Missing i",
            "Missing no/dir",
        ],
    );
}

#[test]
fn what_cannot_be_had_is_there() {
    check(
        r#"
        char buffer[8];
        OK(symlink("loop", "loop"));
        FAILS(open("file", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
        FAILS(open("dir", O_WRONLY), EISDIR);
        FAILS(open("loop", O_RDONLY), ELOOP);
        FAILS(readlink("other", buffer, 8), EINVAL);
        FAILS(mkdir("dir/one", 0700), EEXIST);
        "#,
        &[
            "Wrote loop",
            "Looked file",
            "Looked dir",
            "Looked loop",
            "Looked other",
            "Looked dir/one",
        ],
    );
}

#[test]
fn of_two_names_the_one_that_is_missing_is_told() {
    check(
        r##"
        OK(close(creat("script", 0700)));
        int script = open("script", O_WRONLY);
        write(script, "#!/no/interpreter\n", 18);
        close(script);
        FAILS(rename("absent", "new"), ENOENT);
        FAILS(rename("file", "no/where"), ENOENT);
        FAILS(link("gone", "new"), ENOENT);
        FAILS(link("file", "no/link"), ENOENT);
        FAILS(link("file", "other"), EEXIST);
        FAILS(execl("./script", "script", (char *)0), ENOENT);
        "##,
        &[
            "Wrote script",
            "Read script",
            "Missing absent",
            "Missing no/where",
            "Missing gone",
            "Missing no/link",
            "Looked file",
            "Looked other",
            "Exec ./script",
            "Looked ./script",
            "ExecFailed ./script",
        ],
    );
}

#[test]
fn a_call_that_learns_nothing_says_nothing() {
    check(
        r#"
        char longer[300];
        struct stat s;
        memset(longer, 'a', sizeof longer);
        longer[299] = 0;
        FAILS(open(longer, O_RDONLY), ENAMETOOLONG);
        FAILS(open("", O_RDONLY), ENOENT);
        FAILS(open((char *)8, O_RDONLY), EFAULT);
        FAILS(stat(0, &s), EFAULT);
        FAILS(openat(99, "file", O_RDONLY), EBADF);
        OK(fstat(0, &s));
        "#,
        &[],
    );
}

#[test]
fn directories_are_listed() {
    check(
        r#"
        struct dirent **list;
        struct dirent64 **list64;
        char buffer[1024];
        OK(mkdir("d1", 0700)); OK(mkdir("d2", 0700)); OK(mkdir("d3", 0700));
        OK(mkdir("d4", 0700)); OK(mkdir("d5", 0700));
        SOME(opendir("dir"));
        SOME(fdopendir(open("d1", O_RDONLY | O_DIRECTORY)));
        OK(scandir("d2", &list, 0, 0));
        OK(scandir64("d3", &list64, 0, 0));
        OK(scandirat(AT_FDCWD, "d4", &list, 0, 0));
        OK(getdents64(open("d5", O_RDONLY), buffer, sizeof buffer));
        "#,
        &[
            "Wrote d1",
            "Wrote d2",
            "Wrote d3",
            "Wrote d4",
            "Wrote d5",
            "Listed dir",
            "Looked d1",
            "Listed d1",
            "Listed d2",
            "Listed d3",
            "Listed d4",
            "Read d5",
            "Listed d5",
        ],
    );
}

#[test]
fn links_are_read_and_resolved() {
    check_with(
        r"
        ssize_t __readlink_chk(const char *, char *, size_t, size_t);
        ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
        char *__realpath_chk(const char *, char *, size_t);
        ",
        r#"
        char buffer[PATH_MAX];
        OK(symlink("file", "l1")); OK(symlink("file", "l2")); OK(symlink("file", "l3"));
        OK(symlink("file", "l4")); OK(symlink("file", "l5"));
        OK(readlink("link", buffer, 8));
        OK(readlinkat(AT_FDCWD, "l1", buffer, 8));
        OK(__readlink_chk("l2", buffer, 8, 8));
        OK(__readlinkat_chk(AT_FDCWD, "l3", buffer, 8, 8));
        SOME(realpath("link", buffer));
        SOME(realpath("l4", 0));
        SOME(__realpath_chk("l5", buffer, PATH_MAX));
        SOME(canonicalize_file_name("dir/../link"));
        "#,
        &[],
        &[
            "Wrote l1",
            "Wrote l2",
            "Wrote l3",
            "Wrote l4",
            "Wrote l5",
            "Link link",
            "Link l1",
            "Link l2",
            "Link l3",
            "Resolved link",
            "Resolved l4",
            "Resolved l5",
            "Resolved dir/../link",
        ],
    );
}

#[test]
fn paths_are_absolute_and_as_they_were_named() {
    check(
        r#"
        char here[PATH_MAX], path[PATH_MAX];
        SOME(getcwd(here, sizeof here));
        sprintf(path, "%s/dir//../file", here);
        OK(open(path, O_RDONLY));
        OK(open("./dir/../other", O_RDONLY));
        int dir = open("dir", O_PATH);
        OK(openat(dir, "one", O_RDONLY));
        OK(openat(dir, "../link", O_RDONLY));
        OK(openat(dir, path, O_RDONLY));
        OK(chdir("dir"));
        OK(open("one", O_RDONLY));
        OK(open("../dir/one", O_RDONLY));
        OK(fchdir(open("..", O_PATH)));
        OK(open("dir/one", O_RDONLY));
        OK(access(".", R_OK));
        "#,
        &[
            "Read dir//../file",
            "Read ./dir/../other",
            "Looked dir",
            "Read dir/one",
            "Read dir/../link",
            "Read dir/../dir/one",
            "Looked dir/..",
            // By another name than before.
            "Read dir/one",
            "Looked .",
        ],
    );
}

#[test]
fn a_directory_that_is_gone_to_is_seen_by_the_name_that_led_there() {
    check(
        r#"
        OK(symlink("dir", "way"));
        OK(chdir("way"));
        OK(open("one", O_RDONLY));
        OK(chdir(".."));
        FAILS(chdir("way/none"), ENOENT);
        FAILS(chdir("file"), ENOTDIR);
        "#,
        &[
            "Wrote way",
            "Looked way",
            "Read dir/one",
            "Looked dir/..",
            "Missing way/none",
            "Missing file",
        ],
    );
}

#[test]
fn a_link_that_is_open_is_seen_being_read() {
    check(
        r#"
        char buffer[8];
        int link = open("link", O_PATH | O_NOFOLLOW);
        OK(readlinkat(link, "", buffer, 8));
        "#,
        &["Looked link", "Link link"],
    );
}

#[test]
fn names_in_deep_directories_are_whole() {
    check(
        r#"
        char name[201];
        memset(name, 'n', 200);
        name[200] = 0;
        for (int i = 0; i < 8; i++) { OK(mkdir(name, 0700)); OK(chdir(name)); }
        OK(creat("deep", 0600));
        int here = open(".", O_PATH);
        OK(openat(here, "deep", O_RDONLY));
        for (int i = 0; i < 8; i++) OK(chdir(".."));
        "#,
        &deep(),
    );
}

/// Expectations that are too long to write down.
fn deep() -> Vec<&'static str> {
    let name = "n".repeat(200);
    let nth = |count: usize| vec![name.as_str(); count].join("/");
    let made = |count| [format!("Wrote {}", nth(count)), format!("Looked {}", nth(count))];
    let mut expected: Vec<String> = (1..=8).flat_map(made).collect();
    expected.push(format!("Wrote {}/deep", nth(8)));
    expected.push(format!("Looked {}/.", nth(8)));
    expected.push(format!("Read {}/deep", nth(8)));
    expected.extend((1..=8).rev().map(|count| format!("Looked {}/..", nth(count))));
    expected.into_iter().map(|line| &*line.leak()).collect()
}

#[test]
fn a_file_that_is_read_is_known_by_the_name_it_was_given() -> Tried {
    let sandbox = Sandbox::new()?;
    let body = r#"
        OK(open("./dir/../file", O_RDONLY));
        OK(open(argv[1], O_RDONLY));
        OK(open("file", O_RDONLY));
        OK(open("file", O_RDONLY));
        int dir = open("dir", O_RDONLY | O_DIRECTORY);
        OK(openat(dir, "one", O_RDONLY));
    "#;
    let program = sandbox.c("", body, &[])?;
    let absolute = sandbox.root().join("file");
    let trace = trace_of(sandbox.command(program).arg(&absolute))?;
    let spelt = trace.events.iter().filter_map(|event| match &event.act {
        Act::Read(path) => path.to_str()?.get(event.spelt_from..).map(str::to_owned),
        _ => None,
    });
    let absolute = absolute.to_str().ok_or("it is text")?;
    assert_eq!(spelt.collect::<Vec<_>>(), ["./dir/../file", absolute, "file", "one"]);
    Ok(())
}
