//! Opening files, making them, changing them and removing them.

use std::fs;

use crate::sandbox::{Sandbox, Tried, check, check_with, trace_of};

#[test]
fn opening_is_reading_or_writing_by_its_flags() {
    check(
        r#"
        OK(open("file", O_RDONLY));
        OK(open("other", O_WRONLY));
        OK(open("dir/one", O_RDWR));
        OK(open("new", O_CREAT | O_EXCL | O_WRONLY, 0600));
        OK(open("newer", O_CREAT | O_EXCL | O_RDWR, 0600));
        OK(open("dir", O_RDONLY | O_DIRECTORY));
        OK(open("link", O_PATH));
        OK(creat("made", 0644));
        OK(open("file", O_RDWR | O_TRUNC));
        OK(open("dir", O_TMPFILE | O_RDWR, 0600));
        "#,
        &[
            "Read file",
            "Read other",
            "Wrote other",
            "Read dir/one",
            "Wrote dir/one",
            "Wrote new",
            "Wrote newer",
            "Looked dir",
            "Looked link",
            "Wrote made",
            "Wrote file",
        ],
    );
}

#[test]
fn every_way_to_open_is_seen() {
    check_with(
        r"
        int __open(const char *, int, ...);
        int __open64(const char *, int, ...);
        int __open_2(const char *, int);
        int __open64_2(const char *, int);
        int __openat_2(int, const char *, int);
        int __openat64_2(int, const char *, int);
        ",
        r#"
        char name[8];
        int n = 0;
        #define NEXT (sprintf(name, "f%d", n++), name)
        OK(creat(NEXT, 0600));
        for (int i = 0; i < 10; i++) OK(creat64(NEXT, 0600));
        n = 1;
        OK(open(NEXT, O_RDONLY));
        OK(open64(NEXT, O_RDONLY));
        OK(__open(NEXT, O_RDONLY));
        OK(__open64(NEXT, O_RDONLY));
        OK(__open_2(NEXT, O_RDONLY));
        OK(__open64_2(NEXT, O_RDONLY));
        OK(openat(AT_FDCWD, NEXT, O_RDONLY));
        OK(openat64(AT_FDCWD, NEXT, O_RDONLY));
        OK(__openat_2(AT_FDCWD, NEXT, O_RDONLY));
        OK(__openat64_2(AT_FDCWD, NEXT, O_RDONLY));
        "#,
        &[],
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
            "Read f1",
            "Read f2",
            "Read f3",
            "Read f4",
            "Read f5",
            "Read f6",
            "Read f7",
            "Read f8",
            "Read f9",
            "Read f10",
        ],
    );
}

#[test]
fn the_mode_of_a_new_file_arrives() {
    check(
        r#"
        struct stat found;
        umask(0);
        OK(open("a", O_CREAT | O_EXCL | O_WRONLY, 0751));
        OK(openat(AT_FDCWD, "b", O_CREAT | O_EXCL | O_WRONLY, 0642));
        OK(stat("a", &found));
        if ((found.st_mode & 07777) != 0751) return 1;
        OK(stat("b", &found));
        if ((found.st_mode & 07777) != 0642) return 2;
        "#,
        &["Wrote a", "Wrote b", "Looked a", "Looked b"],
    );
}

#[test]
fn streams_are_read_or_written_by_their_mode() {
    check(
        r#"
        SOME(fopen("file", "r"));
        SOME(fopen64("dir/one", "rb"));
        SOME(fopen("other", "r+"));
        SOME(fopen("a", "w"));
        SOME(fopen("b", "w+"));
        SOME(fopen("c", "a"));
        SOME(fopen("d", "a+"));
        SOME(fopen("link", "re,ccs=UTF-8"));
        FILE *stream = fopen("e", "w");
        SOME(freopen("f", "w", stream));
        SOME(freopen64("g", "wx", stream));
        FAILS(fopen("absent", "r"), ENOENT);
        FAILS(freopen("no", "r", stream), ENOENT);
        "#,
        &[
            "Read file",
            "Read dir/one",
            "Read other",
            "Wrote other",
            "Wrote a",
            "Wrote b",
            "Read c",
            "Wrote c",
            "Read d",
            "Wrote d",
            "Read link",
            "Wrote e",
            "Wrote f",
            "Wrote g",
            "Missing absent",
            "Missing no",
        ],
    );
}

