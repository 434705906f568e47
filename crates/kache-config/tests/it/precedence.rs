//! Each key across the four sources.

use kache_config::Origin;

use crate::world::World;

/// A key with a value for each source, and how each is shown.
#[derive(Clone, Copy)]
struct Row {
    key: &'static str,
    default: &'static str,
    /// TOML values in the user's and in the project's file.
    files: [&'static str; 2],
    shown: [&'static str; 2],
    variable: (&'static str, &'static str),
    variable_shown: &'static str,
}

const fn row(
    (key, default): (&'static str, &'static str),
    files: [&'static str; 2],
    variable: (&'static str, &'static str, &'static str),
) -> Row {
    let (name, value, variable_shown) = variable;
    Row { key, default, files, shown: files, variable: (name, value), variable_shown }
}

const fn placed(row: Row, shown: [&'static str; 2]) -> Row {
    Row { shown, ..row }
}

#[rustfmt::skip]
const ROWS: [Row; 24] = [
    row(("disabled", "false"), ["true", "false"], ("KACHE_DISABLED", "yes", "true")),
    placed(
        row(("cache_dir", "\"@/home/.cache/kache\""), ["\"c\"", "\"~/c\""], ("KACHE_CACHE_DIR", "/c", "\"/c\"")),
        ["\"@/home/.config/kache/c\"", "\"@/home/c\""],
    ),
    row(("max_size", "\"50GiB\""), ["\"1GiB\"", "\"2GiB\""], ("KACHE_MAX_SIZE", "3GiB", "\"3GiB\"")),
    row(("key_salt", "\"\""), ["\"a\"", "\"b\""], ("KACHE_KEY_SALT", "c", "\"c\"")),
    row(("key_env_vars", "[]"), ["[\"A\"]", "[]"], ("KACHE_KEY_ENV_VARS", "B,C_*", "[\"B\", \"C_*\"]")),
    placed(
        row(("extra_inputs", "[]"), ["[\"a\"]", "[\"b/*.sql\"]"], ("KACHE_EXTRA_INPUTS", "c, /d", "[\"@/ws/c\", \"/d\"]")),
        ["[\"@/home/.config/kache/a\"]", "[\"@/ws/b/*.sql\"]"],
    ),
    placed(
        row(("base_dirs", "[]"), ["[\"/a/\"]", "[\"..\", \"./b\"]"], ("KACHE_BASE_DIRS", "/c:~/d", "[\"/c\", \"@/home/d\"]")),
        ["[\"/a\"]", "[\"@\", \"@/ws/b\"]"],
    ),
    placed(
        row(("exclude", "[]"), ["[\"**/gen\"]", "[\"vendor/\"]"], ("KACHE_EXCLUDE", "a/*.rs,~/b", "[\"@/ws/a/*.rs\", \"@/home/b\"]")),
        ["[\"/**/gen\"]", "[\"@/ws/vendor\"]"],
    ),
    row(("incremental", "\"auto\""), ["\"keep\"", "\"strip\""], ("KACHE_INCREMENTAL", "auto", "\"auto\"")),
    row(("cache_executables", "true"), ["false", "true"], ("KACHE_CACHE_EXECUTABLES", "0", "false")),
    row(("verify_restores", "\"off\""), ["\"sampled\"", "\"always\""], ("KACHE_VERIFY_RESTORES", "off", "\"off\"")),
    row(("log", "\"error\""), ["\"info\"", "\"debug\""], ("KACHE_LOG", "off", "\"off\"")),
    row(("bypass.crates", "[]"), ["[\"a\"]", "[\"b-*\"]"], ("KACHE_BYPASS_CRATES", "c,d", "[\"c\", \"d\"]")),
    row(("bypass.args", "[]"), ["[\"-Z*\"]", "[\"--test\"]"], ("KACHE_BYPASS_ARGS", "-Cx=*", "[\"-Cx=*\"]")),
    row(("bypass.env", "[]"), ["[\"A\"]", "[\"B=1\"]"], ("KACHE_BYPASS_ENV", "C=a=b", "[\"C=a=b\"]")),
    row(("build_scripts.cache", "true"), ["false", "true"], ("KACHE_BUILD_SCRIPTS_CACHE", "0", "false")),
    row(("build_scripts.wrap_cc", "true"), ["false", "true"], ("KACHE_BUILD_SCRIPTS_WRAP_CC", "0", "false")),
    row(("paths.normalise", "true"), ["false", "true"], ("KACHE_RUSTC_PATH_NORMALIZE", "0", "false")),
    row(("paths.normalise_cc", "true"), ["false", "true"], ("KACHE_CC_PATH_NORMALIZE", "0", "false")),
    row(("paths.portable", "\"auto\""), ["\"on\"", "\"off\""], ("KACHE_PATHS_PORTABLE", "on", "\"on\"")),
    row(("cc.preprocess_fallback", "false"), ["true", "false"], ("KACHE_CC_PREPROCESS_FALLBACK", "1", "true")),
    row(("housekeeping.interval", "\"1h\""), ["\"2h30m\"", "\"2d\""], ("KACHE_HOUSEKEEPING_INTERVAL", "500ms", "\"500ms\"")),
    row(("housekeeping.journal_max", "\"64MiB\""), ["\"1MiB\"", "\"2KiB\""], ("KACHE_JOURNAL_MAX", "1000", "\"1000B\"")),
    row(("housekeeping.journal_keep", "\"30d\""), ["\"1d\"", "\"2d\""], ("KACHE_JOURNAL_KEEP", "1w", "\"7d\"")),
];

/// Returns a file that gives `key` the TOML value `value`.
fn document(key: &str, value: &str) -> String {
    match key.split_once('.') {
        Some((section, name)) => format!("[{section}]\n{name} = {value}\n"),
        None => format!("{key} = {value}\n"),
    }
}

#[track_caller]
fn check(world: &World, key: &str, value: &str, origin: &Origin) {
    let setting = world.setting(key);
    assert_eq!((setting.value.as_str(), &setting.origin), (value, origin), "{key}");
    assert_eq!(world.problems(), [""; 0], "{key}");
    world.load().expect("a configuration without problems loads");
}

#[test]
fn each_key_is_set_by_the_last_source_that_gives_it() {
    for row in &ROWS {
        let key = row.key;
        let world = World::new();
        check(&world, key, row.default, &Origin::Default);
        let world = world.user(&document(key, row.files[0]));
        let user = world.path("home/.config/kache/config.toml");
        check(&world, key, row.shown[0], &Origin::File(user));
        let world = world.project(&document(key, row.files[1]));
        let project = world.path("ws/.kache.toml");
        check(&world, key, row.shown[1], &Origin::File(project.clone()));
        let (name, value) = row.variable;
        let world = world.env(name, "");
        check(&world, key, row.shown[1], &Origin::File(project));
        let world = world.env(name, value);
        check(&world, key, row.variable_shown, &Origin::Variable(name));
    }
}

#[test]
fn the_rows_cover_every_key() {
    let keys: Vec<_> = World::new().inspect().settings.into_iter().map(|s| s.key).collect();
    assert_eq!(keys, ROWS.map(|row| row.key));
}

#[test]
fn a_crates_own_settings_are_merged_key_by_key() {
    let world = World::new()
        .user("[crates.my-crate]\nbypass = true\nincremental = 'keep'\n")
        .project("[crates.my_crate]\nincremental = 'strip'\nkey_env_vars = ['A']\n");
    let report = |key: &str| {
        let setting = world.setting(&format!("crates.my_crate.{key}"));
        (setting.value, world.shorten(&setting.origin.to_string()))
    };
    let user = "@/home/.config/kache/config.toml".to_owned();
    let project = "@/ws/.kache.toml".to_owned();
    assert_eq!(report("bypass"), ("true".to_owned(), user));
    assert_eq!(report("incremental"), ("\"strip\"".to_owned(), project.clone()));
    assert_eq!(report("key_env_vars"), ("[\"A\"]".to_owned(), project));
}

#[test]
fn normalisation_is_decided_for_one_crate_over_all() {
    for (all, own) in [(true, false), (false, true)] {
        let text = format!("paths.normalise = {all}\n[crates.my-crate]\nnormalise = {own}\n");
        let config = World::new().project(&text).load().expect("valid");
        assert_eq!(config.crate_settings("my_crate").normalise, own);
        assert_eq!(config.crate_settings("other").normalise, all);
    }
}

#[test]
fn base_dir_stands_in_for_base_dirs() {
    let world = World::new().env("KACHE_BASE_DIR", "/a:/b");
    check(&world, "base_dirs", r#"["/a", "/b"]"#, &Origin::Variable("KACHE_BASE_DIR"));
    let world = world.env("KACHE_BASE_DIRS", "/c");
    check(&world, "base_dirs", r#"["/c"]"#, &Origin::Variable("KACHE_BASE_DIRS"));
}

#[test]
fn the_cache_directory_follows_xdg_and_needs_something_to_follow() {
    let world = World::new().env("XDG_CACHE_HOME", "/x");
    assert_eq!(world.setting("cache_dir").value, r#""/x/kache""#);
    let world = world.env("XDG_CACHE_HOME", "relative/is/ignored");
    assert_eq!(world.setting("cache_dir").value, r#""@/home/.cache/kache""#);
    let world = world.without("HOME").without("XDG_CACHE_HOME");
    let expected = "no cache directory: set KACHE_CACHE_DIR, XDG_CACHE_HOME or HOME";
    assert_eq!(world.refusal().as_deref(), Some(expected));
    assert_eq!(world.env("KACHE_CACHE_DIR", "/c").refusal(), None);
}
