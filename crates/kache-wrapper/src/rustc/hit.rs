//! A hit: the outputs are put in place and the compiler's words repeated.

use std::io::{self, Write as _};
use std::process::ExitStatus;

use kache_config::VerifyRestores;
use kache_key::PathToken;
use kache_key::rustc::dep_info::DepInfo;
use kache_key::rustc::messages;
use kache_store::{
    BlobError, Manifest, Outcome, Trust, Wanted, blob, entry, record, restore, synced,
};

use super::Served;
use super::collect::{METADATA_ROLE, RLIB_ROLE};
use super::facts::Facts;
use super::lookup::FoundEntry;
use super::surroundings::variable;
use crate::report::{Phase, Report};

/// Of sampled verifications, one restore in this many is checked.
const SAMPLE_ONE_IN: i64 = 16;

/// Restores `found`. An error is why it cannot be served; the compiler then runs.
pub(crate) fn restore(
    facts: &Facts<'_>,
    found: &FoundEntry,
    report: &mut Report,
) -> Result<Served, String> {
    let manifest = &found.manifest;
    let unknown_root = || "the entry names an unknown root".to_owned();
    let stdout = messages::render(&manifest.stdout, &facts.roots).ok_or_else(unknown_root)?;
    let stderr = messages::render(&manifest.stderr, &facts.roots).ok_or_else(unknown_root)?;
    let texts = texts_here(facts, manifest)?;
    let is_sound = synced::is_sound(facts.store.layout(), manifest);
    let trust = if is_sound { trust(facts) } else { Trust::Nothing };
    restore_blobs(facts, found, trust, report)?;
    for (name, text) in &texts {
        restore::restore_text(&facts.out_dir.join(name), text).map_err(|f| f.to_string())?;
    }
    // Cargo has gone if this fails, and takes no notice of the exit code either.
    drop(io::stdout().write_all(stdout.as_bytes()));
    drop(io::stderr().write_all(stderr.as_bytes()));
    remember(facts, found, is_sound);
    report.key = Some(found.key.to_string());
    report.compile_ms = manifest.compile_ms;
    report.lap(Phase::Restore);
    Ok((facts.store.clone(), Outcome::Hit, String::new(), ExitStatus::default()))
}

fn restore_blobs(
    facts: &Facts<'_>,
    found: &FoundEntry,
    trust: Trust,
    report: &mut Report,
) -> Result<(), String> {
    let outputs = &found.manifest.outputs;
    // Cargo goes by the newest output of a unit. Where crate metadata is restored
    // with a time of now, the library beside it may be of any age.
    let has_metadata = outputs.iter().any(|output| output.role == METADATA_ROLE);
    for output in outputs {
        let wanted = Wanted {
            blob: output.blob,
            size_bytes: output.size,
            mode: output.mode,
            target: &facts.out_dir.join(&output.name),
            is_ageless: output.role == RLIB_ROLE && has_metadata,
        };
        match facts.store.restore(&wanted, trust) {
            Ok(restored) => report.count(restored, output.size),
            Err(error) => {
                if matches!(error, BlobError::Missing { .. } | BlobError::Corrupt { .. }) {
                    // The next store heals it; until then nobody need try.
                    drop(entry::remove(facts.store.layout(), found.key));
                    distrust(facts, &found.manifest);
                }
                return Err(error.to_string());
            }
        }
    }
    Ok(())
}

/// Reads all blobs of an entry with a damaged one: the next store takes those
/// that look right as they are. What is damaged goes to quarantine.
fn distrust(facts: &Facts<'_>, manifest: &Manifest) {
    for output in &manifest.outputs {
        drop(blob::check(facts.store.layout(), output.blob, output.size, Trust::Nothing));
    }
}

fn trust(facts: &Facts<'_>) -> Trust {
    let is_sampled = || kache_store::clock::now_ns() / 1000 % SAMPLE_ONE_IN == 0;
    match facts.config.verify_restores {
        VerifyRestores::Always => Trust::Nothing,
        VerifyRestores::Sampled if is_sampled() => Trust::Nothing,
        VerifyRestores::Sampled | VerifyRestores::Off => Trust::Tag,
    }
}

/// Returns the names and texts of the files that name paths, for this checkout.
fn texts_here(facts: &Facts<'_>, manifest: &Manifest) -> Result<Vec<(String, String)>, String> {
    let here = |stored: &kache_store::TextOutput| {
        let dep_info = DepInfo::parse(&stored.text).map_err(|error| error.to_string())?;
        let mut is_known = true;
        let dep_info = dep_info.map_paths(|path| {
            let resolved = facts.roots.resolve(&PathToken(path.to_owned()));
            is_known &= resolved.is_some();
            resolved.unwrap_or_default()
        });
        if !is_known {
            return Err(format!("`{}` names an unknown root", stored.name));
        }
        let dep_info = dep_info.map_env(|name, _| variable(name));
        Ok((stored.name.clone(), dep_info.to_string()))
    };
    manifest.texts.iter().map(here).collect()
}

/// Writes down what this hit found out: newer stamps, blobs that were hashed again.
///
/// All of it only saves later work, so failures may pass.
fn remember(facts: &Facts<'_>, found: &FoundEntry, is_sound: bool) {
    let layout = facts.store.layout();
    if !is_sound {
        let mut manifest = found.manifest.clone();
        kache_store::clock::boot_id().clone_into(&mut manifest.boot);
        manifest.created_ns = kache_store::clock::now_ns();
        drop(entry::write(layout, found.key, &manifest));
    }
    if found.has_new_stamps {
        let mut records = found.records.clone();
        records.remember(kache_key::InputRecord::of(found.inputs.clone()));
        drop(record::write(layout, facts.unit_id, &records));
    }
}