#[test]
fn making_and_changing_is_writing() {
    check(
        r#"
        int file = open("file", O_RDONLY);
        int here = open(".", O_RDONLY | O_DIRECTORY);
        OK(truncate("file", 3));
        OK(truncate64("other", 3));
        OK(mkdir("d1", 0700));
        OK(mkdirat(here, "d2", 0700));
        OK(mkfifo("p1", 0600));
        OK(mkfifoat(here, "p2", 0600));
        OK(mknod("p3", S_IFIFO | 0600, 0));
        OK(mknodat(here, "p4", S_IFIFO | 0600, 0));
        OK(symlink("anything", "s1"));
        OK(symlinkat("anything", here, "s2"));
        OK(link("other", "l1"));
        OK(linkat(here, "other", here, "l2", 0));
        OK(chmod("d1", 0755));
        OK(fchmodat(here, "d2", 0755, 0));
        OK(fchmod(file, 0644));
        OK(chown("p1", -1, -1));
        OK(lchown("p2", -1, -1));
        OK(fchownat(here, "p3", -1, -1, 0));
        OK(fchown(here, -1, -1));
        "#,
        &[
            "Read file",
            "Looked .",
            "Wrote file",
            "Wrote other",
            "Wrote d1",
            "Wrote d2",
            "Wrote p1",
            "Wrote p2",
            "Wrote p3",
            "Wrote p4",
            "Wrote s1",
            "Wrote s2",
            "Read other",
            "Wrote l1",
            "Wrote l2",
            "Wrote ",
        ],
    );
}

#[test]
fn changing_times_and_attributes_is_writing() {
    check(
        r#"
        for (int i = 0; i < 7; i++) {
            char name[4];
            sprintf(name, "t%d", i);
            OK(creat(name, 0600));
        }
        OK(unlink("t6"));
        int t5 = open("t5", O_RDONLY);
        OK(utime("t0", 0));
        OK(utimes("t1", 0));
        OK(lutimes("t2", 0));
        OK(utimensat(AT_FDCWD, "t3", 0, 0));
        OK(futimesat(AT_FDCWD, "t4", 0));
        OK(futimens(t5, 0));
        OK(futimes(t5, 0));
        "#,
        &[
            "Wrote t0",
            "Wrote t1",
            "Wrote t2",
            "Wrote t3",
            "Wrote t4",
            "Wrote t5",
            "Wrote t6",
            "Removed t6",
            "Read t5",
            // News, since something was removed in between.
            "Wrote t0",
            "Wrote t1",
            "Wrote t2",
            "Wrote t3",
            "Wrote t4",
            "Wrote t5",
        ],
    );
}

#[test]
fn attributes_are_looked_at_and_written() {
    check(
        r#"
        // The file system may have none; the calls are seen either way.
        int well = setxattr("file", "user.a", "b", 1, 0) == 0;
        lsetxattr("other", "user.a", "b", 1, 0);
        if (!well) { creat("file", 0600); creat("other", 0600); }
        char buffer[8];
        getxattr("dir", "user.a", buffer, 8);
        OK(listxattr("dir/one", buffer, 0));
        removexattr("file", "user.a");
        "#,
        &["Wrote file", "Wrote other", "Looked dir", "Looked dir/one"],
    );
}

#[test]
fn removing_and_renaming_is_seen_each_time() {
    check(
        r#"
        int here = open(".", O_PATH);
        OK(creat("a", 0600));
        OK(unlink("a"));
        OK(creat("a", 0600));
        OK(unlinkat(here, "a", 0));
        OK(mkdir("d", 0700));
        OK(rmdir("d"));
        OK(mkdir("d", 0700));
        OK(unlinkat(here, "d", AT_REMOVEDIR));
        OK(rename("file", "b"));
        OK(renameat(here, "b", here, "c"));
        OK(renameat2(here, "c", here, "file", RENAME_NOREPLACE));
        OK(remove("file"));
        FAILS(unlink("absent"), ENOENT);
        FAILS(rename("gone", "b"), ENOENT);
        "#,
        &[
            "Looked .",
            "Wrote a",
            "Removed a",
            "Wrote a",
            "Removed a",
            "Wrote d",
            "Removed d",
            "Wrote d",
            "Removed d",
            "Renamed file b",
            "Renamed b c",
            "Renamed c file",
            "Removed file",
            "Missing absent",
            "Missing gone",
        ],
    );
}

#[test]
fn temporary_files_are_seen_by_their_final_name() -> Tried {
    let sandbox = Sandbox::new()?;
    let program = sandbox.c(
        "",
        r#"
        char a[] = "a-XXXXXX", b[] = "b-XXXXXX.c", c[] = "c-XXXXXX", d[] = "d-XXXXXX";
        OK(mkstemp(a));
        OK(mkostemps(b, 2, O_CLOEXEC));
        SOME(mkdtemp(c));
        OK(mkstemp64(d));
        char none[] = "none";
        FAILS(mkstemp(none), EINVAL);
        // A file that never has a name.
        SOME(tmpfile());
        printf("Wrote %s\nWrote %s\nWrote %s\nWrote %s\n", a, b, c, d);
        "#,
        &[],
    )?;
    let said = sandbox.beside("said");
    let trace = trace_of(sandbox.command(program).stdout(fs::File::create(&said)?))?;
    let said = fs::read_to_string(said)?;
    assert!(!said.contains("XXXXXX"), "{said}");
    let seen: Vec<String> = sandbox.seen(&trace);
    // Where one was given that cannot be, it was looked at.
    let expected: Vec<&str> = said.lines().chain(["Looked none"]).collect();
    assert_eq!(seen, expected);
    Ok(())
}
