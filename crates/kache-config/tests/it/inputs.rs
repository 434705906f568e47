//! Which files declared inputs stand for.

use crate::world::World;

fn tree() -> World {
    World::new()
        .file("ws/a[1]/schema.sql", "")
        .file("ws/a[1]/m/1.sql", "")
        .file("ws/a[1]/m/deep/2.sql", "")
        .file("ws/a[1]/m/.hidden", "")
        .file("ws/a1/never.sql", "")
        .file("ws/shared.txt", "")
}

#[track_caller]
fn check(pattern: &str, global: &[&str], own: &[&str]) {
    let world = tree();
    let world = world.project(&format!(
        "extra_inputs = ['{pattern}']\n[crates.a]\nextra_inputs = ['{pattern}']\n"
    ));
    let config = world.load().expect("the configuration of this test is valid");
    let expanded: Vec<Vec<_>> = config
        .crate_settings("a")
        .extra_inputs
        .iter()
        .map(|input| {
            let files = input.expand(&world.path("ws/a[1]")).expect("the tree is readable");
            files.iter().map(|path| world.short(path)).collect()
        })
        .collect();
    assert_eq!(expanded, [global, own], "{pattern}");
}

#[test]
fn a_path_stands_for_itself_even_when_nothing_is_there() {
    check("shared.txt", &["@/ws/shared.txt"], &["@/ws/a[1]/shared.txt"]);
    check("../x/./y", &["@/x/y"], &["@/ws/x/y"]);
    check("/z", &["/z"], &["/z"]);
}

#[test]
fn a_directory_stands_for_all_files_below() {
    let own = ["@/ws/a[1]/m/.hidden", "@/ws/a[1]/m/1.sql", "@/ws/a[1]/m/deep/2.sql"];
    check("m", &["@/ws/m"], &own);
    check("./m/", &["@/ws/m"], &own);
}

#[test]
fn a_glob_stands_for_the_files_it_matches() {
    check("*.sql", &[], &["@/ws/a[1]/schema.sql"]);
    check("../*.txt", &[], &["@/ws/shared.txt"]);
    check("m/**/*.sql", &[], &["@/ws/a[1]/m/1.sql", "@/ws/a[1]/m/deep/2.sql"]);
    check("m/d*/**", &[], &["@/ws/a[1]/m/deep/2.sql"]);
    check("a1/*", &["@/ws/a1/never.sql"], &[]);
}

#[test]
fn a_dot_stands_for_the_directory() {
    let below = [
        "@/ws/a[1]/m/.hidden",
        "@/ws/a[1]/m/1.sql",
        "@/ws/a[1]/m/deep/2.sql",
        "@/ws/a[1]/schema.sql",
    ];
    let all = ["@/ws/.kache.toml", "@/ws/a1/never.sql"];
    let all: Vec<_> = all.into_iter().chain(below).chain(["@/ws/shared.txt"]).collect();
    check(".", &all, &below);
}
