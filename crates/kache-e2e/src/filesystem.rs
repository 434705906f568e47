//! File systems of their own, for what the one below the tests cannot do.
//!
//! They are mounted from a file or from memory, which takes root. A test that
//! cannot have one says why and is skipped, unless `CI` is set.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use tempfile::TempDir;

use crate::process::{RunError, output_of};

/// What kind of file system is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Copies that share bytes.
    Btrfs,
    /// Copies that share bytes.
    Xfs,
    /// No hard links, no extended attributes, no permissions.
    Exfat,
    /// In memory, of this many bytes: full soon.
    Tmpfs(u64),
}

/// A mounted file system, unmounted and removed at the end.
#[derive(Debug)]
pub struct Filesystem {
    dir: TempDir,
    device: Option<String>,
}

/// Why a file system could not be mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// A program that makes or mounts it is missing or failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The file that holds it could not be made.
    #[error("failed to create `{}`", path.display())]
    Create {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

impl Filesystem {
    /// Makes and mounts a file system of `kind`.
    pub fn mount(kind: Kind) -> Result<Self, MountError> {
        let create = |source| MountError::Create { path: env::temp_dir(), source };
        let dir = tempfile::Builder::new().prefix("kache-mount-").tempdir().map_err(create)?;
        let mut mounted = Self { dir, device: None };
        let path = mounted.path();
        fs::create_dir(&path)
            .map_err(|source| MountError::Create { path: path.clone(), source })?;
        match kind {
            Kind::Tmpfs(bytes) => {
                let size = format!("size={bytes}");
                run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &text(&path)])?;
            }
            Kind::Btrfs => mounted.loop_mount("mkfs.btrfs", &["-q", "--mixed"], 400 << 20)?,
            Kind::Xfs => mounted.loop_mount("mkfs.xfs", &["-q", "-m", "reflink=1"], 512 << 20)?,
            Kind::Exfat => mounted.fuse_mount()?,
        }
        Ok(mounted)
    }

    /// Makes and mounts a file system of `kind`, or prints why that cannot be
    /// done here. Where `CI` is set, everything must be there.
    ///
    /// # Panics
    ///
    /// In CI, if the file system cannot be had.
    #[must_use]
    pub fn mount_or_skip(kind: Kind) -> Option<Self> {
        match Self::mount(kind) {
            Ok(mounted) => Some(mounted),
            Err(error) => {
                skip(&format!("no {kind:?} file system: {error}"));
                None
            }
        }
    }

    /// Returns where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    /// Makes it read-only for everybody, root too.
    pub fn make_read_only(&self) -> Result<(), MountError> {
        run("mount", &["-o", "remount,ro", &text(&self.path())])
    }

    /// Lets no program run from it, and no library be loaded.
    pub fn make_inert(&self) -> Result<(), MountError> {
        run("mount", &["-o", "remount,noexec", &text(&self.path())])
    }

    /// Lets it be written to again.
    pub fn make_writable(&self) -> Result<(), MountError> {
        run("mount", &["-o", "remount,rw", &text(&self.path())])
    }

    fn image(&self, size_bytes: u64) -> Result<String, MountError> {
        let path = self.dir.path().join("image");
        let file = fs::File::create(&path).and_then(|file| file.set_len(size_bytes));
        file.map_err(|source| MountError::Create { path: path.clone(), source })?;
        Ok(text(&path))
    }

    fn loop_mount(&self, mkfs: &str, args: &[&str], size_bytes: u64) -> Result<(), MountError> {
        let image = self.image(size_bytes)?;
        run(mkfs, &[args, &[&image]].concat())?;
        run("mount", &["-o", "loop", &image, &text(&self.path())])
    }

    fn fuse_mount(&mut self) -> Result<(), MountError> {
        let image = self.image(128 << 20)?;
        run("mkfs.exfat", &[&image])?;
        let device = output_of(Command::new("losetup").args(["-f", "--show", &image]))?;
        self.device = Some(device.trim().to_owned());
        run("mount.exfat-fuse", &[device.trim(), &text(&self.path())])
    }
}

impl Drop for Filesystem {
    fn drop(&mut self) {
        // What is still in use goes away with its last user.
        drop(run("umount", &["-l", &text(&self.path())]));
        if let Some(device) = &self.device {
            drop(run("losetup", &["-d", device]));
        }
    }
}

/// Says that a test is skipped and why; in CI nothing may be skipped.
///
/// # Panics
///
/// Where the variable `CI` is set.
pub fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "skipped in CI: {why}");
    // Straight to the descriptor: the test runner hides what the macros print.
    drop(io::stderr().write_all(format!("skipped: {why}\n").as_bytes()));
}

fn run(program: &str, args: &[&str]) -> Result<(), MountError> {
    Ok(output_of(Command::new(program).args(args)).map(drop)?)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_system_is_full_soon_and_can_be_read_only() {
        let Some(small) = Filesystem::mount_or_skip(Kind::Tmpfs(64 << 10)) else { return };
        let file = small.path().join("file");
        assert!(fs::write(&file, vec![0; 128 << 10]).is_err());
        small.make_read_only().unwrap();
        assert!(fs::write(&file, "x").is_err());
        small.make_writable().unwrap();
        fs::write(&file, "x").unwrap();
        let path = small.path();
        drop(small);
        assert!(!path.exists());
    }
}
