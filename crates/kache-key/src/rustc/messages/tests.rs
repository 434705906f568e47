use proptest::prelude::*;

use super::*;
use crate::roots::{RootKind, Roots};

/// What rustc 1.95 says about one crate in `/ws`, with and without
/// `--remap-path-prefix=/ws=/proc/self/cwd` and
/// `--remap-path-prefix=/ws/target=/proc/self/cwd/target`. The sources quote
/// both directories, and a generated file's path has quotation marks.
const GOLDEN: [(&str, &str); 3] = [
    (
        include_str!("golden/warnings-ansi.remapped.jsonl"),
        include_str!("golden/warnings-ansi.plain.jsonl"),
    ),
    (
        include_str!("golden/warnings-short.remapped.jsonl"),
        include_str!("golden/warnings-short.plain.jsonl"),
    ),
    (
        include_str!("golden/errors-ansi.remapped.jsonl"),
        include_str!("golden/errors-ansi.plain.jsonl"),
    ),
];

fn map(workspace: &str) -> Vec<(String, String)> {
    let pair = |(printed, real): (&str, String)| (printed.to_owned(), real);
    let pairs = [
        ("/proc/self/cwd/target", format!("{workspace}/target")),
        ("/proc/self/cwd", workspace.to_owned()),
    ];
    pairs.map(pair).into()
}

fn roots(workspace: &str) -> Roots {
    Roots::of([
        (RootKind::Workspace, workspace.to_owned()),
        (RootKind::Target, format!("{workspace}/target")),
    ])
}

#[test]
fn unmapped_messages_are_those_of_a_compiler_that_was_not_told_to_map() {
    for (remapped, plain) in GOLDEN {
        let lines = remapped.split_inclusive('\n').map(|line| unmap_line(line, &map("/ws")));
        let unmapped: Vec<_> = lines.collect();
        for (ours, theirs) in unmapped.iter().zip(plain.split_inclusive('\n')) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(unmapped.concat(), plain);
        assert_eq!(unmap_line(remapped, &map("/ws")), plain);
    }
}

#[track_caller]
fn check_unmap(line: &str, expected: &str) {
    assert_eq!(unmap_line(line, &map("/w\"s")), expected);
}

#[test]
fn paths_are_written_as_the_line_asks_for() {
    check_unmap(" --> /proc/self/cwd/a.rs:1:2\n", " --> /w\"s/a.rs:1:2\n");
    check_unmap(
        r#"{"rendered":"x\n  ::: /proc/self/cwd/target/a\"b.rs:1:2\n"}"#,
        r#"{"rendered":"x\n  ::: /w\"s/target/a\"b.rs:1:2\n"}"#,
    );
}

