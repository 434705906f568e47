//! A hit: the outputs are put in place and the compiler's words repeated.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use kache_config::VerifyRestores;
use kache_key::rustc::messages;
use kache_store::{BlobError, Manifest, Trust, Wanted, blob, entry, record, synced};

use super::Compilation;
use super::lookup::FoundEntry;
use super::products::{Form, Product};
use super::{TextKind, tree};
use crate::outer;
use crate::process;
use crate::report::{Phase, Report};
use crate::served::Served;

/// Of sampled verifications, one restore in this many is checked.
const SAMPLE_ONE_IN: i64 = 16;

/// Restores `found`. An error is why it cannot be served; the compiler then runs.
pub(crate) fn restore(
    compilation: &Compilation<'_>,
    found: &FoundEntry,
    report: &mut Report,
) -> Result<Served, String> {
    let manifest = &found.manifest;
    let unknown_root = || "the entry names an unknown root".to_owned();
    let stdout = messages::render(&manifest.stdout, &compilation.roots).ok_or_else(unknown_root)?;
    let stderr = messages::render(&manifest.stderr, &compilation.roots).ok_or_else(unknown_root)?;
    let outputs = Outputs::of(compilation, manifest)?;
    let is_sound = synced::is_sound(compilation.store.layout(), manifest);
    let trust = if is_sound { trust(compilation) } else { Trust::Nothing };
    put_in_place(compilation, found, trust, &outputs, report).inspect_err(|_| {
        // The compiler may fail at the same place, and then leaves nothing behind.
        for product in &compilation.products {
            drop(fs::remove_file(&product.path));
        }
        compilation.tree.iter().for_each(|top| drop(tree::clear(top)));
    })?;
    // Whoever started the compiler has gone if this fails.
    drop(io::stdout().write_all(stdout.as_bytes()));
    drop(io::stderr().write_all(stderr.as_bytes()));
    remember(compilation, found, is_sound);
    outer::has_looked_at(&found.inputs, Path::new(compilation.cwd), &compilation.roots);
    outputs.products.iter().for_each(|product| outer::has_written(&product.path));
    outputs.texts.iter().for_each(|(path, ..)| outer::has_written(path));
    report.key = Some(found.key.to_string());
    report.compile_ms = manifest.compile_ms;
    report.lap(Phase::Restore);
    let status = ExitStatus::from_raw(manifest.exit_code << 8);
    Ok(Served { status, ..Served::hit(compilation.store.clone()) })
}

/// Returns the permissions that a compiler would give an output here, where
/// `umask` takes some away: of the `stored` ones, only whether anybody may
/// execute it counts. The others come from wherever the entry was made.
fn permissions_here(stored: u32, umask: u32) -> u32 {
    let all = if stored & 0o111 == 0 { 0o666 } else { 0o777 };
    all & !umask
}

/// What an entry is to become here.
struct Outputs {
    products: Vec<Product>,
    /// Where each text goes, and what it is there.
    texts: Vec<(PathBuf, TextKind, String)>,
}

impl Outputs {
    fn of(compilation: &Compilation<'_>, manifest: &Manifest) -> Result<Self, String> {
        if let Some(top) = &compilation.tree {
            let products = tree::products(top, manifest);
            return Ok(Self { products, texts: tree::texts(compilation, top, manifest)? });
        }
        let products = compilation.products.clone();
        Ok(Self { products, texts: texts_here(compilation, manifest)? })
    }
}

fn put_in_place(
    compilation: &Compilation<'_>,
    found: &FoundEntry,
    trust: Trust,
    outputs: &Outputs,
    report: &mut Report,
) -> Result<(), String> {
    if let Some(top) = &compilation.tree {
        tree::clear(top).map_err(|error| format!("`{}`: {error}", top.display()))?;
    }
    let umask = process::umask();
    for product in &outputs.products {
        restore_blob(compilation, found, (product, umask), trust, report)?;
    }
    for (path, kind, text) in &outputs.texts {
        tree::put(path, *kind, text, umask)?;
    }
    Ok(())
}

fn restore_blob(
    compilation: &Compilation<'_>,
    found: &FoundEntry,
    (product, umask): (&Product, u32),
    trust: Trust,
    report: &mut Report,
) -> Result<(), String> {
    let Form::Bytes { sharing } = product.form else { return Ok(()) };
    let mut outputs = found.manifest.outputs.iter();
    // Lookup has made sure of those that must be there.
    let stored = outputs.find(|output| output.name == product.name);
    let Some(output) = stored else { return Ok(()) };
    let wanted = Wanted {
        blob: output.blob,
        size_bytes: output.size,
        mode: permissions_here(output.mode, umask),
        target: &product.path,
        sharing,
    };
    match compilation.store.restore(&wanted, trust) {
        Ok(restored) => report.count(restored, output.size),
        Err(error) => {
            if matches!(error, BlobError::Missing { .. } | BlobError::Corrupt { .. }) {
                // The next store heals it; until then nobody need try.
                drop(entry::remove(compilation.store.layout(), found.key));
                distrust(compilation, &found.manifest);
            }
            return Err(error.to_string());
        }
    }
    Ok(())
}

/// Reads all blobs of an entry with a damaged one: the next store takes those
/// that look right as they are. What is damaged goes to quarantine.
fn distrust(compilation: &Compilation<'_>, manifest: &Manifest) {
    for output in &manifest.outputs {
        drop(blob::check(compilation.store.layout(), output.blob, output.size, Trust::Nothing));
    }
}

fn trust(compilation: &Compilation<'_>) -> Trust {
    let is_sampled = || kache_store::clock::now_ns() / 1000 % SAMPLE_ONE_IN == 0;
    match compilation.config.verify_restores {
        VerifyRestores::Always => Trust::Nothing,
        VerifyRestores::Sampled if is_sampled() => Trust::Nothing,
        VerifyRestores::Sampled | VerifyRestores::Off => Trust::Tag,
    }
}

/// Returns the texts that name paths, for this checkout.
fn texts_here(
    compilation: &Compilation<'_>,
    manifest: &Manifest,
) -> Result<Vec<(PathBuf, TextKind, String)>, String> {
    let wanted = compilation.products.iter().filter(|product| product.form == Form::Text);
    let stored = |product: &Product| manifest.texts.iter().find(|text| text.name == product.name);
    // Lookup has made sure of those that must be there.
    let here = |product: &Product| {
        let rendered = (compilation.render_text)(stored(product)?, &compilation.roots);
        Some(rendered.map(|text| (product.path.clone(), TextKind::Plain, text)))
    };
    wanted.filter_map(here).collect()
}

/// Writes down what this hit found out: newer stamps, blobs that were hashed again.
///
/// All of it only saves later work, so failures may pass.
fn remember(compilation: &Compilation<'_>, found: &FoundEntry, is_sound: bool) {
    let layout = compilation.store.layout();
    if !is_sound {
        let mut manifest = found.manifest.clone();
        kache_store::clock::boot_id().clone_into(&mut manifest.boot);
        manifest.created_ns = kache_store::clock::now_ns();
        drop(entry::write(layout, found.key, &manifest));
    }
    if found.has_new_stamps {
        let mut records = found.records.clone();
        records.remember(kache_key::InputRecord::of(found.inputs.clone()));
        drop(record::write(layout, compilation.id, &records));
    }
}
