use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, files: &[&str]) {
    assert_eq!(parse(text).unwrap(), files, "{text:?}");
}

#[test]
fn the_first_rule_names_what_was_read() {
    check("a.o: a.c /usr/include/x.h \\\n h.h\n", &["a.c", "/usr/include/x.h", "h.h"]);
    check("a.o: a.c \\\n  h.h\n\nh.h:\n", &["a.c", "h.h"]);
    check("t1 t2: a.c\n", &["a.c"]);
    check("x:y.o: c:/a.c\n", &["c:/a.c"]);
}

#[test]
fn names_are_unescaped_as_make_does() {
    check("a.o: my\\ file.c a\\#b $$x a\\b\n", &["my file.c", "a#b", "$x", "a\\b"]);
    check("a.o: two\\\\\\ back.c tail\\\\ x\n", &["two\\ back.c", "tail\\", "x"]);
    check("a\\:b.o: c\\:d.c\n", &["c:d.c"]);
}

#[test]
fn a_torn_text_is_refused() {
    for text in ["", "a.o: a.c", "a.o: a.c \\\n h", "a.o\n", "a.o:\n", "\n", "a.o: \\\n"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert_eq!(parse("a.o: a.c"), Err(DepfileError::Unterminated));
    assert_eq!(parse("a.o:\n"), Err(DepfileError::NoRule));
}

/// Escapes a name as both families do.
fn escape(name: &str) -> String {
    let mut escaped = String::new();
    let mut backslashes = 0;
    for letter in name.chars() {
        if letter == ' ' {
            escaped.extend(std::iter::repeat_n('\\', backslashes));
        }
        match letter {
            ' ' | '#' => escaped.push('\\'),
            '$' => escaped.push('$'),
            _ => {}
        }
        escaped.push(letter);
        backslashes = if letter == '\\' { backslashes + 1 } else { 0 };
    }
    escaped
}

proptest! {
    #[test]
    fn names_survive(
        names in proptest::collection::vec("[a-z/.$]{1,4}([ #]?[a-z$]{1,3}){0,3}", 1..6),
        joints in proptest::collection::vec(" (\\\\\n )?", 6),
    ) {
        let mut text = "t.o:".to_owned();
        for (name, joint) in names.iter().zip(joints) {
            text.push_str(&joint);
            text.push_str(&escape(name));
        }
        text.push('\n');
        prop_assert_eq!(parse(&text), Ok(names));
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[a-c:# $\\\\\n]{0,40}") {
        if let Ok(files) = parse(&text) {
            prop_assert!(files.iter().all(|file| !file.is_empty()));
        }
    }
}
