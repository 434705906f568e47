//! Any text moves to the same checkout unchanged, and what is written is read again.

#![no_main]

use kache_key::{RootKind, Roots, portable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let roots = Roots::of([
        (RootKind::Workspace, "/a".to_owned()),
        (RootKind::OutDir, "/a/target/out".to_owned()),
    ]);
    let segments = portable::tokenise(text, &roots);
    assert_eq!(portable::render(&segments, &roots).as_deref(), Some(text));
    assert_eq!(portable::read(&portable::write(&segments)), Some(segments));
    if let Some(segments) = portable::read(text) {
        assert_eq!(portable::read(&portable::write(&segments)), Some(segments));
    }
});
