//! Input records: what a unit read the last times it was compiled.

use std::fs;

use kache_key::input::FileStamp;
use kache_key::{Digest, Input, InputRecord, UnitId};
use serde::{Deserialize, Serialize};

use crate::failure::{IoFailure, absent_is_none};
use crate::layout::Layout;
use crate::staging::{self, WriteSteps};

/// The record format; readers treat any other as absent.
pub const RECORDS_VERSION: u32 = 1;

/// How many records a unit keeps: enough for a few branches with other inputs.
pub const MAX_RECORDS: usize = 4;

/// The records of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecords {
    /// [`RECORDS_VERSION`].
    pub v: u32,
    /// When the unit was last compiled here, in nanoseconds since the Unix epoch.
    pub compiled_ns: i64,
    /// Newest first; no two look at the same inputs.
    pub records: Vec<InputRecord>,
}

impl Default for UnitRecords {
    fn default() -> Self {
        Self { v: RECORDS_VERSION, compiled_ns: 0, records: Vec::new() }
    }
}

impl UnitRecords {
    /// Puts `record` first and drops what it replaces and what is too old.
    pub fn remember(&mut self, record: InputRecord) {
        self.records.retain(|old| !old.same_inputs(&record));
        self.records.insert(0, record);
        self.records.truncate(MAX_RECORDS);
    }

    /// Returns the digest of the file `input`, which looks like `now`, and the
    /// stamp that vouches for it; `None` if none does and the file must be read.
    pub fn digest_of(&self, input: &Input, now: &FileStamp) -> Option<(Digest, FileStamp)> {
        self.records.iter().find_map(|record| {
            let found = record.inputs.binary_search_by(|recorded| recorded.input.cmp(input));
            let recorded = record.inputs.get(found.ok()?)?;
            let stamp = recorded.stamp.filter(|stamp| stamp.vouches_for(now))?;
            Some((recorded.digest, stamp))
        })
    }
}

/// Returns the records of `unit`; none, garbage and other versions are an empty set.
pub fn read(layout: &Layout, unit: UnitId) -> Result<UnitRecords, IoFailure> {
    let path = layout.record(unit);
    let bytes =
        absent_is_none(fs::read(&path)).map_err(IoFailure::on("read", &path))?.unwrap_or_default();
    Ok(parse(&bytes).unwrap_or_default())
}

/// Returns the records in `bytes`, or `None` for garbage and other versions.
pub fn parse(bytes: &[u8]) -> Option<UnitRecords> {
    let records: UnitRecords = serde_json::from_slice(bytes).ok()?;
    (records.v == RECORDS_VERSION).then_some(records)
}

/// Writes the records of `unit`. Of two writers at once the later one wins.
pub fn write(layout: &Layout, unit: UnitId, records: &UnitRecords) -> Result<(), IoFailure> {
    let bytes = serde_json::to_vec(records).expect("records are plain data");
    let steps = WriteSteps { write: "publish.record.write", rename: "publish.record.rename" };
    staging::write(layout, &layout.record(unit), &bytes, steps)
}

#[cfg(test)]
mod tests {
    use kache_key::{PathToken, RecordedInput};

    use super::*;

    fn record(path: &str, contents: &str) -> InputRecord {
        InputRecord::of(vec![RecordedInput {
            input: Input::File(PathToken(path.to_owned())),
            digest: Digest::of(contents.as_bytes()),
            stamp: None,
        }])
    }

    #[test]
    fn a_unit_keeps_its_newest_records_once_per_set_of_inputs() {
        let mut records = UnitRecords::default();
        for path in ["a", "b", "c", "d", "e"] {
            records.remember(record(path, "1"));
        }
        records.remember(record("c", "2"));
        let expected: Vec<_> =
            [("c", "2"), ("e", "1"), ("d", "1"), ("b", "1")].map(|(p, c)| record(p, c)).into();
        assert_eq!(records.records, expected);
    }

    #[test]
    fn only_a_stamp_that_agrees_and_was_taken_late_enough_vouches_for_a_digest() {
        let now = FileStamp { dev: 1, ino: 2, size: 3, mtime_ns: 4, ctime_ns: 5, taken_ns: 6 };
        let late = FileStamp { taken_ns: 5 + FileStamp::QUIET_NS, ..now };
        let of = |contents: &str, stamp| {
            let mut record = record("a", contents);
            record.inputs[0].stamp = stamp;
            record
        };
        let records = vec![of("1", None), of("2", Some(now)), of("3", Some(late))];
        let records = UnitRecords { records, ..UnitRecords::default() };
        let input = |path: &str| Input::File(PathToken(path.to_owned()));
        assert_eq!(records.digest_of(&input("a"), &now), Some((Digest::of(b"3"), late)));
        assert_eq!(records.digest_of(&input("b"), &now), None);
        assert_eq!(records.digest_of(&input("a"), &FileStamp { size: 4, ..now }), None);
    }

    #[test]
    fn garbage_and_future_versions_are_no_records() {
        let future = r#"{"v":2,"compiled_ns":1,"records":[]}"#;
        for bytes in ["", "{", "[]", "\0\0\0", future] {
            assert_eq!(parse(bytes.as_bytes()), None, "{bytes:?}");
        }
    }
}
