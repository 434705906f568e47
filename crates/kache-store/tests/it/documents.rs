//! The pages that describe the files say what the files hold.

use std::collections::BTreeSet;

use kache_store::{Manifest, Outcome, Phases};
use serde_json::Value;

use crate::world::{Fallible, World, event, manifest, unit_of};

const JOURNAL: &str = include_str!("../../../../docs/journal.md");
const STORE: &str = include_str!("../../../../docs/store-format.md");

/// Returns the names in the first column of the page's tables below `heading`.
fn documented(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, below) = page.split_once(heading).expect("the page has this heading");
    let section = below.split("\n#").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells.flat_map(|cell| cell.split(", ")).map(|name| name.replace('`', "")).collect()
}

fn fields(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn every_field_of_an_event_is_described_and_no_other() -> Fallible {
    let event = serde_json::to_value(event("a", Outcome::Hit))?;
    assert_eq!(documented(JOURNAL, "## Version 1\n"), fields(&event));
    let phases = serde_json::to_value(Phases::default())?;
    assert_eq!(documented(JOURNAL, "### `phases_us`\n"), fields(&phases));
    Ok(())
}

#[test]
fn every_outcome_is_described_and_no_other() -> Fallible {
    let all = [Outcome::Hit, Outcome::Miss, Outcome::Dup, Outcome::Passthrough, Outcome::Error];
    let names: Result<BTreeSet<String>, _> =
        all.iter().map(|outcome| serde_json::from_value(serde_json::to_value(outcome)?)).collect();
    assert_eq!(documented(JOURNAL, "### `outcome`\n"), names?);
    Ok(())
}

#[test]
fn every_field_of_a_manifest_is_described_and_no_other() -> Fallible {
    let manifest: Manifest = manifest("a", Vec::new());
    assert_eq!(documented(STORE, "## Entries\n"), fields(&serde_json::to_value(&manifest)?));
    Ok(())
}

#[test]
fn every_path_of_a_store_in_use_is_described() -> Fallible {
    let world = World::new()?;
    world.publish("a", &[("out", b"bytes")])?;
    world.store.append(&event("a", Outcome::Miss))?;
    let layout = world.store.layout();
    kache_store::memo::write(layout, unit_of("a").0, &1)?;
    kache_store::synced::sync(layout)?;
    kache_store::housekeeping::is_due(layout, std::time::Duration::ZERO, 0, true)?;
    drop(world.store.lock_unit(unit_of("a"), std::time::Duration::ZERO)?);
    for name in World::names(layout.base())? {
        assert!(STORE.contains(&format!("| `{name}")), "{name}");
    }
    for name in World::names(&layout.locks())? {
        assert!(STORE.contains(&format!("| `locks/{name}`")), "{name}");
    }
    Ok(())
}
