use proptest::prelude::*;

use super::*;

#[track_caller]
fn names(texts: &[&str], expected: bool) {
    let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    assert_eq!(scan(&texts).mentions_file_name, expected, "{texts:?}");
}

#[test]
fn names_of_files_are_seen() {
    names(&["int a;"], false);
    names(&["char *s = __FILE__;"], true);
    names(&["int a;", "f(__BASE_FILE__)"], true);
    names(&["__FILE", "__FILES__ FILE *f; MY_FILE_"], false);
    names(&["__FI\\\nLE__"], true);
    names(&["__FI\\ \r\nLE__"], true);
    names(&["__FI??/\nLE__"], true);
    names(&["S=__FILE__"], true);
    names(&["std::source_location::current()", "__builtin_FILE()"], true);
    names(&["__PRETTY_FUNCTION__"], true);
}

#[test]
fn names_of_files_are_seen_where_they_are_pasted_together() {
    let paste = "#define CAT(a, b) a##b\n";
    names(&[paste, "CAT(__FI, LE__)"], true);
    names(&[paste, "CAT(__FILE, __)"], true);
    names(&["%:define CAT(a, b) a%:%:b", "CAT(__BASE, _FILE__)"], true);
    names(&[paste, "__FI"], false);
    names(&[paste, "FILE(T) BASE(T, E)"], false);
    names(&[paste, "F I L E _ B A"], false);
    names(&["#define CAT3(a, b, c) a##b##c", "CAT3(__, FILE, __)"], true);
}

#[test]
fn unremarkable_texts_can_be_left_out() {
    for (text, expected) in [
        ("int a;", true),
        ("#define CAT(a, b) a##b", true),
        ("FILE *f; LE__", true),
        ("__FILE__", false),
        ("__FI", false),
        ("_(\"text\")", true),
        ("c == '_' // _", false),
        ("/* _ */ FILE", true),
        ("_\\\n_FI", false),
        ("#pragma GCC dependency \"x\"", false),
    ] {
        assert_eq!(is_unremarkable(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn what_nothing_can_paste_is_no_piece() {
    let paste = "#define CAT(a, b) a##b\n";
    names(&[paste, "/* __FI */ LE__"], false);
    names(&[paste, "char c = '_'; s = \"_\"; FILE BASE"], false);
    names(&[paste, "s = \"OR\"; t = \"R\"; /* _ */ FILE"], false);
    names(&[paste, "#ifndef _\n# define _(args) args\n#endif\nint f _((int)); FILE"], false);
    names(&[paste, "s = \"\\\"_\"; FILE"], false);
    for seen in [
        "/* ' */ _ FILE",
        "c = '\"'; _ FILE",
        "s = \"/*\"; _ FILE",
        "// it's /* here\n _ FILE",
        "#error it's\n _ FILE",
        "n = 1'000; _ FILE; 'x'",
        "s = R\"(/*)\"; _ FILE",
        "s = u8R\"(/*)\"; _ FILE",
        "// _ FILE",
        "#define T(a) __FILE_ ## _ (a)",
    ] {
        names(&[paste, seen], true);
    }
}

#[track_caller]
fn times(text: &str, expected: bool) {
    assert_eq!(scan(&[text.as_bytes()]).reads_times, expected, "{text}");
}

#[test]
fn questions_about_times_are_seen() {
    times("#pragma GCC dependency \"x\"", true);
    times("_Pragma(\"GCC dependency \\\"x\\\"\")", true);
    times("#pragma GCC /* */ dependency \"x\"", true);
    times("/* a GCC extension, a dependency */", false);
    times("#pragma GCC depend", false);
}

proptest! {
    #[test]
    fn what_is_found_does_not_depend_on_the_order(
        texts in proptest::collection::vec("(__|_|FI|LE|BASE|FILE|##| |\"|\n)*", 0..5),
    ) {
        let found = |texts: &mut dyn Iterator<Item = &String>| {
            scan(&texts.map(String::as_bytes).collect::<Vec<_>>())
        };
        prop_assert_eq!(found(&mut texts.iter()), found(&mut texts.iter().rev()));
    }

    #[test]
    fn a_unit_is_what_its_remarkable_texts_are(texts in proptest::array::uniform3(
        proptest::collection::vec(proptest::sample::select(&[
            "_", "__", "__FI", "LE__", "FILE", "#define", "##", "GCC", " dependency", " ", "\\\n", "a", "/*", "\"",
        ][..]), 0..6),
    )) {
        let texts = texts.map(|words| words.concat());
        let all: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let remarkable: Vec<&[u8]> =
            all.iter().copied().filter(|text| !is_unremarkable(text)).collect();
        if !may_paste(&remarkable) {
            prop_assert_eq!(scan(&all), scan(&remarkable));
        }
    }

    #[test]
    fn a_name_is_seen_wherever_it_stands(
        before in "[ -~\n]{0,8}", after in "[ -~\n]{0,8}", join in proptest::bool::ANY,
    ) {
        let name = if join { "__FI\\\nLE__" } else { "__FILE__" };
        let text = format!("{before} {name} {after}");
        prop_assert!(scan(&[text.as_bytes()]).mentions_file_name);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(0_u8..=255, 0..64)) {
        scan(&[&bytes]);
    }
}
