//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

mod archives;
mod crates;
mod declared;
mod links;
mod macros;
mod macros_seen;
mod outputs;
mod shadows;
mod sources;
mod survey;

use std::fs;
use std::path::PathBuf;

use kache_key::RootKind;
use kache_key::input::FileStamp;
use kache_key::rustc::messages;
use kache_observe::Trace;
use kache_store::{TextOutput, UnitRecords, identity};

use self::shadows::{Absences, LinkDirs};
use super::facts::Facts;
use crate::compilation::inputs::{Inputs, Start};
use crate::compilation::publish::Collected;
use crate::process::Ran;
use crate::watch::Unseen;

/// How things were just before the compiler started.
pub(crate) struct Before {
    start: Start,
    /// Each extern's file and its stamp.
    externs: Vec<(PathBuf, Option<FileStamp>)>,
    /// Where the linker will say what it read.
    dependency_file: Option<PathBuf>,
}

impl Before {
    /// Takes the clocks, after looking at the files named on the command line.
    pub(crate) fn look(facts: &Facts<'_>, dependency_file: Option<PathBuf>) -> Self {
        let paths = facts.unit.externs.iter().filter_map(|e| e.path.as_ref());
        let externs = paths.map(|path| {
            let path = facts.compilation.absolute(path);
            let stamp = fs::metadata(&path).ok().map(|metadata| identity::stamp_of(&metadata));
            (path, stamp)
        });
        let externs = externs.collect();
        Self { start: Start::now(), externs, dependency_file }
    }

    /// Removes what only this compilation needed.
    pub(crate) fn clean_up(&self) {
        if let Some(path) = &self.dependency_file {
            // A leftover goes before the unit is compiled again.
            drop(fs::remove_file(path));
        }
    }
}

/// Gathers inputs and outputs; an error is why the result must not be stored.
///
/// `seen` is the trace of the compiler if it may have run macros, or why there is
/// none. What the `earlier` records of the unit say of a file is used again.
pub(crate) fn collect(
    facts: &Facts<'_>,
    before: &Before,
    ran: &Ran,
    seen: Option<Result<Trace, Unseen>>,
    earlier: &UnitRecords,
) -> Result<Collected, String> {
    let inputs = Inputs::new(&facts.compilation, before.start)?;
    let stdout = text(&ran.stdout)?;
    let stderr = text(&ran.stderr)?;
    messages::storable(stderr).map_err(|why| why.to_string())?;
    outputs::check_announced(facts, stderr)?;
    let link_dirs = LinkDirs::of(facts)?;
    let absences = Absences::default();
    let mut collector = Collector { facts, before, inputs, link_dirs, absences };
    let (product, dep_info) = collector.dep_info()?;
    let outputs = collector.outputs()?;
    collector.no_crates_to_be_found()?;
    let survey = collector.sources(&dep_info)?;
    collector.variables(&dep_info, &survey)?;
    collector.externs()?;
    if let Some(seen) = seen {
        collector.read_by_macros(seen, earlier)?;
    }
    collector.declared_files(earlier)?;
    collector.link_inputs()?;
    collector.absences();
    collector.reachable_macros()?;
    collector.remember_macro(&outputs);
    let roots = &facts.compilation.roots;
    let [stdout, stderr] = [stdout, stderr].map(|text| messages::tokenise(text, roots));
    collector.inputs.bind_messages(&stdout);
    collector.inputs.bind_messages(&stderr);
    collector.bind_unseen();
    let text = dep_info.map_paths(|path| roots.tokenise(path).0).to_string();
    let dep_info = TextOutput { role: product.role.to_owned(), name: product.name.clone(), text };
    Ok(Collected {
        inputs: collector.inputs.finish(),
        outputs,
        texts: vec![dep_info],
        stdout,
        stderr,
        exit_code: 0,
        expanded: None,
    })
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "the compiler's output is not UTF-8".to_owned())
}

/// A compilation by rustc under collection.
struct Collector<'a> {
    facts: &'a Facts<'a>,
    before: &'a Before,
    inputs: Inputs<'a>,
    link_dirs: LinkDirs,
    absences: Absences,
}

impl Collector<'_> {
    /// Binds the entry to all roots where outputs may name them and no search shows it.
    fn bind_unseen(&mut self) {
        let unit = &self.facts.unit;
        if unit.compresses_debug || unit.bitcode_only || !self.facts.remaps.normalises {
            self.inputs.bind([RootKind::Workspace, RootKind::Target, RootKind::CargoHome]);
        }
    }
}
