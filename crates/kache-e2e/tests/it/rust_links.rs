//! Native libraries and linkers: whatever a link reads is an input.

use std::fs;
use std::path::Path;

use crate::expected::Expected::{self, Dup, Hit, Miss, Passthrough, Served, Unstored};
use crate::files::{contains, set_time, settle, text};
use crate::trial::{MANIFEST, Trial, package};

/// A program that prints what `answer`, a C function, returns.
const PROGRAM: &str = "extern \"C\" { fn answer() -> i32; }\n\
    fn main() { println!(\"{}\", unsafe { answer() }); }\n";

/// The same with the library named in the source.
const LINKED_PROGRAM: &str = "#[link(name = \"answer\", kind = \"static\")]\n\
    extern \"C\" { fn answer() -> i32; }\n\
    fn main() { println!(\"{}\", unsafe { answer() }); }\n";

const SAFE_ANSWER: &str = "extern \"C\" { fn answer() -> i32; }\n\
    pub fn safe_answer() -> i32 { unsafe { answer() } }\n";

fn program(source: &str) -> Trial {
    Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", source)])
}

/// C source of a function `name` that returns `value`.
fn returns(name: &str, value: i32) -> String {
    format!("int {name}(void) {{ return {value}; }}\n")
}

impl Trial {
    /// Makes the static library `library` with the function `answer`.
    #[track_caller]
    fn archive(&self, library: &str, value: i32) {
        self.archive_of(library, "answer.o", &returns("answer", value));
    }

    /// Makes the static library `library` with one `member`.
    #[track_caller]
    fn archive_of(&self, library: &str, member: &str, source: &str) {
        let dir = Path::new(library).parent().expect("libraries are in a folder");
        let object = text(&dir.join(member));
        self.object(&object, source);
        let library = self.path(library);
        // Rebuilt as make would: away with the old one first.
        drop(fs::remove_file(&library));
        self.tool("ar", &["rcsD", &text(&library), &object]);
    }

    /// Makes the shared library `library` with the function `answer`.
    #[track_caller]
    fn shared_library(&self, library: &str, value: i32) {
        let object = format!("{library}.o");
        self.object(&object, &returns("answer", value));
        self.tool("cc", &["-shared", "-o", library, &object]);
    }

    /// Compiles `source` to the file `object`.
    #[track_caller]
    fn object(&self, object: &str, source: &str) {
        let file = format!("{object}.c");
        self.write(&file, source);
        self.tool("cc", &["-c", "-fPIC", "-o", object, &file]);
    }
}

#[track_caller]
fn check_rebuilt_archive(source: &str, flags: &[&str]) {
    let mut trial = program(source);
    trial.rustflags(flags);
    trial.archive("native/libanswer.a", 1);
    trial.prove_hit("app");
    trial.archive("native/libanswer.a", 2);
    assert_eq!(trial.check("app", Miss), "2\n");
    trial.archive("native/libanswer.a", 1);
    assert_eq!(trial.check("app", Hit), "1\n");
}

#[test]
fn a_static_library_that_a_program_links_is_an_input() {
    check_rebuilt_archive(PROGRAM, &["-L", "native={dir}/native", "-l", "static=answer"]);
}

#[test]
fn a_static_library_of_the_same_size_and_time_is_another_one() {
    let mut trial = program(PROGRAM);
    trial.rustflags(&["-Lnative={dir}/native", "-lstatic=answer"]);
    trial.archive("native/libanswer.a", 1);
    let library = trial.path("native/libanswer.a");
    let before = fs::metadata(&library).unwrap();
    settle();
    trial.prove_hit("app");
    trial.archive("native/libanswer.a", 2);
    set_time(&library, before.modified().unwrap());
    assert_eq!(fs::metadata(&library).unwrap().len(), before.len());
    assert_eq!(trial.check("app", Miss), "2\n");
}

#[test]
fn a_static_library_named_in_the_source_is_an_input() {
    check_rebuilt_archive(LINKED_PROGRAM, &["-Lnative={dir}/native"]);
}

