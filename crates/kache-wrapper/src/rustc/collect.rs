//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use kache_key::input::{FileStamp, env_digest, root_digest};
use kache_key::rustc::dep_info::DepInfo;
use kache_key::rustc::messages::{self, Segment};
use kache_key::rustc::out_dir::{OutDirUse, only_locates_includes};
use kache_key::rustc::outputs::{ArtifactRole, ExpectedOutput};
use kache_key::{BlobId, Digest, Input, RecordedInput, RootKind, archive, depfile, evidence};
use kache_store::{blob, clock, identity};

use super::current::env_path_digest;
use super::facts::Facts;
use crate::process::Ran;

/// Variables that cargo sets for each package and that a proc macro may read
/// while it expands, without rustc noticing.
const PACKAGE_VARIABLES: &[&str] = &[
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "OUT_DIR",
];

/// How things were just before the compiler started.
pub(crate) struct Before {
    /// The clock that file times come from.
    file_clock_ns: i64,
    wall_clock_ns: i64,
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
            let path = Path::new(&facts.call.cwd).join(path);
            let stamp = fs::metadata(&path).ok().map(|metadata| identity::stamp_of(&metadata));
            (path, stamp)
        });
        let externs = externs.collect();
        let file_clock_ns = clock::file_clock_ns();
        Self { file_clock_ns, wall_clock_ns: clock::now_ns(), externs, dependency_file }
    }

    /// Removes what the compilation left in the store's staging directory.
    pub(crate) fn clean_up(&self) {
        if let Some(path) = &self.dependency_file {
            // A leftover is swept by housekeeping.
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
    check_announced(facts, stderr)?;
    let mut collector = Collector { facts, before, inputs: Vec::new(), bound: BTreeSet::new() };
    let (dep_info_name, dep_info) = collector.dep_info()?;
    let outputs = collector.outputs()?;
    collector.sources_and_variables(&dep_info)?;
    collector.externs()?;
    collector.link_inputs()?;
    let messages = [stdout, stderr].map(|text| messages::tokenise(text, &facts.roots));
    collector.bind_roots(&messages);
    let [stdout, stderr] = messages;
    let dep_info = dep_info.map_paths(|path| facts.roots.tokenise(path).0).to_string();
    Ok(Collected { inputs: collector.inputs, outputs, dep_info_name, dep_info, stdout, stderr })
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "the compiler's output is not UTF-8".to_owned())
}

