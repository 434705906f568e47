//! Inputs that change at a bad moment, compilers that do half their work or
//! talk about it, and what must keep the real paths.

use std::fs;

use kache_e2e::project::Project;

use crate::expected::Expected::{self, Failure, Hit, Miss, Passthrough, Served, Unstored};
use crate::files::{contains, set_time, settle, text};
use crate::stub::Stub;
use crate::trial::{MANIFEST, Trial, event_of, package};

/// A program that prints its source's, its module's and its asset's word.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", MANIFEST),
    (
        "src/main.rs",
        "mod part;\nfn main() { println!(\"{} {} {}\", \"one\", part::WORD, \
         include_str!(\"../asset\")); }\n",
    ),
    ("src/part.rs", "pub const WORD: &str = \"one\";\n"),
    ("asset", "one"),
];

fn program() -> Trial {
    Trial::of(FILES)
}

/// The manifest of a program with these dependencies.
fn depending(dependencies: &str) -> String {
    format!("{MANIFEST}\n[dependencies]\n{dependencies}\n")
}

#[test]
fn two_dependencies_that_swap_names_are_a_change() {
    let names = |a: &str, b: &str| {
        depending(&format!(
            "a = {{ path = \"{a}\", package = \"{a}\" }}\nb = {{ path = \"{b}\", package = \"{b}\" }}"
        ))
    };
    let trial = Trial::of(&[
        ("Cargo.toml", &names("left", "right")),
        ("src/main.rs", "fn main() { println!(\"{} {}\", a::SIDE, b::SIDE); }\n"),
        ("left/Cargo.toml", &package("left", "")),
        ("left/src/lib.rs", "pub const SIDE: &str = \"left\";\n"),
        ("right/Cargo.toml", &package("right", "")),
        ("right/src/lib.rs", "pub const SIDE: &str = \"right\";\n"),
    ]);
    trial.prove_hits(&["left", "right", "app"]);
    trial.write("Cargo.toml", names("right", "left"));
    let said = trial.check_all(&[("left", Hit), ("right", Hit), ("app", Miss)]);
    assert_eq!(said, "right left\n");
    trial.write("Cargo.toml", names("left", "right"));
    assert_eq!(trial.check_all(&[("left", Hit), ("right", Hit), ("app", Hit)]), "left right\n");
}

/// Runs what is in the mark `before` or `after`, once, before or after the
/// compilation of `app`.
const MEDDLING: &str = r#"
    meddle() {
        if [ -e "$marks/$1" ]; then
            mv "$marks/$1" "$marks/done"
            sleep 0.05
            . "$marks/done"
        fi
    }
    if [ "$name" = app ]; then
        meddle before
        "$real" "$@"
        code=$?
        meddle after
        exit $code
    fi
"#;

impl Trial {
    /// Puts a compiler that meddles in the place of the real one.
    fn meddle(&mut self) -> Stub {
        let stub = Stub::compiler(&self.scenario, MEDDLING);
        self.set("RUSTC", text(&stub.program));
        stub
    }
}

impl Stub {
    /// Runs `commands` once, `before` or `after` the next compilation of `app`.
    fn meddles(&self, moment: &str, commands: &str) {
        let marks = self.program.with_file_name("marks");
        fs::write(marks.join(moment), format!("{commands}\n"))
            .expect("the stub has a directory for marks");
    }
}

#[track_caller]
fn check_edit_meanwhile(moment: &str, file: &str) {
    let mut trial = program();
    let stub = trial.meddle();
    trial.build();
    trial.check("app", Served);
    trial.write("src/part.rs", "pub const WORD: &str = \"new\";\n");
    let path = trial.path(file);
    let edit = format!("sed s/one/two/ '{0}' > edited; cat edited > '{0}'", path.display());
    stub.meddles(moment, &edit);
    trial.check_unstored("app", "changed while the compiler ran");
    let said = trial.check("app", Miss);
    assert!(said.contains("two"), "{said}");
    trial.check("app", Served);
    trial.edit(file, "two", "one");
    assert_eq!(trial.check("app", Miss), "one new one\n");
}

#[test]
fn a_source_edited_before_the_compiler_reads_it_is_not_stored() {
    check_edit_meanwhile("before", "src/main.rs");
}

#[test]
fn a_source_edited_after_the_compiler_read_it_is_not_stored() {
    check_edit_meanwhile("after", "src/main.rs");
}

#[test]
fn an_asset_edited_after_the_compiler_read_it_is_not_stored() {
    check_edit_meanwhile("after", "asset");
}

#[test]
fn a_directory_replaced_while_the_compiler_runs_is_not_stored() {
    let mut trial = Trial::of(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/main.rs",
            "#[path = \"../gen/word.rs\"]\nmod word;\nfn main() { println!(\"{}\", word::WORD); }\n",
        ),
        ("v1/word.rs", "pub const WORD: &str = \"one\";\n"),
        ("v2/word.rs", "pub const WORD: &str = \"two\";\n"),
    ]);
    std::os::unix::fs::symlink("v1", trial.path("gen")).unwrap();
    let stub = trial.meddle();
    stub.meddles("after", "ln -sfn v2 gen");
    trial.check_unstored("app", "changed while the compiler ran");
    assert_eq!(trial.check("app", Miss).trim(), "two");
}

