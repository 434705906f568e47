//! `kache shims`, and what `kache doctor` says of them.

use std::fs;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;
use serde_json::Value;

use crate::world::{Fallible, Ran, World, exists};

/// A world with the program, a wrapper and some compilers, on `PATH` in `bin`.
fn world() -> Fallible<World> {
    let mut world = World::new()?;
    world.install()?;
    world.script("bin/kache", "exit 0\n")?;
    for name in ["cc", "g++-12", "arm-linux-gnueabihf-gcc", "gcc-ar", "cpp", "ld"] {
        world.script(&format!("bin/{name}"), "exit 0\n")?;
    }
    world.write("bin/clang", "not executable")?;
    world.env("PATH", world.path("bin"));
    Ok(world)
}

/// Returns the names in the result that are in `state`.
fn names_in(ran: &Ran, state: &str) -> Fallible<Vec<String>> {
    let result = ran.json()?;
    let shims = result.get("shims").and_then(Value::as_array).ok_or("the result has shims")?;
    let names = shims.iter().filter(|shim| shim["state"] == state);
    Ok(names.filter_map(|shim| shim["name"].as_str().map(str::to_owned)).collect())
}

#[test]
fn every_compiler_on_the_path_gets_a_link() -> Fallible<()> {
    let world = world()?;
    let ran = world.run(&["shims", "links"])?;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(ran.stdout, @r#"
    name                     link  stands before
    arm-linux-gnueabihf-gcc  made  @/bin/arm-linux-gnueabihf-gcc
    cc                       made  @/bin/cc
    g++-12                   made  @/bin/g++-12

    links in @/ws/links to @/bin/kache; to put them first:

        export PATH=@/ws/links:"$PATH"
    "#);
    assert_eq!(fs::read_dir(world.path("ws/links"))?.count(), 3);
    assert_eq!(fs::read_link(world.path("ws/links/cc"))?, world.path("bin/kache"));
    Ok(())
}

#[test]
fn links_that_are_there_stay_even_first_on_the_path() -> Fallible<()> {
    let mut world = world()?;
    world.run(&["shims", "links"])?;
    let both = format!("{}:{}", world.path("ws/links").display(), world.path("bin").display());
    world.env("PATH", both);
    let ran = world.run(&["shims", "links", "--format", "json"])?;
    assert_eq!(ran.code, Some(0));
    assert_eq!(names_in(&ran, "present")?.len(), 3);
    assert_eq!(ran.json()?["shims"][1]["compiler"], "@/bin/cc");
    Ok(())
}

#[test]
fn nothing_but_a_link_to_kache_is_replaced_even_by_force() -> Fallible<()> {
    let world = world()?;
    world.script("ws/links/cc", "precious\n")?;
    symlink("/opt/ccache", world.path("ws/links/g++-12"))?;
    symlink("/gone/kache", world.path("ws/links/arm-linux-gnueabihf-gcc"))?;
    let ran = world.run(&["shims", "links", "--format", "json"])?;
    assert_eq!(ran.code, Some(1));
    assert_eq!(names_in(&ran, "occupied")?, ["cc", "g++-12"]);
    assert_eq!(names_in(&ran, "other_kache")?, ["arm-linux-gnueabihf-gcc"]);

    let ran = world.run(&["shims", "links", "--force", "--format", "json"])?;
    assert_eq!(ran.code, Some(1));
    assert_eq!(names_in(&ran, "occupied")?, ["cc", "g++-12"]);
    assert_eq!(names_in(&ran, "replaced")?, ["arm-linux-gnueabihf-gcc"]);
    let target = fs::read_link(world.path("ws/links/arm-linux-gnueabihf-gcc"))?;
    assert_eq!(target, world.path("bin/kache"));
    assert_eq!(fs::read(world.path("ws/links/cc"))?, b"#!/bin/sh\nprecious\n");
    assert_eq!(fs::read_link(world.path("ws/links/g++-12"))?.to_str(), Some("/opt/ccache"));
    assert_eq!(fs::read_dir(world.path("ws/links"))?.count(), 3);
    Ok(())
}

#[test]
fn without_a_wrapper_or_a_compiler_nothing_is_made() -> Fallible<()> {
    #[track_caller]
    fn check(world: &World, dir: &str, code: i32, says: &str) -> Fallible<()> {
        let ran = world.run(&["shims", dir])?;
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert!(!exists(&world.path("ws").join(dir)));
        Ok(())
    }
    let mut with_all = world()?;
    check(&with_all, "a:b", 2, "cannot be on PATH: it has a colon in its name")?;
    with_all.env("PATH", with_all.path("empty"));
    check(&with_all, "links", 1, "no C or C++ compiler on PATH")?;
    fs::remove_file(with_all.path("bin/kache"))?;
    check(&with_all, "links", 1, "neither beside kache-cli nor on PATH")
}

/// Returns the status and the message of the doctor's check of shims.
fn examine(world: &World) -> Fallible<(String, String)> {
    let report = world.run(&["doctor", "--no-probe", "--format", "json"])?.json()?;
    let checks = report.get("checks").and_then(Value::as_array).ok_or("the report has checks")?;
    let check = checks.iter().find(|check| check["name"] == "shims").ok_or("no such check")?;
    assert_eq!(check["status"] == "ok", check["hint"].is_null(), "{check}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((text(&check["status"]), text(&check["message"])))
}

#[test]
fn the_doctor_says_whether_shims_come_before_the_compilers() -> Fallible<()> {
    #[track_caller]
    fn check(world: &World, status: &str, says: &str) -> Fallible<()> {
        let (found, message) = examine(world)?;
        assert_eq!(found, status, "{message}");
        assert!(message.contains(says), "{message}");
        Ok(())
    }
    let mut world = world()?;
    check(&world, "ok", "none on PATH")?;
    world.run(&["shims", "links"])?;
    check(&world, "ok", "none on PATH")?;
    let (links, bin) = (world.path("ws/links"), world.path("bin"));
    world.env("PATH", format!("{}:{}", links.display(), bin.display()));
    check(&world, "ok", "arm-linux-gnueabihf-gcc, cc, g++-12 lead to kache before")?;
    world.env("PATH", format!("{}:{}", bin.display(), links.display()));
    check(&world, "warn", "@/bin/arm-linux-gnueabihf-gcc comes before @/ws/links/arm-linux")?;
    world.env("PATH", links);
    check(&world, "warn", "has no compiler behind it")
}
