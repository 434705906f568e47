//! Programs that know where they were built: served elsewhere only where that
//! makes no difference.

use kache_e2e::oracle::run_program;
use kache_e2e::project::Project;

use crate::expected::Expected::{self, Compiled, Failure, Hit, Miss};
use crate::files::text;
use crate::trial::{MANIFEST, Trial, package};

const GENERATING_SCRIPT: &str = r#"fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("generated.rs"), "pub fn number() -> u32 { 42 }").unwrap();
    std::fs::write(out.join("text.txt"), "some text").unwrap();
    std::fs::write(out.join("place.rs"), format!("const PLACE: &str = {out:?};")).unwrap();
}
"#;

/// A second checkout, whose path has another length.
fn elsewhere(trial: &Trial) -> Project {
    trial.scenario.second_checkout("elsewhere/at/a/longer/path").expect("there is room")
}

/// Builds a program of `items` that shows `expression` in two checkouts;
/// `second` is what must become of it in the second one.
#[track_caller]
fn check_out_dir(items: &str, expression: &str, second: Expected) {
    let trial = Trial::of_fixture("macros");
    trial.write("build.rs", GENERATING_SCRIPT);
    trial.write(
        "src/main.rs",
        format!("{items}\nfn main() {{ println!(\"{{:?}}\", {expression}); }}\n"),
    );
    trial.prove_hit("app");
    let other = elsewhere(&trial);
    trial.check_in(&other, "app", second);
    trial.check_in(&other, "app", Hit);
    trial.check("app", Hit);
}

#[test]
fn generated_sources_are_the_same_in_every_checkout() {
    check_out_dir("include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));", "number()", Hit);
    check_out_dir("", "include_str!(concat!(env!(\"OUT_DIR\"), \"/text.txt\"))", Hit);
}

#[test]
fn a_generated_source_that_names_its_place_is_another_source_elsewhere() {
    check_out_dir("include!(concat!(env!(\"OUT_DIR\"), \"/place.rs\"));", "PLACE", Miss);
}

#[test]
fn the_output_directory_as_a_value_belongs_to_one_checkout() {
    check_out_dir("", "env!(\"OUT_DIR\")", Miss);
    check_out_dir(
        "",
        "(env!(\"OUT_DIR\"), include_str!(concat!(env!(\"OUT_DIR\"), \"/text.txt\")))",
        Miss,
    );
}

#[test]
fn what_is_computed_from_the_output_directory_belongs_to_one_checkout() {
    check_out_dir("const LEN: usize = env!(\"OUT_DIR\").len();", "LEN", Miss);
    check_out_dir("", "option_env!(\"OUT_DIR\").map(str::len)", Miss);
    check_out_dir("const LEN: usize = env!(concat!(\"OUT\", \"_DIR\")).len();", "LEN", Miss);
}

#[test]
fn the_output_directory_under_a_name_that_a_macro_made_belongs_to_one_checkout() {
    check_out_dir(
        "macro_rules! read { ($name:literal) => { env!($name).len() } }\nconst LEN: usize = read!(\"OUT_DIR\");",
        "LEN",
        Miss,
    );
    check_out_dir("const LEN: usize = bake::env_of_halves!(OUT_ DIR).len();", "LEN", Miss);
    check_out_dir("", "bake::variable!(\"OUT_DIR\")", Miss);
}

/// A program that includes what its build script generated and shows what the
/// macro `shown` of the crate `near` makes of `OUT_DIR`; `near` has `items`.
/// Where it hands the macro on, `far` has `far_items`.
#[track_caller]
fn check_out_dir_in_another_crate(items: &str, far: Option<&str>, second: Expected) {
    let manifest = format!("{MANIFEST}\n[dependencies]\nnear.path = \"near\"\n");
    let on_far = far.map_or("", |_| "[dependencies]\nfar.path = \"../far\"");
    let trial = Trial::of(&[
        ("Cargo.toml", &manifest),
        ("build.rs", GENERATING_SCRIPT),
        (
            "src/main.rs",
            "include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));\n\
             const SHOWN: usize = near::shown!();\n\
             fn main() { println!(\"{} {SHOWN}\", number()); }\n",
        ),
        ("near/Cargo.toml", &package("near", on_far)),
        ("near/src/lib.rs", items),
        ("far/Cargo.toml", &package("far", "")),
        ("far/src/lib.rs", far.unwrap_or_default()),
    ]);
    trial.prove_hit("app");
    let other = elsewhere(&trial);
    trial.check_in(&other, "app", second);
    trial.check_in(&other, "app", Hit);
    trial.check("app", Hit);
}

#[test]
fn the_output_directory_in_a_macro_of_another_crate_belongs_to_one_checkout() {
    let length = "#[macro_export] macro_rules! shown { () => { env!(\"OUT_DIR\").len() } }\n";
    check_out_dir_in_another_crate(length, None, Miss);
    check_out_dir_in_another_crate("pub use far::shown;\n", Some(length), Miss);
    let other = length.replace("OUT_DIR", "CARGO_PKG_NAME");
    check_out_dir_in_another_crate(&other, None, Hit);
    check_out_dir_in_another_crate("pub use far::shown;\n", Some(&other), Hit);
}

