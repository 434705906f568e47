//! Which roots an output names: the proof that it belongs to one checkout.

use std::collections::BTreeSet;

use memchr::memmem::Finder;

use crate::roots::{RootKind, Roots};

/// Returns the roots whose literal paths occur in `bytes`; see [`RootSearch`].
pub fn roots_named_in(bytes: &[u8], roots: &Roots) -> BTreeSet<RootKind> {
    let mut search = RootSearch::new(roots);
    search.look_at(bytes, true);
    search.named
}

/// A search for the literal paths of roots, in bytes that may come in pieces.
///
/// An occurrence counts whatever follows it: compilers store strings without
/// separators, so `/home/u/wssrc/lib.rs` can be `/home/u/ws` and `src/lib.rs`.
/// Where roots are nested, an occurrence of the longer path is not one of the
/// shorter. Cost: one search over the bytes for each root not found yet.
#[derive(Debug)]
pub struct RootSearch<'a> {
    sought: Vec<Sought<'a>>,
    lookahead: usize,
    /// The roots found so far.
    pub named: BTreeSet<RootKind>,
}

#[derive(Debug)]
struct Sought<'a> {
    kind: RootKind,
    finder: Finder<'a>,
    /// The roots below this one.
    longer: Vec<&'a str>,
}

impl<'a> RootSearch<'a> {
    /// Starts a search for `roots`.
    pub fn new(roots: &'a Roots) -> Self {
        let sought = |(kind, root): (RootKind, &'a str)| {
            let below = |other: &&str| other.len() > root.len() && other.starts_with(root);
            let longer = roots.iter().map(|(_, other)| other).filter(below).collect();
            Sought { kind, finder: Finder::new(root), longer }
        };
        let longest = roots.iter().map(|(_, root)| root.len()).max();
        Self {
            sought: roots.iter().map(sought).collect(),
            lookahead: longest.unwrap_or(1).saturating_sub(1),
            named: BTreeSet::new(),
        }
    }

    /// Returns with how many bytes of one piece the next must begin again: an
    /// occurrence may lie across.
    pub fn lookahead(&self) -> usize {
        self.lookahead
    }

    /// Looks at the next piece. What begins in its last [`lookahead`](Self::lookahead)
    /// bytes is left to the piece after it, unless it `is_last`.
    pub fn look_at(&mut self, piece: &[u8], is_last: bool) {
        let after = if is_last { 0 } else { self.lookahead };
        let end = piece.len().saturating_sub(after);
        for sought in &self.sought {
            if !self.named.contains(&sought.kind) && sought.begins_before(end, piece) {
                self.named.insert(sought.kind);
            }
        }
    }
}

impl Sought<'_> {
    fn begins_before(&self, end: usize, piece: &[u8]) -> bool {
        self.finder.find_iter(piece).take_while(|at| *at < end).any(|at| {
            let path = piece.get(at..).unwrap_or_default();
            !self.longer.iter().any(|longer| path.starts_with(longer.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn roots() -> Roots {
        Roots::of([
            (RootKind::Workspace, "/tmp/ws".to_owned()),
            (RootKind::Target, "/tmp/ws/target".to_owned()),
            (RootKind::CargoHome, "/home/u/.cargo".to_owned()),
            (RootKind::Temp, "/tmp".to_owned()),
        ])
    }

    #[track_caller]
    fn check(bytes: &[u8], named: &[RootKind]) {
        assert_eq!(roots_named_in(bytes, &roots()), named.iter().copied().collect());
    }

    #[test]
    fn an_occurrence_counts_whatever_follows() {
        check(b"\0/home/u/.cargo/registry\0", &[RootKind::CargoHome]);
        check(b"/home/u/.cargosrc/lib.rs", &[RootKind::CargoHome]);
        check(b"x/home/u/.cargo", &[RootKind::CargoHome]);
        check(b"\xff\xfe/home/u/.carg", &[]);
        check(b"", &[]);
    }

    #[test]
    fn an_occurrence_names_only_the_longest_of_nested_roots() {
        check(b"/tmp/ws/target/debug", &[RootKind::Target]);
        check(b"/tmp/ws/src", &[RootKind::Workspace]);
        check(b"/tmp/other", &[RootKind::Temp]);
        check(b"/tmp/ws/target /tmp/ws/src", &[RootKind::Target, RootKind::Workspace]);
        check(b"/tmp/tmp/ws", &[RootKind::Temp, RootKind::Workspace]);
    }

    proptest! {
        #[test]
        fn a_root_is_found_between_any_bytes(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [&before[..], b"/tmp/ws/target", &after[..]].concat();
            prop_assert!(roots_named_in(&bytes, &roots()).contains(&RootKind::Target));
        }

        #[test]
        fn pieces_of_any_size_name_what_the_whole_does(
            parts in proptest::collection::vec(
                prop_oneof!["/tmp/ws/target", "/tmp/ws/t", "/tmp", "/home/u/.cargo", "[/a-z]{0,9}"],
                0..9,
            ),
            size in 14_usize..40,
        ) {
            let (bytes, roots) = (parts.concat().into_bytes(), roots());
            let mut search = RootSearch::new(&roots);
            let mut from = 0;
            loop {
                let to = bytes.len().min(from + size);
                search.look_at(&bytes[from..to], to == bytes.len());
                if to == bytes.len() {
                    break;
                }
                from = to - search.lookahead();
            }
            prop_assert_eq!(search.named, roots_named_in(&bytes, &roots));
        }
    }
}
