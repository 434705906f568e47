//! What patterns in a configuration match.

use std::path::Path;

use kache_config::Config;

use crate::world::World;

fn load(project: &str) -> (World, Config) {
    let world = World::new().project(project);
    let config = world.load().expect("the configuration of this test is valid");
    (world, config)
}

#[track_caller]
fn check_exclude(pattern: &str, path: &str, excluded: bool) {
    let (world, config) = load(&format!("exclude = ['{pattern}']"));
    let path = world.path(path);
    assert_eq!(config.excludes(&path).is_some(), excluded, "{pattern} on {}", path.display());
}

#[test]
fn excluded_paths_are_excluded_with_everything_below() {
    check_exclude("vendor", "ws/vendor/a/src/lib.rs", true);
    check_exclude("vendor/", "ws/vendor", true);
    check_exclude("vendor", "ws/vendored/a.rs", false);
    check_exclude("vendor", "ws/sub/vendor/a.rs", false);
    check_exclude("vendor", "other/vendor/a.rs", false);
    check_exclude("../other", "other/a.rs", true);
    check_exclude(".", "ws/a.rs", true);
    check_exclude(".", "other/a.rs", false);
    check_exclude("~/src", "home/src/a.rs", true);
    check_exclude("/", "ws/a.rs", true);
}

#[test]
fn wildcards_in_paths_stop_at_directories() {
    check_exclude("*.rs", "ws/a.rs", true);
    check_exclude("*.rs", "ws/sub/a.rs", false);
    check_exclude("src/?.rs", "ws/src/a.rs", true);
    check_exclude("src/**/gen.rs", "ws/src/x/y/gen.rs", true);
    check_exclude("**/gen", "other/x/gen/lib.rs", true);
    check_exclude("~/**", "home/a/b.rs", true);
    check_exclude("~/**", "ws/a.rs", false);
    check_exclude("[ab].rs", "ws/b.rs", true);
    check_exclude("[!ab].rs", "ws/b.rs", false);
}

#[test]
fn a_directory_with_glob_characters_in_its_name_is_taken_literally() {
    let world = World::new().file("w[s]*/.kache.toml", "exclude = ['a*']").at(Some("w[s]*"), "ws");
    let config = world.load().expect("valid");
    assert!(config.excludes(&world.path("w[s]*/ab.rs")).is_some());
    assert!(config.excludes(&world.path("ws/ab.rs")).is_none());
    assert!(config.excludes(Path::new("relative/ab.rs")).is_none());
}

#[test]
fn crate_globs_do_not_tell_hyphens_from_underscores() {
    let (_, config) = load("bypass.crates = ['my-crate', 'x_*-sys', 'v[0-9]']");
    for (name, bypassed) in [
        ("my_crate", true),
        ("my-crate", true),
        ("my_crate2", false),
        ("x_a_b_sys", true),
        ("x-a_sys", true),
        ("v7", true),
        ("v_", false),
        ("v-", false),
    ] {
        assert_eq!(config.crate_settings(name).bypass, bypassed, "{name}");
    }
}

#[test]
fn argument_globs_match_whole_arguments_and_cross_slashes() {
    let (_, config) = load("bypass.args = ['-L*', '--cfg=trybuild', '-Zsave?']");
    let found = |args: &[&str]| {
        config
            .bypass_argument(args.iter().copied())
            .map(|(arg, glob)| format!("{arg} {}", glob.as_str()))
    };
    assert_eq!(found(&["a", "-L/usr/lib", "-L"]).as_deref(), Some("-L/usr/lib -L*"));
    assert_eq!(found(&["--cfg=trybuild"]).as_deref(), Some("--cfg=trybuild --cfg=trybuild"));
    assert_eq!(found(&["--cfg=trybuild2", "x-L", "-Zsave"]), None);
    assert_eq!(load("").1.bypass_argument(["-L/usr"]), None);
}

#[test]
fn variable_rules_look_at_value_or_presence() {
    let (_, config) = load("bypass.env = ['CI', 'MODE=release', 'E=']");
    let found = |name: &str, value: &str| {
        let env = |asked: &str| (asked == name).then(|| value.into());
        config.bypass_variable(&env).map(ToString::to_string)
    };
    assert_eq!(found("CI", "false").as_deref(), Some("CI"));
    assert_eq!(found("CI", ""), None);
    assert_eq!(found("MODE", "release").as_deref(), Some("MODE=release"));
    assert_eq!(found("MODE", "debug"), None);
    assert_eq!(found("E", "").as_deref(), Some("E="));
    assert_eq!(found("OTHER", "1"), None);
}

#[test]
fn variable_patterns_are_names_or_prefixes() {
    let (_, config) = load("key_env_vars = ['A', 'B_*']");
    let matched = |name: &str| config.key_env_vars.iter().any(|pattern| pattern.matches(name));
    for (name, expected) in [("A", true), ("AB", false), ("B_", true), ("B_X", true), ("B", false)]
    {
        assert_eq!(matched(name), expected, "{name}");
    }
}