#[test]
fn the_output_directory_in_a_procedural_macro_belongs_to_one_checkout() {
    let items = "include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));\n\
                 const LEN: usize = bake::length_of_out_dir!();";
    let trial = Trial::of_fixture("macros");
    let library = trial.project().read("bake/src/lib.rs").unwrap();
    let length = "#[proc_macro]\npub fn length_of_out_dir(_: TokenStream) -> TokenStream {\n\
                  \"env!(\\\"OUT_DIR\\\").len()\".parse().expect(\"a macro call\")\n}\n";
    trial.write("bake/src/lib.rs", format!("{library}\n{length}"));
    trial.write("build.rs", GENERATING_SCRIPT);
    let main = format!("{items}\nfn main() {{ println!(\"{{}} {{LEN}}\", number()); }}\n");
    trial.write("src/main.rs", main);
    trial.prove_hit("app");
    trial.check_in(&elsewhere(&trial), "app", Miss);
}

/// A program that includes a text by its absolute path, which another checkout
/// then has in its source too.
#[test]
fn a_file_included_by_its_absolute_path_is_that_file_in_every_checkout() {
    let trial = Trial::of(&[("Cargo.toml", MANIFEST), ("data.txt", "one")]);
    let path = text(&trial.path("data.txt"));
    let source = format!("fn main() {{ println!(\"{{}}\", include_str!(\"{path}\")); }}\n");
    trial.write("src/main.rs", source);
    trial.prove_hit("app");
    let other = elsewhere(&trial);
    trial.check_in(&other, "app", Compiled);
    trial.check_in(&other, "app", Hit);
    trial.write("data.txt", "two");
    assert_eq!(trial.check_in(&other, "app", Miss), "two\n");
    assert_eq!(trial.check("app", Hit), "two\n");
}

#[test]
fn a_file_included_from_the_temporary_directory_is_that_file_under_another_one() {
    let mut trial = Trial::of(&[("Cargo.toml", MANIFEST)]);
    let temp = trial.scenario.env.root().join("tmp");
    let file = temp.join("data.txt");
    std::fs::write(&file, "one").unwrap();
    let path = text(&file);
    let source = format!("fn main() {{ println!(\"{{}}\", include_str!(\"{path}\")); }}\n");
    trial.write("src/main.rs", source);
    trial.prove_hit("app");
    let other = trial.scenario.env.root().join("other-tmp");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(&file, other.join("data.txt")).unwrap();
    trial.set("TMPDIR", text(&other));
    std::fs::write(&file, "two").unwrap();
    assert_eq!(trial.check("app", Miss), "two\n");
}

#[test]
fn a_generated_source_names_itself_below_the_working_directory() {
    let trial = Trial::of_fixture("macros");
    let script =
        GENERATING_SCRIPT.replace("pub fn number() -> u32 { 42 }", "const FILE: &str = file!();");
    trial.write("build.rs", &script);
    let include = "include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));";
    trial.write("src/main.rs", format!("{include}\nfn main() {{ println!(\"{{FILE}}\"); }}\n"));
    let other = elsewhere(&trial);
    let said = [trial.project(), &other].map(|project| {
        let built = trial.scenario.cargo_in(project, "build").run().unwrap();
        assert!(built.success(), "{}", built.stderr);
        run_program(&trial.scenario.env, &project.program("app"), &[]).unwrap().stdout
    });
    assert!(said[0].starts_with("/proc/self/cwd/target/debug/build/app-"), "{}", said[0]);
    assert!(said[0].ends_with("/out/generated.rs\n"), "{}", said[0]);
    assert_eq!(said[0], said[1]);
}

#[test]
fn a_source_included_by_its_absolute_path_names_itself_as_cargo_does_where_that_is_wanted() {
    let trial = Trial::of_fixture("macros");
    trial.write("src/place.rs", "const FILE: &str = file!();\n");
    let include = "include!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/src/place.rs\"));";
    trial.write("src/main.rs", format!("{include}\nfn main() {{ println!(\"{{FILE}}\"); }}\n"));
    drop(trial.build());
    let mapped = run_program(&trial.scenario.env, &trial.project().program("app"), &[]).unwrap();
    assert_eq!(mapped.stdout, "/proc/self/cwd/src/place.rs\n");
    trial.write(".kache.toml", "[crates.app]\nnormalise = false\n");
    trial.prove_hit("app");
    let other = elsewhere(&trial);
    trial.check_all_in(&other, &[("app", Miss), ("bake", Hit)]);
    trial.check("app", Hit);
}

