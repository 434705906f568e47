//! How much a store grows by a second checkout of the same thing.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use walkdir::WalkDir;

use super::super::BenchError;
use super::super::contender::{Contender, Kind, Tools};
use super::super::measure::Sample;
use super::super::phase::Phase;
use super::super::report::Figure;
use super::super::workload::Workload;
use crate::oracle::is_artifact;

/// Builds `workload` in two checkouts and compares the store with the
/// artifacts of one.
pub fn after_two_checkouts(
    workload: &'static Workload,
    tools: &Tools,
    parent: &Path,
) -> Result<Figure, BenchError> {
    let mut kache = Contender::new(Kind::Kache, workload, tools, parent)?;
    must_count(&kache.sample(Phase::Cold, 0)?)?;
    let artifacts =
        bytes_below(&kache.first().target_dir(), |path| is_artifact(path) || is_script(path));
    must_count(&kache.sample(Phase::Second, 1)?)?;
    let store = bytes_below(&kache.env().cache_dir(), |_| true);
    let name = format!("store after two checkouts of {} against one's artifacts", workload.name);
    #[expect(clippy::cast_precision_loss, reason = "sizes here are far below 2^52 bytes")]
    let value = Some(store as f64 / artifacts as f64);
    Ok(Figure { name, value, at_most: Some(1.05) })
}

/// Whether it is a build script's program, which stands beside its launcher.
fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "script")
}

fn must_count(sample: &Sample) -> Result<(), BenchError> {
    match sample.faults.first() {
        Some(fault) => Err(BenchError::Unusable { what: fault.clone() }),
        None => Ok(()),
    }
}

/// Bytes in the files below `dir` for which `wanted` holds, each inode once.
fn bytes_below(dir: &Path, wanted: impl Fn(&Path) -> bool) -> u64 {
    let mut seen = HashSet::new();
    WalkDir::new(dir)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| wanted(entry.path().strip_prefix(dir).unwrap_or(entry.path())))
        .filter_map(|entry| entry.metadata().ok())
        .filter(|meta| seen.insert((meta.dev(), meta.ino())))
        .map(|meta| meta.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_with_two_names_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "12345").unwrap();
        fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        fs::write(dir.path().join("c"), "12").unwrap();
        assert_eq!(bytes_below(dir.path(), |_| true), 7);
        assert_eq!(bytes_below(dir.path(), |path| path == "c"), 2);
    }
}
