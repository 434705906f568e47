//! Which entries are known to be on disk.
//!
//! Nothing is synced on the build path. An entry carries the boot during which
//! it was stored. In the same boot its files are what was written; after
//! another boot the power may have gone before the bytes reached the disk, so
//! the blobs are hashed again, unless housekeeping synced the store since.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::entry::Manifest;
use crate::failure::IoFailure;
use crate::layout::Layout;
use crate::staging;

/// How many boots are remembered.
const MAX_BOOTS: usize = 32;

/// Until when, per boot, everything stored is on disk (nanoseconds since the epoch).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Synced(BTreeMap<String, i64>);

/// Returns whether the files of `manifest` are as its publisher wrote them.
///
/// One small file is read, two if the machine has been started again since.
pub fn is_sound(layout: &Layout, manifest: &Manifest) -> bool {
    let boot = clock::boot_id();
    if !boot.is_empty() && manifest.boot == boot {
        return true;
    }
    read(layout).0.get(&manifest.boot).is_some_and(|until_ns| manifest.created_ns <= *until_ns)
}

/// Writes everything in the store to disk and remembers that it is there.
pub fn sync(layout: &Layout) -> Result<(), IoFailure> {
    let boot = clock::boot_id();
    if boot.is_empty() {
        return Ok(());
    }
    let until_ns = clock::now_ns();
    sync_file_system(layout)?;
    let mut synced = read(layout);
    synced.0.insert(boot, until_ns);
    while synced.0.len() > MAX_BOOTS {
        let oldest = synced.0.iter().min_by_key(|(_, until)| **until).map(|(boot, _)| boot.clone());
        synced.0.remove(&oldest.expect("the map is not empty"));
    }
    let bytes = serde_json::to_vec(&synced).expect("a map of texts is plain data");
    staging::write(layout, &layout.synced(), &bytes, None)
}

#[cfg(target_os = "linux")]
fn sync_file_system(layout: &Layout) -> Result<(), IoFailure> {
    let base = layout.base();
    let directory = fs::File::open(base).map_err(IoFailure::on("open", base))?;
    rustix::fs::syncfs(directory).map_err(IoFailure::on("sync", base))
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_layout: &Layout) -> Result<(), IoFailure> {
    rustix::fs::sync();
    Ok(())
}

fn read(layout: &Layout) -> Synced {
    fs::read(layout.synced())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
