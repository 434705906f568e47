//! Files of counts that GCC reads (`-fprofile-use=`).
//!
//! Such a file is named after the output, in most releases after where the
//! compiler runs too, and no two of them agree on how. Each file that can be
//! the one is taken for it.

use std::fs;
use std::path::Path;

use kache_cc::unit::CcUnit;
use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_store::{IoFailure, blob};

/// How such files end.
const ENDING: &str = ".gcda";

/// Returns the files that can have the counts for `unit`, sorted. Lists one directory.
pub(crate) fn files(unit: &CcUnit, cwd: &str) -> Vec<String> {
    let Some(dir) = &unit.profile_dir else { return Vec::new() };
    let output = Path::new(&unit.output).with_extension("");
    let stem = output.file_name().unwrap_or_default().to_string_lossy();
    let is_named_so =
        |name: &str| name.strip_suffix(ENDING).is_some_and(|name| name.ends_with(&*stem));
    let entries = fs::read_dir(Path::new(cwd).join(dir)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let listed = names.filter(|name| is_named_so(name)).map(|name| format!("{dir}/{name}"));
    let below = format!("{dir}/{}{ENDING}", output.display());
    let mut files: Vec<String> = listed.chain([dir.clone(), below]).collect();
    files.retain(|file| Path::new(cwd).join(file).is_file());
    files.sort();
    files.dedup();
    files
}

/// Returns the digest of the names and bytes of the [files] for `unit`, and of
/// where the compiler runs; `None` for a unit that reads none.
pub(crate) fn digest(unit: &CcUnit, cwd: &str) -> Result<Option<Digest>, IoFailure> {
    if unit.profile_dir.is_none() {
        return Ok(None);
    }
    let mut hasher = FieldHasher::new("kache cc profile");
    hasher.text("cwd", cwd);
    for file in files(unit, cwd) {
        let (digest, _) = blob::digest_file(&Path::new(cwd).join(&file))?;
        hasher.text("file", &file).digest("digest", digest);
    }
    Ok(Some(hasher.finish()))
}
