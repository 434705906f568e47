//! Files that appear complete under their final name or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::IoFailure;
use crate::fault;
use crate::layout::Layout;

/// A new file in the staging directory; removed again unless it is published.
#[derive(Debug)]
pub(crate) struct Staged {
    path: PathBuf,
    published: bool,
}

impl Staged {
    /// Creates an empty staged file, open for writing, with permission bits `mode`.
    pub(crate) fn create(layout: &Layout, mode: u32) -> Result<(Self, File), IoFailure> {
        let path = unique_path(layout);
        let file = with_parent(&path, || create_new(&path, mode))
            .map_err(IoFailure::on("create", &path))?;
        Ok((Self { path, published: false }, file))
    }

    /// Returns the path of the staged file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its final name, replacing what is there.
    pub(crate) fn publish(mut self, target: &Path, step: &'static str) -> Result<(), IoFailure> {
        fault::point(step)
            .and_then(|()| with_parent(target, || rename_over(&self.path, target)))
            .map_err(IoFailure::on("rename into place", target))?;
        self.published = true;
        Ok(())
    }
}

/// Renames a file over whatever is at `target`, even a directory.
fn rename_over(path: &Path, target: &Path) -> io::Result<()> {
    match fs::rename(path, target) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            fs::remove_dir_all(target)?;
            fs::rename(path, target)
        }
        result => result,
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // A leftover is swept by housekeeping, so a failure here may pass.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// The two fault points of a staged write.
#[derive(Clone, Copy)]
pub(crate) struct WriteSteps {
    pub(crate) write: &'static str,
    pub(crate) rename: &'static str,
}

impl WriteSteps {
    /// The points of files that are neither entry nor record.
    pub(crate) const OTHER: Self = Self { write: "staging.write", rename: "staging.rename" };
}

/// Writes `bytes` to `target` so that readers see the old file or the new one.
pub(crate) fn write(
    layout: &Layout,
    target: &Path,
    bytes: &[u8],
    steps: WriteSteps,
) -> Result<(), IoFailure> {
    let (staged, mut file) = Staged::create(layout, 0o644)?;
    fault::point(steps.write)
        .and_then(|()| file.write_all(bytes))
        .map_err(IoFailure::on("write", staged.path()))?;
    drop(file);
    staged.publish(target, steps.rename)
}

/// Runs `act`; if a directory is missing, creates the parent of `path` and runs it again.
pub(crate) fn with_parent<T>(path: &Path, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().expect("store paths have a parent");
            fs::create_dir_all(parent)?;
            act()
        }
        result => result,
    }
}

/// Creates `path`, which must not exist, with permission bits `mode`.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// A name in the staging directory that no other process or thread uses.
fn unique_path(layout: &Layout) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let nanos = crate::clock::now_ns();
    layout.staging().join(format!("{}-{nanos:x}-{count}", std::process::id()))
}
