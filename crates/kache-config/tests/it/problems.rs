//! What is refused, what is passed over, and how both are told.

use kache_config::{ConfigError, Problem, unknown_variables};

use crate::world::World;

/// Checks that a project file is refused with `message`, both by a build and by inspection.
#[track_caller]
fn check_file(contents: &str, message: &str) {
    let world = World::new().project(contents);
    assert_eq!(world.refusal().as_deref(), Some(message), "{contents}");
    assert_eq!(world.problems(), [message], "{contents}");
    assert!(world.inspect().is_refused());
}

#[track_caller]
fn check_variable(name: &str, value: &str, message: &str) {
    let world = World::new().env(name, value);
    assert_eq!(world.refusal().as_deref(), Some(message), "{name}={value}");
    assert_eq!(world.problems(), [message], "{name}={value}");
    assert!(world.inspect().is_refused());
}

#[test]
fn a_value_of_the_wrong_type_is_refused_by_place() {
    for (contents, message) in [
        ("disabled = 1", "1:12: `disabled`: expected `true` or `false`, found the integer `1`"),
        (
            "\n  log = true",
            "2:9: `log`: expected one of `off`, `error`, `info`, `debug`, found `true`",
        ),
        ("cache_dir = []", "1:13: `cache_dir`: expected a path, found a value of type array"),
        (
            "max_size = -1",
            "1:12: `max_size`: expected a size such as `50GiB`, found the integer `-1`",
        ),
        (
            "max_size = 1.5",
            "1:12: `max_size`: expected a size such as `50GiB`, found a value of type float",
        ),
        ("exclude = 'x'", "1:11: `exclude`: expected a list of strings, found the string `x`"),
        ("exclude = [\n'x',\n7]", "3:1: `exclude`: expected a string, found the integer `7`"),
        ("paths = 3", "1:9: `paths`: expected a table, found a value of type integer"),
        ("crates = 3", "1:10: `crates`: expected a table, found a value of type integer"),
        ("crates.a = 3", "1:12: `crates.a`: expected a table, found a value of type integer"),
        (
            "[crates.a]\nbypass = 0",
            "2:10: `crates.a.bypass`: expected `true` or `false`, found the integer `0`",
        ),
        (
            "[housekeeping]\ninterval = 30",
            "2:12: `housekeeping.interval`: expected a duration such as `30m`, found the integer `30`",
        ),
    ] {
        check_file(contents, &format!("@/ws/.kache.toml:{message}"));
    }
}

#[test]
fn a_value_of_the_wrong_form_is_refused_by_place() {
    for (contents, message) in [
        (
            "max_size = '5 parsecs'",
            "1:12: `max_size`: expected a size such as `50GiB`, found `5 parsecs`",
        ),
        (
            "housekeeping.interval = '1y'",
            "1:25: `housekeeping.interval`: expected a duration such as `30m` or `2h30m`, found `1y`",
        ),
        (
            "incremental = 'no'",
            "1:15: `incremental`: expected one of `auto`, `keep`, `strip`, found the string `no`",
        ),
        ("cache_dir = ''", "1:13: `cache_dir`: expected a path, found an empty string"),
        ("cache_dir = '~root/x'", "1:13: `cache_dir`: expected `~` or `~/...`, found `~root/x`"),
        (
            "key_env_vars = ['A', 'B*C']",
            "1:22: `key_env_vars`: expected a variable's name or `PREFIX*`, found `B*C`",
        ),
        ("bypass.env = ['=x']", "1:15: `bypass.env`: expected `NAME` or `NAME=value`, found `=x`"),
        ("exclude = ['']", "1:12: `exclude`: expected a path, found an empty string"),
        (
            "[crates.a]\nextra_inputs = ['']",
            "2:17: `crates.a.extra_inputs`: expected a path, found an empty string",
        ),
    ] {
        check_file(contents, &format!("@/ws/.kache.toml:{message}"));
    }
}

#[test]
fn a_malformed_glob_is_refused() {
    for contents in [
        "exclude = ['[a']",
        "exclude = ['a**']",
        "extra_inputs = ['***']",
        "bypass.crates = ['[']",
        "bypass.args = ['[a']",
        "[crates.a]\nextra_inputs = ['[']",
    ] {
        let refusal = World::new().project(contents).refusal().expect(contents);
        assert!(refusal.contains("Pattern syntax error"), "{refusal}");
    }
}

#[test]
fn malformed_toml_is_refused_at_its_line() {
    check_file(
        "key_salt = 'é\n\nlog = 'info'\n",
        "@/ws/.kache.toml:1:14: invalid literal string, expected `'`",
    );
    let twice = "log = 'info'\nlog = 'off'\n";
    check_file(twice, "@/ws/.kache.toml:2:1: duplicate key");
    let world = World::new().file("ws/.kache.toml", b"log = 'info'\n# \xff\n");
    assert_eq!(world.refusal().as_deref(), Some("@/ws/.kache.toml:2:3: not UTF-8"));
}

