//! What is one compilation and what is two: other crates under the same
//! names, other ways to say the same, dependencies that changed or did not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use kache_e2e::oracle::Tree;
use kache_e2e::project::Project;
use walkdir::WalkDir;

use crate::expected::Expected::{Compiled, Dup, Hit, Miss};
use crate::files::{contains, text};
use crate::rustc_trial::{Call, RustcTrial};
use crate::trial::{MANIFEST, Trial, event_of, package};

const APP: (&str, &str) = ("src/main.rs", "fn main() { println!(\"{}\", part::number()); }\n");

/// A program that depends on the crate `part`.
const DEPENDING: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
    [dependencies]\npart.path = \"part\"\n\n[workspace]\n";

const PART: &str = "[package]\nname = \"part\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// A program that prints the number which its dependency returns.
fn files(number: &str) -> [(&'static str, String); 4] {
    [
        ("Cargo.toml", DEPENDING.to_owned()),
        (APP.0, APP.1.to_owned()),
        ("part/Cargo.toml", PART.to_owned()),
        ("part/src/lib.rs", format!("pub fn number() -> &'static str {{ \"{number}\" }}\n")),
    ]
}

fn borrowed<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    files.iter().map(|(path, text)| (*path, text.as_str())).collect()
}

#[test]
fn different_crates_of_one_name_built_at_one_instant_stay_apart() {
    let trial = Trial::of(&borrowed(&files("0")));
    let project = |number: usize| {
        let files = files(&number.to_string().repeat(number));
        let place = trial.scenario.env.work_dir().join(format!("place{number}"));
        Project::of_files(&borrowed(&files), &place).unwrap()
    };
    let projects: Vec<Project> = (1..=5).map(project).collect();
    let start = Barrier::new(projects.len());
    thread::scope(|scope| {
        for project in &projects {
            let (trial, start) = (&trial, &start);
            scope.spawn(move || {
                start.wait();
                trial.build_in(project);
            });
        }
    });
    for project in &projects {
        let cold = Tree::of_artifacts(&project.target_dir()).unwrap();
        trial.check_all_in(project, &[("part", Hit), ("app", Hit)]);
        let warm = Tree::of_artifacts(&project.target_dir()).unwrap();
        assert_eq!(cold.differences(&warm), Vec::<String>::new());
    }
}

#[test]
fn a_test_of_a_library_is_not_the_library() {
    let source =
        "pub fn number() -> u32 { 1 }\n#[test]\nfn it_is_one() { assert_eq!(number(), 1); }\n";
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("src/lib.rs", source)]);
    trial.prove_hit("app");
    for expected in [Miss, Hit] {
        trial.project().clean().unwrap();
        let tested = trial.scenario.cargo("test").arg("--lib").run().unwrap();
        assert!(tested.stdout.contains("1 passed"), "{}", tested.stderr);
        let event = event_of(&tested, "app");
        expected.assert_told_by(event);
        assert_eq!(event.crate_types, ["test"]);
    }
    trial.check("app", Hit);
}

#[test]
fn a_library_of_another_type_is_another_one() {
    let manifest = |kind: &str| format!("{MANIFEST}\n[lib]\ncrate-type = [\"{kind}\"]\n");
    let source = "#[unsafe(no_mangle)]\npub extern \"C\" fn number() -> i32 { 1 }\n";
    let trial = Trial::of(&[("Cargo.toml", &manifest("rlib")), ("src/lib.rs", source)]);
    for (kind, file) in [
        ("rlib", "libapp.rlib"),
        ("cdylib", "libapp.so"),
        ("dylib", "libapp.so"),
        ("staticlib", "libapp.a"),
    ] {
        trial.write("Cargo.toml", manifest(kind));
        trial.check("app", Miss);
        trial.check("app", Hit);
        let ours =
            Tree::of(&trial.project().target_dir().join("debug"), |path| path == Path::new(file));
        assert_eq!(ours.unwrap().files.len(), 1, "{file}");
    }
}

