//! How can files get from the cache to here?

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_store::identity;
use kache_store::lock::FileLock;

use super::store::existing_dir;
use super::{Check, Checks};
use crate::context::Context;

/// What is written to try a file system out.
const BYTES: &[u8] = b"kache doctor";

/// Tries out, between the cache and the working directory, what kache does with files.
pub(super) fn check(context: &Context) -> Vec<Check> {
    let mut checks = Checks::of("file system");
    let cache_dir = &context.inspection.config.cache_dir;
    let Some(cache_side) = existing_dir(cache_dir) else { return checks.list };
    let here = build_dir(&context.cwd);
    checks.ok("cache", format!("{} at {}", kind(cache_side), cache_side.display()));
    checks.ok("builds", format!("{} at {}", kind(&here), here.display()));
    let dirs = scratch_dir(cache_side).and_then(|a| scratch_dir(&here).map(|b| (a, b)));
    match dirs {
        Ok((cache, build)) => {
            try_modes(&mut checks, cache.path(), build.path());
            try_attributes(&mut checks, cache.path());
            try_locks(&mut checks, cache.path());
        }
        Err(error) => checks.warn(
            "trial",
            format!("no file can be made to try the file systems out: {error}"),
            "run `kache doctor` in the directory of a project that you can write to",
        ),
    }
    checks.list
}

/// Returns where a build here writes, as far as that can be told: `target`, if there is one.
fn build_dir(cwd: &Path) -> PathBuf {
    Some(cwd.join("target")).filter(|dir| dir.is_dir()).unwrap_or_else(|| cwd.to_owned())
}

fn scratch_dir(dir: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(".kache-doctor-").tempdir_in(dir)
}

fn try_modes(checks: &mut Checks, cache: &Path, build: &Path) {
    let source = cache.join("source");
    let made = fs::write(&source, BYTES);
    let reflink = made.and_then(|()| reflink(&source, &build.join("cloned")));
    let link = fs::hard_link(&source, build.join("linked"));
    let copy = fs::copy(&source, build.join("copied"));
    let shares_bytes = reflink.is_ok() || link.is_ok();
    match &reflink {
        Ok(()) => checks.ok("reflink", "works: restored files share their bytes with the cache"),
        Err(error) => checks.ok("reflink", format!("not available ({error})")),
    }
    match &link {
        Ok(()) => checks.ok("hard link", "works"),
        Err(error) if shares_bytes => checks.ok("hard link", format!("not available ({error})")),
        Err(error) => checks.warn(
            "hard link",
            format!("not available ({error}), so every restored file is copied"),
            "put the cache and your builds on one file system, best one with reflinks",
        ),
    }
    match copy {
        Ok(_) => checks.ok("copy", "works"),
        Err(error) => checks.fail("copy", error.to_string(), "nothing can be restored here"),
    }
}

#[cfg(target_os = "linux")]
fn reflink(from: &Path, to: &Path) -> io::Result<()> {
    rustix::fs::ioctl_ficlone(File::create(to)?, File::open(from)?)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn reflink(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn try_attributes(checks: &mut Checks, cache: &Path) {
    let path = cache.join("tagged");
    let digest = Digest::of(BYTES);
    let read_back = fs::write(&path, BYTES).and_then(|()| {
        let metadata = fs::metadata(&path)?;
        identity::tag(&path, digest, &metadata)?;
        Ok(identity::tagged_digest(&path, &metadata))
    });
    let refusal = match read_back {
        Ok(Some(read)) if read == digest => {
            return checks.ok("extended attributes", "work");
        }
        Ok(_) => "what is written is not read back".to_owned(),
        Err(error) => error.to_string(),
    };
    checks.warn(
        "extended attributes",
        format!("not available ({refusal})"),
        "every hit hashes the files it restores and reads; another file system is faster",
    );
}

fn try_locks(checks: &mut Checks, cache: &Path) {
    let path = cache.join("lock");
    let held = FileLock::exclusive(&path);
    let second = FileLock::try_exclusive(&path);
    let hint = "builds may compile the same unit twice, and the store is never tidied";
    match (held, second) {
        (Ok(_), Ok(None)) => checks.ok("locks", "work"),
        (Ok(_), Ok(Some(_))) => {
            checks.warn("locks", "two can be held at once, so they lock nothing", hint);
        }
        (Err(failure), _) | (_, Err(failure)) => checks.warn("locks", failure.to_string(), hint),
    }
}

/// Returns the name of the file system that holds `path`.
#[cfg(target_os = "linux")]
fn kind(path: &Path) -> String {
    /// `f_type` values from linux/magic.h and the file systems' own headers.
    const NAMES: [(u64, &str); 15] = [
        (0xEF53, "ext4"),
        (0x9123_683E, "btrfs"),
        (0x5846_5342, "xfs"),
        (0x0102_1994, "tmpfs"),
        (0x794C_7630, "overlay"),
        (0x2FC1_2FC1, "zfs"),
        (0xCA45_1A4E, "bcachefs"),
        (0xF2F5_2010, "f2fs"),
        (0x6969, "nfs"),
        (0xFF53_4D42, "cifs"),
        (0xFE53_4D42, "smb2"),
        (0x2011_BAB0, "exfat"),
        (0x4d44, "vfat"),
        (0x6573_5546, "fuse"),
        (0x0102_1997, "9p"),
    ];
    let Ok(fs) = rustix::fs::statfs(path) else { return "unknown file system".to_owned() };
    let number = u64::try_from(fs.f_type).unwrap_or(0);
    NAMES
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("file system {number:#x}"), |(_, name)| (*name).to_owned())
}

/// Returns the name of the file system that holds `path`.
#[cfg(not(target_os = "linux"))]
fn kind(_path: &Path) -> String {
    "file system".to_owned()
}
