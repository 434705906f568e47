//! Looking a unit up by what its preprocessor makes of it.
//!
//! Where that is asked for, a result is filed a second time, under a
//! [unit](recipe::expanded_id) that has the expansion for its inputs. Found
//! there, it is filed for the inputs of now, so that the next call finds it
//! without the preprocessor.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;

use kache_cc::{Instrumented, expansion, preprocess, recipe};
use kache_key::UnitId;
use kache_store::Outcome;

use super::collect;
use super::facts::{Facts, own_file};
use super::miss::reserve;
use crate::compilation::inputs::{Inputs, Start};
use crate::compilation::lookup::{self, Found, FoundEntry, Missed};
use crate::compilation::{Compilation, hit, publish};
use crate::process;
use crate::report::{Phase, Report};
use crate::served::Served;

/// What a look by the expansion came to.
pub(crate) enum Looked {
    /// A result, which is in place.
    Found(Served),
    /// None. A result may be filed under the unit, if there is one.
    Nothing(Option<UnitId>),
}

/// Looks a unit up by its expansion, if the user asked for that and the expansion
/// tells all. Runs the preprocessor.
pub(crate) fn look(
    facts: &Facts<'_>,
    start: Start,
    missed: &Missed,
    report: &mut Report,
) -> Looked {
    let is_wanted = facts.compilation.config.cc.preprocess_fallback;
    if !is_wanted || expansion::hidden_by(facts.unit).is_some() {
        return Looked::Nothing(None);
    }
    let own_file = own_file(facts);
    let run = preprocess(facts.unit, &own_file);
    let own_file = facts.compilation.absolute(&own_file);
    let unit = expand(facts, start, &run, &own_file);
    report.lap(Phase::Lookup);
    let found = unit.and_then(|unit| {
        let compilation = Compilation { id: unit, ..facts.compilation.clone() };
        match lookup::look(&compilation, report) {
            Found::Entry(found) => Some((compilation, found)),
            Found::Nothing(_) => None,
        }
    });
    let served = found.and_then(|(compilation, found)| {
        let found = of_now(facts, start, &run, &own_file, *found).ok()?;
        hit::restore(&compilation, &found, report).ok()?;
        Some(found)
    });
    // Nobody looks for it; one that stays is only in the way.
    drop(fs::remove_file(&own_file));
    match served {
        Some(found) => Looked::Found(file_for_now(facts, missed, found, report)),
        None => Looked::Nothing(unit),
    }
}

/// Returns the unit that the expansion leads to; `None` if it hides something, or
/// if the preprocessor has something to say.
fn expand(facts: &Facts<'_>, start: Start, run: &Instrumented, own_file: &Path) -> Option<UnitId> {
    reserve(own_file).ok()?;
    let args: Vec<&String> = facts.prefix_maps.iter().chain(&run.args).collect();
    let ran = process::ask(&facts.call.compiler.program, &args).ok()?;
    if !ran.status.success() || !ran.stderr.is_empty() {
        return None;
    }
    let compilation = &facts.compilation;
    let inputs = Inputs::new(compilation, start).ok()?;
    let mut read =
        |path: &str| inputs.read_unchanged(&compilation.absolute(path)).map(|(bytes, _)| bytes);
    let expansion = expansion::digest(&ran.stdout, &compilation.roots, &mut read).ok()?;
    Some(recipe::expanded_id(compilation.id, expansion))
}

/// Returns `found` with the inputs of now, those that bind it among them, and
/// with the dependency file of now.
fn of_now(
    facts: &Facts<'_>,
    start: Start,
    run: &Instrumented,
    own_file: &Path,
    mut found: FoundEntry,
) -> Result<FoundEntry, String> {
    if !found.manifest.stdout.is_empty() || !found.manifest.stderr.is_empty() {
        return Err("the compiler said something".to_owned());
    }
    let (inputs, texts) = collect::collect_expanded(facts, start, &run.headers_from, own_file)?;
    found.inputs.extend(inputs);
    found.manifest.texts = texts;
    found.has_new_stamps = false;
    Ok(found)
}

/// Files what was `found` for the inputs of now.
fn file_for_now(
    facts: &Facts<'_>,
    missed: &Missed,
    found: FoundEntry,
    report: &mut Report,
) -> Served {
    let compilation = &facts.compilation;
    let FoundEntry { inputs, manifest, .. } = found;
    // What is lost is that the next call is one without the preprocessor.
    let filed = publish::file_again(compilation, missed.records.clone(), inputs, manifest);
    report.key = filed.ok().flatten().map(|key| key.to_string()).or(report.key.take());
    report.lap(Phase::Restore);
    Served {
        store: compilation.store.clone(),
        outcome: Outcome::Hit,
        reason: format!("{}; found by its expansion", missed.reason),
        status: ExitStatus::default(),
    }
}
