//! Which configuration files are found.

use crate::world::World;

#[track_caller]
fn check(world: &World, files: &[&str]) {
    let config = world.load().expect("the files of this test are valid");
    let found: Vec<_> = config.files.iter().map(|path| world.short(path)).collect();
    assert_eq!(found, files);
}

/// A world with project files in several places.
fn projects() -> World {
    World::new()
        .file("ws/.kache.toml", "key_salt = 'workspace'")
        .file("other/.kache.toml", "key_salt = 'other'")
        .file("other/deep/src/lib.rs", "")
        .file("home/.cargo/registry/src/dep-1.0/.kache.toml", "key_salt = 'published'")
}

#[test]
fn the_file_above_the_target_directory_wins_over_the_one_above_cwd() {
    check(&projects().at(Some("ws/sub/dir"), "other/deep"), &["@/ws/.kache.toml"]);
    check(&projects().at(Some("elsewhere"), "other/deep"), &["@/other/.kache.toml"]);
    check(&projects().at(None, "other/deep"), &["@/other/.kache.toml"]);
    check(&projects().at(Some("elsewhere"), "nowhere"), &[]);
}

#[test]
fn the_nearest_file_wins_alone() {
    let world = projects().file("ws/sub/.kache.toml", "max_size = '1GiB'");
    let world = world.at(Some("ws/sub/dir"), "ws");
    check(&world, &["@/ws/sub/.kache.toml"]);
    assert_eq!(world.load().expect("valid").key_salt, "");
}

#[test]
fn a_registry_crate_sees_the_project_and_not_what_it_ships() {
    let dep = "home/.cargo/registry/src/dep-1.0";
    check(&projects().at(Some("ws"), dep), &["@/ws/.kache.toml"]);
    check(&projects().at(Some("elsewhere"), dep), &[]);
    let world = projects().file("cargo/dep/.kache.toml", "");
    let cargo_home = world.path("cargo");
    check(&world.env("CARGO_HOME", cargo_home).at(Some("elsewhere"), "cargo/dep"), &[]);
}

#[test]
fn the_users_file_follows_xdg_and_kache_config() {
    let world = World::new()
        .user("")
        .file("xdg/kache/config.toml", "")
        .file("named.toml", "cache_dir = 'beside'");
    check(&world, &["@/home/.config/kache/config.toml"]);
    let xdg = world.path("xdg");
    let world = world.env("XDG_CONFIG_HOME", xdg);
    check(&world, &["@/xdg/kache/config.toml"]);
    let world = world.env("KACHE_CONFIG", "../named.toml");
    check(&world, &["@/named.toml"]);
    assert_eq!(world.setting("cache_dir").value, r#""@/beside""#);
    check(&world.env("KACHE_CONFIG", "/dev/null"), &["/dev/null"]);
}

#[test]
fn a_named_file_must_exist() {
    let world = World::new().user("").env("KACHE_CONFIG", "~/absent.toml");
    let refusal = world.refusal().expect("the file is absent");
    assert!(refusal.starts_with("failed to read `@/home/absent.toml`"), "{refusal}");
}

#[test]
fn a_file_in_place_of_a_directory_is_no_configuration() {
    check(&World::new().file("home/.config", "").file("ws", ""), &[]);
}

#[test]
fn a_directory_in_place_of_a_file_is_an_error() {
    let refusal = World::new().file("ws/.kache.toml/x", "").refusal().expect("it is a directory");
    assert!(refusal.starts_with("failed to read `@/ws/.kache.toml`"), "{refusal}");
}
