use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(source: &str, expected: VariableUse) {
    assert_eq!(use_of("OUT_DIR", source), expected, "{source}");
}

#[test]
fn other_sources_do_not_mention_it() {
    for source in [
        "",
        "fn main() {}",
        "not rust ' at all",
        "README: it's an environment variable",
        "fn f() { let environment = 1; }",
        "const V: &str = env!(\"CARGO_PKG_VERSION\");",
        "const V: Option<&str> = option_env!(\"MY_OUT_DIR\",);",
        "use std::env; fn f() { env::var(\"HOME\"); let env = 1; let x = env != 2; s.env; }",
        "// OUT_DIR\n/* env!(\"OUT_DIR\") */ fn f() {}",
        "/// The files in `OUT_DIR`, env!(\"OUT_DIR\").\n//! OUT_DIR too\nfn f() {}",
        "fn f() { println!(\"{}\", env); debug!(std::env::args()); info!(env = x, self.env); }",
    ] {
        check(source, VariableUse::NotMentioned);
    }
}

#[test]
fn locating_an_include_is_recognised() {
    for source in [
        "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));",
        "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\",),);",
        "::core::include!(::core::concat!(::core::env!(\"OUT_DIR\"), \"/x.rs\"));",
        "std::include! { std::concat![std::env!{\"OUT_DIR\"}, \"/x.rs\"] }",
        "r#include!(r#concat!(r#env!(r\"OUT_DIR\"), r#\"/x.rs\"#));",
        "const A: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\", \"no build script\"), \"/a\"));",
        "mod x { pub static S: &str = include_str!(concat!(env!(\"OUT_DIR\"), \"/a/\", \"b\")); }",
        "macro_rules! gen { ($x:literal) => { include!(concat!(env!(\"OUT_DIR\"), $x)) } }",
        "macro_rules! gen { ($x:tt) => { include!(concat!(env!(\"OUT_DIR\"), \"/\", stringify!($x))); } }",
        "#![doc = include_str!(concat!(env!(\"OUT_DIR\"), \"/readme.md\"))]",
        "\u{feff}#!/usr/bin/env rustx\n#![allow(x)] include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));",
        "#![allow(x)] include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));",
        "use std::env; include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\")); fn f() { env::args(); }",
        "include!(concat!(env!(\"OUT\\x5fDIR\"), \"/x.rs\"));",
        "const A: &str = include_str!(env!(\"OUT_DIR\")); include!(std::env!(\"OUT_DIR\",),);",
    ] {
        check(source, VariableUse::IncludesOnly);
    }
}

#[test]
fn any_other_use_is_taken_for_a_value() {
    for source in [
        "const D: &str = env!(\"OUT_DIR\");",
        "fn f() -> usize { env!(\"OUT_DIR\").len() }",
        "const D: &str = concat!(env!(\"OUT_DIR\"), \"/x\");",
        "const D: Option<&str> = option_env!(\"OUT_DIR\");",
        "include!(concat!(option_env!(\"OUT_DIR\"), \"/x.rs\"));",
        "include!(x!(concat!(env!(\"OUT_DIR\"), \"/x.rs\")));",
        "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"), 1);",
        "include!(concat!(concat!(env!(\"OUT_DIR\"), \"/x.rs\")));",
        "include!(other::concat!(env!(\"OUT_DIR\"), \"/x.rs\"));",
        "include_dir!(concat!(env!(\"OUT_DIR\"), \"/x\"));",
        "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\")); const D: &str = env!(\"OUT_DIR\");",
        "include!(concat!(env!(\"OUT_DIR\"), call!(env, \"X\")));",
        "inc!(env!(\"OUT_DIR\"));",
        "fn main() { std::env::var(\"OUT_DIR\"); }",
        "fn main() { std::env::var_os(r#\"OUT_DIR\"#); }",
        "const B: &[u8] = b\"OUT_DIR\"; const C: &CStr = c\"OUT_DIR\";",
        "const D: &str = env!(\"OUT\\x5fDIR\");",
        "const D: &str = env!(\"OUT_\\u{44}IR\");",
        "const D: &str = env!(concat!(\"OUT\", \"_DIR\"));",
        "const D: &str = env!(stringify!(X));",
        "macro_rules! e { ($n:expr) => { env!($n) } }",
        "macro_rules! e { ($n:expr) => { option_env!($n) } }",
        "call!(env, \"OUT_DIR\");",
        "call!(env, concat!(\"OUT\", \"_DIR\"));",
        "call!([option_env]);",
        "call!(OUT_DIR);",
        "call!(#[doc = \"OUT_DIR\"]); call!(\n///OUT_DIR\n);",
        "use std::env as e; const D: &str = e!(concat!(\"OUT\", \"_DIR\"));",
        "use x::option_env as env;",
        "use x::include; include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));",
        "macro_rules! include { ($e:expr) => { $e } } include!(concat!(env!(\"OUT_DIR\"), \"/x\"));",
        "macro_rules! env { () => {} }",
        "macro concat($e:expr, $s:literal) { $e } include!(concat!(env!(\"OUT_DIR\"), \"/x\"));",
        "#[path = concat!(env!(\"OUT_DIR\"), \"/x.rs\")] mod x;",
        "#!/usr/bin/env!\nfn f() {}",
        "it's OUT_DIR",
        "( env !(\"X\")",
    ] {
        check(source, VariableUse::Otherwise);
    }
}

