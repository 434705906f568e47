//! Source files: whatever the compiler read of a crate decides its entry.

use crate::expected::Expected::{Dup, Failure, Hit, Miss, Unstored};
use crate::files::text;
use crate::trial::{MANIFEST, Trial};

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", MANIFEST),
    (
        "src/main.rs",
        r#"
mod plain;
mod other;
#[path = "elsewhere/named.rs"]
mod renamed;
mod inner {
    pub(crate) mod deep;
}
include!("code.in");

fn main() {
    println!("{} {} {}", plain::NAME, other::NAME, renamed::NAME);
    println!("{} {}", inner::deep::NAME, INCLUDED);
    println!("{}", include_str!("../assets/text.txt"));
    println!("{}", include_str!("../assets/more.txt"));
    println!("{:?}", include_bytes!("../assets/bytes.bin"));
}
"#,
    ),
    ("src/plain.rs", "pub(crate) const NAME: &str = \"plain one\";\n"),
    ("src/other.rs", "pub(crate) const NAME: &str = \"other one\";\n"),
    ("src/elsewhere/named.rs", "pub(crate) const NAME: &str = \"renamed one\";\n"),
    ("src/inner/deep.rs", "pub(crate) const NAME: &str = \"deep one\";\n"),
    ("src/code.in", "const INCLUDED: &str = \"code one\";\n"),
    ("assets/text.txt", "text one"),
    ("assets/more.txt", "more one"),
    ("assets/bytes.bin", "\u{1} one"),
];

/// After a proven hit, an edit of `file` must be compiled, and going back to
/// the text from before must not.
#[track_caller]
fn check_edit(file: &str) {
    let trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.edit(file, "one", "two");
    trial.check("app", Miss);
    trial.edit(file, "two", "one");
    trial.check("app", Hit);
}

#[test]
fn a_module_is_an_input() {
    check_edit("src/plain.rs");
}

#[test]
fn a_module_in_a_folder_is_an_input() {
    check_edit("src/inner/deep.rs");
}

#[test]
fn a_module_named_by_a_path_attribute_is_an_input() {
    check_edit("src/elsewhere/named.rs");
}

#[test]
fn an_included_source_is_an_input() {
    check_edit("src/code.in");
}

#[test]
fn a_file_read_by_include_str_is_an_input() {
    check_edit("assets/text.txt");
}

#[test]
fn a_file_read_by_include_bytes_is_an_input() {
    check_edit("assets/bytes.bin");
}

#[test]
fn adding_a_module_and_removing_it_again_are_changes() {
    let trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.write("src/extra.rs", "pub(crate) const NAME: &str = \"extra\";\n");
    trial.check("app", Hit);
    trial.edit(
        "src/main.rs",
        "fn main() {",
        "mod extra;\nfn main() { println!(\"{}\", extra::NAME);",
    );
    trial.check("app", Miss);
    trial.remove("src/extra.rs");
    trial.check("app", Failure);
    trial.edit(
        "src/main.rs",
        "mod extra;\nfn main() { println!(\"{}\", extra::NAME);",
        "fn main() {",
    );
    trial.check("app", Hit);
}

#[test]
fn a_second_file_for_one_module_is_refused_as_the_compiler_does() {
    let trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.write("src/plain/mod.rs", "pub(crate) const NAME: &str = \"second\";\n");
    trial.check("app", Failure);
    trial.remove("src/plain.rs");
    trial.check("app", Miss);
}

#[test]
fn two_modules_that_swap_bodies_are_a_change() {
    let trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.swap("src/plain.rs", "src/other.rs");
    trial.check("app", Miss);
    trial.swap("src/plain.rs", "src/other.rs");
    trial.check("app", Hit);
}

#[test]
fn two_assets_that_swap_names_are_a_change() {
    let trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.swap("assets/text.txt", "assets/more.txt");
    trial.check("app", Miss);
}

#[test]
fn a_renamed_asset_is_missed_under_its_old_name_and_found_under_its_new_one() {
    let trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.rename("assets/text.txt", "assets/renamed.txt");
    trial.check("app", Failure);
    trial.edit("src/main.rs", "text.txt", "renamed.txt");
    trial.check("app", Dup);
    trial.edit("assets/renamed.txt", "one", "two");
    trial.check("app", Miss);
}