#[test]
fn a_static_library_linked_as_a_whole_is_an_input() {
    let flags = ["-L", "native={dir}/native", "-l", "static:+whole-archive=answer"];
    check_rebuilt_archive(PROGRAM, &flags);
}

#[test]
fn a_static_library_named_by_a_link_argument_is_an_input() {
    check_rebuilt_archive(PROGRAM, &["-C", "link-arg={dir}/native/libanswer.a"]);
    check_rebuilt_archive(PROGRAM, &["-Clink-args=-L{dir}/native -lanswer"]);
}

/// A program that depends on `mid`, which depends on `wrap`, which links the
/// library `answer` as `kind` says.
fn chain(kind: &str) -> Trial {
    chain_of(&format!("println!(\"cargo:rustc-link-lib={kind}=answer\");"), "")
}

/// The same chain with these instructions by the build script, and this
/// attribute in the source.
fn chain_of(instructions: &str, attribute: &str) -> Trial {
    let app = format!("{MANIFEST}\n[dependencies]\nmid.path = \"mid\"\n");
    let build = format!(
        "fn main() {{\n\
         let dir = std::env::var(\"CARGO_MANIFEST_DIR\").unwrap();\n\
         println!(\"cargo:rustc-link-search=native={{dir}}/native\");\n{instructions}\n}}\n"
    );
    Trial::of(&[
        ("Cargo.toml", &app),
        ("src/main.rs", "fn main() { println!(\"{}\", mid::middle()); }\n"),
        ("mid/Cargo.toml", &package("mid", "[dependencies]\nwrap.path = \"../wrap\"")),
        ("mid/src/lib.rs", "pub fn middle() -> i32 { wrap::safe_answer() }\n"),
        ("wrap/Cargo.toml", &package("wrap", "")),
        ("wrap/build.rs", &build),
        ("wrap/src/lib.rs", &format!("{attribute}\n{SAFE_ANSWER}")),
    ])
}

/// Builds with one archive and then with another: each of `expected` is what
/// must become of a unit then.
#[track_caller]
fn check_archive_below(chain: &Trial, expected: &[(&str, Expected)]) {
    chain.archive("wrap/native/libanswer.a", 1);
    chain.prove_hits(&["wrap", "mid", "app"]);
    chain.archive("wrap/native/libanswer.a", 2);
    assert_eq!(chain.check_all(expected), "2\n");
}

/// As [`check_archive_below`] for a library `wrap` that cannot be stored.
#[track_caller]
fn check_unknown_archive_below(chain: &Trial) {
    chain.archive("wrap/native/libanswer.a", 1);
    chain.build();
    chain.check_unstored("wrap", "`answer.o` in the archive");
    chain.archive("wrap/native/libanswer.a", 2);
    assert_eq!(chain.check_all(&[("wrap", Unstored), ("app", Miss)]), "2\n");
}

#[test]
fn an_archive_bundled_two_crates_down_reaches_the_program_and_not_the_crate_between() {
    check_archive_below(&chain("static"), &[("wrap", Miss), ("mid", Hit), ("app", Miss)]);
}

#[test]
fn an_archive_left_out_of_the_library_is_an_input_of_the_program_alone() {
    check_archive_below(&chain("static:-bundle"), &[("mid", Hit), ("app", Miss)]);
}

#[test]
fn a_whole_archive_bundled_into_a_library_is_an_input() {
    check_archive_below(
        &chain("static:+whole-archive"),
        &[("wrap", Miss), ("mid", Hit), ("app", Miss)],
    );
}

#[test]
fn a_library_that_bundles_an_archive_named_in_its_source_is_not_stored() {
    check_unknown_archive_below(&chain_of("", "#[link(name = \"answer\", kind = \"static\")]"));
}

#[test]
fn archive_members_of_one_name_are_told_apart() {
    let other = "println!(\"cargo:rustc-link-lib=static=other\");";
    let chain = chain_of(other, "#[link(name = \"answer\", kind = \"static\")]");
    chain.archive_of("wrap/native/libother.a", "answer.o", &returns("other", 7));
    check_unknown_archive_below(&chain);
}

