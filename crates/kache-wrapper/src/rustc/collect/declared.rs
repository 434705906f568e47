//! The files that somebody declared, which may be large.

use std::fs;

use kache_store::UnitRecords;

use super::Collector;

/// More than this many bytes of declared files cost more to hash, on every
/// lookup elsewhere, than what they are declared for costs to compile.
const MAX_BYTES: u64 = 1 << 30;

impl Collector<'_> {
    /// Adds the files that the user or the package's build script declared.
    ///
    /// Those that a stamp in the `earlier` records of the unit vouches for are
    /// not read. All are looked at before the first one is read.
    pub(super) fn declared_files(&mut self, earlier: &UnitRecords) -> Result<(), String> {
        let paths = &self.facts.declared.files;
        let mut bytes = 0_u64;
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => {
                    bytes = bytes.saturating_add(metadata.len());
                    files.push(path);
                }
                Ok(_) => {
                    return Err(format!("`{}` is declared and is no plain file", path.display()));
                }
                Err(_) => self.inputs.absent(path),
            }
        }
        if bytes > MAX_BYTES {
            return Err(format!("{bytes} bytes of files are declared as inputs"));
        }
        files.into_iter().try_for_each(|path| self.inputs.digested_file(path, earlier))
    }
}
