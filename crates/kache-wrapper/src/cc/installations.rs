//! The GCC that Clang takes headers and start objects from.
//!
//! Clang looks for installed versions each time it runs and takes the newest.
//! The identity of a compiler covers the place where it looks by itself;
//! options can send it elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use kache_cc::Family;
use kache_key::Digest;
use kache_key::fields::FieldHasher;

use super::Call;

/// Options that name a directory below which installations are looked for,
/// with what leads there.
const PLACES: &[&str] =
    &["--gcc-toolchain=", "--gcc-toolchain", "-gcc-toolchain", "--sysroot=", "--sysroot", "-B"];

/// Where versions are, below such a directory: a directory for each target,
/// and in there one for each version.
const LIBRARIES: &[&str] = &[
    "lib/gcc",
    "lib/gcc-cross",
    "lib32/gcc",
    "lib64/gcc",
    "usr/lib/gcc",
    "usr/lib/gcc-cross",
    "usr/lib32/gcc",
    "usr/lib64/gcc",
];

/// Returns the digest of the names of all versions that Clang can choose from
/// because of `options`, those that [choose](super::search::choosing_options)
/// where it looks; `None` for other compilers and where there are none.
///
/// Reads the directories of installations, mostly missing ones.
pub(crate) fn digest(call: &Call, options: &[String]) -> Option<Digest> {
    if call.compiler.called.family == Family::Gcc || options.is_empty() {
        return None;
    }
    let mut hasher = FieldHasher::new("kache gcc installations");
    for place in places(options) {
        for library in LIBRARIES {
            for target in names_in(&Path::new(&call.cwd).join(&place).join(library)) {
                for version in names_in(&target) {
                    hasher.text("version", &version.to_string_lossy());
                }
            }
        }
    }
    Some(hasher.finish())
}

/// Returns the directories that `options` name, and the system's own: a target
/// has versions of its own there.
fn places(options: &[String]) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("/")];
    let mut rest = options.iter().peekable();
    while let Some(option) = rest.next() {
        let Some(place) = PLACES.iter().find_map(|place| option.strip_prefix(place)) else {
            continue;
        };
        let attached = Some(place).filter(|place| !place.is_empty()).map(PathBuf::from);
        places.extend(attached.or_else(|| rest.peek().map(PathBuf::from)));
    }
    places
}

/// Returns the paths in `dir`, sorted.
fn names_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_name_places_are_read_in_both_spellings() {
        let options = ["--gcc-toolchain=/a", "-m32", "--sysroot", "/b", "-target", "x"];
        let options = options.map(str::to_owned);
        assert_eq!(places(&options), ["/", "/a", "/b"].map(PathBuf::from));
    }
}
