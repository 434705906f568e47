//! Storing what a compilation made, and saying how it went.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::process::ExitStatus;

use kache_key::rustc::messages::Segment;
use kache_key::{EntryKey, Input, InputRecord, RecordedInput, UnitId};
use kache_store::{
    Adopted, IoFailure, Manifest, Outcome, Output, Publisher, TextOutput, UnitRecords, clock,
    entry, record,
};

use super::Compilation;
use super::lookup::Missed;
use super::products::Made;
use crate::housekeeping;
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};

/// A compilation, ready to be stored.
pub(crate) struct Collected {
    pub(crate) inputs: Vec<RecordedInput>,
    pub(crate) outputs: Vec<Made>,
    pub(crate) texts: Vec<TextOutput>,
    pub(crate) stdout: Vec<Segment>,
    pub(crate) stderr: Vec<Segment>,
    /// How the compiler ended: 0, but for probes.
    pub(crate) exit_code: i32,
    /// Under what else the result is to be found.
    pub(crate) expanded: Option<Expanded>,
}

/// A unit that stands for some of the inputs.
pub(crate) struct Expanded {
    pub(crate) unit: UnitId,
    /// The inputs that it stands for.
    pub(crate) shown: BTreeSet<Input>,
}

/// Stores what a compiler that succeeded made, unless `collected` says why not;
/// the build is fine either way.
pub(crate) fn publish(
    compilation: &Compilation<'_>,
    missed: &Missed,
    collected: Result<Collected, String>,
    report: &mut Report,
) -> Served {
    let records = missed.records.clone();
    let stored = collected
        .map_err(Passthrough::because)
        .and_then(|collected| store(compilation, records, collected, report));
    report.lap(Phase::Publish);
    let (outcome, reason) = match stored {
        Ok(Stored::Fresh) => (Outcome::Miss, missed.reason.clone()),
        Ok(Stored::Known) => (Outcome::Dup, missed.reason.clone()),
        Err(Passthrough { reason: why, is_failure }) => {
            report.is_failure = is_failure;
            (Outcome::Miss, format!("{}; not stored: {why}", missed.reason))
        }
    };
    Served { store: compilation.store.clone(), outcome, reason, status: ExitStatus::default() }
}

/// Remembers that the unit was compiled just now, and stores nothing else.
pub(crate) fn note_edit(compilation: &Compilation<'_>, missed: &Missed) {
    let records = UnitRecords { compiled_ns: clock::now_ns(), ..missed.records.clone() };
    // Forgotten, the next edit is stored like a first build.
    drop(record::write(compilation.store.layout(), compilation.id, &records));
}

/// Whether the store already had every byte that was made.
enum Stored {
    Fresh,
    Known,
}

fn store(
    compilation: &Compilation<'_>,
    mut records: UnitRecords,
    collected: Collected,
    report: &mut Report,
) -> Result<Stored, Passthrough> {
    let record = InputRecord::of(collected.inputs.clone());
    let key = record.entry_key(compilation.id);
    report.key = Some(key.to_string());
    records.compiled_ns = clock::now_ns();
    records.remember(record);
    write(compilation, key, collected, &records, report.compile_ms)
}

fn write(
    compilation: &Compilation<'_>,
    key: EntryKey,
    collected: Collected,
    records: &UnitRecords,
    compile_ms: u64,
) -> Result<Stored, Passthrough> {
    let publisher = compilation.store.publisher()?;
    let mut outputs = Vec::new();
    let mut is_known = true;
    for made in &collected.outputs {
        let adopted = publisher
            .adopt(&made.path, made.blob, &made.metadata, made.sharing)
            .inspect_err(|error| housekeeping::after_failure(compilation.config, error))?;
        is_known &= adopted == Adopted::Known;
        outputs.push(Output {
            role: made.role.to_owned(),
            name: made.name.clone(),
            blob: made.blob,
            size: made.metadata.len(),
            mode: made.metadata.mode() & 0o777,
        });
    }
    let manifest = Manifest {
        v: entry::MANIFEST_VERSION,
        unit: compilation.id,
        name: compilation.name.clone(),
        crate_types: compilation.crate_types.clone(),
        lang: compilation.lang.to_owned(),
        outputs,
        texts: collected.texts,
        stdout: collected.stdout,
        stderr: collected.stderr,
        exit_code: collected.exit_code,
        compile_ms,
        incremental: compilation.is_incremental,
        created_ns: clock::now_ns(),
        boot: clock::boot_id().to_owned(),
    };
    publisher
        .finish(key, &manifest, compilation.id, records)
        .inspect_err(|failure| housekeeping::after_failure(compilation.config, failure))?;
    if let Some(expanded) = &collected.expanded {
        // What is lost is a hit after an edit.
        drop(file_expanded(compilation, &publisher, expanded, &collected.inputs, manifest));
    }
    housekeeping::start_if_due(compilation.config);
    Ok(if is_known { Stored::Known } else { Stored::Fresh })
}

/// Files a result under an `expanded` unit too, where it is found by those of
/// `inputs` that the unit does not stand for, and by the roots.
fn file_expanded(
    compilation: &Compilation<'_>,
    publisher: &Publisher<'_>,
    expanded: &Expanded,
    inputs: &[RecordedInput],
    manifest: Manifest,
) -> Result<(), IoFailure> {
    let unit = expanded.unit;
    let counts = |recorded: &&RecordedInput| {
        matches!(recorded.input, Input::Root(_)) || !expanded.shown.contains(&recorded.input)
    };
    let record = InputRecord::of(inputs.iter().filter(counts).cloned().collect());
    let key = record.entry_key(unit);
    let mut records = compilation.store.records(unit)?;
    records.compiled_ns = clock::now_ns();
    records.remember(record);
    publisher.finish(key, &Manifest { unit, ..manifest }, unit, &records)
}

/// Files a result that the store has under another unit so that `inputs` lead to
/// it; returns its key, or `None` if a blob of it has gone.
pub(crate) fn file_again(
    compilation: &Compilation<'_>,
    mut records: UnitRecords,
    inputs: Vec<RecordedInput>,
    manifest: Manifest,
) -> Result<Option<EntryKey>, IoFailure> {
    let record = InputRecord::of(inputs);
    let key = record.entry_key(compilation.id);
    records.remember(record);
    let manifest = Manifest {
        unit: compilation.id,
        created_ns: clock::now_ns(),
        boot: clock::boot_id().to_owned(),
        ..manifest
    };
    let publisher = compilation.store.publisher()?;
    if !publisher.has_blobs(&manifest) {
        return Ok(None);
    }
    publisher.finish(key, &manifest, compilation.id, &records)?;
    Ok(Some(key))
}
