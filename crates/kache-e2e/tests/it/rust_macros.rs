//! Proc macros: what a crate that expands one depends on.

use crate::expected::Expected::{Dup, Hit, Miss};
use crate::trial::{Trial, package};

/// Compiles `answer.c` and links it into the macro.
const BUILD_SCRIPT: &str = r#"
use std::process::Command;

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let object = format!("{out}/answer.o");
    let run = |tool: &str, args: &[&str]| {
        assert!(Command::new(tool).args(args).status().unwrap().success());
    };
    println!("cargo:rerun-if-changed=answer.c");
    run("cc", &["-c", "-fPIC", "answer.c", "-o", &object]);
    run("ar", &["rcsD", &format!("{out}/libanswer.a"), &object]);
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=answer");
}
"#;

const MACRO: &str = "extern \"C\" { fn answer() -> i32; }\n\
    #[proc_macro] pub fn value(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n\
    format!(\"{}\", unsafe { answer() }).parse().unwrap() }\n";

/// Two crates between the macro and its user re-export it.
#[test]
fn native_code_in_a_macro_that_other_crates_hand_on_is_an_input() {
    let files = [
        ("Cargo.toml", package("app", "[dependencies]\nouter.path = \"outer\"\n[workspace]")),
        ("src/main.rs", "fn main() { println!(\"{}\", outer::value!()); }\n".to_owned()),
        ("outer/Cargo.toml", package("outer", "[dependencies]\ninner.path = \"../inner\"")),
        ("outer/src/lib.rs", "pub use inner::value;\n".to_owned()),
        ("inner/Cargo.toml", package("inner", "[dependencies]\nmacros.path = \"../macros\"")),
        ("inner/src/lib.rs", "pub use macros::value;\n".to_owned()),
        ("macros/Cargo.toml", package("macros", "[lib]\nproc-macro = true")),
        ("macros/build.rs", BUILD_SCRIPT.to_owned()),
        ("macros/src/lib.rs", MACRO.to_owned()),
        ("macros/answer.c", "int answer(void) { return 1; }\n".to_owned()),
    ];
    let trial = Trial::of(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    trial.prove_hits(&["macros", "inner", "outer", "app"]);
    trial.project().write("macros/answer.c", "int answer(void) { return 2; }\n").unwrap();
    let expected = [("macros", Miss), ("inner", Dup), ("outer", Dup), ("app", Miss)];
    assert_eq!(trial.check_all(&expected), "2\n");
    trial.project().write("macros/answer.c", "int answer(void) { return 1; }\n").unwrap();
    assert_eq!(trial.check_all(&[("outer", Hit), ("app", Hit)]), "1\n");
}
