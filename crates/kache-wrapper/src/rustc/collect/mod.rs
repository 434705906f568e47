//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

mod archives;
mod links;
mod macros;
mod outputs;
mod sources;

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use kache_key::input::{FileStamp, absent_digest, root_digest};
use kache_key::rustc::messages::{self, Segment};
use kache_key::{BlobId, Digest, Input, RecordedInput, RootKind, evidence};
use kache_store::{blob, clock, identity};

pub(crate) use outputs::{METADATA_ROLE, RLIB_ROLE};

use super::facts::Facts;
use crate::process::Ran;

/// How things were just before the compiler started.
pub(crate) struct Before {
    /// The time, which no change up to now can be later than.
    wall_clock_ns: i64,
    /// The clock that file times come from, which no change from now on can be
    /// earlier than. It ticks every few milliseconds.
    file_clock_ns: i64,
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
            let path = facts.absolute(path);
            let stamp = fs::metadata(&path).ok().map(|metadata| identity::stamp_of(&metadata));
            (path, stamp)
        });
        let externs = externs.collect();
        let file_clock_ns = clock::file_clock_ns();
        Self { file_clock_ns, wall_clock_ns: clock::now_ns(), externs, dependency_file }
    }

    /// Removes what only this compilation needed.
    pub(crate) fn clean_up(&self) {
        if let Some(path) = &self.dependency_file {
            // A leftover goes before the unit is compiled again.
            drop(fs::remove_file(path));
        }
    }
}

/// One file that the compiler made.
pub(crate) struct Made {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) blob: BlobId,
    pub(crate) metadata: Metadata,
}

/// A compilation, ready to be stored.
pub(crate) struct Collected {
    pub(crate) inputs: Vec<RecordedInput>,
    pub(crate) outputs: Vec<Made>,
    pub(crate) dep_info_name: String,
    pub(crate) dep_info: String,
    pub(crate) stdout: Vec<Segment>,
    pub(crate) stderr: Vec<Segment>,
}

/// Gathers inputs and outputs; an error is why the result must not be stored.
pub(crate) fn collect(facts: &Facts<'_>, before: &Before, ran: &Ran) -> Result<Collected, String> {
    if clock::now_ns() < before.wall_clock_ns {
        return Err("the clock was set back while the compiler ran".to_owned());
    }
    let stdout = text(&ran.stdout)?;
    let stderr = text(&ran.stderr)?;
    messages::storable(stderr).map_err(|why| why.to_string())?;
    outputs::check_announced(facts, stderr)?;
    let mut collector = Collector { facts, before, inputs: Vec::new(), bound: BTreeSet::new() };
    let (dep_info_name, dep_info) = collector.dep_info()?;
    let outputs = collector.outputs()?;
    collector.sources(&dep_info)?;
    collector.variables(&dep_info)?;
    collector.externs()?;
    collector.declared_files()?;
    collector.link_inputs()?;
    collector.reachable_macros()?;
    collector.remember_macro(&outputs);
    let messages = [stdout, stderr].map(|text| messages::tokenise(text, &facts.roots));
    collector.bind_roots(&messages);
    let [stdout, stderr] = messages;
    let dep_info = dep_info.map_paths(|path| facts.roots.tokenise(path).0).to_string();
    Ok(Collected { inputs: collector.inputs, outputs, dep_info_name, dep_info, stdout, stderr })
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "the compiler's output is not UTF-8".to_owned())
}

/// Inputs under collection.
struct Collector<'a> {
    facts: &'a Facts<'a>,
    before: &'a Before,
    inputs: Vec<RecordedInput>,
    /// Roots that an output names.
    bound: BTreeSet<RootKind>,
}

impl Collector<'_> {
    fn add(&mut self, input: Input, digest: Digest, stamp: Option<FileStamp>) {
        self.inputs.push(RecordedInput { input, digest, stamp });
    }

    /// Notes that nothing is at `path`, where something would have been used.
    fn absent(&mut self, path: &Path) {
        let token = self.facts.roots.tokenise(&path.to_string_lossy());
        self.add(Input::Absent(token), absent_digest(false), None);
    }

    /// Reads a file that must not have changed since before the compiler started.
    ///
    /// File times lag by up to one tick of the kernel's clock, so a change in the
    /// tick in which the compiler was started looks like one before it. The
    /// compiler needs longer than that to load itself, and then reads the
    /// changed file too.
    fn read_unchanged(&self, path: &Path) -> Result<(Vec<u8>, FileStamp), String> {
        let stamp = self.stamp_unchanged(path)?;
        let bytes = fs::read(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let after = self.stamp_unchanged(path)?;
        if (stamp.ino, stamp.size, stamp.ctime_ns) != (after.ino, after.size, after.ctime_ns) {
            return Err(changed(path));
        }
        Ok((bytes, stamp))
    }

    fn stamp_unchanged(&self, path: &Path) -> Result<FileStamp, String> {
        let metadata = fs::metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let stamp = identity::stamp_of(&metadata);
        if latest_change_ns(&stamp) > self.before.wall_clock_ns {
            return Err(changed(path));
        }
        Ok(stamp)
    }

    /// Binds the entry to the roots that an output names, or may name unseen.
    fn bind_roots(&mut self, messages: &[Vec<Segment>]) {
        let facts = self.facts;
        for segment in messages.iter().flatten() {
            if let Segment::Text(text) = segment {
                self.bound.extend(evidence::roots_named_in(text.as_bytes(), &facts.roots));
            }
        }
        let is_opaque = facts.unit.compresses_debug || facts.unit.bitcode_only;
        if is_opaque || !facts.remaps.normalises {
            self.bound.extend([RootKind::Workspace, RootKind::Target, RootKind::CargoHome]);
        }
        for kind in std::mem::take(&mut self.bound) {
            let digest = root_digest(facts.roots.path(kind));
            self.add(Input::Root(kind), digest, None);
        }
    }
}

/// Returns the digest of an artifact: from its tag, else from its bytes.
fn artifact_digest(path: &Path, metadata: &Metadata) -> Result<Digest, String> {
    match identity::tagged_digest(path, metadata) {
        Some(digest) => Ok(digest),
        None => blob::digest_file(path).map(|(digest, _)| digest).map_err(|f| f.to_string()),
    }
}

/// Returns the latest moment at which a file with this stamp can have been changed.
///
/// Some file systems keep only every second second, and round down.
fn latest_change_ns(stamp: &FileStamp) -> i64 {
    const SECOND_NS: i64 = 1_000_000_000;
    let is_coarse = stamp.ctime_ns % SECOND_NS == 0;
    stamp.ctime_ns.saturating_add(if is_coarse { 2 * SECOND_NS } else { 0 })
}

fn changed(path: &Path) -> String {
    format!("`{}` changed while the compiler ran", path.display())
}
