//! Messages survive being taken apart, and every stderr has an answer.

#![no_main]

use kache_key::rustc::messages::{artifacts, render, storable, tokenise, unmap_line};
use kache_key::{RootKind, Roots};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let roots = Roots::of([
        (RootKind::Workspace, "/ws".to_owned()),
        (RootKind::Target, "/ws/tar\"get".to_owned()),
    ]);
    let segments = tokenise(text, &roots);
    assert_eq!(render(&segments, &roots).as_deref(), Some(text));
    let same = ("/ws".to_owned(), "/ws".to_owned());
    assert_eq!(unmap_line(text, &[same]), text);
    if storable(text).is_ok() {
        assert!(artifacts(text).len() <= text.lines().count());
    }
});
