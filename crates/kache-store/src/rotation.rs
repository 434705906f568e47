//! Files to which every invocation appends, moved aside once they are large.
//!
//! There are two, the journal and the log. One that is moved aside keeps its
//! name with a number in it; later numbers are later files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{IoFailure, absent_is_none};
use crate::fault;
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::scan;

/// A file being appended to, and those that it was before.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    layout: &'a Layout,
    path: PathBuf,
}

impl<'a> Series<'a> {
    /// The journal and its earlier files, `events-<number>.jsonl`.
    pub fn journal(layout: &'a Layout) -> Self {
        Self { layout, path: layout.journal() }
    }

    /// The log and its earlier files, `kache-<number>.log`.
    pub fn log(layout: &'a Layout) -> Self {
        Self { layout, path: layout.log() }
    }

    /// Moves the file aside once it is larger than `max_bytes`.
    ///
    /// Writers that opened it before still reach the moved file, so no line is
    /// lost. Returns whether it was moved.
    pub fn rotate(&self, max_bytes: u64) -> Result<bool, IoFailure> {
        let _lock = FileLock::exclusive(&self.layout.journal_lock())?;
        let size = absent_is_none(fs::metadata(&self.path))
            .map_err(IoFailure::on("look at", &self.path))?
            .map_or(0, |metadata| metadata.len());
        if size <= max_bytes {
            return Ok(false);
        }
        let target = self.free_name()?;
        fault::point("journal.rotate")
            .and_then(|()| fs::rename(&self.path, &target))
            .map_err(IoFailure::on("rotate", &self.path))?;
        Ok(true)
    }

    /// Returns the files that were moved aside, oldest first.
    pub fn moved_aside(&self) -> Result<Vec<PathBuf>, IoFailure> {
        let mut paths = scan::list(self.layout.base())?;
        paths.retain(|path| self.is_moved_aside(path));
        Ok(paths)
    }

    /// Returns whether `path` has the name of a file that was moved aside. Reads nothing.
    pub fn is_moved_aside(&self, path: &Path) -> bool {
        self.number_of(path).is_some()
    }

    /// Returns a name that sorts after those of files moved aside before, also
    /// where the clock has been set back.
    fn free_name(&self) -> Result<PathBuf, IoFailure> {
        let latest = self.moved_aside()?.last().and_then(|path| self.number_of(path)).unwrap_or(0);
        let now = u64::try_from(crate::clock::now_ns()).unwrap_or(0);
        let (stem, extension) = self.name_parts();
        let name = format!("{stem}-{:020}.{extension}", now.max(latest.saturating_add(1)));
        Ok(self.layout.base().join(name))
    }

    /// Returns the number in the name of a file that was moved aside.
    fn number_of(&self, path: &Path) -> Option<u64> {
        let (stem, extension) = self.name_parts();
        let rest = path.file_name()?.to_str()?.strip_prefix(stem)?.strip_prefix('-')?;
        rest.strip_suffix(extension)?.strip_suffix('.')?.parse().ok()
    }

    fn name_parts(&self) -> (&str, &str) {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split_once('.').unwrap_or((name, ""))
    }
}
