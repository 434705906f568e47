//! Looking for an entry that fits the inputs as they are now.

use std::path::Path;

use kache_key::explain::{self, Summary};
use kache_key::input::entry_key;
use kache_key::{Digest, EntryKey, Input, InputRecord, RecordedInput};
use kache_store::{IoFailure, Manifest, UnitRecords};

use super::current::Current;
use super::{Compilation, Form, Product};
use crate::report::{Phase, Report};

/// What a look into the store came to.
pub(crate) enum Found {
    /// An entry for exactly these inputs.
    Entry(Box<FoundEntry>),
    /// Nothing that fits.
    Nothing(Missed),
}

/// An entry, and the record that led to it.
pub(crate) struct FoundEntry {
    pub(crate) key: EntryKey,
    pub(crate) manifest: Manifest,
    pub(crate) records: UnitRecords,
    /// The record's inputs with their stamps as of now.
    pub(crate) inputs: Vec<RecordedInput>,
    /// Whether a stamp is worth writing back.
    pub(crate) has_new_stamps: bool,
}

/// Why nothing fits, and what is known about the unit all the same.
#[derive(Default)]
pub(crate) struct Missed {
    pub(crate) reason: String,
    /// The entry that would fit the inputs of the newest record as they are now.
    pub(crate) wanted: Option<EntryKey>,
    pub(crate) records: UnitRecords,
}

/// Looks for an entry of the unit; every record is tried, newest first.
pub(crate) fn look(compilation: &Compilation<'_>, report: &mut Report) -> Found {
    let records = compilation.store.records(compilation.id);
    report.lap(Phase::Record);
    let records = match records {
        Ok(records) if !records.records.is_empty() => records,
        Ok(records) => {
            return Found::Nothing(Missed {
                reason: "first sight of this unit".to_owned(),
                wanted: None,
                records,
            });
        }
        Err(failure) => {
            return Found::Nothing(Missed { reason: failure.to_string(), ..Missed::default() });
        }
    };
    let mut current = Current::new(Path::new(compilation.cwd), &compilation.roots);
    let mut newest = None;
    for record in &records.records {
        match try_record(compilation, record, &mut current, report) {
            Ok(found) => return Found::Entry(Box::new(FoundEntry { records, ..found })),
            Err(unfit) => newest = newest.or(Some(unfit)),
        }
    }
    let Unfit { reason, wanted } = newest.unwrap_or_default();
    Found::Nothing(Missed { reason, wanted, records })
}

/// Why a record leads to no entry, and to which one it would.
#[derive(Default)]
struct Unfit {
    reason: String,
    wanted: Option<EntryKey>,
}

impl From<IoFailure> for Unfit {
    fn from(failure: IoFailure) -> Self {
        Self { reason: failure.to_string(), wanted: None }
    }
}

/// Returns the entry for `record`'s inputs as they are now, or why there is none.
fn try_record(
    compilation: &Compilation<'_>,
    record: &InputRecord,
    current: &mut Current<'_>,
    report: &mut Report,
) -> Result<FoundEntry, Unfit> {
    let mut inputs = Vec::with_capacity(record.inputs.len());
    for recorded in &record.inputs {
        let (digest, stamp) = current.digest(recorded)?;
        inputs.push(RecordedInput { input: recorded.input.clone(), digest, stamp });
    }
    let key = entry_key(compilation.id, inputs.iter().map(|i| (&i.input, i.digest)));
    report.lap(Phase::Inputs);
    let manifest = compilation.store.manifest(key)?;
    report.lap(Phase::Lookup);
    let unfit = |reason| Unfit { reason, wanted: Some(key) };
    let Some(manifest) = manifest else { return Err(unfit(what_changed(record, &inputs))) };
    if let Some(name) = missing_output(compilation, &manifest) {
        return Err(unfit(format!("the entry has no `{name}`")));
    }
    let has_new_stamps = inputs.iter().zip(&record.inputs).any(|(now, then)| {
        now.stamp != then.stamp && now.stamp.is_some_and(|stamp| stamp.is_settled())
    });
    Ok(FoundEntry { key, manifest, records: UnitRecords::default(), inputs, has_new_stamps })
}

fn what_changed(record: &InputRecord, inputs: &[RecordedInput]) -> String {
    let now: Vec<(Input, Digest)> =
        inputs.iter().map(|input| (input.input.clone(), input.digest)).collect();
    let differences = explain::diff_inputs(&record.inputs, &now);
    if differences.is_empty() {
        "the entry is gone".to_owned()
    } else {
        Summary(&differences).to_string()
    }
}

/// Returns an output that this call asks for and `manifest` lacks.
fn missing_output<'a>(compilation: &'a Compilation<'_>, manifest: &Manifest) -> Option<&'a str> {
    let has = |wanted: &&Product| match wanted.form {
        Form::Bytes { .. } => manifest.outputs.iter().any(|o| o.name == wanted.name),
        Form::Text => manifest.texts.iter().any(|t| t.name == wanted.name),
    };
    let mut certain = compilation.products.iter().filter(|product| product.is_certain);
    certain.find(|wanted| !has(wanted)).map(|wanted| wanted.name.as_str())
}
