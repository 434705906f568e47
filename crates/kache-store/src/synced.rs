//! Which entries are known to be on disk.
//!
//! Nothing is synced on the build path. An entry carries the boot during which
//! it was stored, and a blob's tag the boot during which its bytes were known.
//! In the same boot they are what was written; after another boot the power
//! may have gone before the bytes reached the disk, so the blobs are hashed
//! again, unless housekeeping synced the store since.
//!
//! Tags go by the time since boot, which nobody can set back.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::entry::Manifest;
use crate::failure::IoFailure;
use crate::identity::Tag;
use crate::layout::Layout;
use crate::seal;
use crate::staging::{self, WriteSteps};

/// How many boots are remembered.
const MAX_BOOTS: usize = 32;

/// What is on disk of what one boot wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SyncedBoot {
    /// Everything stored until then, in nanoseconds since the epoch.
    until_ns: i64,
    /// The same moment in seconds since the boot began.
    until_up_s: u32,
}

/// What is on disk, by boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Synced(BTreeMap<String, SyncedBoot>);

/// Returns whether the files of `manifest` are as its publisher wrote them.
///
/// One small file is read, two if the machine has been started again since.
pub fn is_sound(layout: &Layout, manifest: &Manifest) -> bool {
    let boot = clock::boot_id();
    if !boot.is_empty() && manifest.boot == boot {
        return true;
    }
    read(layout).0.get(&manifest.boot).is_some_and(|synced| manifest.created_ns <= synced.until_ns)
}

/// Returns whether the bytes that `tag` vouches for had reached the disk when
/// the boot ended in which it was written. One small file is read.
pub(crate) fn holds(layout: &Layout, tag: &Tag) -> bool {
    let boots = read(layout).0;
    boots.iter().any(|(boot, synced)| tag.is_of_boot(boot) && tag.up_s < synced.until_up_s)
}

/// Writes everything in the store to disk and remembers that it is there.
pub fn sync(layout: &Layout) -> Result<(), IoFailure> {
    let boot = clock::boot_id();
    if boot.is_empty() {
        return Ok(());
    }
    let now = SyncedBoot { until_ns: clock::now_ns(), until_up_s: clock::up_s() };
    sync_file_system(layout)?;
    let mut synced = read(layout);
    synced.0.insert(boot.to_owned(), now);
    while synced.0.len() > MAX_BOOTS {
        let oldest = synced.0.iter().min_by_key(|(_, synced)| synced.until_ns);
        let oldest = oldest.map(|(boot, _)| boot.clone()).expect("the map is not empty");
        synced.0.remove(&oldest);
    }
    staging::write(layout, &layout.synced(), &seal::sealed(&synced), WriteSteps::OTHER)
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
        .and_then(|bytes| serde_json::from_slice(seal::unsealed(&bytes)?).ok())
        .unwrap_or_default()
}