#[test]
fn an_archive_two_crates_down_reaches_a_program_that_is_optimised_as_a_whole() {
    let chain = chain("static");
    let manifest = chain.project().read("Cargo.toml").unwrap();
    chain.write("Cargo.toml", format!("{manifest}\n[profile.dev]\nlto = \"fat\"\n"));
    check_archive_below(&chain, &[("wrap", Miss), ("mid", Hit), ("app", Miss)]);
}

/// Turns the chain's program into a library with a C interface, and links that
/// into a C program.
fn staticlib_chain(kind: &str) -> Trial {
    let chain = chain(kind);
    let manifest = chain.project().read("Cargo.toml").expect("the manifest was written");
    let library = "[lib]\ncrate-type = [\"staticlib\"]\n";
    chain.write("Cargo.toml", format!("{manifest}\n{library}"));
    chain.remove("src/main.rs");
    let source = "#[unsafe(no_mangle)]\npub extern \"C\" fn outer() -> i32 { mid::middle() }\n";
    chain.write("src/lib.rs", source);
    let main =
        "#include <stdio.h>\nint outer(void);\nint main(void) { printf(\"%d\\n\", outer()); }\n";
    chain.write("main.c", main);
    chain.without_program()
}

/// Returns what a C program with the built library says.
#[track_caller]
fn said_by_c(chain: &Trial, target_dir: &Path) -> String {
    let library = text(&target_dir.join("debug/libapp.a"));
    let program = text(&chain.path("main"));
    chain.tool("cc", &["-o", &program, "main.c", &library, "-lpthread", "-ldl", "-lm"]);
    chain.tool(&program, &[])
}

/// Rebuilds the archive below a static library in place; what C sees must be
/// what it sees of bare cargo's.
#[track_caller]
fn check_staticlib(chain: &Trial, app: Expected) {
    chain.archive("wrap/native/libanswer.a", 2);
    chain.check_all(&[("wrap", Miss), ("mid", Hit), ("app", app)]);
    let ours = said_by_c(chain, &chain.project().target_dir());
    assert_eq!(ours, said_by_c(chain, &chain.build_bare_in(chain.project())));
    assert_eq!(ours, "2\n");
}

#[test]
fn an_archive_two_crates_below_a_static_library_is_an_input() {
    let chain = staticlib_chain("static");
    chain.archive("wrap/native/libanswer.a", 1);
    chain.prove_hits(&["wrap", "mid", "app"]);
    check_staticlib(&chain, Miss);
}

#[test]
fn a_static_library_with_members_of_unknown_origin_is_not_stored() {
    let chain = staticlib_chain("static:+whole-archive");
    chain.archive("wrap/native/libanswer.a", 1);
    chain.build();
    chain.check_unstored("app", "in the archive came from is not known");
    check_staticlib(&chain, Unstored);
}

/// A library whose members are files of their own; one of those changes.
#[track_caller]
fn check_thin_archive(trial: &Trial, dir: &str, unit: &str) {
    let (library, object) = (format!("{dir}/libanswer.a"), format!("{dir}/answer.o"));
    trial.object(&object, &returns("answer", 1));
    trial.tool("ar", &["rcsDT", &library, &object]);
    assert_eq!(trial.check(unit, Unstored), "1\n");
    trial.check_unstored(unit, "thin");
    trial.object(&object, &returns("answer", 2));
    assert_eq!(trial.check(unit, Unstored), "2\n");
}

#[test]
fn what_is_linked_from_a_thin_archive_is_not_stored() {
    let mut trial = program(PROGRAM);
    trial.rustflags(&["-Lnative={dir}/native", "-lstatic=answer"]);
    check_thin_archive(&trial, "native", "app");
    let mut trial = program(PROGRAM);
    trial.rustflags(&["-Clink-arg={dir}/native/libanswer.a", "-Clink-arg=-fuse-ld=bfd"]);
    check_thin_archive(&trial, "native", "app");
    check_thin_archive(&chain("static"), "wrap/native", "wrap");
}

