//! A miss: the compiler runs, and what it made and read is stored.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Instant;

use kache_config::Incremental;
use kache_key::InputRecord;
use kache_key::rustc::messages;
use kache_store::{
    Adopted, Manifest, Outcome, Output, TextOutput, UnitRecords, clock, entry, record,
};

use super::collect::{self, Before, Collected};
use super::facts::Facts;
use super::lookup::Missed;
use super::{Passthrough, Served};
use crate::housekeeping;
use crate::process::{self, Ran};
use crate::report::{Phase, Report};

/// A unit that compiles incrementally, and did so within this time, is
/// being edited: storing every keystroke would slow the edit down, and nobody
/// asks for those results again.
const EDITED_WITHIN_NS: i64 = 600 * 1_000_000_000;

/// Runs the compiler, stores the result if it can be, and passes the exit code on.
///
/// The result of [an edit](is_edit) is not stored.
pub(crate) fn compile(
    facts: &Facts<'_>,
    missed: &Missed,
    is_edit: bool,
    report: &mut Report,
) -> Result<Served, Passthrough> {
    let dependency_file = facts.unit.links().then(|| dependency_file(facts));
    let args = compiler_args(facts, dependency_file.as_ref());
    unshare_outputs(facts);
    let before = Before::look(facts, dependency_file);
    let started = Instant::now();
    let undo = facts.remaps.undo();
    let ran = process::run_streaming(&facts.call.compiler.program, &args, &|line| {
        messages::unmap_line(line, &undo)
    })?;
    report.compile_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.lap(Phase::Compile);
    let served = |outcome, reason: String, status| (facts.store.clone(), outcome, reason, status);
    if !ran.status.success() {
        before.clean_up();
        return Ok(served(Outcome::Error, missed.reason.clone(), ran.status));
    }
    let mut records = missed.records.clone();
    records.compiled_ns = clock::now_ns();
    let stored = if is_edit {
        drop(record::write(facts.store.layout(), facts.unit_id, &records));
        Err(Passthrough::because("the crate is being edited"))
    } else {
        store(facts, records, &before, &ran, report)
    };
    before.clean_up();
    report.lap(Phase::Publish);
    let (outcome, reason) = match stored {
        Ok(Stored::Fresh) => (Outcome::Miss, missed.reason.clone()),
        Ok(Stored::Known) => (Outcome::Dup, missed.reason.clone()),
        Err(Passthrough { reason: why, is_failure }) => {
            report.is_failure = is_failure;
            (Outcome::Miss, format!("{}; not stored: {why}", missed.reason))
        }
    };
    Ok(served(outcome, reason, ExitStatus::default()))
}

/// Whether the store already had every byte that was made.
enum Stored {
    Fresh,
    Known,
}

/// Stores what the compiler made. An error is why not; the build is fine either way.
fn store(
    facts: &Facts<'_>,
    mut records: UnitRecords,
    before: &Before,
    ran: &Ran,
    report: &mut Report,
) -> Result<Stored, Passthrough> {
    let collected = collect::collect(facts, before, ran).map_err(Passthrough::because)?;
    let record = InputRecord::of(collected.inputs.clone());
    let key = record.entry_key(facts.unit_id);
    report.key = Some(key.to_string());
    records.remember(record);
    publish(facts, key, collected, &records, report.compile_ms)
}

fn publish(
    facts: &Facts<'_>,
    key: kache_key::EntryKey,
    collected: Collected,
    records: &UnitRecords,
    compile_ms: u64,
) -> Result<Stored, Passthrough> {
    let publisher = facts.store.publisher()?;
    let mut outputs = Vec::new();
    let mut is_known = true;
    for made in &collected.outputs {
        let adopted = publisher
            .adopt(&made.path, made.blob, &made.metadata)
            .inspect_err(|error| housekeeping::after_failure(facts.config, error))?;
        is_known &= adopted == Adopted::Known;
        outputs.push(Output {
            role: made.role.clone(),
            name: made.name.clone(),
            blob: made.blob,
            size: made.metadata.len(),
            mode: made.metadata.mode() & 0o777,
        });
    }
    let manifest = Manifest {
        v: entry::MANIFEST_VERSION,
        unit: facts.unit_id,
        name: facts.unit.crate_name.clone(),
        crate_types: super::crate_types(&facts.unit),
        lang: "rust".to_owned(),
        outputs,
        texts: vec![TextOutput {
            role: "dep-info".to_owned(),
            name: collected.dep_info_name,
            text: collected.dep_info,
        }],
        stdout: collected.stdout,
        stderr: collected.stderr,
        compile_ms,
        incremental: facts.unit.incremental.is_some(),
        created_ns: clock::now_ns(),
        boot: clock::boot_id().to_owned(),
    };
    publisher
        .finish(key, &manifest, facts.unit_id, records)
        .inspect_err(|failure| housekeeping::after_failure(facts.config, failure))?;
    housekeeping::start_if_due(facts.config);
    Ok(if is_known { Stored::Known } else { Stored::Fresh })
}