/// A workspace in `inside`, with a package beside it that is no member.
const CHECKOUT: &[(&str, &str)] = &[
    (".cargo/config.toml", "[build]\ntarget-dir = \"target\"\n"),
    ("inside/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"member\"]\n"),
    (
        "inside/app/Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nmember = { path = \"../member\" }\noutside = { path = \"../../outside\" }\n\n\
         [[test]]\nname = \"places\"\nharness = false\n",
    ),
    (
        "inside/app/src/main.rs",
        r#"fn main() {
    std::panic::set_hook(Box::new(|info| println!("{}", info.location().unwrap())));
    println!("{}", file!());
    for panic in [member::panics as fn(), outside::panics, || panic!("here")] {
        std::panic::catch_unwind(panic).unwrap_err();
    }
}
"#,
    ),
    (
        "inside/app/tests/places.rs",
        r#"fn main() {
    println!("{} {}", file!(), env!("CARGO_BIN_EXE_app"));
    println!("{} {}", env!("CARGO_MANIFEST_DIR"), env!("CARGO_TARGET_TMPDIR"));
    println!("{}", std::process::Command::new(env!("CARGO_BIN_EXE_app")).status().unwrap());
}
"#,
    ),
    (
        "inside/member/Cargo.toml",
        "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    ),
    ("inside/member/src/lib.rs", "mod deep;\npub use deep::panics;\n"),
    (
        "inside/member/src/deep.rs",
        "pub fn panics() {\n    println!(\"{}\", file!());\n    panic!(\"member\");\n}\n",
    ),
    (
        "outside/Cargo.toml",
        "[package]\nname = \"outside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    ),
    ("outside/src/lib.rs", "mod deep;\npub use deep::panics;\n"),
    (
        "outside/src/deep.rs",
        "pub fn panics() {\n    println!(\"{}\", file!());\n    panic!(\"outside\");\n}\n",
    ),
];

fn workspace_with_a_neighbour() -> Trial {
    let mut trial = Trial::of(CHECKOUT).args(&["--manifest-path", "inside/Cargo.toml"]);
    // As users build: debug information names places too.
    trial.unset("CARGO_PROFILE_DEV_DEBUG");
    trial
}

#[test]
fn panics_of_members_name_the_same_place_in_every_checkout() {
    let trial = workspace_with_a_neighbour();
    trial.prove_hit("member");
    let other = elsewhere(&trial);
    trial.check_in(&other, "member", Hit);
}

#[test]
fn panics_of_a_path_dependency_outside_the_workspace_name_this_checkout() {
    let trial = workspace_with_a_neighbour();
    trial.prove_hit("outside");
    let other = elsewhere(&trial);
    trial.check_in(&other, "outside", Miss);
    trial.check_in(&other, "outside", Hit);
    trial.check("outside", Hit);
}

#[test]
fn a_second_file_for_a_module_outside_the_workspace_is_refused_as_the_compiler_does() {
    let trial = workspace_with_a_neighbour();
    trial.prove_hit("outside");
    trial.write("outside/src/deep/mod.rs", "pub fn panics() {}\n");
    trial.check("outside", Failure);
}

#[test]
fn an_integration_test_finds_the_program_of_its_own_checkout() {
    let trial = workspace_with_a_neighbour();
    let verb = "test";
    trial.check_verb(trial.project(), verb, "places", Miss);
    trial.check_verb(trial.project(), verb, "places", Hit);
    let other = elsewhere(&trial);
    trial.check_verb(&other, verb, "places", Miss);
    trial.check_verb(&other, verb, "places", Hit);
    trial.check_verb(trial.project(), verb, "places", Hit);
}

#[test]
fn the_manifest_directory_as_a_value_belongs_to_one_checkout() {
    for expression in [
        "env!(\"CARGO_MANIFEST_DIR\")",
        "bake::variable!(\"CARGO_MANIFEST_DIR\")",
        "env!(\"CARGO_MANIFEST_DIR\").len()",
    ] {
        let trial = Trial::of_fixture("macros");
        trial.write("src/main.rs", format!("fn main() {{ println!(\"{{}}\", {expression}); }}\n"));
        trial.prove_hit("app");
        let other = elsewhere(&trial);
        trial.check_in(&other, "app", Miss);
        trial.check_in(&other, "app", Hit);
        trial.check("app", Hit);
    }
}

#[test]
fn a_declared_variable_that_names_the_checkout_is_keyed_by_its_value() {
    let mut trial = Trial::of_fixture("macros");
    trial.write(".kache.toml", "key_env_vars = [\"PLACE\"]\n");
    trial.write("src/main.rs", "fn main() { println!(\"{}\", bake::length_of!(\"PLACE\")); }\n");
    let other = elsewhere(&trial);
    let place = trial.project().dir().to_string_lossy().into_owned();
    trial.set("PLACE", &place);
    trial.prove_hit("app");
    trial.set("PLACE", other.dir().to_string_lossy());
    trial.check_in(&other, "app", Miss);
}

#[test]
fn a_build_script_variable_that_names_the_checkout_is_keyed_by_its_value() {
    let trial = Trial::of_fixture("macros");
    let script =
        "fn main() { println!(\"cargo:rustc-env=PLACE={}\", env!(\"CARGO_MANIFEST_DIR\")); }\n";
    trial.write("build.rs", script);
    trial.write("src/main.rs", "fn main() { println!(\"{}\", bake::length_of!(\"PLACE\")); }\n");
    trial.prove_hit("app");
    trial.check_in(&elsewhere(&trial), "app", Miss);
}
