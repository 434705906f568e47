//! Calls about files, one family after the other.

use crate::sandbox::{check, check_with};

#[test]
fn opening_is_reading_or_writing_by_its_flags() {
    check(
        r#"
        OK(open("file", O_RDONLY));
        OK(open("other", O_WRONLY));
        OK(open("dir/one", O_RDWR));
        OK(open("new", O_CREAT | O_EXCL | O_WRONLY, 0600));
        OK(open("dir", O_RDONLY | O_DIRECTORY));
        OK(open("link", O_PATH));
        OK(creat("made", 0644));
        OK(open("file", O_RDWR | O_TRUNC));
        "#,
        &[
            "Read file",
            "Wrote other",
            "Read dir/one",
            "Wrote dir/one",
            "Wrote new",
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
        for (int i = 0; i < 12; i++) OK(creat64(NEXT, 0600));
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
        SOME(fopen(NEXT, "r"));
        SOME(fopen64(NEXT, "re"));
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
            "Wrote f11",
            "Wrote f12",
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
            "Read f11",
            "Read f12",
        ],
    );
}