/// Returns whether this compilation is one step of an edit loop: there is
/// incremental state to build on, and the unit was compiled a moment ago.
pub(crate) fn is_edit(facts: &Facts<'_>, missed: &Missed) -> bool {
    let policy = facts.config.crate_settings(&facts.unit.crate_name).incremental;
    let is_recent = clock::now_ns().saturating_sub(missed.records.compiled_ns) < EDITED_WITHIN_NS;
    policy == Incremental::Auto
        && is_recent
        && facts
            .unit
            .incremental
            .as_ref()
            .is_some_and(|dir| has_state(&facts.absolute(dir), &facts.unit.crate_name))
}

/// Returns whether rustc left incremental state of `crate_name` in `dir`: a
/// directory named after the crate and a hash.
fn has_state(dir: &Path, crate_name: &str) -> bool {
    let prefix = format!("{crate_name}-");
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
}

/// Returns the file in which the linker will say what it read.
///
/// It lies beside the output: wherever else it were, a full disk there would
/// make the linker fail where it would not without kache. One that a killed
/// build left behind has the same name and goes.
fn dependency_file(facts: &Facts<'_>) -> PathBuf {
    let unit = &facts.unit;
    let name = format!(".{}{}.linked", unit.crate_name, unit.extra_filename);
    let path = facts.out_dir.join(name);
    drop(fs::remove_file(&path));
    path
}

/// Returns the arguments to run: cargo's own, after those that hide this
/// checkout's place and ask the linker what it read.
fn compiler_args(facts: &Facts<'_>, dependency_file: Option<&PathBuf>) -> Vec<String> {
    let mut args: Vec<String> = facts.call.compiler.stands_for.iter().cloned().collect();
    args.extend(facts.remaps.args());
    if let Some(path) = dependency_file {
        for arg in ["-Xlinker".to_owned(), format!("--dependency-file={}", path.display())] {
            args.extend(["-C".to_owned(), format!("link-arg={arg}")]);
        }
    }
    if facts.unit.incremental.is_some() {
        args.extend(facts.call.args.iter().cloned());
    } else {
        args.extend(without_incremental(&facts.call.args));
    }
    args
}

/// Returns `args` without `-C incremental=...`, however it is spelt.
fn without_incremental(args: &[String]) -> Vec<String> {
    let is_value = |arg: &str| arg.starts_with("incremental=");
    let mut kept: Vec<String> = Vec::with_capacity(args.len());
    for arg in args {
        let after_flag = kept.last().is_some_and(|flag| flag == "-C" || flag == "--codegen");
        if is_value(arg) && after_flag {
            kept.pop();
        } else if !arg.strip_prefix("-C").is_some_and(is_value)
            && !arg.strip_prefix("--codegen=").is_some_and(is_value)
        {
            kept.push(arg.clone());
        }
    }
    kept
}

/// Unlinks earlier outputs that share their inode with a blob, so that the
/// compiler never opens one for writing.
fn unshare_outputs(facts: &Facts<'_>) {
    for output in &facts.outputs {
        let path = facts.out_dir.join(&output.file_name);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.nlink() > 1) {
            // The compiler will say what is wrong with a directory it cannot write.
            drop(fs::remove_file(&path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[&str], kept: &[&str]) {
        let given: Vec<String> = given.iter().map(|arg| (*arg).to_owned()).collect();
        assert_eq!(without_incremental(&given), kept);
    }

    #[test]
    fn incremental_is_taken_out_in_every_spelling() {
        check(&["-C", "incremental=/x", "-g"], &["-g"]);
        check(&["-Cincremental=/x", "-g"], &["-g"]);
        check(&["--codegen", "incremental=/x"], &[]);
        check(&["--codegen=incremental=/x"], &[]);
        check(&["-C", "debuginfo=2", "incremental=/x"], &["-C", "debuginfo=2", "incremental=/x"]);
    }
}
