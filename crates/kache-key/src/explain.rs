//! Why a compilation was not a hit: which parts of its key differ.

use std::collections::BTreeMap;
use std::fmt;

use crate::components::Component;
use crate::digest::Digest;
use crate::input::{Input, RecordedInput};

/// How many differences a summary names.
const NAMED: usize = 3;
/// The longest value, in bytes, that is worth showing. A digest is longer.
const SHOWN_BYTES: usize = 48;

/// One part that differs between two keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs, such as `file src/lib.rs`.
    pub label: String,
    /// How.
    pub change: Change,
}

/// How a part differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Only the later key has it.
    Added,
    /// Only the earlier key has it.
    Removed,
    /// The contents are others.
    Contents,
    /// The value is another one.
    Value {
        /// The earlier value; several under one label are joined by spaces.
        before: String,
        /// The later value.
        after: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = &self.label;
        match &self.change {
            Change::Added => write!(f, "{label} added"),
            Change::Removed => write!(f, "{label} removed"),
            Change::Value { before, after } if is_shown(before) && is_shown(after) => {
                write!(f, "{label}: {before} -> {after}")
            }
            Change::Contents | Change::Value { .. } => write!(f, "{label} changed"),
        }
    }
}

/// Differences in one line: the first few, and how many more there are.
///
/// Nothing at all is written as `nothing differs`.
pub struct Summary<'a>(pub &'a [Difference]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing differs");
        }
        for (position, difference) in self.0.iter().take(NAMED).enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{difference}")?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Returns which of the recorded inputs are not now what they were, in the
/// record's order, then what the record does not have.
pub fn diff_inputs(recorded: &[RecordedInput], now: &[(Input, Digest)]) -> Vec<Difference> {
    let mut current: BTreeMap<&Input, Digest> = now.iter().map(|(i, d)| (i, *d)).collect();
    let mut differences = Vec::new();
    for RecordedInput { input, digest, .. } in recorded {
        let change = match current.remove(input) {
            None => Change::Removed,
            Some(digest_now) if digest_now != *digest => Change::Contents,
            Some(_) => continue,
        };
        differences.push(Difference { label: input_label(input), change });
    }
    let added = now.iter().map(|(input, _)| input).filter(|input| current.remove(input).is_some());
    differences.extend(added.map(|i| Difference { label: input_label(i), change: Change::Added }));
    differences
}

/// Returns which components differ, by label, in the order of `before`, then
/// the labels that only `after` has.
///
/// Components that share a label are compared together, in order.
pub fn diff_components(before: &[Component], after: &[Component]) -> Vec<Difference> {
    let (old, new) = (by_label(before), by_label(after));
    let mut labels: Vec<&str> = Vec::new();
    for Component { label, .. } in before.iter().chain(after) {
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    let difference = |label: &str| {
        let change = match (old.get(label), new.get(label)) {
            (Some(old), Some(new)) if old == new => return None,
            (Some(old), Some(new)) => Change::Value { before: old.join(" "), after: new.join(" ") },
            (Some(_), None) => Change::Removed,
            (None, _) => Change::Added,
        };
        Some(Difference { label: label.to_owned(), change })
    };
    labels.into_iter().filter_map(difference).collect()
}

/// Returns whether a value reads well within a line.
fn is_shown(value: &str) -> bool {
    (1..=SHOWN_BYTES).contains(&value.len()) && !value.contains(char::is_control)
}

fn by_label(components: &[Component]) -> BTreeMap<&str, Vec<&str>> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Component { label, value } in components {
        values.entry(label).or_default().push(value);
    }
    values
}

fn input_label(input: &Input) -> String {
    let (kind, name) = input.label();
    // What was looked for in a directory would fill the line.
    let name = name.split('\0').next().unwrap_or_default();
    format!("{} {name}", kind.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::PathToken;

    fn components(pairs: &[(&str, &str)]) -> Vec<Component> {
        let component = |(label, value): &(&str, &str)| Component {
            label: (*label).to_owned(),
            value: (*value).to_owned(),
        };
        pairs.iter().map(component).collect()
    }

    #[track_caller]
    fn check(before: &[(&str, &str)], after: &[(&str, &str)], line: &str) {
        let differences = diff_components(&components(before), &components(after));
        assert_eq!(Summary(&differences).to_string(), line);
    }

    #[test]
    fn components_are_compared_by_label() {
        check(&[("a", "1")], &[("a", "1")], "nothing differs");
        check(&[("flag opt-level", "0")], &[("flag opt-level", "3")], "flag opt-level: 0 -> 3");
        check(&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")], "nothing differs");
        check(&[("a", "1")], &[("b", "2")], "a removed, b added");
    }

    #[test]
    fn components_with_one_label_are_compared_in_order() {
        check(&[("cfg", "x"), ("cfg", "y")], &[("cfg", "y"), ("cfg", "x")], "cfg: x y -> y x");
        check(&[("cfg", "x")], &[("cfg", "x"), ("cfg", "y")], "cfg: x -> x y");
        check(&[("cfg", "x y")], &[("cfg", "x"), ("cfg", "y")], "cfg: x y -> x y");
    }

    #[test]
    fn a_value_that_does_not_read_well_is_not_shown() {
        let long = "f".repeat(64);
        check(&[("compiler", "1")], &[("compiler", &long)], "compiler changed");
        check(&[("salt", "")], &[("salt", "x")], "salt changed");
        check(&[("salt", "a\nb")], &[("salt", "x")], "salt changed");
    }

    #[test]
    fn a_summary_names_three() {
        let before = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")];
        let after = [("a", "2"), ("b", "2"), ("c", "2"), ("d", "2"), ("e", "2")];
        check(&before[..3], &after[..3], "a: 1 -> 2, b: 1 -> 2, c: 1 -> 2");
        check(&before, &after, "a: 1 -> 2, b: 1 -> 2, c: 1 -> 2 and 2 more");
    }

    fn file(path: &str) -> Input {
        Input::File(PathToken(path.to_owned()))
    }

    fn recorded(input: Input, contents: &[u8]) -> RecordedInput {
        RecordedInput { input, digest: Digest::of(contents), stamp: None }
    }

    #[test]
    fn inputs_are_compared_by_what_they_are() {
        let version = || Input::Env("CARGO_PKG_VERSION".to_owned());
        let record = [
            recorded(file("src/lib.rs"), b"1"),
            recorded(file("src/same.rs"), b"1"),
            recorded(version(), b"1"),
            recorded(file("src/gone.rs"), b"1"),
        ];
        let now = [
            (file("src/lib.rs"), Digest::of(b"2")),
            (file("src/same.rs"), Digest::of(b"1")),
            (file("src/new.rs"), Digest::of(b"1")),
            (version(), Digest::of(b"2")),
        ];
        let lines: Vec<String> =
            diff_inputs(&record, &now).iter().map(Difference::to_string).collect();
        let expected = [
            "file src/lib.rs changed",
            "env CARGO_PKG_VERSION changed",
            "file src/gone.rs removed",
            "file src/new.rs added",
        ];
        assert_eq!(lines, expected);
        assert_eq!(diff_inputs(&record[..1], &[(file("src/lib.rs"), Digest::of(b"1"))]), []);
    }
}
