use kache_key::RootKind;
use proptest::prelude::*;

use super::*;

const HEADER: &str = "/* of old */\n#define USED(x) ((x) + ONE)\n#define ONE 1\n#define UNUSED 2\n\
    int f(int a) { /* trailing */\n// whole\n  return USED(a);\n}\n#ifdef OTHER\nint other;\n#endif\n";
const MAIN: &str = "#include \"part.h\"\nint x;\n";

/// What GCC prints for [`MAIN`] and [`HEADER`], without its own definitions.
const TEXT: &str = "# 0 \"main.c\"\n# 0 \"<built-in>\"\n#define __STDC__ 1\n# 1 \"main.c\"\n\
    # 1 \"part.h\" 1\n\n#define USED(x) ((x) + ONE)\n#define ONE 1\n#define UNUSED 2\n\
    int f(int a) {\n\n  return ((a) + 1);\n}\n# 2 \"main.c\" 2\nint x;\n";

fn try_digest(text: &str, files: &[(&str, &str)]) -> Result<Digest, Unclear> {
    let roots = Roots::of([(RootKind::Workspace, "/ws".to_owned())]);
    digest(text.as_bytes(), &roots, &mut |name| {
        let found = files.iter().find(|(file, _)| *file == name);
        found.map(|(_, text)| text.as_bytes().to_owned()).ok_or_else(|| format!("no {name}"))
    })
}

#[track_caller]
fn digest_of(text: &str, header: &str) -> Digest {
    try_digest(text, &[("main.c", MAIN), ("part.h", header)]).unwrap()
}

/// Changes `old` to `new` in the header, and in what is printed where it is there too.
#[track_caller]
fn check(old: &str, new: &str, same: bool) {
    assert!(HEADER.contains(old));
    let before = digest_of(TEXT, HEADER);
    let after = digest_of(&TEXT.replace(old, new), &HEADER.replace(old, new));
    assert_eq!(before == after, same, "{old} to {new}");
}

#[test]
fn what_the_unit_does_not_notice_is_not_in_the_digest() {
    check("of old", "of new and longer", true);
    check("/* trailing */", "// another", true);
    check("// whole", "/* several */", true);
    check("UNUSED 2", "UNUSED 3", true);
    check("UNUSED", "ELSEWHERE", true);
    check("int other", "long other", true);
}

#[test]
fn what_the_compiler_may_notice_is_in_the_digest() {
    check("int f", "long f", false);
    check("int a", "int  a", false);
    check("  return", "\treturn", false);
    check("USED(x) ((x) + ONE)", "USED(x) (x + 1)", false);
    check("ONE 1", "ONE (1)", false);
    check("/* trailing */", "/* falls through */", false);
    check("// whole", "// fallthrough", false);
    let moved = digest_of(&TEXT.replace("\n\n#define", "\n\n\n#define"), &format!("\n{HEADER}"));
    assert_ne!(moved, digest_of(TEXT, HEADER));
    for flags in ["1 3", "1 3 4"] {
        let text = TEXT.replace("\"part.h\" 1", &format!("\"part.h\" {flags}"));
        assert_ne!(digest_of(&text, HEADER), digest_of(TEXT, HEADER), "{flags}");
    }
}

#[test]
fn whether_a_macro_in_use_is_the_systems_is_in_the_digest() {
    let of = |name: &str, flags: &str| {
        let text = format!(
            "# 1 \"part.h\" 1\n# 1 \"part.h\"{flags}\n#define {name} y\n# 1 \"main.c\" 2\nint y;\n"
        );
        try_digest(&text, &[("main.c", "int x;\n")]).unwrap()
    };
    assert_ne!(of("x", ""), of("x", " 3"));
    assert_eq!(of("z", ""), of("z", " 3"));
}

#[test]
fn a_macro_whose_name_is_pasted_is_in_use() {
    let of = |definition: &str| {
        let text = format!(
            "# 1 \"main.c\"\n#define CAT(a,b) a ## b\n{definition}\n#define ANY 7\n\n int x = 1;\n"
        );
        let source = format!(
            "#define CAT(a,b) a##b\n{definition}\n#define ANY 7\n\n int x = CAT(FO, O_1);\n"
        );
        try_digest(&text, &[("main.c", &source)]).unwrap()
    };
    assert_ne!(of("#define FOO_1 1"), of("#define FOO_1 (1)"));
    assert_eq!(of("#define FOO_2 1"), of("#define FOO_2 (1)"));
}

#[test]
fn names_of_files_count_without_the_place_of_the_checkout() {
    let of = |root: &str, text: &str| {
        let text = format!("# 1 \"{root}/main.c\"\n{text}\n");
        let roots = Roots::of([(RootKind::Workspace, root.to_owned())]);
        digest(text.as_bytes(), &roots, &mut |_| Ok(b"FILE\n".to_vec())).unwrap()
    };
    assert_eq!(of("/a", "int x;"), of("/elsewhere", "int x;"));
    assert_ne!(of("/a", "\"/a/main.c\""), of("/b", "\"/b/main.c\""));
}

#[track_caller]
fn check_unclear(line: &str, source: &str, expected: &Unclear) {
    let found = try_digest(&format!("# 1 \"main.c\"\n{line}\n"), &[("main.c", source)]);
    assert_eq!(found.as_ref(), Err(expected), "{line}");
}