#[test]
fn a_dependency_replaced_while_the_compiler_runs_is_not_stored() {
    let mut trial = Trial::of(&[
        ("Cargo.toml", &depending("part.path = \"part\"")),
        ("src/main.rs", "fn main() { println!(\"{}\", part::WORD); }\n"),
        ("part/Cargo.toml", &package("part", "")),
        ("part/src/lib.rs", "pub const WORD: &str = \"one\";\n"),
    ]);
    let stub = trial.meddle();
    let touched =
        "for file in \"$out_dir\"/libpart-*.rlib; do cp \"$file\" other; mv other \"$file\"; done";
    stub.meddles("after", touched);
    trial.check_unstored("app", "changed while the compiler ran");
    trial.check_all(&[("part", Served), ("app", Miss)]);
    trial.check_all(&[("part", Served), ("app", Served)]);
}

#[test]
fn a_rewrite_of_the_same_size_and_time_is_noticed() {
    let trial = program();
    settle();
    trial.prove_hit("app");
    for (file, said) in [("src/main.rs", "two one one"), ("asset", "two one two")] {
        let time = fs::metadata(trial.path(file)).unwrap().modified().unwrap();
        trial.edit(file, "one", "two");
        set_time(&trial.path(file), time);
        assert_eq!(trial.check("app", Miss).trim(), said);
    }
}

#[test]
fn a_file_renamed_over_an_input_is_noticed() {
    let trial = program();
    settle();
    trial.prove_hit("app");
    let time = fs::metadata(trial.path("asset")).unwrap().modified().unwrap();
    trial.write("other", "two");
    set_time(&trial.path("other"), time);
    trial.rename("other", "asset");
    assert_eq!(trial.check("app", Miss), "one one two\n");
}

#[test]
fn the_last_of_two_writes_within_a_clock_tick_counts() {
    let trial = program();
    trial.prove_hit("app");
    trial.write("asset", "two");
    trial.check("app", Miss);
    for (first, last) in [("one", "two"), ("two", "one"), ("one", "two")] {
        fs::write(trial.path("asset"), first).unwrap();
        fs::write(trial.path("asset"), last).unwrap();
        assert_eq!(trial.check("app", Hit), format!("one one {last}\n"));
        fs::write(trial.path("asset"), first).unwrap();
        assert_eq!(trial.check("app", Hit), format!("one one {first}\n"));
    }
}

/// A library without dependencies whose compiler can be made to fail.
fn library() -> (Trial, Stub) {
    let mut trial = Trial::of(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", "mod part;\npub const NAME: &str = env!(\"CARGO_PKG_NAME\");\n"),
        ("src/part.rs", "\n"),
    ]);
    let stub = trial.meddle();
    (trial, stub)
}

/// What `commands` do to the results of a compilation must leave nothing in
/// the store, and cargo must end as it does without kache.
#[track_caller]
fn check_damage(commands: &str, expected: Expected) {
    let (trial, stub) = library();
    stub.meddles("after", commands);
    let built = trial.cargo_in(trial.project(), "build").run().expect("cargo starts");
    expected.assert_told_by(event_of(&built, "app"));
    stub.meddles("after", commands);
    let bare = trial.scenario.bare_cargo_in(trial.project(), "build").run().expect("cargo starts");
    assert_eq!(built.success(), bare.success(), "{commands}: {}", bare.stderr);
    trial.check("app", Miss);
    trial.check("app", Served);
}

#[test]
fn dep_info_that_is_missing_or_cut_short_is_not_stored() {
    let cut = |how: &str| format!("for file in \"$out_dir\"/app-*.d; do {how}; done");
    check_damage(&cut("rm \"$file\""), Unstored);
    check_damage(&cut(": > \"$file\""), Unstored);
    check_damage(&cut("truncate -s -1 \"$file\""), Unstored);
    check_damage(&cut("head -n 1 \"$file\" > cut; cat cut > \"$file\""), Unstored);
    check_damage(&cut("truncate -s $(($(wc -c < \"$file\") / 2)) \"$file\""), Unstored);
    check_damage(&cut("sed -i '/^# env-dep/d' \"$file\""), Unstored);
}

#[test]
fn outputs_that_are_missing_or_cut_short_are_not_stored() {
    check_damage("rm \"$out_dir\"/libapp-*.rlib", Unstored);
    check_damage(": > \"$(echo \"$out_dir\"/libapp-*.rmeta)\"", Unstored);
    check_damage("truncate -s -100 \"$out_dir\"/libapp-*.rlib", Unstored);
}

#[test]
fn a_compiler_killed_while_it_writes_stores_nothing() {
    let half = "truncate -s 100 \"$out_dir\"/libapp-*.rlib \"$out_dir\"/libapp-*.rmeta";
    check_damage(&format!("{half}; kill -9 $$"), Failure);
    check_damage(&format!("{half}; kill -15 $$"), Failure);
    check_damage("exit 1", Failure);
}

