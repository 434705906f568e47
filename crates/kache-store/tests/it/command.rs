//! The example: another program's use of the store.

use std::fs;

use crate::world::{Fallible, World};

#[path = "../../examples/cached_command.rs"]
#[expect(dead_code, reason = "a test has a `main` of its own")]
mod cached_command;

#[test]
fn the_second_run_of_a_cached_command_does_not_execute_it() -> Fallible {
    let world = World::new()?;
    world.write("work/in.txt", b"one")?;
    // Every execution leaves a line in the log, which is not a declared output.
    let script = "tr a-z A-Z < in.txt > out.txt; echo ran >> log";
    let cache = world.path("cache").to_string_lossy().into_owned();
    let args = [&cache, "in.txt", "out.txt", "sh", "-c", script].map(str::to_owned);
    let (dir, log, output) =
        (world.path("work"), world.path("work/log"), world.path("work/out.txt"));

    assert!(!cached_command::run(&dir, &args)?);
    fs::remove_file(&output)?;
    assert!(cached_command::run(&dir, &args)?);
    assert_eq!((fs::read(&output)?, fs::read(&log)?), (b"ONE".to_vec(), b"ran\n".to_vec()));

    world.write("work/in.txt", b"two")?;
    assert!(!cached_command::run(&dir, &args)?);
    assert_eq!((fs::read(&output)?, fs::read(&log)?), (b"TWO".to_vec(), b"ran\nran\n".to_vec()));
    Ok(())
}

#[test]
fn a_cached_command_that_fails_is_not_stored() -> Fallible {
    let world = World::new()?;
    world.write("work/in.txt", b"one")?;
    let cache = world.path("cache").to_string_lossy().into_owned();
    let args = [&cache, "in.txt", "out.txt", "sh", "-c", "cp in.txt out.txt; exit 3"];
    let args = args.map(str::to_owned);
    for _ in 0..2 {
        let error = cached_command::run(&world.path("work"), &args).expect_err("it fails");
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }
    assert_eq!(world.store.usage()?.entries.files, 0);
    Ok(())
}
