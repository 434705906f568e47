//! Every linker dependency file has at least one file.

#![no_main]

use kache_key::depfile::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(names) = parse(text) {
        assert!(!names.is_empty());
        assert!(names.iter().all(|name| !name.contains('\n')));
    }
});
