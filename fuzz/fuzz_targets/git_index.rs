//! The entries of every index are in the order in which git keeps them.

#![no_main]

use kache_key::git_index::GitIndex;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(index) = GitIndex::parse(bytes) {
        assert!(index.entries.is_sorted_by(|one, next| one.path <= next.path));
        assert!(index.entries.iter().all(|entry| !entry.path.is_empty()));
        let _digest = index.digest(0);
    }
});
