//! What decides clippy's answers beside rustc's own inputs.

use std::fs;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::Roots;
use kache_key::fields::FieldHasher;

use crate::places::variable;

/// Variables that clippy-driver reads.
///
/// Under `--no-deps` it lints only where cargo says that the package is one of
/// those asked for. What a lint may suggest depends on the oldest version of
/// Rust that the package supports.
const VARIABLES: &[&str] = &[
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PRIMARY_PACKAGE",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "CLIPPY_DISABLE_DOCS_LINKS",
    "CLIPPY_TERMINAL_WIDTH",
];

/// Names of clippy's configuration file, in the order in which it looks.
const FILES: &[&str] = &[".clippy.toml", "clippy.toml"];

/// Returns a digest of clippy's variables, of its configuration (which file it
/// is, and its bytes) and of the manifests, which some lints ask cargo about:
/// the package's own, and with the lock file that of the workspace, in `cwd`.
///
/// Looks for a configuration in every directory from `CLIPPY_CONF_DIR`, or the
/// package, up to the root.
pub(crate) fn surroundings(roots: &Roots, cwd: &Path) -> Digest {
    let mut hasher = FieldHasher::new("kache clippy");
    for name in VARIABLES {
        hasher.option(name, variable(name).as_deref().map(str::as_bytes));
    }
    let start = variable("CLIPPY_CONF_DIR").or_else(|| variable("CARGO_MANIFEST_DIR"));
    let start = start.map(PathBuf::from).unwrap_or_default();
    let found = start
        .ancestors()
        .flat_map(|dir| FILES.iter().map(move |name| dir.join(name)))
        .find_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes)));
    if let Some((path, bytes)) = found {
        hasher.text("file", &roots.tokenise(&path.to_string_lossy()).0);
        hasher.digest("content", Digest::of(&bytes));
    }
    let manifest = variable("CARGO_MANIFEST_PATH").map(PathBuf::from);
    let shared = ["Cargo.toml", "Cargo.lock"].map(|name| cwd.join(name));
    for path in manifest.into_iter().chain(shared) {
        hasher.option("manifest", fs::read(path).ok().as_deref());
    }
    hasher.finish()
}