#[test]
fn another_edition_is_another_compilation() {
    let source = "fn main() { let mut numbers = [1].into_iter(); \
                  println!(\"{}\", name(&numbers.next().unwrap())); }\n\
                  fn name<T>(_: &T) -> &'static str { std::any::type_name::<T>() }\n";
    let manifest = |edition: &str| MANIFEST.replace("2021", edition);
    let files = [("Cargo.toml", &*manifest("2018")), ("src/main.rs", source)];
    let trial = Trial::of(&files);
    trial.prove_hit("app");
    trial.write("Cargo.toml", manifest("2021"));
    assert_eq!(trial.check("app", Miss), "i32\n");
    trial.write("Cargo.toml", manifest("2018"));
    assert_eq!(trial.check("app", Hit), "&i32\n");
}

#[test]
fn the_order_of_features_does_not_matter() {
    let features = "[features]\na = []\nb = []\nc = []\n";
    let source = "fn main() { println!(\"{}\", cfg!(all(feature = \"a\", feature = \"b\"))); }\n";
    let manifest = format!("{MANIFEST}\n{features}");
    let trial = Trial::of(&[("Cargo.toml", &manifest), ("src/main.rs", source)]);
    let trial = trial.args(&["--features", "a b"]);
    trial.prove_hit("app");
    let trial = trial.args(&["--features", "b,a"]);
    assert_eq!(trial.check("app", Hit), "true\n");
    let trial = trial.args(&["--features", "b,c"]);
    assert_eq!(trial.check("app", Miss), "false\n");
}

#[test]
fn the_order_of_cfgs_does_not_matter() {
    let source = "#![allow(unexpected_cfgs)]\n\
                  fn main() { println!(\"{}\", if cfg!(all(one, two)) { \"both\" } else { \"\" }); }\n";
    let trial = RustcTrial::of(source);
    let call = |line| Call::of(line);
    trial.prove_hit(&call("--cfg one --cfg two --cfg kind=\"a\" --cfg kind=\"b\""));
    trial.check(&call("--cfg kind=\"b\" --cfg two --cfg one --cfg kind=\"a\""), Hit);
    trial.check(&call("--cfg one --cfg kind=\"a\" --cfg kind=\"b\""), Compiled);
    trial.check(&call("--cfg one --cfg two --cfg kind=\"a\""), Dup);
}

#[test]
fn white_space_between_flags_does_not_matter() {
    let mut trial = Trial::of(&borrowed(&files("1")));
    trial.set("RUSTFLAGS", "-C debuginfo=1 -Coverflow-checks=on");
    trial.prove_hits(&["part", "app"]);
    trial.set("RUSTFLAGS", "  -C   debuginfo=1\t -Coverflow-checks=on ");
    trial.check_all(&[("part", Hit), ("app", Hit)]);
    trial.set("RUSTFLAGS", "-C debuginfo=2 -Coverflow-checks=on");
    trial.check_all(&[("part", Miss), ("app", Miss)]);
}

#[test]
fn another_target_directory_does_not_matter() {
    let trial = Trial::of(&borrowed(&files("1")));
    trial.prove_hits(&["part", "app"]);
    for place in [trial.path("elsewhere/deep/below"), trial.scenario.env.root().join("outside")] {
        let cargo = trial.cargo_in(trial.project(), "build");
        let built = cargo.arg("--target-dir").arg(&place).run().unwrap();
        for unit in ["part", "app"] {
            Hit.assert_told_by(event_of(&built, unit));
        }
        let program = place.join("debug/app");
        assert_eq!(fs::read(trial.project().program("app")).unwrap(), fs::read(program).unwrap());
    }
}

#[test]
fn another_checkout_does_not_matter() {
    let trial = Trial::of(&borrowed(&files("1")));
    trial.prove_hits(&["part", "app"]);
    for place in ["b", "some/where/else with spaces", "ünïcode"] {
        let second = trial.scenario.second_checkout(place).unwrap();
        trial.check_all_in(&second, &[("part", Hit), ("app", Hit)]);
    }
}

/// A program and a fetched package that names the place of its own source,
/// with cargo's home at `home`.
struct Fetched {
    trial: Trial,
}

