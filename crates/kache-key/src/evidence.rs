//! Which roots an output names: the proof that it belongs to one checkout.

use std::collections::BTreeSet;

use memchr::memmem;

use crate::roots::{RootKind, Roots};

/// Returns the roots whose literal paths occur in `bytes`.
///
/// An occurrence counts whatever follows it: compilers store strings without
/// separators, so `/home/u/wssrc/lib.rs` can be `/home/u/ws` and `src/lib.rs`.
/// Where roots are nested, an occurrence of the longer path is not one of the
/// shorter. Cost: one search over `bytes` for each root.
pub fn roots_named_in(bytes: &[u8], roots: &Roots) -> BTreeSet<RootKind> {
    let is_named = |root: &str| {
        let below = |other: &&str| other.len() > root.len() && other.starts_with(root);
        let longer: Vec<&str> = roots.iter().map(|(_, other)| other).filter(below).collect();
        memmem::find_iter(bytes, root).any(|at| {
            let path = bytes.get(at..).unwrap_or_default();
            !longer.iter().any(|longer| path.starts_with(longer.as_bytes()))
        })
    };
    roots.iter().filter(|(_, root)| is_named(root)).map(|(kind, _)| kind).collect()
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
    }
}
