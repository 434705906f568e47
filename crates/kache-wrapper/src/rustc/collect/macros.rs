//! Proc macros that a crate can reach through the crates it names.
//!
//! Metadata tells one build of a macro from another by its Rust source. Two
//! builds that differ in nothing but native code linked into them look alike to
//! every crate between the macro and the one that expands it, so for that one
//! the macro's own file is an input. Such macros are rare: what was linked into
//! a macro is remembered under its digest.

use std::env::consts::DLL_SUFFIX;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use kache_key::fields::FieldHasher;
use kache_key::{Digest, Input, RootKind, archive};
use kache_store::memo;
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::{Collector, crates};
use crate::compilation::inputs::artifact_digest;
use crate::compilation::products::Made;
use crate::rustc::facts::PROC_MACRO_ROLE;

/// What is remembered of a macro.
#[derive(Serialize, Deserialize)]
struct MacroFacts {
    has_native_code: bool,
}

fn memo_id(proc_macro: Digest) -> Digest {
    FieldHasher::new("kache macro memo 1").digest("macro", proc_macro).finish()
}

impl Collector<'_> {
    /// Remembers what was linked into the macro among `outputs`, if there is one.
    pub(super) fn remember_macro(&self, outputs: &[Made]) {
        let is_macro = |made: &&Made| made.role == PROC_MACRO_ROLE;
        if let Some(made) = outputs.iter().find(is_macro) {
            let facts = MacroFacts { has_native_code: self.links_native_code() };
            // Forgotten, the macro is taken for one that has.
            drop(memo::write(self.facts.compilation.store.layout(), memo_id(made.blob.0), &facts));
        }
    }

    fn links_native_code(&self) -> bool {
        let linked = self.inputs.list.iter().filter_map(|recorded| match &recorded.input {
            Input::LinkInput(token) => {
                self.facts.compilation.roots.resolve(token).map(PathBuf::from)
            }
            _ => None,
        });
        linked.into_iter().any(|path| self.is_native_code(&path))
    }

    /// Returns whether `path` brings code that no Rust metadata tells about:
    /// an object or archive that is not the system's, or an rlib with one in it.
    fn is_native_code(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().map(OsStr::to_string_lossy) else { return true };
        let root =
            self.facts.compilation.roots.split(&path.to_string_lossy()).map(|(kind, _)| kind);
        if root == Some(RootKind::Sysroot) {
            return false;
        }
        if let Some(stem) = name.strip_suffix(".rlib") {
            let stem = stem.strip_prefix("lib").unwrap_or(stem);
            let crate_name = stem.split('-').next().unwrap_or(stem);
            let members =
                File::open(path).map(|rlib| archive::has_foreign_members(rlib, crate_name));
            return !matches!(members, Ok(Ok(false)));
        }
        let is_shared = name.ends_with(DLL_SUFFIX) || name.contains(&format!("{DLL_SUFFIX}."));
        !is_shared && (root.is_some() || self.facts.native_dirs().any(|dir| path.starts_with(dir)))
    }

    /// Adds every macro with native code that an extern's metadata names.
    pub(super) fn reachable_macros(&mut self) -> Result<(), String> {
        for path in self.other_macros() {
            // One that is just being linked is nobody's dependency yet.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let Ok(digest) = artifact_digest(&path, &metadata) else { continue };
            let known =
                memo::read::<MacroFacts>(self.facts.compilation.store.layout(), memo_id(digest));
            let is_plain = known.is_ok_and(|known| known.is_some_and(|it| !it.has_native_code));
            if !is_plain && self.is_named_by_extern(&path)? {
                let token = self.facts.compilation.roots.tokenise(&path.to_string_lossy());
                self.inputs.add(Input::Extern(token), digest, None);
            }
        }
        Ok(())
    }

    /// Returns the dynamic libraries beside the dependencies that are not
    /// passed as externs themselves.
    fn other_macros(&self) -> Vec<PathBuf> {
        let externs = &self.before.externs;
        if externs.is_empty() {
            return Vec::new();
        }
        let unit = &self.facts.unit;
        let dirs = unit.search_paths.iter().filter(|dir| dir.kind == "dependency");
        dirs.flat_map(|dir| crates::files_in(&self.facts.compilation.absolute(&dir.path)))
            .filter(|path| crates::is_shared(path))
            .filter(|path| externs.iter().all(|(named, _)| named != path))
            .collect()
    }

    /// Returns whether the metadata of an extern names the crate in `path`. It
    /// names crates by the suffix of their files, `-` and a hash.
    fn is_named_by_extern(&self, path: &Path) -> Result<bool, String> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some(at) = stem.find('-') else { return Ok(false) };
        let suffix = stem.get(at..).unwrap_or_default();
        for (named, _) in &self.before.externs {
            let bytes = crates::read(&crates::metadata_file(named))?;
            if memmem::find(&bytes, suffix.as_bytes()).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