#[test]
fn the_files_that_a_linker_script_names_are_inputs() {
    let mut trial = program(PROGRAM);
    trial.rustflags(&["-Lnative={dir}/native", "-lanswer"]);
    trial.object("elsewhere/answer.o", &returns("answer", 1));
    let object = text(&trial.path("elsewhere/answer.o"));
    trial.write("native/libanswer.so", format!("INPUT({object})\n"));
    trial.prove_hit("app");
    trial.object("elsewhere/answer.o", &returns("answer", 2));
    assert_eq!(trial.check("app", Miss), "2\n");
}

#[test]
fn what_a_linker_script_names_by_a_parent_is_not_stored() {
    let mut trial = program(PROGRAM);
    trial.rustflags(&["-Lnative={dir}/native", "-lanswer"]);
    trial.object("elsewhere/answer.o", &returns("answer", 1));
    let object = text(&trial.path("src/../elsewhere/answer.o"));
    trial.write("native/libanswer.so", format!("INPUT({object})\n"));
    assert_eq!(trial.check("app", Unstored), "1\n");
    trial.check_unstored("app", "linker script");
}

#[test]
fn the_name_of_a_library_alone_decides() {
    let mut trial = program(PROGRAM);
    trial.archive("native/libfirst.a", 1);
    trial.archive("native/libsecond.a", 2);
    trial.rustflags(&["-Lnative={dir}/native", "-lstatic=first"]);
    trial.prove_hit("app");
    trial.rustflags(&["-Lnative={dir}/native", "-lstatic=second"]);
    assert_eq!(trial.check("app", Miss), "2\n");
}

#[test]
fn the_order_of_search_paths_decides() {
    let mut trial = program(PROGRAM);
    trial.archive("one/libanswer.a", 1);
    trial.archive("two/libanswer.a", 2);
    trial.rustflags(&["-Lnative={dir}/one", "-Lnative={dir}/two", "-lstatic=answer"]);
    trial.prove_hit("app");
    trial.rustflags(&["-Lnative={dir}/two", "-Lnative={dir}/one", "-lstatic=answer"]);
    assert_eq!(trial.check("app", Miss), "2\n");
}

/// After a proven hit with `two/libanswer.a`, `appear` makes another library
/// that `flags` find first.
#[track_caller]
fn check_shadowed(flags: &[&str], appear: impl Fn(&Trial)) {
    let mut trial = program(PROGRAM);
    fs::create_dir_all(trial.path("one")).expect("the checkout can be written");
    trial.archive("two/libanswer.a", 1);
    trial.rustflags(flags);
    trial.prove_hit("app");
    appear(&trial);
    assert_eq!(trial.check("app", Miss), "2\n", "{flags:?}");
}

#[test]
fn a_library_that_appears_earlier_on_the_search_path_is_noticed() {
    let earlier = |trial: &Trial| trial.archive("one/libanswer.a", 2);
    check_shadowed(&["-Lnative={dir}/one", "-Lnative={dir}/two", "-lstatic=answer"], earlier);
    check_shadowed(&["-Clink-args=-L{dir}/one -L{dir}/two -lanswer"], earlier);
    check_shadowed(&["-Clink-args=-L {dir}/one -Wl,-L{dir}/two -lanswer"], earlier);
}

#[test]
fn a_shared_library_that_appears_beside_a_static_one_is_noticed() {
    let beside = |trial: &Trial| trial.shared_library("two/libanswer.so", 2);
    let flags = ["-Lnative={dir}/two", "-lanswer", "-Clink-arg=-Wl,-rpath,{dir}/two"];
    check_shadowed(&flags, beside);
}