/// Makes sure that every file the compiler says it wrote is one that is stored.
fn check_announced(facts: &Facts<'_>, stderr: &str) -> Result<(), String> {
    for (path, kind) in messages::artifacts(stderr) {
        let name = Path::new(&path).file_name().and_then(|name| name.to_str());
        if !facts.outputs.iter().any(|output| Some(output.file_name.as_str()) == name) {
            return Err(format!("unexpected output `{path}` ({kind})"));
        }
    }
    Ok(())
}

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

    /// Reads the list of sources that the compiler wrote.
    fn dep_info(&self) -> Result<(String, DepInfo), String> {
        let name = self
            .facts
            .outputs
            .iter()
            .find(|output| output.role == ArtifactRole::DepInfo)
            .map(|output| output.file_name.clone())
            .ok_or("no dep-info was asked for")?;
        let path = self.facts.out_dir.join(&name);
        self.check_written(&path)?;
        let text = fs::read_to_string(&path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let dep_info = DepInfo::parse(&text).map_err(|e| format!("`{}`: {e}", path.display()))?;
        Ok((name, dep_info))
    }

    /// Hashes every output and searches it for the places it should not name.
    fn outputs(&mut self) -> Result<Vec<Made>, String> {
        let facts = self.facts;
        let wanted = facts.outputs.iter().filter(|o| o.role != ArtifactRole::DepInfo);
        wanted.map(|output| self.output(output)).collect()
    }

    fn output(&mut self, output: &ExpectedOutput) -> Result<Made, String> {
        let path = self.facts.out_dir.join(&output.file_name);
        let metadata = self.check_written(&path)?;
        let bytes = fs::read(&path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let may_be_empty =
            output.role == ArtifactRole::Metadata && !self.facts.unit.is_lib_like();
        if bytes.is_empty() && !may_be_empty {
            return Err(format!("`{}` is empty", path.display()));
        }
        if bytes.len() as u64 != metadata.len() {
            return Err(format!("`{}` is still being written", path.display()));
        }
        self.bound.extend(evidence::roots_named_in(&bytes, &self.facts.roots));
        if output.role == ArtifactRole::Rlib {
            self.bundled_libraries(&bytes)?;
        }
        if output.role == ArtifactRole::Staticlib {
            return Err("what a static library holds is not modelled".to_owned());
        }
        Ok(Made {
            role: format!("{:?}", output.role).to_lowercase(),
            name: output.file_name.clone(),
            path,
            blob: BlobId(Digest::of(&bytes)),
            metadata,
        })
    }

    /// Makes sure that this very compilation wrote `path`.
    fn check_written(&self, path: &Path) -> Result<Metadata, String> {
        let metadata =
            fs::symlink_metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let changed_ns = identity::stamp_of(&metadata).ctime_ns;
        if !metadata.is_file() || changed_ns < self.before.file_clock_ns {
            return Err(format!("`{}` was not written", path.display()));
        }
        Ok(metadata)
    }

    /// Adds the static libraries whose members the compiler put into an rlib.
    fn bundled_libraries(&mut self, rlib: &[u8]) -> Result<(), String> {
        let facts = self.facts;
        let name = &facts.unit.crate_name;
        let foreign = archive::foreign_members(rlib, name).map_err(|e| e.to_string())?;
        let statics = facts.unit.native_libs.iter().filter(|lib| lib.kind.as_deref() == Some("static"));
        let mut accounted = BTreeSet::new();
        for lib in statics {
            let path = self
                .place_static_library(&lib.name)
                .ok_or_else(|| format!("static library `{}` cannot be placed", lib.name))?;
            let bytes = fs::read(&path).map_err(|e| format!("`{}`: {e}", path.display()))?;
            accounted.extend(archive::member_names(&bytes).map_err(|e| e.to_string())?);
            accounted.extend(path.file_name().map(|n| n.to_string_lossy().into_owned()));
            self.link_input(&path)?;
        }
        match foreign.iter().find(|member| !accounted.contains(*member)) {
            Some(member) => Err(format!("where `{member}` in the rlib came from is not known")),
            None => Ok(()),
        }
    }

    /// Finds a static library as rustc does: in the `-L` directories in order.
    fn place_static_library(&mut self, name: &str) -> Option<PathBuf> {
        let facts = self.facts;
        let dirs = facts.unit.search_paths.iter().filter(|p| is_native(&p.kind));
        for dir in dirs {
            for file_name in [format!("lib{name}.a"), format!("{name}.lib")] {
                let path = Path::new(&facts.call.cwd).join(&dir.path).join(file_name);
                if path.is_file() {
                    return Some(path);
                }
                self.absent(&path);
            }
        }
        None
    }

    fn absent(&mut self, path: &Path) {
        let token = self.facts.roots.tokenise(&path.to_string_lossy());
        let digest = kache_key::input::absent_digest(false);
        self.add(Input::Absent(token), digest, None);
    }

    /// Adds what rustc says it read.
    fn sources_and_variables(&mut self, dep_info: &DepInfo) -> Result<(), String> {
        let reads_out_dir = dep_info.env().any(|(name, _)| name == "OUT_DIR");
        let mut out_dir_use = OutDirUse::NotMentioned;
        for file in dep_info.files() {
            let path = Path::new(&self.facts.call.cwd).join(file);
            let (bytes, stamp) = self.read_unchanged(&path)?;
            if reads_out_dir && let Ok(source) = std::str::from_utf8(&bytes) {
                out_dir_use = out_dir_use.max(only_locates_includes(source));
            }
            let token = self.facts.roots.tokenise(file);
            self.add(Input::File(token), Digest::of(&bytes), Some(stamp));
        }
        let only_locates =
            out_dir_use == OutDirUse::IncludesOnly && !self.facts.unit.bitcode_only;
        for (name, _) in dep_info.env() {
            if name == "OUT_DIR" && only_locates {
                self.variable_as_path(name);
            } else {
                let value = std::env::var_os(name);
                let digest = env_digest(value.as_ref().map(|value| value.as_encoded_bytes()));
                self.add(Input::Env(name.to_owned()), digest, None);
            }
        }
        Ok(())
    }

    fn variable_as_path(&mut self, name: &str) {
        let digest = env_path_digest(name, &self.facts.roots);
        self.add(Input::EnvPath(name.to_owned()), digest, None);
    }

    /// Reads a file that must not have changed since before the compiler started.
    fn read_unchanged(&self, path: &Path) -> Result<(Vec<u8>, FileStamp), String> {
        let failed = |e: std::io::Error| format!("`{}`: {e}", path.display());
        let stamp = identity::stamp_of(&fs::metadata(path).map_err(failed)?);
        let bytes = fs::read(path).map_err(failed)?;
        let after = identity::stamp_of(&fs::metadata(path).map_err(failed)?);
        let is_same = (stamp.ino, stamp.size, stamp.mtime_ns, stamp.ctime_ns)
            == (after.ino, after.size, after.mtime_ns, after.ctime_ns);
        if stamp.ctime_ns > self.before.file_clock_ns || !is_same {
            return Err(format!("`{}` changed while the compiler ran", path.display()));
        }
        Ok((bytes, stamp))
    }

    /// Adds the crates on the command line, and what their macros may have read.
    fn externs(&mut self) -> Result<(), String> {
        let before = self.before;
        for (path, stamp_before) in &before.externs {
            let changed = || format!("`{}` changed while the compiler ran", path.display());
            let metadata = fs::metadata(path).map_err(|_| changed())?;
            let stamp = identity::stamp_of(&metadata);
            // Storing the extern may have linked and tagged it meanwhile, which
            // changes its ctime and nothing else.
            let is_same = stamp_before.is_some_and(|old| {
                (old.dev, old.ino, old.size, old.mtime_ns)
                    == (stamp.dev, stamp.ino, stamp.size, stamp.mtime_ns)
            });
            if !is_same {
                return Err(changed());
            }
            let digest = self.artifact_digest(path, &metadata)?;
            let token = self.facts.roots.tokenise(&path.to_string_lossy());
            self.add(Input::Extern(token), digest, None);
        }
        if !before.externs.is_empty() {
            for name in PACKAGE_VARIABLES {
                self.variable_as_path(name);
            }
        }
        Ok(())
    }

    fn artifact_digest(&self, path: &Path, metadata: &Metadata) -> Result<Digest, String> {
        match identity::tagged_digest(path, metadata) {
            Some(digest) => Ok(digest),
            None => blob::digest_file(path).map(|(digest, _)| digest).map_err(|f| f.to_string()),
        }
    }

    /// Adds what the linker says it read.
    fn link_inputs(&mut self) -> Result<(), String> {
        let Some(list) = &self.before.dependency_file else { return Ok(()) };
        let text = fs::read_to_string(list)
            .map_err(|error| format!("the linker did not say what it read: {error}"))?;
        let files = depfile::parse(&text).map_err(|error| error.to_string())?;
        for file in files {
            let path = Path::new(&self.facts.call.cwd).join(&file);
            if !self.is_own_object(&path) {
                self.link_input(&path)?;
            }
        }
        Ok(())
    }

    /// Returns whether `path` is an object file that this compilation made and removed again.
    fn is_own_object(&self, path: &Path) -> bool {
        let unit = &self.facts.unit;
        let stem = format!("{}{}.", unit.crate_name, unit.extra_filename);
        let in_out_dir = path.strip_prefix(&self.facts.out_dir).ok().is_some_and(|rest| {
            let rest = rest.to_string_lossy();
            (rest.starts_with(&stem) && rest.ends_with(".o")) || rest.starts_with("rustc")
        });
        let in_temp = path.strip_prefix(std::env::temp_dir()).ok().is_some_and(|rest| {
            rest.components().count() == 2 && rest.to_string_lossy().starts_with("rustc")
        });
        let in_incremental = unit.incremental.as_ref().is_some_and(|dir| {
            path.starts_with(Path::new(&self.facts.call.cwd).join(dir))
        });
        (in_out_dir || in_temp || in_incremental) && !path.exists()
    }

    fn link_input(&mut self, path: &Path) -> Result<(), String> {
        let failed = |e: std::io::Error| format!("`{}`: {e}", path.display());
        let metadata = fs::metadata(path).map_err(failed)?;
        let stamp = identity::stamp_of(&metadata);
        let token = self.facts.roots.tokenise(&path.to_string_lossy());
        self.shadowing_libraries(path);
        if let Some(digest) = identity::tagged_digest(path, &metadata)
            && stamp.mtime_ns <= self.before.file_clock_ns
        {
            self.add(Input::LinkInput(token), digest, None);
            return Ok(());
        }
        if stamp.ctime_ns > self.before.file_clock_ns {
            return Err(format!("`{}` changed while the compiler ran", path.display()));
        }
        let (digest, _) = blob::digest_file(path).map_err(|failure| failure.to_string())?;
        self.add(Input::LinkInput(token), digest, Some(stamp));
        Ok(())
    }

    /// Notes where a library of this name would have been found first.
    fn shadowing_libraries(&mut self, path: &Path) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(stem) = name.as_deref().and_then(library_stem) else { return };
        let facts = self.facts;
        let dirs = facts.unit.search_paths.iter().filter(|p| is_native(&p.kind));
        for dir in dirs.map(|dir| Path::new(&facts.call.cwd).join(&dir.path)) {
            if path.parent() == Some(&dir) {
                return;
            }
            for suffix in ["so", "a"] {
                let candidate = dir.join(format!("lib{stem}.{suffix}"));
                if !candidate.exists() {
                    self.absent(&candidate);
                }
            }
        }
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

fn is_native(kind: &str) -> bool {
    matches!(kind, "native" | "all")
}

/// Returns `foo` of `libfoo.a`, `libfoo.so` or `libfoo.so.1`.
fn library_stem(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("lib")?;
    let end = rest.find(".so").or_else(|| rest.strip_suffix(".a").map(str::len))?;
    rest.get(..end)
}
