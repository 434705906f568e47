//! Entries: what a compilation produced, as a manifest that names blobs.
//!
//! The file is one line of JSON and one that is its digest.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use kache_key::rustc::messages::Segment;
use kache_key::{BlobId, EntryKey, UnitId};
use serde::{Deserialize, Serialize};

use crate::failure::{IoFailure, absent_is_none};
use crate::layout::Layout;
use crate::staging::{self, WriteSteps};
use crate::{clock, restore, seal};

/// The manifest format; readers treat any other as absent.
pub const MANIFEST_VERSION: u32 = 1;

/// How old an entry's last use may be before a hit records a new one.
const TOUCH_AFTER_NS: u64 = 600 * 1_000_000_000;

/// Larger manifests are damage: a million outputs fit well below this.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;

/// What one compilation produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub v: u32,
    /// The unit this is a result of.
    pub unit: UnitId,
    /// Crate name or source file, for people.
    pub name: String,
    /// Crate types, for people.
    pub crate_types: Vec<String>,
    /// `rust`, `c` or `c++`.
    pub lang: String,
    /// Files restored byte for byte.
    pub outputs: Vec<Output>,
    /// Files whose text names paths, stored with roots as names.
    pub texts: Vec<TextOutput>,
    /// The compiler's standard output.
    pub stdout: Vec<Segment>,
    /// The compiler's standard error.
    pub stderr: Vec<Segment>,
    /// How the compiler ended: not 0 for a probe whose answer is no.
    #[serde(default)]
    pub exit_code: i32,
    /// How long the compiler ran, in milliseconds.
    pub compile_ms: u64,
    /// Whether it compiled incrementally: such an entry never leaves this machine.
    pub incremental: bool,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// The boot during which it was stored; see [`crate::synced`].
    pub boot: String,
}

/// One file of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What the file is, `rlib` for example.
    pub role: String,
    /// Its name in the output directory.
    pub name: String,
    /// Its bytes.
    pub blob: BlobId,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
}

/// One small file of an entry whose text is rewritten for each checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextOutput {
    /// What the file is, `dep-info` for example.
    pub role: String,
    /// Its name in the output directory.
    pub name: String,
    /// Its text; how roots are written in it is the writer's business.
    pub text: String,
}

/// Returns the manifest of `key`, or `None` where there is none that can be read.
///
/// Garbage, a half-written file and a manifest of another version are
/// absence. Three or four system calls; a hit more than ten minutes after the
/// last one also sets the file's mtime, which is what eviction goes by.
pub fn read(layout: &Layout, key: EntryKey) -> Result<Option<Manifest>, IoFailure> {
    let path = layout.entry(key);
    let Some((manifest, used_ns)) = read_file(&path)? else { return Ok(None) };
    // A time in the future is replaced too: the clock that wrote it was wrong.
    if clock::now_ns().abs_diff(used_ns) > TOUCH_AFTER_NS {
        // A lost touch makes the entry look older than it is, nothing else.
        drop(restore::touch(&path));
    }
    Ok(Some(manifest))
}

/// Returns the manifest in the file `path` and the file's mtime.
pub(crate) fn read_file(path: &Path) -> Result<Option<(Manifest, i64)>, IoFailure> {
    let read = absent_is_none(File::open(path)).and_then(|file| {
        let Some(file) = file else { return Ok(None) };
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > MAX_MANIFEST_BYTES {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        (&file).take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes)?;
        Ok(Some((bytes, crate::identity::mtime_ns(&metadata))))
    });
    let read = read.map_err(IoFailure::on("read", path))?;
    Ok(read.and_then(|(bytes, used_ns)| Some((parse(seal::unsealed(&bytes)?)?, used_ns))))
}

/// Returns the manifest in `bytes`, the JSON of an entry without its seal, or
/// `None` for garbage and other versions.
pub fn parse(bytes: &[u8]) -> Option<Manifest> {
    let manifest: Manifest = serde_json::from_slice(bytes).ok()?;
    (manifest.v == MANIFEST_VERSION && manifest.has_plain_names()).then_some(manifest)
}

impl Manifest {
    /// The manifest of a result of `unit` that has no outputs yet, made now.
    pub fn of(unit: UnitId, name: &str) -> Self {
        Self {
            v: MANIFEST_VERSION,
            unit,
            name: name.to_owned(),
            crate_types: Vec::new(),
            lang: String::new(),
            outputs: Vec::new(),
            texts: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            exit_code: 0,
            compile_ms: 0,
            incremental: false,
            created_ns: clock::now_ns(),
            boot: clock::boot_id().to_owned(),
        }
    }

    /// Returns whether every output name stays inside the output directory.
    fn has_plain_names(&self) -> bool {
        let names = self.outputs.iter().map(|o| &o.name);
        names.chain(self.texts.iter().map(|t| &t.name)).all(|name| is_plain(name))
    }

    /// Returns the size of all outputs in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.outputs.iter().map(|output| output.size).sum()
    }
}

/// Returns whether `name` is a relative path without `..` or empty components.
fn is_plain(name: &str) -> bool {
    !name.contains('\0') && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Writes the manifest of `key`; its blobs must be there already.
pub fn write(layout: &Layout, key: EntryKey, manifest: &Manifest) -> Result<(), IoFailure> {
    let bytes = seal::sealed(manifest);
    let steps = WriteSteps { write: "publish.entry.write", rename: "publish.entry.rename" };
    staging::write(layout, &layout.entry(key), &bytes, steps)
}

/// Removes the entry of `key`, for example because a blob of it is damaged.
pub fn remove(layout: &Layout, key: EntryKey) -> Result<(), IoFailure> {
    let path = layout.entry(key);
    absent_is_none(fs::remove_file(&path)).map(|_| ()).map_err(IoFailure::on("remove", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_output_directory_are_refused() {
        for good in ["liba.rlib", "sub/dir/file", "..a", "odd name\n"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "nul\0"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
