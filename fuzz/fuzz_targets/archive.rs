//! Members that are not rustc's are members.

#![no_main]

use kache_key::archive::{foreign_members, members};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let all = members(bytes);
    let foreign = foreign_members(bytes, "a");
    assert_eq!(all.is_ok(), foreign.is_ok());
    if let (Ok(all), Ok(foreign)) = (all, foreign) {
        assert!(foreign.iter().all(|member| all.contains(member)));
    }
});
