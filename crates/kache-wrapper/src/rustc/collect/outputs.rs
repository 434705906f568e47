//! The files a compilation made: complete, its own, and searched for the
//! places they should not name.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use kache_key::digest::Hasher;
use kache_key::evidence::RootSearch;

use kache_key::rustc::dep_info::DepInfo;
use kache_key::rustc::messages;
use kache_key::rustc::outputs::{ArtifactRole, ExpectedOutput};
use kache_key::{BlobId, Digest, RootKind, Roots};
use kache_store::identity;

use super::{Collector, Made};
use crate::rustc::facts::Facts;

/// How much of an output is read at a time: it stays in the processor's cache
/// while it is hashed and searched.
const PIECE_BYTES: usize = 256 << 10;

/// How a manifest names crate metadata, `libname.rmeta`.
pub(crate) const METADATA_ROLE: &str = "metadata";

/// How a manifest names a Rust library, `libname.rlib`.
pub(crate) const RLIB_ROLE: &str = "rlib";

/// Makes sure that every file the compiler says it wrote is one that is stored.
pub(super) fn check_announced(facts: &Facts<'_>, stderr: &str) -> Result<(), String> {
    for (path, kind) in messages::artifacts(stderr) {
        let name = Path::new(&path).file_name().and_then(|name| name.to_str());
        if !facts.outputs.iter().any(|output| Some(output.file_name.as_str()) == name) {
            return Err(format!("unexpected output `{path}` ({kind})"));
        }
    }
    Ok(())
}

impl Collector<'_> {
    /// Reads the list of sources that the compiler wrote; returns its name too.
    pub(super) fn dep_info(&self) -> Result<(String, DepInfo), String> {
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

    /// Hashes every output and searches it for roots.
    pub(super) fn outputs(&mut self) -> Result<Vec<Made>, String> {
        let facts = self.facts;
        let aliases = real_paths_of_links(&facts.roots);
        let wanted = facts.outputs.iter().filter(|o| o.role != ArtifactRole::DepInfo);
        wanted.map(|output| self.output(output, &aliases)).collect()
    }

    fn output(&mut self, output: &ExpectedOutput, aliases: &Roots) -> Result<Made, String> {
        let path = self.facts.out_dir.join(&output.file_name);
        let metadata = self.check_written(&path)?;
        let found = examine(&path, &self.facts.roots, aliases)
            .map_err(|e| format!("`{}`: {e}", path.display()))?;
        let may_be_empty = output.role == ArtifactRole::Metadata && !self.facts.unit.is_lib_like();
        if found.size == 0 && !may_be_empty {
            return Err(format!("`{}` is empty", path.display()));
        }
        if found.size != metadata.len() {
            return Err(format!("`{}` is still being written", path.display()));
        }
        if found.names_alias {
            return Err(format!("`{}` names a directory behind a symbolic link", path.display()));
        }
        self.bound.extend(found.named);
        match output.role {
            ArtifactRole::Rlib => self.rlib_members(&path)?,
            ArtifactRole::Staticlib => self.staticlib_members(&path)?,
            _ => {}
        }
        Ok(Made {
            role: role_name(output.role).to_owned(),
            name: output.file_name.clone(),
            path,
            blob: BlobId(found.digest),
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
}

/// What one pass over an output showed.
struct Examined {
    digest: Digest,
    /// In bytes.
    size: u64,
    named: BTreeSet<RootKind>,
    names_alias: bool,
}

/// Hashes a file and searches it for roots and their `aliases`, in one pass and
/// in pieces: an executable can be larger than what is worth keeping in memory.
fn examine(path: &Path, roots: &Roots, aliases: &Roots) -> io::Result<Examined> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut searches = [RootSearch::new(roots), RootSearch::new(aliases)];
    let lookahead = searches.iter().map(RootSearch::lookahead).max().unwrap_or(0);
    let mut piece = Vec::with_capacity(lookahead + PIECE_BYTES);
    let mut size = 0;
    loop {
        let seen = piece.len();
        let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        hasher.update(piece.get(seen..).unwrap_or_default());
        size += read as u64;
        let is_last = read < PIECE_BYTES;
        for search in &mut searches {
            search.look_at(&piece, is_last);
        }
        if is_last {
            break;
        }
        piece.drain(..piece.len() - lookahead);
    }
    let [roots, aliases] = searches.map(|search| search.named);
    let names_alias = !aliases.is_empty();
    Ok(Examined { digest: hasher.finish(), size, named: roots, names_alias })
}

/// Returns the roots that are symbolic links or lie behind one, by their real paths.
///
/// An output that names such a path would be bound to a place that the roots
/// do not know.
fn real_paths_of_links(roots: &Roots) -> Roots {
    let real = roots.iter().filter_map(|(kind, path)| {
        let real = fs::canonicalize(path).ok()?.into_os_string().into_string().ok()?;
        (real != path && roots.split(&real).is_none()).then_some((kind, real))
    });
    Roots::of(real)
}

/// Returns how a manifest names a role.
pub(super) fn role_name(role: ArtifactRole) -> &'static str {
    match role {
        ArtifactRole::DepInfo => "dep-info",
        ArtifactRole::Metadata => METADATA_ROLE,
        ArtifactRole::Rlib => RLIB_ROLE,
        ArtifactRole::Dylib => "dylib",
        ArtifactRole::ProcMacro => "proc-macro",
        ArtifactRole::Staticlib => "staticlib",
        ArtifactRole::Executable => "executable",
        _ => "other",
    }
}
