//! A manifest, read from a store that anybody may have damaged, keeps inside
//! the output directory and survives being written again.

#![no_main]

use kache_store::entry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(manifest) = entry::parse(bytes) {
        let names = manifest.outputs.iter().map(|output| &output.name);
        for name in names.chain(manifest.texts.iter().map(|text| &text.name)) {
            assert!(!name.starts_with('/') && name.split('/').all(|part| part != ".."));
        }
        let json = serde_json::to_vec(&manifest).expect("a manifest is plain data");
        assert_eq!(entry::parse(&json), Some(manifest));
    }
});
