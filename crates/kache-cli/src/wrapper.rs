//! The wrapper, and the names under which compilers are called on `PATH`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::process;

/// The name of the wrapper's program.
pub(crate) const NAME: &str = "kache";

/// Returns the wrapper beside this program, else the one on `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(NAME));
    beside
        .filter(|path| process::is_executable(path))
        .or_else(|| process::find(NAME, std::env::var_os("PATH")))
}

/// Returns whether both paths lead to one file.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let id = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((id(a), id(b)), (Ok(a), Ok(b)) if a == b)
}

/// A program that is called like a C or C++ compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A compiler, or whatever else stands before one.
    Compiler(PathBuf),
    /// A link to the wrapper, which stands for the next of its name.
    Shim(PathBuf),
}

/// Returns what is on `search_path` under the names of C and C++ compilers,
/// each name with all that bear it, in the order of the search.
///
/// Lists every directory of the path once.
pub(crate) fn compilers(
    search_path: Option<&OsStr>,
    wrapper: &Path,
) -> BTreeMap<String, Vec<Named>> {
    let mut found: BTreeMap<String, Vec<Named>> = BTreeMap::new();
    for dir in search_path.into_iter().flat_map(std::env::split_paths) {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = dir.join(&name);
            if kache_cc::driver_name(&name).is_none() || !process::is_executable(&path) {
                continue;
            }
            let is_shim = is_same_file(&path, wrapper);
            let named = if is_shim { Named::Shim(path) } else { Named::Compiler(path) };
            found.entry(name).or_default().push(named);
        }
    }
    found
}
