//! Every text has an answer, and one without the name is not a use of it.

#![no_main]

use kache_key::rustc::out_dir::{OutDirUse, only_locates_includes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let answer = only_locates_includes(text);
    if !text.contains("env") && !text.contains("OUT_DIR") {
        assert_eq!(answer, OutDirUse::NotMentioned);
    }
});