/// Compiles `lib/libfoo.rlib`, whose constant `V` is `value`.
#[track_caller]
fn compile_foo(trial: &Trial, value: u32) {
    trial.write("lib/foo.rs", format!("pub const V: u32 = {value};\n"));
    let rustc = text(&trial.scenario.env.toolchain().rustc);
    trial.tool(&rustc, &["--crate-type=rlib", "--crate-name=foo", "--out-dir=lib", "lib/foo.rs"]);
}

#[test]
fn what_may_use_a_crate_in_a_search_directory_is_not_stored() {
    let source = "fn main() { extern crate foo; const _: () = assert!(foo::V == 1); }\n";
    for flag in ["-L{dir}/lib", "-Lcrate={dir}/lib"] {
        let mut trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)]);
        trial.rustflags(&[flag]);
        compile_foo(&trial, 1);
        trial.check_verb(trial.project(), "check", "app", Unstored);
        trial.check_unstored("app", "crates may be found in `");
        compile_foo(&trial, 2);
        trial.check_verb(trial.project(), "check", "app", Failure);
    }
}

#[test]
fn a_search_directory_without_crates_or_for_other_uses_is_no_reason_not_to_store() {
    let files = [("Cargo.toml", MANIFEST), ("src/main.rs", "fn main() {}\n"), ("lib/a.txt", "")];
    for flag in ["-Lnative={dir}/lib", "-Ldependency={dir}/lib", "-L{dir}/none", "-L{dir}/src"] {
        let mut trial = Trial::of(&files);
        compile_foo(&trial, 1);
        trial.rustflags(&[flag]);
        trial.prove_hit("app");
    }
}

/// The bytes of `blob.bin` by way of the assembler.
const ASSEMBLED: &str = r#"
core::arch::global_asm!(".section .rodata", ".global BLOB", "BLOB: .incbin \"blob.bin\"", ".text");
extern "C" { static BLOB: [u8; 3]; }
fn main() { println!("{}", std::str::from_utf8(unsafe { &BLOB }).unwrap()); }
"#;

/// A file that the assembler reads changes; the compiler never names it.
#[track_caller]
fn check_assembled(files: &[(&str, &str)], read: &str) {
    let trial = Trial::of(&[&[("Cargo.toml", MANIFEST)], files].concat());
    assert_eq!(trial.check("app", Unstored), "one\n");
    trial.check_unstored("app", "the assembler");
    trial.edit(read, "one", "two");
    assert_eq!(trial.check("app", Unstored), "two\n");
}

#[test]
fn what_the_assembler_reads_from_other_files_is_not_stored() {
    check_assembled(&[("src/main.rs", ASSEMBLED), ("blob.bin", "one")], "blob.bin");
    let included = ASSEMBLED.replace("BLOB: .incbin \\\"blob.bin\\\"", ".include \\\"blob.s\\\"");
    assert!(included.contains(".include"), "{included}");
    let blob = ("blob.s", "BLOB: .ascii \"one\"\n");
    check_assembled(&[("src/main.rs", &included), blob], "blob.s");
    let outside = r#"core::arch::global_asm!(include_str!("all.s"));"#;
    let (before, after) = ASSEMBLED.split_once("core::").unwrap();
    let after = after.split_once('\n').unwrap().1;
    let all = ".section .rodata\n.global BLOB\nBLOB: .incbin \"blob.bin\"\n.text\n";
    let source = format!("{before}{outside}\n{after}");
    check_assembled(
        &[("src/main.rs", &source), ("src/all.s", all), ("blob.bin", "one")],
        "blob.bin",
    );
}

#[test]
fn assembly_that_reads_no_file_is_stored() {
    let source = "core::arch::global_asm!(\".text\");\nfn main() { println!(\"include\"); }\n";
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)]);
    trial.prove_hit("app");
    trial.write("src/main.rs", "fn main() { println!(\".incbin \"); }\n");
    trial.prove_hit("app");
}

#[test]
fn a_disabled_kache_serves_nothing_and_spawns_every_compiler() {
    let mut trial = Trial::of(FILES);
    trial.prove_hit("app");
    trial.set("KACHE_DISABLED", "1");
    trial.project().clean().unwrap();
    let outcome = trial.scenario.cargo("build").run().unwrap();
    assert!(outcome.success(), "{}", outcome.stderr);
    let tally = outcome.tally();
    assert_eq!((tally.hits, tally.passthroughs, tally.spawned), (0, 1, 1));
}
