use proptest::prelude::*;

use super::*;

fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let expanded =
        expand(&strings(&["-c", "@dir/f", "-O2"]), &mut |_| Ok(text.to_owned())).unwrap();
    let mut args = strings(&["-c"]);
    args.extend(strings(expected));
    args.push("-O2".to_owned());
    assert_eq!(expanded, args, "{text:?}");
}

#[test]
fn a_response_file_is_split_as_the_compilers_do() {
    check("", &[]);
    check("  a\tb\n\nc\r\n", &["a", "b", "c"]);
    check("-DX='a b' \"c d\"", &["-DX=a b", "c d"]);
    check("a\\ b \\\"c\\\" 'd\\'e'", &["a b", "\"c\"", "d'e"]);
    check("'' x \"\"", &["", "x", ""]);
    check("a\\\\b", &["a\\b"]);
    check("\"a'b\" 'a\"b'", &["a'b", "a\"b"]);
}

#[test]
fn response_files_may_name_others_by_absolute_paths() {
    let mut read = |path: &str| match path {
        "f" => Ok("a @/g b".to_owned()),
        "/g" => Ok("c".to_owned()),
        other => Err(io::Error::other(other.to_owned())),
    };
    let expanded = expand(&strings(&["@f"]), &mut read).unwrap();
    assert_eq!(expanded, strings(&["a", "c", "b"]));
}

#[test]
fn what_cannot_be_expanded_is_an_error() {
    #[track_caller]
    fn error(text: &str, expected: &str) {
        let mut read = |path: &str| match path {
            "gone" => Err(io::Error::from(io::ErrorKind::NotFound)),
            _ => Ok(text.to_owned()),
        };
        let args = strings(&["@/f"]);
        assert_eq!(expand(&args, &mut read).unwrap_err().to_string(), expected);
    }
    error("'a", "response file `/f` ends within quotes");
    error("@/f", "response file `/f` is nested too deeply");
    error("@g", "response file `/f` names `@g` by a relative path");
    let error = expand(&strings(&["@gone"]), &mut |_| Err(io::ErrorKind::NotFound.into()));
    assert_eq!(error.unwrap_err().to_string(), "failed to read response file `gone`");
}

proptest! {
    #[test]
    fn quoted_arguments_survive(args in proptest::collection::vec("[a-z \"'\\\\\n]{0,6}", 0..5)) {
        let quote = |arg: &String| {
            let escaped = arg.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{escaped}\"")
        };
        let text = args.iter().map(quote).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(split(&text), Some(args));
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[a-c \"'\\\\\n@/]{0,30}") {
        let mut read = |path: &str| match path {
            "f" => Ok(text.clone()),
            _ => Ok(String::new()),
        };
        if let Ok(expanded) = expand(&["@f".to_owned()], &mut read) {
            prop_assert!(expanded.iter().all(|arg| !arg.starts_with('@')));
        }
    }
}
