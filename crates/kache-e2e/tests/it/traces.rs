//! Traces that there is no room for: what nobody saw is not stored.

use std::path::Path;

use kache_e2e::cargo::CargoOutcome;
use kache_e2e::events::Journal;
use kache_e2e::filesystem::skip;

use crate::build_scripts::{MAIN, RUN, script};
use crate::expected::Expected::{Compiled, Hit, Miss};
use crate::expected::assert_unstored;
use crate::trial::{MANIFEST, Trial, event_of};

/// Looks at more names than fit into a page of a trace.
const MANY_NAMES: &str = "(0..2000).filter(|n| Path::new(&format!(\"no/such/{n}\")).exists())\
    .count().to_string()";

/// Builds from nothing with a `/dev/shm` of `bytes`, which is full then, in a name
/// space of its own; nothing if there can be none. `TMPDIR` has room if `has_temp`.
fn build_with_memory(trial: &Trial, bytes: u64, has_temp: bool) -> Option<CargoOutcome> {
    trial.project().clean().expect("it can be removed");
    let cargo = trial.cargo_in(trial.project(), "build").command();
    let mut journal = Journal::at_end_of(&trial.scenario.env.cache_dir());
    let temp = trial.scenario.env.root().join("tmp");
    let temp = if has_temp { Path::new("") } else { &temp };
    let mount = "mount -t tmpfs -o size=\"$1\" tmpfs /dev/shm || exit 77; \
        if [ -n \"$2\" ]; then mount -t tmpfs -o size=4k tmpfs \"$2\" || exit 77; \
            dd if=/dev/zero of=\"$2/full\" bs=4k 2>/dev/null; fi; \
        shift 2; exec \"$@\"";
    let mut command = trial.scenario.env.command("unshare");
    command.current_dir(trial.project().dir());
    command.args(["--mount", "sh", "-c", mount, "sh", &bytes.to_string()]).arg(temp);
    command.arg(cargo.get_program()).args(cargo.get_args());
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().ok().filter(|output| output.status.code() != Some(77))?;
    let stderr = String::from_utf8(output.stderr).expect("cargo writes text");
    assert!(output.status.success(), "{stderr}");
    let events = journal.take().expect("the journal is readable");
    Some(CargoOutcome {
        code: output.status.code(),
        stdout: String::new(),
        stderr,
        commands: Vec::new(),
        fresh: 0,
        wall: std::time::Duration::ZERO,
        cpu: std::time::Duration::ZERO,
        events,
    })
}

fn many_names() -> Trial {
    Trial::of(&[("Cargo.toml", MANIFEST), ("src/main.rs", MAIN), ("build.rs", &script(MANY_NAMES))])
}

#[test]
fn without_room_in_memory_traces_are_kept_among_temporary_files() {
    let trial = many_names();
    let Some(built) = build_with_memory(&trial, 4096, true) else {
        return skip("nothing can be mounted here");
    };
    assert!(Compiled.is_told_by(event_of(&built, RUN)), "{}", event_of(&built, RUN).describe());
    assert_eq!(trial.check(RUN, Hit), "0\n");
}

#[test]
fn without_room_for_a_whole_trace_a_script_is_not_stored() {
    let trial = many_names();
    let Some(built) = build_with_memory(&trial, 32 << 10, true) else {
        return skip("nothing can be mounted here");
    };
    assert_unstored(event_of(&built, RUN), "not observed: the trace is full");
    assert_eq!(trial.check(RUN, Compiled), "0\n");
}

#[test]
fn without_room_for_any_trace_a_script_is_not_stored() {
    let trial = many_names();
    let Some(built) = build_with_memory(&trial, 4096, false) else {
        return skip("nothing can be mounted here");
    };
    assert_unstored(event_of(&built, RUN), "not observed: failed to");
    assert_eq!(trial.check(RUN, Compiled), "0\n");
}

#[test]
fn without_room_for_any_trace_what_a_macro_reads_is_not_guessed() {
    let mut trial = Trial::of_fixture("macros");
    let Some(built) = build_with_memory(&trial, 4096, false) else {
        return skip("nothing can be mounted here");
    };
    assert_unstored(event_of(&built, "app"), "not observed: failed to");
    trial.prove_hit("app");
    trial.set("SEEN_BY_A_MACRO", "set");
    let _printed = trial.check("app", Miss);
}
