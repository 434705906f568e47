//! Values as they come out of a configuration.

use std::path::PathBuf;
use std::time::Duration;

use kache_config::{Config, Incremental, InputAnchor, LogLevel, Portable, VerifyRestores};

use crate::world::World;

fn load(world: &World) -> Config {
    world.load().expect("the configuration of this test is valid")
}

#[test]
fn a_file_sets_typed_fields() {
    let world = World::new().project(
        "max_size = 0x10\nlog = 'debug'\nverify_restores = 'sampled'\n\
         paths = { normalise = false, portable = 'on' }\n\
         [housekeeping]\ninterval = '90s'\njournal_max = '1.5KiB'\njournal_keep = '0'\n",
    );
    let config = load(&world);
    assert_eq!(config.max_size_bytes, 16);
    assert_eq!(config.log, LogLevel::Debug);
    assert_eq!(config.verify_restores, VerifyRestores::Sampled);
    assert!(!config.paths.normalise);
    assert_eq!(config.paths.portable, Portable::On);
    assert_eq!(config.housekeeping.interval, Duration::from_secs(90));
    assert_eq!(config.housekeeping.journal_max_bytes, 1536);
    assert_eq!(config.housekeeping.journal_keep, Duration::ZERO);
}

#[track_caller]
fn check_path(written: &str, from_file: &str, from_variable: &str) {
    let world = World::new().at(Some("ws"), "cwd");
    let world = world.project(&format!("base_dirs = ['{written}']"));
    let found = |world: &World| {
        let dirs = load(world).base_dirs;
        world.short(dirs.first().expect("one was given"))
    };
    assert_eq!(found(&world), from_file, "{written}");
    let world = world.env("KACHE_BASE_DIRS", written);
    assert_eq!(found(&world), from_variable, "{written}");
    let world = world.at(None, "cwd");
    let from_cwd = from_variable.replace("@/ws", "@/cwd");
    assert_eq!(found(&world), from_cwd, "{written}");
}

#[test]
fn relative_paths_start_at_their_source() {
    check_path("c", "@/ws/c", "@/ws/c");
    check_path("./c/./d//", "@/ws/c/d", "@/ws/c/d");
    check_path("../c", "@/c", "@/c");
    check_path("a/../c", "@/ws/c", "@/ws/c");
    check_path("/a/../../c/", "/c", "/c");
    check_path("~", "@/home", "@/home");
    check_path("~/../c", "@/c", "@/c");
}

#[test]
fn a_project_file_in_a_parent_directory_is_where_its_paths_start() {
    let world = World::new().project("base_dirs = ['sub']").at(Some("ws/a/b"), "ws/a/b");
    assert_eq!(load(&world).base_dirs, [world.path("ws/sub")]);
}

#[test]
fn a_crates_inputs_are_relative_to_its_package_unless_absolute() {
    let world = World::new().project("[crates.a]\nextra_inputs = ['x', '../y', '/z', '~/w']");
    let config = load(&world);
    let anchors: Vec<_> = config
        .crate_settings("a")
        .extra_inputs
        .iter()
        .map(|input| (input.anchor.clone(), input.pattern.clone()))
        .collect();
    assert_eq!(
        anchors,
        [
            (InputAnchor::Package, "x".to_owned()),
            (InputAnchor::Package, "../y".to_owned()),
            (InputAnchor::Directory(PathBuf::from("/")), "z".to_owned()),
            (InputAnchor::Directory(world.path("home")), "w".to_owned()),
        ]
    );
}

#[test]
fn a_crate_gets_the_global_settings_and_its_own() {
    let world = World::new().project(
        "key_env_vars = ['G']\nextra_inputs = ['g']\nincremental = 'keep'\nbypass.crates = ['gen_*', 'other']\n\
         [crates.gen-a]\nbypass = false\nincremental = 'strip'\nkey_env_vars = ['A', 'B_*']\n\
         [crates.gen-b]\n[crates.c]\nbypass = true\nextra_inputs = ['c']\n",
    );
    let config = load(&world);
    let show = |name: &str| {
        let settings = config.crate_settings(name);
        let vars: Vec<_> = settings.key_env_vars.iter().map(ToString::to_string).collect();
        let inputs: Vec<_> =
            settings.extra_inputs.iter().map(|i| world.shorten(&i.to_string())).collect();
        (settings.bypass, settings.incremental, vars.join(" "), inputs.join(" "))
    };
    let expected = |bypass, incremental, vars: &str, inputs: &str| {
        (bypass, incremental, vars.to_owned(), inputs.to_owned())
    };
    assert_eq!(show("gen_a"), expected(false, Incremental::Strip, "G A B_*", "@/ws/g"));
    assert_eq!(show("gen-b"), expected(true, Incremental::Keep, "G", "@/ws/g"));
    assert_eq!(show("c"), expected(true, Incremental::Keep, "G", "@/ws/g c"));
    assert_eq!(show("plain"), expected(false, Incremental::Keep, "G", "@/ws/g"));
}

#[test]
fn shown_values_are_toml_that_means_the_same() {
    let world = World::new().project(
        "key_salt = \"a\\\"b\\\\c\\u0007\"\nkey_env_vars = ['A*']\nbypass.env = ['X=\"']\nmax_size = '1.5GiB'",
    );
    let before = load(&world);
    let shown: Vec<_> =
        world.inspect().settings.iter().map(|s| format!("{} = {}", s.key, s.value)).collect();
    let world = world.project(&shown.join("\n"));
    assert_eq!(load(&world), before);
}
