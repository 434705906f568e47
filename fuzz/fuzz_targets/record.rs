//! An input record survives its JSON, and its key does too.

#![no_main]

use kache_key::{Digest, InputRecord, UnitId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = serde_json::from_slice::<InputRecord>(bytes) {
        let json = serde_json::to_string(&record).expect("a record is plain data");
        let again: InputRecord = serde_json::from_str(&json).expect("kache wrote it");
        let unit = UnitId(Digest::of(b"unit"));
        assert_eq!(again.entry_key(unit), record.entry_key(unit));
        assert_eq!(again, record);
    }
});
