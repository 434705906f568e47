//! Members that are not rustc's are members.

#![no_main]

use kache_key::archive::{foreign_members, member_names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let names = member_names(bytes);
    let foreign = foreign_members(bytes, "a");
    assert_eq!(names.is_ok(), foreign.is_ok());
    if let (Ok(names), Ok(foreign)) = (names, foreign) {
        assert!(foreign.iter().all(|name| names.contains(name)));
    }
});
