//! Is the store there, can it be written, and is it sound?

use std::fs;
use std::path::Path;

use kache_key::BlobId;
use kache_store::{Inventory, Layout, Store, blob};
use toml::de::DeTable;

use super::{Check, Checks};
use crate::context::Context;
use crate::quantity;

/// How many blobs are hashed at most.
const SAMPLE_BLOBS: usize = 64;
/// How many bytes are hashed at most, give or take one blob.
const SAMPLE_BYTES: u64 = 256 << 20;

/// Checks the configured store. Makes no store, and repairs nothing.
pub(super) fn check(context: &Context) -> Vec<Check> {
    let mut checks = Checks::of("store");
    let config = &context.inspection.config;
    let store = Store::at(&config.cache_dir);
    if config.cache_dir.as_os_str().is_empty() {
        checks.fail("directory", "there is none", "set KACHE_CACHE_DIR or HOME");
        return checks.list;
    }
    check_place(&mut checks, &config.cache_dir);
    if !check_directory(&mut checks, context, &store) {
        return checks.list;
    }
    match Inventory::take(store.layout()) {
        Ok(inventory) => {
            check_size(&mut checks, &inventory, config.max_size_bytes);
            check_entries(&mut checks, &inventory);
            check_blobs(&mut checks, store.layout(), &inventory);
        }
        Err(failure) => checks.fail("contents", failure.to_string(), "check its permissions"),
    }
    checks.list
}

/// Warns of a cache in the middle of a package: cargo looks at all its files.
fn check_place(checks: &mut Checks, cache_dir: &Path) {
    if let Some(package) = package_around(cache_dir) {
        let message = format!("the cache is inside the package `{}`", package.display());
        checks.warn(
            "place",
            message,
            "cargo runs a build script that names no `rerun-if-changed` whenever a file of its \
             package changes, so each build would be followed by another; put the cache elsewhere",
        );
    }
}

/// Returns the directory of the package whose files, to cargo, those below
/// `dir` are. What is in a hidden directory or in `target` is no package's.
fn package_around(dir: &Path) -> Option<&Path> {
    let mut below = dir;
    for above in dir.ancestors().skip(1) {
        let name = below.file_name()?.to_string_lossy();
        if name.starts_with('.') {
            return None;
        }
        if let Ok(manifest) = fs::read_to_string(above.join("Cargo.toml")) {
            let has_package = DeTable::parse(&manifest)
                .is_ok_and(|manifest| manifest.get_ref().contains_key("package"));
            return (has_package && name != "target").then_some(above);
        }
        below = above;
    }
    None
}

/// Returns whether there is a store to look into.
fn check_directory(checks: &mut Checks, context: &Context, store: &Store) -> bool {
    let cache_dir = &context.inspection.config.cache_dir;
    let base = store.layout().base();
    let origin = format!("the cache directory is set by: {}", context.origin("cache_dir"));
    for path in [cache_dir.as_path(), base] {
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
            let message = format!("`{}` is not a directory", path.display());
            checks.fail("directory", message, origin);
            return false;
        }
    }
    let exists = base.is_dir();
    match existing_dir(base).map(tempfile::tempfile_in) {
        Some(Ok(_)) if exists => checks.ok("directory", format!("{} is writable", base.display())),
        Some(Ok(_)) => {
            let message = format!("{} will be made by the first build", base.display());
            checks.ok("directory", message);
        }
        Some(Err(error)) => {
            let message = format!("`{}` cannot be written: {error}", base.display());
            checks.fail("directory", message, origin);
        }
        None => {
            let message = format!("`{}` cannot be made", base.display());
            checks.fail("directory", message, origin);
        }
    }
    exists
}

/// Returns the nearest directory at or above `path` that is there.
pub(super) fn existing_dir(path: &Path) -> Option<&Path> {
    path.ancestors().find(|dir| dir.is_dir())
}

fn check_size(checks: &mut Checks, inventory: &Inventory, max_bytes: u64) {
    let bytes = inventory.total_bytes();
    let entries = quantity::count(inventory.entries.len() as u64, "entry", "entries");
    let size = format!("{} of {}, {entries}", quantity::size(bytes), quantity::size(max_bytes));
    if bytes > max_bytes {
        checks.warn("size", size, "over its cap: the next housekeeping evicts, or `kache gc` now");
    } else {
        checks.ok("size", size);
    }
}

fn check_entries(checks: &mut Checks, inventory: &Inventory) {
    let has_blob = |id: &BlobId| inventory.blobs.contains_key(id);
    let dangling = inventory.entries.iter().filter(|e| !e.blobs.iter().all(has_blob)).count();
    let damaged = dangling + inventory.unreadable.len() + inventory.foreign.len();
    if damaged == 0 {
        return checks.ok("entries", "all can be read, and all their blobs are there");
    }
    let example = inventory.unreadable.iter().chain(&inventory.foreign).next();
    let example = example.map_or_else(String::new, |path| format!(", such as {}", path.display()));
    let message = format!(
        "{} unreadable, {dangling} without a blob, {} foreign files{example}",
        inventory.unreadable.len(),
        inventory.foreign.len()
    );
    checks.warn("entries", message, "builds treat them as misses; `kache gc` removes them");
}

/// Hashes a sample of the blobs, spread over all of them.
fn check_blobs(checks: &mut Checks, layout: &Layout, inventory: &Inventory) {
    let mut ids: Vec<BlobId> = inventory.blobs.keys().copied().collect();
    ids.sort_unstable();
    let step = ids.len().div_ceil(SAMPLE_BLOBS).max(1);
    let (mut hashed, mut bytes, mut damaged) = (0_u64, 0_u64, Vec::new());
    for id in ids.into_iter().step_by(step) {
        if bytes >= SAMPLE_BYTES {
            break;
        }
        // One that has gone meanwhile was evicted.
        let Ok((digest, length)) = blob::digest_file(&layout.blob(id)) else { continue };
        hashed += 1;
        bytes += length;
        if digest != id.0 {
            damaged.push(id);
        }
    }
    let sample = quantity::count(hashed, "blob", "blobs");
    match damaged.first() {
        None => checks.ok("blobs", format!("{sample} hashed, all sound")),
        Some(id) => checks.warn(
            "blobs",
            format!("{} of {sample} hashed are damaged, such as {id}", damaged.len()),
            "builds notice and compile again; frequent damage means a failing disk, or a \
             program that changes files in target directories in place",
        ),
    }
}
