//! Taking a finished output file into the store without copying its bytes.
//!
//! Tried in this order: a reflink; a hard link, if it may share its inode and has
//! no other name, through which somebody might write; a copy.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use kache_key::BlobId;

use crate::blob::{self, BlobError, Trust};
use crate::clone;
use crate::failure::IoFailure;
use crate::fault;
use crate::identity;
use crate::layout::Layout;
use crate::restore::Sharing;
use crate::staging::{Staged, with_parent};

/// What adopting a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// The store had these bytes already.
    Known,
    /// The blob shares bytes, but not the inode, with the output.
    Cloned,
    /// The blob and the output are one inode.
    Linked,
    /// The bytes were copied.
    Copied,
}

/// Makes the bytes of the file `output`, which hash to `id`, a blob; tags the output.
///
/// The caller has just hashed the file and read `metadata` before doing so.
/// Costs a few system calls, and one pass over the bytes where neither
/// reflink nor hard link works.
pub fn adopt(
    layout: &Layout,
    output: &Path,
    id: BlobId,
    metadata: &Metadata,
    sharing: Sharing,
) -> Result<Adopted, BlobError> {
    // Without a tag the next reader hashes the bytes, so a refusal may pass.
    drop(fault::point("adopt.tag").and_then(|()| identity::tag(output, id.0, metadata)));
    match blob::check(layout, id, metadata.len(), Trust::Tag) {
        Ok(_) => return Ok(Adopted::Known),
        Err(BlobError::Missing { .. } | BlobError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    let target = layout.blob(id);
    if clone::may_work_at(layout.base()) && clone_to(layout, output, &target, metadata).is_ok() {
        return Ok(Adopted::Cloned);
    }
    if sharing != Sharing::Never && metadata.nlink() == 1 && link_to(output, &target).is_ok() {
        return Ok(Adopted::Linked);
    }
    copy_to(layout, output, id, metadata)?;
    Ok(Adopted::Copied)
}

fn clone_to(
    layout: &Layout,
    output: &Path,
    target: &Path,
    metadata: &Metadata,
) -> Result<(), BlobError> {
    let (staged, file) = Staged::create(layout, metadata.mode() & 0o777 | 0o200)?;
    let source = File::open(output).map_err(IoFailure::on("open", output))?;
    fault::point("adopt.clone")
        .and_then(|()| clone::clone_into(&source, &file))
        .map_err(IoFailure::on("clone into", staged.path()))?;
    check_unchanged(&source, output, metadata)?;
    tag_staged(&staged, target, &file);
    Ok(staged.publish(target, "adopt.rename")?)
}

/// Makes sure that what was just read is what the caller has hashed.
fn check_unchanged(source: &File, output: &Path, hashed: &Metadata) -> Result<(), BlobError> {
    let now = source.metadata().map_err(IoFailure::on("look at", output))?;
    let seen = |metadata: &Metadata| (metadata.size(), identity::mtime_ns(metadata));
    if seen(&now) == seen(hashed) {
        Ok(())
    } else {
        Err(BlobError::Changed { path: output.to_owned() })
    }
}

/// Links `output` as `target`. A blob that appeared meanwhile has the same bytes.
fn link_to(output: &Path, target: &Path) -> io::Result<()> {
    fault::point("adopt.link")?;
    match with_parent(target, || fs::hard_link(output, target)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn copy_to(
    layout: &Layout,
    output: &Path,
    id: BlobId,
    metadata: &Metadata,
) -> Result<(), BlobError> {
    let target = layout.blob(id);
    let (staged, mut file) = Staged::create(layout, metadata.mode() & 0o777 | 0o200)?;
    let mut source = File::open(output).map_err(IoFailure::on("open", output))?;
    fault::point("adopt.copy")
        .and_then(|()| io::copy(&mut source, &mut file))
        .map_err(IoFailure::on("copy into", staged.path()))?;
    check_unchanged(&source, output, metadata)?;
    tag_staged(&staged, &target, &file);
    Ok(staged.publish(&target, "adopt.rename")?)
}

/// Tags a staged blob. Its name is its digest, so `target` says what to write.
fn tag_staged(staged: &Staged, target: &Path, file: &File) {
    let id = target.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    if let (Some(id), Ok(metadata)) = (id, file.metadata()) {
        drop(identity::tag(staged.path(), id, &metadata));
    }
}
