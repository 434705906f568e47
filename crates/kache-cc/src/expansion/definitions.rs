//! The macros that a unit may use.

use std::collections::{HashMap, HashSet};

use memchr::memmem;

use super::text::Item;
use super::words;

/// Returns the names of the macros, among those that `items` define, that the
/// `lines` of a unit may use: those that they name, those that these name, and
/// those whose names these can paste together.
///
/// More than really are: a name in a string counts, too.
pub(super) fn in_use<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    items: &[Item<'a>],
) -> HashSet<&'a [u8]> {
    let mut unit = Unit::default();
    for item in items {
        if let Item::Definition { name, text, .. } = item {
            unit.definitions.entry(*name).or_default().push(text);
        }
    }
    unit.add(lines.flat_map(words));
    while unit.pastes {
        let pasted: Vec<&[u8]> =
            unit.definitions.keys().copied().filter(|name| unit.can_paste(name)).collect();
        if pasted.is_empty() {
            break;
        }
        unit.add(pasted.into_iter());
    }
    unit.definitions.into_keys().filter(|name| unit.words.contains(name)).collect()
}

/// What is known to be used.
#[derive(Default)]
struct Unit<'a> {
    /// The texts of the definitions of each macro.
    definitions: HashMap<&'a [u8], Vec<&'a [u8]>>,
    words: HashSet<&'a [u8]>,
    /// Some macro in use pastes words.
    pastes: bool,
}

impl<'a> Unit<'a> {
    /// Adds words, and all that are in the macros of these names.
    fn add(&mut self, words_of_unit: impl Iterator<Item = &'a [u8]>) {
        let mut pending: Vec<&[u8]> = words_of_unit.collect();
        while let Some(word) = pending.pop() {
            if !self.words.insert(word) {
                continue;
            }
            for text in self.definitions.get(word).into_iter().flatten() {
                self.pastes |=
                    [&b"##"[..], b"%:%:"].iter().any(|mark| memmem::find(text, mark).is_some());
                pending.extend(words(text));
            }
        }
    }

    /// Returns whether words in use, two or more, make up `name`, which is not
    /// in use itself.
    fn can_paste(&self, name: &[u8]) -> bool {
        if self.words.contains(name) {
            return false;
        }
        let mut reached = vec![false; name.len() + 1];
        for start in 0..name.len() {
            if start > 0 && !reached.get(start).is_some_and(|reached| *reached) {
                continue;
            }
            for (end, is_end) in reached.iter_mut().enumerate().skip(start + 1) {
                *is_end |= name.get(start..end).is_some_and(|part| self.words.contains(part));
            }
        }
        reached.last().is_some_and(|reached| *reached)
    }
}