#[test]
fn a_file_with_a_syntax_error_changes_nothing() {
    let world = World::new().project("log = 'info'\nkey_salt = \n");
    assert_eq!(world.setting("log").value, r#""error""#);
    assert_eq!(world.problems().len(), 1);
}

#[test]
fn a_bad_variable_is_refused_by_name() {
    let words = "one of 1, 0, true, false, yes, no, on, off";
    check_variable("KACHE_DISABLED", "2", &format!("KACHE_DISABLED: expected {words}, found `2`"));
    check_variable(
        "KACHE_RUSTC_PATH_NORMALIZE",
        "maybe",
        &format!("KACHE_RUSTC_PATH_NORMALIZE: expected {words}, found `maybe`"),
    );
    check_variable(
        "KACHE_MAX_SIZE",
        "big",
        "KACHE_MAX_SIZE: expected a size such as `50GiB`, found `big`",
    );
    check_variable(
        "KACHE_LOG",
        "trace",
        "KACHE_LOG: expected one of `off`, `error`, `info`, `debug`, found `trace`",
    );
    check_variable("KACHE_CONFIG", "~x", "KACHE_CONFIG: expected `~` or `~/...`, found `~x`");
}

#[test]
fn the_cache_directory_is_not_relative_to_wherever_a_compiler_is_called() {
    for text in ["cache", "./cache", "../cache", "."] {
        let message = format!("KACHE_CACHE_DIR: must be absolute, found `{text}`");
        check_variable("KACHE_CACHE_DIR", text, &message);
    }
    assert_eq!(World::new().env("KACHE_CACHE_DIR", "~/cache").refusal(), None);
    let world = World::new().env("HOME", "home");
    let message = "no cache directory: set KACHE_CACHE_DIR, XDG_CACHE_HOME or HOME";
    assert_eq!(world.refusal().as_deref(), Some(message));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    for name in ["KACHE_CACHE_DIR", "KACHE_CONFIG"] {
        let world = World::new().env(name, OsString::from_vec(b"/\xff".to_vec()));
        assert_eq!(world.refusal(), Some(format!("{name}: expected UTF-8")));
    }
}

#[test]
fn every_boolean_word_is_understood_in_variables() {
    for (word, value) in [("1", true), ("YES", true), ("On", true), ("true", true)]
        .into_iter()
        .chain([("0", false), ("no", false), ("OFF", false), (" false ", false)])
    {
        let config = World::new().project("disabled = true").env("KACHE_DISABLED", word).load();
        assert_eq!(config.expect(word).disabled, value, "{word}");
    }
}

#[test]
fn a_tilde_without_a_home_is_refused() {
    let world = World::new().project("cache_dir = '~/c'").without("HOME");
    let message = "@/ws/.kache.toml:1:13: `cache_dir`: `~/c` starts with `~`, and HOME is not set";
    assert_eq!(world.refusal().as_deref(), Some(message));
}

#[test]
fn unknown_keys_do_not_stop_a_build_and_are_reported_with_the_likely_name() {
    let world = World::new().project(
        "maxsize = '1GiB'\nlog = 'info'\nfrobnicate = []\nportable = 'on'\n\n[bypass]\ncrate = ['x']\n\n\
         [remote]\nurl = 'x'\n\n[crates.a]\nkey_env_var = []\n",
    );
    let config = world.load().expect("unknown keys are passed over");
    assert_eq!(config.log, kache_config::LogLevel::Info);
    assert_eq!(
        world.problems(),
        [
            "@/ws/.kache.toml:1:1: unknown key `maxsize`; did you mean `max_size`?",
            "@/ws/.kache.toml:3:1: unknown key `frobnicate`",
            "@/ws/.kache.toml:4:1: unknown key `portable`; did you mean `paths.portable`?",
            "@/ws/.kache.toml:7:1: unknown key `bypass.crate`; did you mean `bypass.crates`?",
            "@/ws/.kache.toml:9:2: unknown key `remote`",
            "@/ws/.kache.toml:13:1: unknown key `crates.a.key_env_var`; did you mean `crates.a.key_env_vars`?",
        ]
    );
    assert!(!world.inspect().is_refused());
}

#[test]
fn inspection_reports_every_problem_and_keeps_what_is_valid() {
    let world = World::new()
        .user("log = 'loud'\n")
        .project("key_salt = 'x'\nmax_size = 'big'\nincremental = 'no'\n")
        .env("KACHE_DISABLED", "perhaps");
    let places: Vec<_> =
        world.problems().iter().map(|p| p.split(": ").next().unwrap_or("").to_owned()).collect();
    assert_eq!(
        places,
        [
            "@/home/.config/kache/config.toml:1:7",
            "@/ws/.kache.toml:2:12",
            "@/ws/.kache.toml:3:15",
            "KACHE_DISABLED",
        ]
    );
    assert_eq!(world.setting("key_salt").value, r#""x""#);
    assert_eq!(world.setting("max_size").value, r#""50GiB""#);
}

#[test]
fn a_place_says_line_and_column_in_characters() {
    let world = World::new().project("key_salt = 'ü' # é\n\"é\" = 1\nlog = 'ü'");
    let problems = world.inspect().problems;
    let places: Vec<_> =
        problems.iter().filter_map(Problem::place).map(|p| (p.line, p.column)).collect();
    assert_eq!(places, [(2, 1), (3, 7)]);
    let Err(ConfigError::Value { place, key, .. }) = world.load() else {
        panic!("`log` is refused")
    };
    assert_eq!((place.line, place.column, key.as_str()), (3, 7, "log"));
}

#[test]
fn unknown_variables_are_found_by_name() {
    let names =
        ["KACHE_MAXSIZE", "KACHE_LOG", "KACHE_CONFIG", "KACHE_BASE_DIR", "KACHE_ZZZ", "PATH"];
    let found: Vec<_> = unknown_variables(names).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "unknown variable `KACHE_MAXSIZE`; did you mean `KACHE_MAX_SIZE`?",
            "unknown variable `KACHE_ZZZ`",
        ]
    );
}
