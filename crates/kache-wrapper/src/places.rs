//! Directories that every personality knows, and variables that name them.

use std::ffi::OsString;
use std::path::Path;

use kache_config::Config;
use kache_key::{RootKind, Roots};

/// Returns the value of a variable that is set and is UTF-8.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the value of a variable without what observation put there.
pub(crate) fn variable_of_others(name: &str) -> Option<OsString> {
    match name {
        "LD_PRELOAD" => kache_observe::preloaded_by_others(),
        _ => std::env::var_os(name),
    }
}

/// Returns where cargo keeps registry sources.
pub(crate) fn cargo_home() -> Option<String> {
    variable("CARGO_HOME")
        .filter(|home| !home.is_empty())
        .or_else(|| variable("HOME").map(|home| format!("{home}/.cargo")))
}

/// Returns whether `dir` is in a package that cargo fetched, which is the same
/// for every checkout.
pub(crate) fn is_fetched(dir: &Path) -> bool {
    cargo_home().is_some_and(|home| {
        ["registry/src", "git/checkouts"]
            .iter()
            .any(|fetched| dir.starts_with(Path::new(&home).join(fetched)))
    })
}

/// Adds the configured base directories to `roots`.
pub(crate) fn with_base_dirs(roots: Roots, config: &Config) -> Roots {
    if config.base_dirs.is_empty() {
        return roots;
    }
    let bases = config.base_dirs.iter().zip(0..u8::MAX);
    let bases = bases.filter_map(|(dir, i)| Some((RootKind::Base(i), dir.to_str()?.to_owned())));
    let known = roots.iter().map(|(kind, path)| (kind, path.to_owned()));
    Roots::of(known.chain(bases))
}