impl Fetched {
    fn new() -> Self {
        let manifest = format!("{MANIFEST}\n[dependencies]\npart = \"1\"\n");
        let source = "fn main() { println!(\"{}\", part::place()); }\n";
        let trial = Trial::of(&[("Cargo.toml", &manifest), ("src/main.rs", source)]);
        Self { trial }
    }

    /// Makes `name` cargo's home, with the package in it.
    fn home(&mut self, name: &str) -> PathBuf {
        let home = self.trial.scenario.env.root().join(name);
        let files = [
            ("registry/src/index/part-1.0.0/Cargo.toml", &*PART.replace("0.1.0", "1.0.0")),
            (
                "registry/src/index/part-1.0.0/src/lib.rs",
                "pub fn place() -> &'static str { file!() }\n",
            ),
            ("registry/src/index/part-1.0.0/.cargo-checksum.json", "{\"files\":{}}"),
            (
                "config.toml",
                &format!(
                    "[source.crates-io]\nreplace-with = \"local\"\n[source.local]\ndirectory = \"{}\"\n",
                    text(&home.join("registry/src/index"))
                ),
            ),
        ];
        Project::of_files(&files, &home).expect("the environment can be written");
        self.trial.set("CARGO_HOME", text(&home));
        home
    }
}

#[test]
fn a_fetched_package_that_names_its_place_is_bound_to_cargos_home() {
    let mut fetched = Fetched::new();
    let first = fetched.home("first-home");
    fetched.trial.prove_hits(&["part", "app"]);
    let second = fetched.home("the/second-home");
    let said = fetched.trial.check_all(&[("part", Miss), ("app", Miss)]);
    assert!(said.starts_with(&text(&second)), "{said}");
    fetched.trial.set("CARGO_HOME", text(&first));
    let said = fetched.trial.check_all(&[("part", Hit), ("app", Hit)]);
    assert!(said.starts_with(&text(&first)), "{said}");
}

#[test]
fn a_fetched_package_is_shared_between_cargo_homes_where_paths_are_portable() {
    let mut fetched = Fetched::new();
    fetched.trial.set("KACHE_PATHS_PORTABLE", "on");
    let first = fetched.home("first-home");
    // What it says of its place is the same everywhere, and so not bare cargo's.
    fetched.trial = fetched.trial.without_program();
    fetched.trial.prove_hits(&["part", "app"]);
    let second = fetched.home("the/second-home");
    fetched.trial.check_all(&[("part", Hit), ("app", Hit)]);
    let program = fetched.trial.project().program("app");
    assert!(!contains(&program, &text(&first)) && !contains(&program, &text(&second)));
    assert_eq!(
        fetched.trial.tool(&text(&program), &[]),
        "/cargo/registry/src/index/part-1.0.0/src/lib.rs\n"
    );
}

#[test]
fn a_fetched_package_compiled_with_portable_paths_is_not_served_without_them() {
    let mut fetched = Fetched::new();
    let home = fetched.home("first-home");
    for (portable, place) in [("on", "/cargo"), ("off", text(&home).as_str()), ("on", "/cargo")] {
        fetched.trial.set("KACHE_PATHS_PORTABLE", portable);
        fetched.trial.build();
        let said = fetched.trial.tool(&text(&fetched.trial.project().program("app")), &[]);
        assert_eq!(said, format!("{place}/registry/src/index/part-1.0.0/src/lib.rs\n"));
    }
    fetched.trial.set("KACHE_PATHS_PORTABLE", "off");
    fetched.trial.check_all(&[("part", Hit), ("app", Hit)]);
}

#[test]
fn a_fetched_package_says_where_cargos_home_is_below_a_base_directory() {
    let mut fetched = Fetched::new();
    let root = text(fetched.trial.scenario.env.root());
    fetched.trial.set("KACHE_BASE_DIRS", &root);
    // What it says of its place is not bare cargo's.
    fetched.trial = fetched.trial.without_program();
    for (name, expected) in [("a/home", Miss), ("another/home", Miss), ("a/home", Hit)] {
        drop(fetched.home(name));
        fetched.trial.check_all(&[("part", expected), ("app", expected)]);
        let said = fetched.trial.tool(&text(&fetched.trial.project().program("app")), &[]);
        assert_eq!(said, format!("/base0/{name}/registry/src/index/part-1.0.0/src/lib.rs\n"));
    }
}

