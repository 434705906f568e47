//! The files that a compilation makes.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use kache_key::digest::Hasher;
use kache_key::evidence::RootSearch;
use kache_key::{BlobId, Digest, RootKind, Roots};
use kache_store::Sharing;

/// How much of a product is read at a time: it stays in the processor's cache
/// while it is hashed and searched.
const PIECE_BYTES: usize = 256 << 10;

/// A file that a compilation makes.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    /// What it is, `rlib` for example.
    pub(crate) role: &'static str,
    /// How the entry names it: the same in every checkout.
    pub(crate) name: String,
    /// Where the compiler puts it, absolute.
    pub(crate) path: PathBuf,
    pub(crate) form: Form,
    /// Whether the compiler always makes it; if not, what is in the source decides.
    pub(crate) is_certain: bool,
}

/// How a product is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Bytes {
        /// Who may share the inode of a restored file.
        sharing: Sharing,
    },
    /// As a text in which paths are rewritten for each checkout.
    Text,
}

/// One product, made and looked through.
pub(crate) struct Made {
    pub(crate) role: &'static str,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) blob: BlobId,
    pub(crate) metadata: Metadata,
    /// Who may share the inode of a restored file.
    pub(crate) sharing: Sharing,
}

/// What one pass over a file showed.
pub(crate) struct Examined {
    pub(crate) digest: Digest,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) named: BTreeSet<RootKind>,
    /// Roots that are named by their real paths.
    pub(crate) aliases: BTreeSet<RootKind>,
}

/// Hashes a file and searches it for roots and their `aliases`, in one pass and
/// in pieces: an executable can be larger than what is worth keeping in memory.
pub(crate) fn examine(path: &Path, roots: &Roots, aliases: &Roots) -> io::Result<Examined> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut searches = [RootSearch::new(roots), RootSearch::new(aliases)];
    let lookahead = searches.iter().map(RootSearch::lookahead).max().unwrap_or(0);
    let mut piece = Vec::with_capacity(lookahead + PIECE_BYTES);
    let mut size = 0;
    loop {
        let seen = piece.len();
        let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        hasher.update(piece.get(seen..).unwrap_or_default());
        size += read as u64;
        let is_last = read < PIECE_BYTES;
        for search in &mut searches {
            search.look_at(&piece, is_last);
        }
        if is_last {
            break;
        }
        piece.drain(..piece.len() - lookahead);
    }
    let [named, aliases] = searches.map(|search| search.named);
    Ok(Examined { digest: hasher.finish(), size, named, aliases })
}

/// Returns the roots that are symbolic links or lie behind one, by their real paths.
///
/// What names such a path is bound to where the link leads.
pub(crate) fn real_paths_of_links(roots: &Roots) -> Roots {
    let real = roots.iter().filter_map(|(kind, path)| {
        let real = fs::canonicalize(path).ok()?.into_os_string().into_string().ok()?;
        (real != path && roots.split(&real).is_none()).then_some((kind, real))
    });
    Roots::of(real)
}

/// Gives the file at `path`, if there is one, an inode of its own: somebody may be
/// about to change it in place, and a blob may share it.
pub(crate) fn own_inode(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.nlink() > 1 => {
            let staged = path.with_file_name(format!(".kache-{}", std::process::id()));
            let _bytes = fs::copy(path, &staged)?;
            File::open(&staged)?.set_modified(metadata.modified()?)?;
            fs::rename(&staged, path)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Unlinks earlier products that share their inode with a blob, so that the
/// compiler never opens one for writing.
pub(crate) fn unshare(products: &[Product]) {
    for product in products {
        if fs::symlink_metadata(&product.path).is_ok_and(|metadata| {
            use std::os::unix::fs::MetadataExt as _;

            metadata.nlink() > 1
        }) {
            // The compiler will say what is wrong with a directory it cannot write.
            drop(fs::remove_file(&product.path));
        }
    }
}
