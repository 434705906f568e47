//! Whether the files of a call are such that a hit can stand for the compiler.
//!
//! A hit opens no source and replaces outputs. Where one is a pipe or a device, or
//! stands in another's place, only the compiler does what it would do.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::compilation::Product;
use crate::served::Passthrough;

/// Makes sure that `source` can be read twice, and that each of `products` is a
/// file of its own in a directory that is there.
///
/// Looks once at the source and at each product, and at the directories of
/// those that do not exist.
pub(crate) fn check(source: &Path, products: &[Product]) -> Result<(), Passthrough> {
    let source = check_plain(source)?;
    let mut places = BTreeSet::new();
    for product in products {
        let path = product.path.as_path();
        if !places.insert(path) {
            return refuse(path, "is more than one output");
        }
        match fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => return refuse(path, "is not a plain file"),
            Ok(found) if source.as_ref().is_some_and(|source| is_same(source, &found)) => {
                return refuse(path, "is the source, and an output");
            }
            Ok(_) => {}
            Err(_) if path.parent().is_some_and(Path::is_dir) => {}
            Err(_) => return refuse(path, "is in no directory"),
        }
    }
    Ok(())
}

/// Makes sure that `path` is no pipe or device, from which bytes can be read
/// only once. Returns what is known of it, or `None` if there is nothing.
fn check_plain(path: &Path) -> Result<Option<Metadata>, Passthrough> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(_) => refuse(path, "is not a plain file"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn refuse<T>(path: &Path, why: &str) -> Result<T, Passthrough> {
    Err(Passthrough::because(format!("`{}` {why}", path.display())))
}
