//! Looking a unit up by what its preprocessor makes of it.
//!
//! Where that is asked for, a result is filed a second time, under a
//! [unit](recipe::expanded_id) that has the expansion for most of its inputs: what
//! only the compiler was seen to read, and not the preprocessor, stays one. Found
//! there, it is filed for the inputs of now, so that the next call finds it
//! without the preprocessor.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::ExitStatus;

use kache_cc::{expansion, preprocess, recipe};
use kache_key::{RecordedInput, UnitId};
use kache_observe::Trace;
use kache_store::{Outcome, TextOutput};

use super::collect::{self, Compiled};
use super::facts::Facts;
use crate::compilation::inputs::{Inputs, Start};
use crate::compilation::lookup::{self, Found, FoundEntry, Missed};
use crate::compilation::publish::{self, Expanded};
use crate::compilation::{Compilation, hit};
use crate::process;
use crate::report::{Phase, Report};
use crate::served::Served;
use crate::watch;

/// How much of the output's name is in the name of kache's own file beside it.
const OWN_NAME_CHARS: usize = 40;

/// What a look by the expansion came to.
pub(crate) enum Looked {
    /// A result, which is in place.
    Found(Served),
    /// None. A result may be filed under the expansion, if that tells enough.
    Nothing(Option<Expanded>),
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
    let args = preprocess(facts.unit, &own_file);
    let own_file = facts.compilation.absolute(&own_file);
    let expanded = expand(facts, start, &args, &own_file).and_then(|(unit, trace)| {
        let compiled = Compiled { start, own_file: Some(&own_file), trace: &trace };
        let (inputs, texts) = collect::collect_expanded(facts, &compiled).ok()?;
        Some((unit, inputs, texts))
    });
    // Nobody looks for it; one that stays is only in the way.
    drop(fs::remove_file(&own_file));
    report.lap(Phase::Lookup);
    let Some((unit, inputs, texts)) = expanded else { return Looked::Nothing(None) };
    let compilation = Compilation { id: unit, ..facts.compilation.clone() };
    if let Found::Entry(found) = lookup::look(&compilation, report)
        && let Some(found) = of_now(*found, &inputs, texts)
        && hit::restore(&compilation, &found, report).is_ok()
    {
        return Looked::Found(file_for_now(facts, missed, found, report));
    }
    let shown = inputs.into_iter().map(|recorded| recorded.input).collect();
    Looked::Nothing(Some(Expanded { unit, shown }))
}

/// Returns the unit that the expansion leads to, and what was seen of the
/// preprocessor; `None` if it hides something, or if it has something to say.
fn expand(
    facts: &Facts<'_>,
    start: Start,
    args: &[String],
    own_file: &Path,
) -> Option<(UnitId, Trace)> {
    // Where it cannot be made, the preprocessor must not be asked to.
    drop(File::create(own_file).ok()?);
    let args: Vec<String> = facts.prefix_maps.iter().chain(args).cloned().collect();
    let mut command = process::command(&facts.call.compiler.program, &args);
    let watch = watch::attach(&mut command, &facts.compilation.store, &[]);
    let ran = process::ask_by(command).ok()?;
    let trace = watch::seen(watch, ran.pid).ok()?;
    if !ran.status.success() || !ran.stderr.is_empty() {
        return None;
    }
    let compilation = &facts.compilation;
    let inputs = Inputs::new(compilation, start).ok()?;
    let mut read =
        |path: &str| inputs.read_unchanged(&compilation.absolute(path)).map(|(bytes, _)| bytes);
    let expansion = expansion::digest(&ran.stdout, &compilation.roots, &mut read).ok()?;
    Some((recipe::expanded_id(compilation.id, expansion), trace))
}

/// Returns `found` with the `inputs` of now, those that bind it among them, and
/// with the dependency file of now; `None` if the compiler had something to say.
fn of_now(
    mut found: FoundEntry,
    inputs: &[RecordedInput],
    texts: Vec<TextOutput>,
) -> Option<FoundEntry> {
    if !found.manifest.stdout.is_empty() || !found.manifest.stderr.is_empty() {
        return None;
    }
    found.inputs.extend_from_slice(inputs);
    found.manifest.texts = texts;
    found.has_new_stamps = false;
    Some(found)
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

/// Returns the file that only kache reads, beside the output: wherever else it
/// were, a full disk there would make the compiler fail where it would not
/// without kache.
fn own_file(facts: &Facts<'_>) -> String {
    let output = Path::new(&facts.unit.output);
    let name = output.file_name().unwrap_or(OsStr::new("out")).to_string_lossy();
    // A name may be as long as the file system lets it be.
    let name: String = name.chars().take(OWN_NAME_CHARS).collect();
    let name = format!(".{name}.{}.kache", std::process::id());
    output.with_file_name(name).to_string_lossy().into_owned()
}