/// A driver on `PATH` that adds the directories `one` and `two`.
fn with_driver_that_adds_directories() -> Trial {
    let mut trial = program(PROGRAM);
    fs::create_dir_all(trial.path("one")).expect("the checkout can be written");
    trial.archive("two/libanswer.a", 1);
    let dir = text(trial.project().dir());
    let real = trial.tool("sh", &["-c", "command -v cc"]);
    trial.script("tools/cc", &format!("exec {} -L{dir}/one -L{dir}/two \"$@\"", real.trim()));
    let path = trial.scenario.env.var("PATH").and_then(|path| path.to_str()).unwrap_or_default();
    let path = format!("{dir}/tools:{path}");
    trial.set("PATH", path);
    trial.rustflags(&["-lanswer", "-Clink-arg=-Wl,-rpath,{dir}/two"]);
    settle();
    trial.prove_hit("app");
    trial
}

#[test]
fn a_library_that_appears_in_a_directory_of_the_drivers_own_is_noticed() {
    let trial = with_driver_that_adds_directories();
    trial.shared_library("two/libanswer.so", 2);
    assert_eq!(trial.check("app", Miss), "2\n");
    let trial = with_driver_that_adds_directories();
    trial.archive("one/libanswer.a", 2);
    assert_eq!(trial.check("app", Miss), "2\n");
}

/// A GNU ld with directories of its own, `one` (which need not be there) and `two`.
fn with_linker_that_has_directories() -> Trial {
    let mut trial = program(PROGRAM);
    trial.archive("two/libanswer.a", 1);
    let dir = text(trial.project().dir());
    let (gnu, _) = two_linkers(&trial);
    let told = format!("echo 'SEARCH_DIR(\"{dir}/one\"); SEARCH_DIR(\"={dir}/two\");'");
    let script = format!(
        "case \" $* \" in *\" --verbose \"*) {told};; esac\n\
         exec {gnu} \"$@\" -L{dir}/one -L{dir}/two"
    );
    trial.script("tools/ld.bfd", &script);
    trial.rustflags(&[
        "-Clink-arg=-fuse-ld=bfd",
        "-Clink-arg=-B{dir}/tools",
        "-Clink-arg=-Wl,-rpath,{dir}/two",
        "-lanswer",
    ]);
    settle();
    trial.prove_hit("app");
    trial
}

#[test]
fn a_library_that_appears_in_a_directory_of_the_linkers_own_is_noticed() {
    let trial = with_linker_that_has_directories();
    trial.shared_library("two/libanswer.so", 2);
    assert_eq!(trial.check("app", Miss), "2\n");
    let trial = with_linker_that_has_directories();
    trial.archive("one/libanswer.a", 2);
    assert_eq!(trial.check("app", Miss), "2\n");
}

/// What was looked for is remembered by directory: a file of another name in
/// one is no change.
#[test]
fn an_unrelated_file_in_a_search_directory_is_no_change() {
    let trial = with_driver_that_adds_directories();
    trial.archive("one/libother.a", 2);
    trial.write("two/note.txt", "");
    trial.check("app", Hit);
}

#[test]
fn a_library_behind_a_link_that_led_nowhere_is_noticed() {
    let mut trial = program(PROGRAM);
    trial.archive("two/libanswer.a", 1);
    fs::create_dir_all(trial.path("one")).unwrap();
    std::os::unix::fs::symlink("../three/libanswer.a", trial.path("one/libanswer.a")).unwrap();
    trial.rustflags(&["-Lnative={dir}/one", "-Lnative={dir}/two", "-lanswer"]);
    settle();
    trial.prove_hit("app");
    trial.archive("three/libanswer.a", 2);
    assert_eq!(trial.check("app", Miss), "2\n");
}