#[test]
fn what_may_hide_something_is_unclear() {
    let pragma = |text: &str| Unclear::Pragma(text.to_owned());
    check_unclear("#pragma GCC target(\"avx\")", "", &pragma("GCC target(\"avx\")"));
    check_unclear("#pragma GCC push_options", "", &pragma("GCC push_options"));
    check_unclear("#pragma who", "", &pragma("who"));
    let comments = "GCC diagnostic error \"-Wimplicit-fallthrough=1\"";
    check_unclear(&format!("#pragma {comments}"), "", &pragma(comments));
    check_unclear("#include <x>", "", &Unclear::Directive("#include <x>".to_owned()));
    check_unclear("# 1 \"open", "", &Unclear::Directive("# 1 \"open".to_owned()));
    check_unclear("char *s = R\"(\n#define X\n)\";", "", &Unclear::RawString);
    check_unclear("int c = __builtin_COLUMN();", "", &Unclear::Column("__builtin_COLUMN"));
    let renumbered = Unclear::Renumbered("main.c".to_owned());
    for source in [
        "int x;\n#line 7\n",
        "int x;\n # 7 \"x.y\"\n",
        "int x;\n/* a\n*/ %: line 7\n",
        "int x;\n#\\\nline 7\n",
        "int x;\n#li\\\nne 7\n",
        "int x;\n# /* a */ line 7\n",
        "int x;\rint y;\n",
    ] {
        check_unclear("int x;", source, &renumbered);
    }
    check_unclear("int x;", "\nint x;\n", &Unclear::Misplaced("main.c".to_owned()));
    check_unclear("\n\nint x;", "int x;\n", &Unclear::Misplaced("main.c".to_owned()));
    for fine in ["#pragma once", "#pragma GCC visibility push(default)", "#pragma omp parallel"] {
        let found = try_digest(&format!("# 1 \"main.c\"\n{fine}\n"), &[("main.c", fine)]);
        assert!(found.is_ok(), "{fine}");
    }
}

#[test]
fn a_name_in_a_mark_is_read_as_it_was_escaped() {
    let text = "# 1 \"d \\\"q\\\" \\\\ \\303\\274.c\"\nint x;\n";
    assert!(try_digest(text, &[("d \"q\" \\ ü.c", "int x;\n")]).is_ok());
}

/// The lines that count of a source whose first line has tokens, and line `next` too.
#[track_caller]
fn check_shown(source: &str, next: usize, expected: &[(usize, &str)]) {
    let shown = shown_lines::of("x", source.as_bytes(), &[1, next].into()).unwrap();
    let shown: Vec<(usize, &str)> =
        shown.iter().map(|line| (line.number, std::str::from_utf8(line.text).unwrap())).collect();
    assert_eq!(shown, expected, "{source}");
}

#[test]
fn lines_that_may_belong_to_one_with_tokens_are_shown() {
    check_shown("F(a,\n  b)\nend", 3, &[(1, "F(a,"), (2, "  b)"), (3, "end")]);
    check_shown("F\n  (b)\nend", 3, &[(1, "F"), (2, "  (b)"), (3, "end")]);
    check_shown(
        "F(\")\", a,\n/* b */\n#if 1\nc)\nend",
        5,
        &[(1, "F(\")\", a,"), (2, "/* b */"), (3, "#if 1"), (4, "c)"), (5, "end")],
    );
    check_shown("a \\\n// b\nend", 3, &[(1, "a \\"), (2, "// b"), (3, "end")]);
    check_shown("a /* b\n// c */ d\nend", 3, &[(1, "a /* b"), (2, "// c */ d"), (3, "end")]);
}

#[test]
fn comments_and_code_behind_a_directive_are_not_shown() {
    check_shown("a;\n\n// b\n/* c */\n/* d\n e\n*/\nend", 8, &[(1, "a;"), (8, "end")]);
    check_shown("a;\n#if 0\nb;\n#endif\nend", 5, &[(1, "a;"), (5, "end")]);
    check_shown("a; // b\nend /* c */", 2, &[(1, "a;"), (2, "end")]);
    check_shown("a; /* b */ // c\nend", 2, &[(1, "a; /* b */ // c"), (2, "end")]);
    check_shown("\"//\"; // a\nend", 2, &[(1, "\"//\"; // a"), (2, "end")]);
    check_shown("a // \"\nend", 2, &[(1, "a // \""), (2, "end")]);
    check_shown("a //* b */ c\nend", 2, &[(1, "a //* b */ c"), (2, "end")]);
}

#[test]
fn the_recipe_is_pinned() {
    assert_eq!(
        digest_of(TEXT, HEADER).to_string(),
        "6ab15867f1dbfb50ac0c954da061104be126dd173ec89878a53a60c754d7df13"
    );
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(
        text in "(# [0-9] \"x\" [123]|#define |#pragma |[a-z]|[\"'()/*\\\\ \n])*",
        source in "(#line|/\\*|\\*/|//|[a-z(\"'\\\\\n])*",
    ) {
        drop(try_digest(&text, &[("x", &source)]));
        for number in 1..4 {
            drop(shown_lines::of("x", source.as_bytes(), &[number].into()));
        }
    }
}