#[test]
fn a_log_of_the_compiler_is_not_replayed() {
    let (mut trial, stub) = library();
    stub.meddles("after", "echo 'DEBUG rustc: at length' >&2");
    trial.check_unstored("app", "DEBUG rustc");
    trial.check("app", Miss);
    assert!(!trial.build().stderr.contains("DEBUG rustc"));
    trial.check("app", Served);
    trial.set("RUSTC_LOG", "rustc_interface=info");
    trial.check("app", Passthrough);
    trial.unset("RUSTC_LOG");
    trial.set("RUST_LOG", "debug");
    trial.check("app", Served);
}

#[test]
fn what_a_macro_prints_is_printed_at_every_build() {
    let macros = "use proc_macro::TokenStream;\n#[proc_macro]\npub fn speak(_: TokenStream) -> \
                  TokenStream { eprintln!(\"the macro speaks\"); TokenStream::new() }\n";
    let trial = Trial::of(&[
        ("Cargo.toml", &depending("macros.path = \"macros\"")),
        ("src/lib.rs", "macros::speak!();\n"),
        ("macros/Cargo.toml", &package("macros", "[lib]\nproc-macro = true")),
        ("macros/src/lib.rs", macros),
    ]);
    for _ in 0..2 {
        let built = trial.build();
        assert!(built.stderr.contains("the macro speaks"), "{}", built.stderr);
        Unstored.assert_told_by(event_of(&built, "app"));
    }
}

/// A warning of rustc's that is about no place in the source.
fn warning(message: &str, code: &str) -> String {
    format!(
        "echo '{{\"$message_type\":\"diagnostic\",\"message\":\"{message}\",\"code\":{code},\
         \"level\":\"warning\",\"spans\":[],\"children\":[],\"rendered\":\"warning: {message}\"}}' >&2"
    )
}

#[test]
fn a_result_that_the_compiler_warns_about_is_not_stored() {
    let linker = "{\"code\":\"linker_messages\",\"explanation\":null}";
    let warnings = [
        warning("stripping debug info with `strip` failed: exit status: 1", "null"),
        warning("linker stderr: something is missing", linker),
        warning("unable to copy /x to /y: no space left on device", "null"),
    ];
    for warning in warnings {
        let (trial, stub) = library();
        stub.meddles("after", &warning);
        trial.check_unstored("app", "the compiler warned about its output");
        trial.check("app", Miss);
        trial.check("app", Served);
    }
}

#[test]
fn code_for_a_feature_that_no_cpu_has_is_not_stored() {
    let mut trial = program();
    trial.rustflags(&["-Ctarget-feature=+imaginary"]);
    trial.build();
    trial.check_unstored("app", "imaginary");
}

#[test]
fn a_warning_about_the_code_is_stored_and_repeated() {
    let trial = program();
    trial.edit("src/main.rs", "mod part;", "mod part;\nfn unused() {}");
    let first = trial.build().stderr;
    assert!(first.contains("function `unused` is never used"), "{first}");
    let again = trial.build();
    Hit.assert_told_by(event_of(&again, "app"));
    let warning = |text: &str| {
        let end = text.find("generated 1 warning").expect("the warning is counted");
        text[text.find("warning: ").expect("there is a warning")..end].to_owned()
    };
    assert_eq!(warning(&first), warning(&again.stderr));
}

/// Builds a second checkout after a proven hit in the first, and returns it.
#[track_caller]
fn check_second_checkout(trial: &Trial, expected: Expected) -> Project {
    trial.prove_hit("app");
    let second =
        trial.scenario.second_checkout("second/place").expect("the checkout can be copied");
    trial.check_in(&second, "app", expected);
    second
}

#[track_caller]
fn check_not_shared(trial: &Trial) {
    let second = check_second_checkout(trial, Miss);
    let program = second.program("app");
    assert!(contains(&program, &text(second.dir())), "the real path is in the program");
    assert!(!contains(&program, &text(trial.project().dir())), "of another checkout");
    let bare = trial.build_bare_in(&second).join("debug/app");
    assert_eq!(
        fs::read(&program).expect("cargo built it"),
        fs::read(&bare).expect("bare cargo built it")
    );
    trial.check("app", Hit);
}

#[test]
fn code_that_is_measured_for_coverage_keeps_its_real_paths() {
    let mut trial = program();
    trial.rustflags(&["-Cinstrument-coverage"]);
    check_not_shared(&trial);
}

#[test]
fn code_that_trybuild_compiles_keeps_its_real_paths() {
    let mut trial = program();
    trial.rustflags(&["--cfg", "trybuild"]);
    check_not_shared(&trial);
}

#[test]
fn code_keeps_its_real_paths_where_the_user_wants_them() {
    let mut trial = program();
    trial.set("KACHE_RUSTC_PATH_NORMALIZE", "false");
    check_not_shared(&trial);
}

#[test]
fn other_code_is_shared_between_checkouts_and_names_neither() {
    let trial = program();
    let second = check_second_checkout(&trial, Hit);
    assert!(!contains(&second.program("app"), &text(second.dir())));
    assert!(!contains(&second.program("app"), &text(trial.project().dir())));
}
