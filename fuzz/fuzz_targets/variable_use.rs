//! Every text has an answer, and one without the name is not a use of it.

#![no_main]

use kache_key::rustc::variable_use::{VariableUse, use_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let answer = use_of("OUT_DIR", text);
    if !text.contains("env") && !text.contains("OUT_DIR") {
        assert_eq!(answer, VariableUse::NotMentioned);
    }
});
