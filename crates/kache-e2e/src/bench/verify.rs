//! Whether a build was the one that its phase is about.
//!
//! A measurement of the wrong thing is worse than none: a build that compiled
//! what should have been served, or served what should have been compiled, is
//! reported with its fault and without its time.

use super::contender::{Kind, MARKER};
use super::phase::Phase;
use crate::cargo::CargoOutcome;
use crate::events::{Event, Outcome, Tally};

/// Returns what is wrong with a build of `phase`; nothing for a good one.
pub fn faults(kind: Kind, phase: Phase, outcome: &CargoOutcome) -> Vec<String> {
    let mut faults = Vec::new();
    if !outcome.success() {
        let last = outcome.stderr.lines().last().unwrap_or_default();
        faults.push(format!("cargo ended with {:?}: {last}", outcome.code));
    }
    if phase == Phase::NoOp && outcome.units() != 0 {
        faults.push(format!("cargo ran {} units where nothing changed", outcome.units()));
    }
    if phase != Phase::NoOp && outcome.compilations() == 0 {
        faults.push("cargo compiled nothing".to_owned());
    }
    if kind == Kind::Kache {
        faults.extend(faults_of_kache(phase, outcome));
    }
    faults
}

/// Returns a fault if `program` lacks the edit that was made, or still has an
/// edit where none should be.
pub fn marker_fault(program: &[u8], marker: Option<&str>) -> Option<String> {
    let expected = marker.unwrap_or(MARKER).as_bytes();
    let found = program.windows(expected.len()).any(|window| window == expected);
    match (marker, found) {
        (Some(marker), false) => Some(format!("the program lacks the edit `{marker}`")),
        (None, true) => Some("the program still has an edit that was taken back".to_owned()),
        _ => None,
    }
}

fn faults_of_kache(phase: Phase, outcome: &CargoOutcome) -> Vec<String> {
    let asked = outcome.asked();
    let hits = Tally::of(asked.units.iter().copied()).hits;
    let unseen = asked.unseen.iter().map(|name| format!("{name} is not in the journal"));
    let mut faults: Vec<String> = unseen.collect();
    match phase {
        Phase::Cold if hits > 0 => faults.push(format!("{hits} hits in an empty store")),
        Phase::Warm | Phase::Second => {
            let unserved = asked.units.into_iter().filter(|event| !is_served(event, phase));
            let unserved = unserved.chain(rerun_scripts(phase, outcome));
            faults.extend(unserved.map(|event| format!("not served: {}", event.describe())));
        }
        _ => {}
    }
    faults
}

/// Returns the runs of build scripts that should have been served. One that is never
/// stored says why, and runs each time.
fn rerun_scripts(phase: Phase, outcome: &CargoOutcome) -> impl Iterator<Item = &Event> {
    let scripts = outcome.script_events();
    scripts.filter(move |event| !is_served(event, phase) && !event.reason.contains("not stored"))
}

/// Whether a unit came from the cache, or had a reason not to: in another
/// checkout a unit that names the first one, in an output or through a variable
/// that it reads, must be compiled.
fn is_served(event: &Event, phase: Phase) -> bool {
    let is_bound = ["root target changed", "root workspace changed", "env "]
        .iter()
        .any(|place| event.reason.contains(place));
    (event.outcome == Outcome::Hit && event.spawned() == 0) || (phase == Phase::Second && is_bound)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(units: &[(&str, Outcome, &str)]) -> CargoOutcome {
        let event = |(name, outcome, reason): &(&str, Outcome, &str)| Event {
            outcome: *outcome,
            reason: (*reason).to_owned(),
            name: (*name).to_owned(),
            unit: Some("ab".to_owned()),
            ..Event::default()
        };
        CargoOutcome {
            code: Some(0),
            stdout: String::new(),
            stderr: String::new(),
            commands: units
                .iter()
                .map(|(name, ..)| format!("rustc --crate-name {name} x"))
                .collect(),
            fresh: 0,
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            events: units.iter().map(event).collect(),
        }
    }

    #[track_caller]
    fn check(phase: Phase, units: &[(&str, Outcome, &str)], expected: &[&str]) {
        assert_eq!(faults(Kind::Kache, phase, &outcome(units)), expected);
    }

    #[test]
    fn a_warm_phase_with_a_miss_is_faulty() {
        let hit = ("a", Outcome::Hit, "");
        let miss = ("b", Outcome::Miss, "source changed");
        let bound = ("c", Outcome::Miss, "file a.rs changed, root target changed");
        check(Phase::Warm, &[hit], &[]);
        check(Phase::Warm, &[hit, miss], &["not served: b (): miss: source changed"]);
        check(
            Phase::Warm,
            &[bound],
            &["not served: c (): miss: file a.rs changed, root target changed"],
        );
        check(Phase::Second, &[hit, bound], &[]);
        check(Phase::Cold, &[miss], &[]);
        check(Phase::Cold, &[hit], &["1 hits in an empty store"]);
        check(Phase::RepeatedEdit, &[miss], &[]);
        check(Phase::NoOp, &[miss], &["cargo ran 1 units where nothing changed"]);
    }

    #[test]
    fn a_script_that_runs_again_is_a_fault_if_it_was_stored() {
        let check = |phase: Phase, reason: &str, expected: &[&str]| {
            let mut outcome = outcome(&[("a", Outcome::Hit, "")]);
            outcome.events.push(Event {
                outcome: Outcome::Miss,
                reason: reason.to_owned(),
                name: "b build script".to_owned(),
                crate_types: vec!["build-script-run".to_owned()],
                ..Event::default()
            });
            assert_eq!(faults(Kind::Kache, phase, &outcome), expected);
        };
        let described = "not served: b build script (build-script-run): miss: kind /x changed";
        check(Phase::Warm, "kind /x changed", &[described]);
        check(Phase::Second, "kind /x changed", &[described]);
        check(Phase::Second, "env OUT_DIR changed", &[]);
        check(Phase::Warm, "kind /x changed; not stored: it uses the network", &[]);
        check(Phase::RepeatedEdit, "kind /x changed", &[]);
    }

    #[test]
    fn units_that_bypass_the_journal_are_a_fault() {
        let mut outcome = outcome(&[("a", Outcome::Hit, "")]);
        outcome.events.clear();
        let found = faults(Kind::Kache, Phase::Warm, &outcome);
        assert_eq!(found, ["a is not in the journal"]);
        assert_eq!(faults(Kind::Floor, Phase::Warm, &outcome), Vec::<String>::new());
    }

    #[test]
    fn a_program_must_have_its_edit_and_no_other() {
        let program = b"..kache-bench-marker-000007..";
        assert_eq!(marker_fault(program, Some("kache-bench-marker-000007")), None);
        assert!(marker_fault(program, Some("kache-bench-marker-000008")).is_some());
        assert!(marker_fault(program, None).is_some());
        assert_eq!(marker_fault(b"original", None), None);
    }
}