#[test]
fn deep_nesting_is_doubt() {
    let nested = |depth| format!("{}env{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(200), VariableUse::NotMentioned);
    check(&nested(50_000), VariableUse::Otherwise);
}

#[test]
fn every_literal_form_has_its_value() {
    for (text, value) in [
        ("\"OUT_DIR\"", Some("OUT_DIR")),
        ("r\"a\\b\"", Some("a\\b")),
        ("r##\"a\"#b\"##", Some("a\"#b")),
        ("\"\\x41\\u{1_F600}\\n\\r\\t\\0\\\\\\\"\\'\"", Some("A\u{1f600}\n\r\t\0\\\"'")),
        ("\"a\\\n   b\"", Some("ab")),
        ("b\"a\"", None),
        ("c\"a\"", None),
        ("1", None),
        ("'a'", None),
    ] {
        assert_eq!(string_value(&text.parse().unwrap()).as_deref(), value, "{text}");
    }
}

#[test]
fn each_variable_is_looked_for_by_itself() {
    let source = "include_str!(env!(\"A\")); const B: &str = env!(\"B\");";
    assert_eq!(use_of("A", source), VariableUse::IncludesOnly);
    assert_eq!(use_of("B", source), VariableUse::Otherwise);
    assert_eq!(use_of("C", source), VariableUse::NotMentioned);
}

proptest! {
    #[test]
    fn a_value_among_includes_is_never_missed(
        before in proptest::collection::vec(0usize..5, 0..4),
        after in proptest::collection::vec(0usize..5, 0..4),
        use_of_value in "(x\\(env!\\(\"OUT_DIR\"\\)\\)|f\\(\"OUT_DIR\"\\)|m!\\(env!\\(\\$x\\)\\));",
    ) {
        let harmless = [
            "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"));",
            "mod m { fn f() { println!(\"{}\", env!(\"A\")) } }",
            "/// OUT_DIR\nfn f() {}",
            "use std::{env, fs};",
            "#[x] struct S;",
        ];
        let text = |picks: &[usize]| picks.iter().map(|i| harmless[*i]).collect::<String>();
        let includes = format!("{}{}", text(&before), text(&after));
        prop_assert_ne!(use_of("OUT_DIR", &includes), VariableUse::Otherwise);
        let source = format!("{}{use_of_value}{}", text(&before), text(&after));
        prop_assert_eq!(use_of("OUT_DIR", &source), VariableUse::Otherwise);
    }

    #[test]
    fn any_text_has_an_answer(text in "(env|!|\\(|\\)|\"|OUT_DIR|#|\\\\|'|\n| |include|concat|,){0,16}") {
        let mentions = text.contains("env") || text.contains("OUT_DIR");
        prop_assert!(mentions || use_of("OUT_DIR", &text) == VariableUse::NotMentioned);
    }
}
