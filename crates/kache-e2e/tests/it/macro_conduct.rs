//! Proc macros that do what cannot be told again, and what nobody can see.

use std::fs;

use crate::expected::Expected::{Compiled, Hit, Miss};
use crate::expected::assert_unstored;
use crate::trial::{Trial, event_of, package};

/// Returns a program that prints the text that `body` makes while it is compiled.
fn trial(body: &str) -> Trial {
    let macros = format!(
        "use std::{{env, fs, process::Command}};\n\
         fn made() -> String {{ {body} }}\n\
         #[proc_macro]\n\
         pub fn text(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n\
             let _ = (Command::new(\"\"), fs::metadata(\"\"), env::var_os(\"\"));\n\
             format!(\"{{:?}}\", made()).parse().unwrap()\n\
         }}\n"
    );
    let needs = "[dependencies]\nmacros.path = \"macros\"\n[workspace]";
    Trial::of(&[
        ("Cargo.toml", &package("app", needs)),
        ("src/main.rs", "fn main() { println!(\"{}\", macros::text!()); }\n"),
        ("macros/Cargo.toml", &package("macros", "[lib]\nproc-macro = true")),
        ("macros/src/lib.rs", &macros),
        ("input.txt", "one"),
    ])
}

/// Builds twice: what uses the macro must not be stored, for a reason in which
/// `why` occurs.
#[track_caller]
fn check_unstored(body: &str, why: &str) {
    let trial = trial(body);
    trial.check_unstored("app", why);
    trial.check_unstored("app", why);
    // The macro itself is as good as any.
    let built = trial.build();
    Hit.assert_told_by(event_of(&built, "macros"));
}

#[test]
fn what_a_macro_does_that_cannot_be_told_again_is_not_stored() {
    let clock = "std::time::SystemTime::now().elapsed().is_ok().to_string()";
    check_unstored(clock, "a macro asks what time it is");
    let network = "std::net::TcpListener::bind(\"127.0.0.1:0\").is_ok().to_string()";
    check_unstored(network, "a macro: it uses the network");
    let write = "fs::write(\"log.txt\", \"x\").is_ok().to_string()";
    check_unstored(write, "a macro writes `");
    let processors = "fs::read(\"/proc/cpuinfo\").is_ok().to_string()";
    check_unstored(processors, "a macro: it reads `/proc/cpuinfo`");
    let left = "use std::process::Stdio; let mut child = Command::new(\"sleep\"); \
        child.arg(\"5\").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()); \
        child.spawn().is_ok().to_string()";
    check_unstored(left, "a macro leaves a process behind");
}

/// What the compiler does by itself is not what a macro does.
#[test]
fn a_macro_that_reads_nothing_adds_nothing() {
    let mut trial = trial("\"made\".into()");
    trial.prove_hit("app");
    trial.set("RUSTC_LOG_OF_NOBODY", "1");
    trial.set("TMPDIR", trial.scenario.env.root().join("home").to_str().unwrap());
    trial.write("input.txt", "two");
    trial.write("unrelated.txt", "");
    assert_eq!(trial.check("app", Hit), "made\n");
    let there = trial.scenario.second_checkout("elsewhere/longer").unwrap();
    assert_eq!(trial.check_in(&there, "app", Hit), "made\n");
}

/// A static program cannot be observed: of what it reads counts what is declared.
#[test]
fn what_a_static_program_reads_for_a_macro_counts_if_it_is_declared() {
    let trial = trial(
        "let said = Command::new(\"./reader\").output().unwrap(); \
         String::from_utf8(said.stdout).unwrap()",
    );
    let source = "#include <stdio.h>\nint main(void) { int c; FILE *f = fopen(\"input.txt\", \"r\");\n\
        while ((c = getc(f)) != EOF) putchar(c); return 0; }\n";
    trial.write("reader.c", source);
    trial.tool("cc", &["-static", "reader.c", "-o", "reader"]);
    trial.write(".kache.toml", "[crates.app]\nextra_inputs = [\"input.txt\"]\n");
    trial.prove_hit("app");
    trial.write("input.txt", "two");
    assert_eq!(trial.check("app", Miss), "two\n");
    // So a build script must not be taken at its word.
    let needs = "let said = std::process::Command::new(\"./reader\").output().unwrap();";
    let script = format!(
        "fn main() {{ {needs} std::fs::write(format!(\"{{}}/made\", \
        std::env::var(\"OUT_DIR\").unwrap()), said.stdout).unwrap(); }}\n"
    );
    trial.write("build.rs", script);
    let built = trial.build();
    assert_unstored(event_of(&built, "app build script"), "./reader` did not load the library");
}

#[test]
fn a_macro_that_is_not_expanded_any_more_leaves_no_input() {
    let trial = trial("fs::read_to_string(\"input.txt\").unwrap()");
    trial.prove_hit("app");
    trial.write("input.txt", "two");
    assert_eq!(trial.check("app", Miss), "two\n");
    trial.write("src/main.rs", "use macros as _; fn main() { println!(\"none\"); }\n");
    assert_eq!(trial.check("app", Compiled), "none\n");
    trial.write("input.txt", "three");
    assert_eq!(trial.check("app", Hit), "none\n");
    fs::remove_file(trial.path("input.txt")).unwrap();
    assert_eq!(trial.check("app", Hit), "none\n");
}