#[test]
fn arrows_of_every_theme_are_known() {
    let escape = "\u{1b}[1m\u{1b}[38;5;12m";
    for arrow in [" --> ", "  ::: ", "  ╭▸ ", "   ⸬  "] {
        check_unmap(&format!("{arrow}/proc/self/cwd/a"), &format!("{arrow}/w\"s/a"));
        check_unmap(
            &format!("x\n {escape}{arrow}\u{1b}[0m/proc/self/cwd/a"),
            &format!("x\n {escape}{arrow}\u{1b}[0m/w\"s/a"),
        );
        check_unmap(
            &format!(r#"{{"rendered":"x\n \u001b[94m{arrow}\u001b[0m/proc/self/cwd/a"}}"#),
            &format!(r#"{{"rendered":"x\n \u001b[94m{arrow}\u001b[0m/w\"s/a"}}"#),
        );
    }
}

#[test]
fn other_text_stays_as_it_is() {
    for line in [
        r#"{"file_name":"/proc/self/cwd2/a"}"#,
        r#"{"file_name":"/x/proc/self/cwd/a"}"#,
        r#"{"artifact":"/proc/self/cwd/a"}"#,
        r#"{"message":" --> /proc/self/cwd/a"}"#,
        r#"{"text":"\"file_name\":\"/proc/self/cwd/a\""}"#,
        r#"{"rendered":"1 | x --> /proc/self/cwd/a"}"#,
        r#"{"rendered":"1 | \\n --> /proc/self/cwd/a"}"#,
        r#"{"rendered":"x \" \\\\n --> /proc/self/cwd/a"}"#,
        r#"{"rendered":"x","message":"\n --> /proc/self/cwd/a"}"#,
        "1 | --> /proc/self/cwd/a",
        " --> --> /proc/self/cwd/a",
        "mail@/proc/self/cwd/a",
    ] {
        assert_eq!(unmap_line(line, &map("/ws")), line);
    }
}

#[test]
fn a_line_without_a_mapped_directory_is_borrowed() {
    let line = r#"{"file_name":"/ws/src/lib.rs"}"#;
    assert!(matches!(unmap_line(line, &map("/ws")), Cow::Borrowed(_)));
}

#[test]
fn the_first_mapping_that_contains_a_path_wins() {
    let mut reversed = map("/ws");
    reversed.reverse();
    reversed.push(("/proc".to_owned(), "/never".to_owned()));
    let line = r#"{"file_name":"/proc/self/cwd/target/x"}"#;
    assert_eq!(unmap_line(line, &reversed), r#"{"file_name":"/ws/target/x"}"#);
    reversed[1].1 = "/moved".to_owned();
    assert_eq!(unmap_line(line, &reversed), r#"{"file_name":"/ws/target/x"}"#);
    reversed.reverse();
    assert_eq!(unmap_line(line, &reversed[1..]), r#"{"file_name":"/moved/x"}"#);
}

#[test]
fn messages_of_one_checkout_become_those_of_another() {
    for (_, plain) in GOLDEN {
        let segments = tokenise(plain, &roots("/ws"));
        assert_eq!(render(&segments, &roots("/ws")).unwrap(), plain);
        let moved = render(&segments, &roots("/an other/\"tree\"")).unwrap();
        let expected = plain
            .replace("\"/ws/", "\"/an other/\\\"tree\\\"/")
            .replace("> \\u001b[0m/ws/", "> \\u001b[0m/an other/\\\"tree\\\"/")
            .replace(": \\u001b[0m/ws/", ": \\u001b[0m/an other/\\\"tree\\\"/")
            .replace("@/ws/", "@/an other/\\\"tree\\\"/");
        // The short format has a path at the start of each rendered text.
        assert_eq!(moved, expected);
        assert!(!moved.contains("/ws/src") && !moved.contains("/ws/target"));
    }
}

#[test]
fn segments_are_texts_and_roots() {
    let text = "{\"artifact\":\"/ws/target/x.d\"}\n --> /ws/src/a\n";
    let segments = tokenise(text, &roots("/ws"));
    assert_eq!(
        serde_json::to_string(&segments).unwrap(),
        r#"[{"text":"{\"artifact\":\""},{"root":"target"},{"text":"/x.d\"}\n --> "},"#.to_owned()
            + r#"{"root":"workspace"},{"text":"/src/a\n"}]"#
    );
    assert_eq!(tokenise("", &roots("/ws")), []);
    assert_eq!(tokenise("a\nb", &roots("/ws")), [Segment::Text("a\nb".to_owned())]);
}

#[test]
fn an_unknown_root_does_not_render() {
    assert_eq!(render(&[Segment::Root(RootKind::Sysroot)], &roots("/ws")), None);
}

#[test]
fn what_rustc_says_of_a_good_compilation_is_storable() {
    assert_eq!(storable(""), Ok(()));
    for (_, plain) in &GOLDEN[..2] {
        assert_eq!(storable(plain), Ok(()));
    }
    for line in [
        r#"{"$message_type":"diagnostic","message":"native-static-libs: -lc","code":null,"level":"note","spans":[],"children":[],"rendered":"x"}"#,
        r#"{"$message_type":"diagnostic","message":"1 warning emitted","code":null,"level":"warning","spans":[],"children":[],"rendered":"x"}"#,
        r#"{"$message_type":"future_incompat","future_incompat_report":[]}"#,
    ] {
        assert_eq!(storable(line), Ok(()));
    }
}

#[test]
fn a_diagnostic_within_many_macros_is_storable() {
    let span = format!("{}null{}", r#"{"expansion":{"span":"#.repeat(300), "}}".repeat(300));
    let rest = format!(r#""code":null,"spans":[{span}]"#);
    assert_eq!(storable(&diagnostic("warning", "m", &rest)), Ok(()));
}

#[track_caller]
fn check_unstorable(line: &str, reason: &str) {
    let artifact = "{\"$message_type\":\"artifact\",\"artifact\":\"x\",\"emit\":\"link\"}";
    let stderr = format!("{artifact}\n{line}\n{artifact}\n");
    assert_eq!(storable(&stderr).unwrap_err().to_string(), reason);
}

#[test]
fn what_is_true_of_one_run_only_is_not_storable() {
    check_unstorable(
        "2026-01-01T00:00:00Z DEBUG rustc_x y",
        "stderr has a line that is no message: `2026-01-01T00:00:00Z DEBUG rustc_x y`",
    );
    check_unstorable(
        "'+nonsense' is not a recognized feature for this target (ignoring feature)",
        "stderr has a line that is no message: \
         `'+nonsense' is not a recognized feature for this target (ignoring feature)`",
    );
    check_unstorable("", "stderr has a line that is no message: ``");
    check_unstorable("{}", "stderr has a line that is no message: `{}`");
    check_unstorable("[1]", "stderr has a line that is no message: `[1]`");
    check_unstorable(
        r#"{"$message_type":"section_timing","event":"start"}"#,
        "stderr has a message of type `section_timing`",
    );
}

fn diagnostic(level: &str, message: &str, rest: &str) -> String {
    format!(
        r#"{{"$message_type":"diagnostic","message":"{message}","level":"{level}","rendered":"x",{rest}}}"#
    )
}

#[test]
fn a_warning_about_the_output_is_not_storable() {
    let plain = r#""code":null,"spans":[],"children":[]"#;
    for message in [
        "stripping debug info with `rust-objcopy` failed: exit status: 1",
        "error copying object file `a` to `b`: no space",
        "2 warnings emitted with care",
        " warnings emitted",
    ] {
        let reason = format!("the compiler warned about its output: {message}");
        check_unstorable(&diagnostic("warning", message, plain), &reason);
    }
    check_unstorable(
        &diagnostic("error", "a\\nb", plain),
        "stderr has a diagnostic of level error: a",
    );
    check_unstorable(
        &diagnostic(
            "warning",
            "linker stderr",
            &plain.replace("null", r#"{"code":"linker_messages"}"#),
        ),
        "the compiler warned about its output: linker stderr",
    );
    let child = r#""code":{"code":"x"},"spans":[{}],"children":[{"message":"the full name for the type has been written to 'a.txt'"}]"#;
    check_unstorable(
        &diagnostic("warning", "m", child),
        "the compiler wrote another file: the full name for the type has been written to 'a.txt'",
    );
}

#[test]
fn announced_outputs_are_listed() {
    let (_, plain) = GOLDEN[0];
    let expected =
        [("/ws/target/deps/lib_.d", "dep-info"), ("/ws/target/deps/liblib_.rmeta", "metadata")];
    let expected = expected.map(|(path, kind)| (path.to_owned(), kind.to_owned()));
    assert_eq!(artifacts(plain), expected);
    assert_eq!(artifacts("{\"$message_type\":\"artifact\"}\nplain\n"), []);
}

/// Pieces that make lines in which much looks like a place.
const PIECES: &str = "(\\{|\"file_name\":\"|\"artifact\":\"|\"rendered\":\"|\"|\\\\|\\\\n|\n| |--> |::: \
                      |/ws|/target|/w\"s|/w\\\\\"s|\\\\u001b\\[1m|\u{1b}\\[0m|@|closure|x|é|//){0,24}";

proptest! {
    #[test]
    fn rendering_undoes_tokenising(text in PIECES) {
        for workspace in ["/ws", "/w\"s", "/x\n --> /ws", "/ws/target\"file_name\":\""] {
            let roots = roots(workspace);
            let segments = tokenise(&text, &roots);
            prop_assert_eq!(render(&segments, &roots), Some(text.clone()));
        }
    }

    #[test]
    fn unmapping_to_the_same_directories_changes_nothing(text in PIECES) {
        for dir in ["/ws", "/w\"s"] {
            let same = [(format!("{dir}/target"), format!("{dir}/target")), (dir.to_owned(), dir.to_owned())];
            prop_assert_eq!(unmap_line(&text, &same), text.as_str());
        }
    }

    #[test]
    fn segments_survive_their_json(text in PIECES) {
        let segments = tokenise(&text, &roots("/ws"));
        let json = serde_json::to_string(&segments).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Segment>>(&json).unwrap(), segments);
    }

    #[test]
    fn any_stderr_has_an_answer(text in PIECES) {
        prop_assert!(text.is_empty() || storable(&text).is_err());
        prop_assert_eq!(artifacts(&text), []);
    }
}