#[test]
fn portable_paths_win_over_a_base_directory_around_them() {
    let mut fetched = Fetched::new();
    let root = text(fetched.trial.scenario.env.root());
    fetched.trial.set("KACHE_BASE_DIRS", &root);
    fetched.trial.set("KACHE_PATHS_PORTABLE", "on");
    fetched.trial = fetched.trial.without_program();
    for (name, expected) in [("a/home", Miss), ("another/home", Hit)] {
        drop(fetched.home(name));
        fetched.trial.check_all(&[("part", expected), ("app", expected)]);
        let said = fetched.trial.tool(&text(&fetched.trial.project().program("app")), &[]);
        assert_eq!(said, "/cargo/registry/src/index/part-1.0.0/src/lib.rs\n");
    }
}

/// A program that depends on `mid`, which depends on `leaf`.
fn chain() -> Trial {
    Trial::of(&[
        ("Cargo.toml", &format!("{MANIFEST}\n[dependencies]\nmid.path = \"mid\"\n")),
        ("src/main.rs", "fn main() { println!(\"{}\", mid::twice()); }\n"),
        ("mid/Cargo.toml", &package("mid", "[dependencies]\nleaf.path = \"../leaf\"")),
        ("mid/src/lib.rs", "pub fn twice() -> u32 { 2 * leaf::number() }\n"),
        ("leaf/Cargo.toml", &package("leaf", "")),
        (
            "leaf/src/lib.rs",
            "mod notes;\npub fn number() -> u32 { private() }\nfn private() -> u32 { 1 }\n",
        ),
        ("leaf/src/notes.rs", "// First thoughts.\n"),
    ])
}

#[test]
fn a_comment_that_changes_no_output_stops_at_its_crate() {
    let chain = chain();
    chain.prove_hits(&["leaf", "mid", "app"]);
    chain.write("leaf/src/notes.rs", "// Third thoughts.\n");
    chain.check_all(&[("leaf", Dup), ("mid", Hit), ("app", Hit)]);
    chain.check_all(&[("leaf", Hit), ("mid", Hit), ("app", Hit)]);
}

/// The bytes of `leaf`'s metadata and objects as bare cargo's build has them.
fn built_bare(chain: &Trial) -> [Vec<u8>; 2] {
    let target = chain.build_bare_in(chain.project());
    let file = |extension: &str| {
        let is_wanted = |path: &Path| {
            path.extension().is_some_and(|it| it == extension)
                && path
                    .file_name()
                    .is_some_and(|name| text(Path::new(name)).starts_with("libleaf-"))
        };
        let mut files = WalkDir::new(target.join("debug/deps")).into_iter().flatten();
        let found = files.find(|entry| is_wanted(entry.path())).expect("cargo built it");
        fs::read(found.path()).expect("the file is readable")
    };
    ["rmeta", "rlib"].map(file)
}

#[test]
fn dependants_are_compiled_exactly_where_what_they_read_changed() {
    let chain = chain();
    chain.prove_hits(&["leaf", "mid", "app"]);
    let mut seen = Vec::new();
    for (file, from, to) in [
        ("leaf/src/lib.rs", "u32 { 1 }", "u32 { 2 }"),
        ("leaf/src/notes.rs", "First", "Third"),
        ("leaf/src/lib.rs", "fn private", "/// Says a number.\nfn private"),
        ("leaf/src/lib.rs", "u32 { 2 }", "u32 { 3 } // three"),
    ] {
        let before = built_bare(&chain);
        chain.edit(file, from, to);
        let after = built_bare(&chain);
        let [metadata, objects] = [0, 1].map(|part| before[part] != after[part]);
        let where_changed = |changed| if changed { Compiled } else { Hit };
        chain.check_all(&[
            ("leaf", Compiled),
            ("mid", where_changed(metadata)),
            ("app", where_changed(metadata || objects)),
        ]);
        seen.push(metadata);
    }
    assert!(seen.contains(&true) && seen.contains(&false), "{seen:?}");
}