/// lld says that it read the file to which the name leads with `..` folded away.
#[test]
fn a_library_that_is_named_past_a_link_is_left_to_the_compiler() {
    for (library_path, flags) in [
        ("", &["-Clink-arg={dir}/way/../native/libanswer.a"][..]),
        ("", &["-Clink-arg=-L{dir}/way/../native", "-Clink-arg=-lanswer"]),
        ("", &["-Clink-arg=-Wl,-L,{dir}/way/../native", "-Clink-arg=-lanswer"]),
        ("way/../native", &["-Clink-arg=-lanswer"]),
    ] {
        let mut trial = program(PROGRAM);
        trial.set("LIBRARY_PATH", text(&trial.path(library_path)));
        trial.archive("native/libanswer.a", 1);
        trial.archive("deep/native/libanswer.a", 2);
        for dir in ["way", "deep/way"] {
            fs::create_dir_all(trial.path(dir)).unwrap();
        }
        trial.rustflags(flags);
        trial.prove_hit("app");
        fs::remove_dir(trial.path("way")).unwrap();
        std::os::unix::fs::symlink("deep/way", trial.path("way")).unwrap();
        assert_eq!(trial.check("app", Passthrough), "2\n", "{flags:?}");
    }
}

#[test]
fn where_a_program_finds_its_libraries_is_no_place_of_now() {
    let mut trial = program(PROGRAM);
    trial.archive("native/libanswer.a", 1);
    let rpath = "-Clink-arg=-Wl,-rpath,$ORIGIN/../native";
    trial.rustflags(&["-Lnative={dir}/native", "-lstatic=answer", rpath]);
    trial.prove_hit("app");
}

#[test]
fn a_shared_library_is_an_input() {
    let mut trial = program(PROGRAM);
    trial.shared_library("native/libanswer.so", 1);
    let rpath = "-Clink-arg=-Wl,-rpath,{dir}/native";
    trial.rustflags(&["-Lnative={dir}/native", "-ldylib=answer", rpath]);
    trial.prove_hit("app");
    trial.shared_library("native/libanswer.so", 2);
    // Compiled again; what the program holds of the library is its name.
    assert_eq!(trial.check("app", Dup), "2\n");
}

/// A linker, or a driver, that adds `one/answer.o` to what it links is
/// replaced in place by one that adds `two/answer.o`.
#[track_caller]
fn check_replaced_tool(tool: &str, real: &str, flags: &[&str]) {
    let mut trial = program(PROGRAM);
    trial.object("one/answer.o", &returns("answer", 1));
    trial.object("two/answer.o", &returns("answer", 2));
    let real = trial.tool("cc", &[&format!("-print-prog-name={real}")]);
    let dir = text(trial.project().dir());
    let adding = |object: &str| format!("exec {} \"$@\" {dir}/{object}/answer.o", real.trim());
    trial.script(tool, &adding("one"));
    trial.rustflags(flags);
    settle();
    trial.prove_hit("app");
    let time = fs::metadata(trial.path(tool))
        .expect("the tool is there")
        .modified()
        .expect("files have times");
    trial.script(tool, &adding("two"));
    set_time(&trial.path(tool), time);
    assert_eq!(trial.check("app", Miss), "2\n");
}

#[test]
fn a_linker_driver_replaced_in_place_is_another_one() {
    check_replaced_tool("tools/cc", "cc", &["-Clinker={dir}/tools/cc"]);
}

#[test]
fn a_linker_replaced_in_place_is_another_one() {
    let flags = ["-Clink-arg=-fuse-ld=bfd", "-Clink-arg=-B{dir}/tools"];
    check_replaced_tool("tools/ld.bfd", "ld.bfd", &flags);
}

/// Returns the paths of GNU ld and of the lld that rustc ships.
fn two_linkers(trial: &Trial) -> (String, String) {
    let gnu = trial.tool("cc", &["-print-prog-name=ld.bfd"]);
    let gnu = trial.tool("sh", &["-c", &format!("command -v {}", gnu.trim())]);
    let toolchain = trial.scenario.env.toolchain();
    let sysroot = trial.tool(&text(&toolchain.rustc), &["--print=sysroot"]);
    let bundled = format!("{}/lib/rustlib/{}/bin/rust-lld", sysroot.trim(), toolchain.host);
    (gnu.trim().to_owned(), bundled)
}

