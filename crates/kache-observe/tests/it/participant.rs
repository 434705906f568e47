//! Taking part by hand, and a watch inside of another.

use std::env;
use std::process::Command;

use kache_observe::{Act, Participant, Watch, ours};

use crate::sandbox::{Tried, library, observe};

/// Tells this test program, when it is started again, what to be.
const ROLE: &str = "T_ROLE";

fn again(test: &str, role: &str) -> Tried<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", test, "--nocapture"]).env(ROLE, role);
    Ok(command)
}

#[test]
fn who_takes_part_by_hand_says_that_it_started() -> Tried {
    if env::var_os(ROLE).is_some() {
        let participant = Participant::from_environment().ok_or("there is a trace")?;
        participant.note(&Act::Read("/by/hand".into()));
        participant.note(&Act::Renamed { from: "/from".into(), to: "/to".into() });
        return Ok(());
    }
    assert!(Participant::from_environment().is_none());
    let test = "participant::who_takes_part_by_hand_says_that_it_started";
    // Without the library, as a static program runs, and with it.
    for unset in ["LD_PRELOAD", "T_NOTHING"] {
        let watch = Watch::start()?;
        let mut command = again(test, "by-hand")?;
        command.envs(watch.variables(&library()?, &[])?).env_remove(unset);
        let mut child = command.spawn()?;
        assert!(child.wait()?.success());
        let trace = watch.finish(child.id())?;
        let acts: Vec<&Act> = trace.acts().collect();
        let program = env::current_exe()?.canonicalize()?;
        let started = Act::Started { parent: std::process::id(), program };
        let read = Act::Read("/by/hand".into());
        let renamed = Act::Renamed { from: "/from".into(), to: "/to".into() };
        assert_eq!(acts, [&started, &read, &renamed], "without {unset}");
    }
    Ok(())
}

#[test]
fn an_inner_watch_takes_the_place_of_the_outer() -> Tried {
    if env::var_os(ROLE).is_some() {
        let run = observe(Command::new("cat").arg("/proc/self/comm"), &[])?;
        let trace = run.trace?;
        let read = Act::Read("/proc/self/comm".into());
        assert!(trace.acts().any(|act| *act == read));
        let outer = Participant::from_environment().ok_or("there is an outer trace")?;
        for act in trace.acts().filter(|act| matches!(act, Act::Read(_))) {
            outer.note(act);
        }
        return Ok(());
    }
    let test = "participant::an_inner_watch_takes_the_place_of_the_outer";
    let watch = Watch::start()?;
    let variables = watch.variables(&library()?, &[])?;
    let mut child = again(test, "inner")?.envs(variables).spawn()?;
    assert!(child.wait()?.success());
    let trace = watch.finish(child.id())?;
    let programs = trace.acts().filter(|act| matches!(act, Act::Started { .. })).count();
    assert_eq!(programs, 1, "the inner program is in the inner trace only");
    let read = Act::Read("/proc/self/comm".into());
    assert_eq!(trace.acts().filter(|act| **act == read).count(), 1);
    Ok(())
}

#[test]
fn the_list_for_the_loader_keeps_what_was_in_it() -> Tried {
    if env::var_os(ROLE).is_some() {
        let watch = Watch::start()?;
        let variables = watch.variables(&library()?, &[])?;
        let list = variables.into_iter().find(|(name, _)| *name == "LD_PRELOAD");
        let list = list.ok_or("the library is named")?.1;
        let expected = format!("{}:libm.so.6", library()?.display());
        assert_eq!(list, *expected);
        return Ok(());
    }
    let test = "participant::the_list_for_the_loader_keeps_what_was_in_it";
    let older = "/no/such/libkache_observe-0123456789abcdef.so";
    let with = |library: &str| format!("{library} libm.so.6");
    for list in ["libm.so.6".to_owned(), with(&library()?.display().to_string()), with(older)] {
        assert!(again(test, "list")?.env("LD_PRELOAD", list).status()?.success());
    }
    Ok(())
}

#[test]
fn every_variable_that_is_set_is_ours() -> Tried {
    let watch = Watch::start()?;
    for (name, _) in watch.variables(&library()?, &[])? {
        assert!(ours(name.as_ref()), "{name}");
    }
    assert!(!ours("PATH".as_ref()));
    Ok(())
}
