//! A dep-info file that can be read is written again with the same meaning.

#![no_main]

use kache_key::rustc::dep_info::DepInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(info) = DepInfo::parse(text) {
        let written = info.to_string();
        assert_eq!(DepInfo::parse(&written), Ok(info), "{written:?}");
    }
});