#[test]
fn a_linker_of_another_make_under_the_same_name_is_another_one() {
    let mut trial = program("fn main() { println!(\"linked\"); }\n");
    let (gnu, bundled) = two_linkers(&trial);
    trial.script("tools/ld.bfd", &format!("exec {gnu} \"$@\""));
    trial.rustflags(&["-Clink-arg=-fuse-ld=bfd", "-Clink-arg=-B{dir}/tools"]);
    trial.build();
    trial.check("app", Served);
    assert!(!contains(&trial.project().program("app"), "Linker: LLD"));
    trial.script("tools/ld.bfd", &format!("exec {bundled} -flavor gnu \"$@\""));
    trial.check("app", Miss);
    assert!(contains(&trial.project().program("app"), "Linker: LLD"));
}

#[test]
fn a_linker_that_appears_earlier_on_the_search_path_is_another_one() {
    let mut trial = program("fn main() { println!(\"linked\"); }\n");
    let (gnu, bundled) = two_linkers(&trial);
    trial.script("tools/ld.bfd", &format!("exec {gnu} \"$@\""));
    let search = ["-Clink-arg=-B{dir}/first", "-Clink-arg=-B{dir}/tools"];
    trial.rustflags(&[&["-Clink-arg=-fuse-ld=bfd"], &search[..]].concat());
    settle();
    trial.build();
    trial.check("app", Hit);
    trial.script("first/ld.bfd", &format!("exec {bundled} -flavor gnu \"$@\""));
    trial.check("app", Miss);
    assert!(contains(&trial.project().program("app"), "Linker: LLD"));
}

#[test]
fn a_start_object_is_an_input() {
    let mut trial = program("fn main() { println!(\"started\"); }\n");
    let original = trial.tool("cc", &["-print-file-name=crti.o"]);
    fs::create_dir_all(trial.path("start")).unwrap();
    trial.rustflags(&["-Clink-arg=-B{dir}/start/"]);
    let mark = |text: &str| {
        trial.write("mark", text);
        let section = ["--add-section", ".mark=mark", original.trim(), "start/crti.o"];
        trial.tool("objcopy", &section);
    };
    trial.prove_hit("app");
    for text in ["the first mark", "another mark!!"] {
        mark(text);
        trial.check("app", Miss);
        assert!(contains(&trial.project().program("app"), text));
        trial.check("app", Hit);
    }
}

#[test]
fn the_c_library_is_an_input() {
    let mut trial = program("fn main() { println!(\"linked\"); }\n");
    let original = trial.tool("cc", &["-print-file-name=libc.so"]);
    let script = fs::read_to_string(original.trim()).unwrap();
    fs::create_dir_all(trial.path("native")).unwrap();
    trial.rustflags(&["-Lnative={dir}/native"]);
    trial.prove_hit("app");
    trial.write("native/libc.so", &script);
    trial.check("app", Dup);
    trial.check("app", Hit);
    trial.write("native/libc.so", format!("/* another */\n{script}"));
    trial.check("app", Dup);
}

#[test]
fn a_linker_script_that_is_found_elsewhere_gives_way_to_one_that_appears() {
    let mut trial = program(
        "unsafe extern \"C\" { static value: u8; }\n\
         fn main() { println!(\"{}\", (&raw const value).addr() & 0xffff); }\n",
    );
    trial.rustflags(&[
        "-L",
        "native={dir}/early",
        "-L",
        "native={dir}/late",
        "-Clink-arg=-Tadd.ld",
    ]);
    let section = "SECTIONS { .foo : { LONG(1) } } INSERT AFTER .rodata;\n";
    trial.write("late/add.ld", format!("INCLUDE values.ld\n{section}"));
    trial.write("late/values.ld", "value = 0x2222;\n");
    trial.write("early/note", "");
    trial.prove_hit("app");
    for (file, value) in [("early/values.ld", 0x3333), ("values.ld", 0x4444)] {
        trial.write(file, format!("value = {value};\n"));
        assert_eq!(trial.check("app", Expected::Compiled), format!("{value}\n"), "{file}");
        trial.check("app", Hit);
    }
}
