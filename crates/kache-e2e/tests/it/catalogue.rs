//! Every row of `docs/correctness.md` is held by tests that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use kache_e2e::kache::workspace_dir;

/// The sections of the catalogue, each with the number of its last row.
const SECTIONS: &[(&str, u32)] = &[("R", 36), ("F", 14), ("S", 12), ("O", 17), ("C", 24)];

/// The rows of the tables in `text`: identifier to the tests named in the last
/// column. A test is written in backquotes, with or without the path of its
/// module.
fn rows(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(id), Some(tests)) = (cells.first(), cells.last()) else { continue };
        if is_row_id(id) {
            let names = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            let before: Option<Vec<String>> = rows.insert((*id).to_owned(), names);
            assert!(before.is_none(), "row {id} stands twice");
        }
    }
    rows
}

fn is_row_id(text: &str) -> bool {
    SECTIONS.iter().map(|(section, _)| *section).chain(["C"]).any(|section| {
        text.strip_prefix(section).is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

fn expected_rows() -> impl Iterator<Item = String> {
    SECTIONS
        .iter()
        .flat_map(|(section, last)| (1..=*last).map(move |row| format!("{section}{row}")))
}

/// The names of all functions that stand behind a `#[test]`, or inside a
/// `proptest!`, anywhere below `crates`.
fn test_functions() -> BTreeSet<String> {
    let sources = walkdir::WalkDir::new(workspace_dir().join("crates"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"));
    let read = |path: &Path| fs::read_to_string(path).expect("a source file is readable text");
    sources.flat_map(|entry| tests_in(&read(entry.path()))).collect()
}

/// The functions right behind a line `#[test]`; other attributes may stand
/// between.
fn tests_in(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        let code = line.strip_prefix("pub ").unwrap_or(line);
        if line.starts_with("#[test]") {
            is_test = true;
        } else if let Some(name) = code.strip_prefix("fn ").filter(|_| is_test) {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            found.push(name[..end].to_owned());
            is_test = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            is_test = false;
        }
    }
    found
}

/// What is wrong with `catalogue`, one sentence each.
fn faults(catalogue: &BTreeMap<String, Vec<String>>, tests: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for id in expected_rows() {
        match catalogue.get(&id) {
            None => faults.push(format!("row {id} is missing")),
            Some(named) if named.is_empty() => faults.push(format!("row {id} names no test")),
            Some(named) => {
                let unknown = named
                    .iter()
                    .filter(|name| !tests.contains(name.rsplit("::").next().unwrap_or(name)));
                faults.extend(
                    unknown.map(|name| format!("row {id} names `{name}`, which does not exist")),
                );
            }
        }
    }
    faults
}

#[test]
fn every_row_of_the_catalogue_names_tests_that_exist() {
    let text = fs::read_to_string(workspace_dir().join("docs/correctness.md")).unwrap();
    let faults = faults(&rows(&text), &test_functions());
    assert!(faults.is_empty(), "docs/correctness.md:\n{}", faults.join("\n"));
}

#[test]
fn a_row_without_a_test_or_with_an_unknown_one_is_a_fault() {
    let text = "| row | situation | tests |\n|--|--|--|\n| R1 | a | `m::known`, `unknown` |\n| R2 | b | |\n";
    let tests = BTreeSet::from(["known".to_owned()]);
    let faults = faults(&rows(text), &tests);
    assert_eq!(
        faults[..3],
        [
            "row R1 names `unknown`, which does not exist",
            "row R2 names no test",
            "row R3 is missing"
        ]
    );
    assert_eq!(faults.len(), 36 + 14 + 12 + 17 + 24);
}

#[test]
fn only_functions_marked_as_tests_are_tests() {
    let source = "fn helper() {}\n#[test]\n#[ignore = \"x\"]\nfn first() {}\n    #[test]\n    fn second(a in 0..1) {}\nfn third() {}\n";
    assert_eq!(tests_in(source), ["first", "second"]);
}
