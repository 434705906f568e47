//! What decides clippy's answers beside rustc's own inputs.

use std::fs;
use std::path::PathBuf;

use kache_key::Digest;
use kache_key::Roots;
use kache_key::fields::FieldHasher;

use super::surroundings::variable;

/// Variables that clippy-driver reads.
///
/// Under `--no-deps` it lints only where cargo says that the package is one of
/// those asked for.
const VARIABLES: &[&str] = &[
    "CARGO_PRIMARY_PACKAGE",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "CLIPPY_DISABLE_DOCS_LINKS",
    "CLIPPY_TERMINAL_WIDTH",
];

/// Names of clippy's configuration file, in the order in which it looks.
const FILES: &[&str] = &[".clippy.toml", "clippy.toml"];

/// Returns a digest of clippy's variables and of its configuration: which
/// file it is, and its bytes. Looks into every directory from
/// `CLIPPY_CONF_DIR`, or the package, up to the root.
pub(crate) fn configuration(roots: &Roots) -> Digest {
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
    hasher.finish()
}
