//! `kache config`.

use insta::assert_snapshot;

use crate::world::{Fallible, World};

#[test]
fn every_setting_is_shown_with_what_set_it() -> Fallible<()> {
    let mut world = World::new()?;
    world.write("ws/.kache.toml", "max_size = \"1GiB\"\n[crates.app]\nbypass = true\n")?;
    world.env("KACHE_INCREMENTAL", "strip");
    let ran = world.run(&["config"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let interesting = ["max_size", "incremental", "cache_dir", "crates.", "log"];
    let lines =
        ran.stdout.lines().filter(|line| interesting.iter().any(|key| line.starts_with(key)));
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    cache_dir = "@/cache"  # KACHE_CACHE_DIR
    max_size = "1GiB"                    # @/ws/.kache.toml
    incremental = "strip"                # KACHE_INCREMENTAL
    log = "error"                        # default
    crates.app.bypass = true             # @/ws/.kache.toml
    "#);
    Ok(())
}

#[test]
fn the_settings_of_the_project_hold_below_it_too() -> Fallible<()> {
    let world = World::new()?;
    world.write("ws/.kache.toml", "max_size = \"1GiB\"\n")?;
    world.write("ws/Cargo.lock", "")?;
    world.write("ws/member/src/lib.rs", "")?;
    let output = world
        .command(&["config", "--format", "json"])
        .current_dir(world.path("ws/member/src"))
        .output()?;
    let config: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let settings = config["settings"].as_array().ok_or("settings are a list")?;
    let max_size = settings.iter().find(|setting| setting["key"] == "max_size");
    assert_eq!(max_size.map(|setting| setting["value"].clone()), Some("\"1GiB\"".into()));
    Ok(())
}

#[test]
fn problems_are_told_with_their_line_and_the_exit_code() -> Fallible<()> {
    let world = World::new()?;
    world.write("ws/.kache.toml", "max_sise = 1\nincremental = \"maybe\"\n")?;
    let ran = world.run(&["config", "--format", "json"])?;
    assert_eq!(ran.code, Some(1));
    let config = ran.json()?;
    let problems = config["problems"].as_array().ok_or("problems are a list")?;
    let told: Vec<_> = problems.iter().map(|p| (&p["line"], &p["is_fatal"])).collect();
    assert_eq!(told, [(&1.into(), &false.into()), (&2.into(), &true.into())]);
    Ok(())
}
