//! Where the store is, where nothing says so, and where a path says it badly.

use std::fs;

use kache_e2e::events::{Event, Journal, Outcome};
use kache_e2e::process::run;
use walkdir::WalkDir;

use crate::chain::{self, CRATES, SENTENCE, same_as_bare, succeed};

#[test]
fn a_relative_cache_directory_is_refused_by_name_and_made_nowhere() {
    let mut scenario = chain::scenario().unwrap();
    let mut journal = Journal::at_start_of(&scenario.env.root().join("home/.cache/kache"));
    scenario.env.set("KACHE_CACHE_DIR", "relative-cache");
    drop(succeed(&scenario.cargo("build")).unwrap());
    let complaint = "KACHE_CACHE_DIR: must be absolute, found `relative-cache`";
    let events: Vec<Event> = journal.take().unwrap().into_iter().filter(Event::is_unit).collect();
    assert_eq!(events.len(), CRATES.len());
    for event in &events {
        let told = (event.outcome, event.reason.as_str());
        assert_eq!(told, (Outcome::Passthrough, complaint), "{}", event.describe());
    }
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
    for entry in WalkDir::new(scenario.env.root()) {
        assert_ne!(entry.unwrap().file_name(), "relative-cache");
    }
    for verb in ["doctor", "config", "stats"] {
        let mut command = scenario.env.command(&scenario.kache.cli);
        let ran = run(command.arg(verb).current_dir(scenario.project.dir())).unwrap();
        assert!(!ran.status.success(), "{ran:?}");
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(complaint), "{ran:?}");
    }
}

#[test]
fn where_no_cache_directory_can_be_told_nothing_is_written() {
    let mut scenario = chain::scenario().unwrap();
    for name in ["KACHE_CACHE_DIR", "XDG_CACHE_HOME", "HOME"] {
        scenario.env.unset(name);
    }
    drop(succeed(&scenario.cargo("build")).unwrap());
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
    for entry in WalkDir::new(scenario.env.root()) {
        let entry = entry.unwrap();
        assert_ne!(entry.file_name(), "events.jsonl", "{}", entry.path().display());
    }
    let left: Vec<_> = fs::read_dir(scenario.env.root().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
