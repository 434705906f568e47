//! Links in front of the C compilers that a build script may start, so that they
//! are cached without anybody saying so.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kache_key::fields::FieldHasher;
use kache_store::Store;

use super::tree::MAX_TEXT_BYTES;
use crate::files;

/// The names by which C and C++ compilers are started when nobody chose one.
const NAMES: &[&str] = &["c++", "cc", "clang", "clang++", "g++", "gcc"];

/// Beginnings of variables by which a user or a project chooses a compiler.
const CHOICES: &[&str] = &[
    "CC",
    "CXX",
    "CMAKE_CXX_COMPILER",
    "CMAKE_C_COMPILER",
    "HOST_CC",
    "HOST_CXX",
    "TARGET_CC",
    "TARGET_CXX",
];

/// Other caches that stand in a compiler's place, by what is in their names.
const OTHER_CACHES: &[&str] = &["ccache", "cachepot", "distcc", "icecc", "kache"];

/// Returns a directory of links to `kache` that goes before `path_var`, the list
/// of programs; `None` where the user chose compilers, or there are none.
///
/// Costs a look at each name in each directory of the list.
pub(crate) fn directory(
    store: &Store,
    kache: &Path,
    path_var: &OsStr,
) -> io::Result<Option<PathBuf>> {
    if std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(is_choice)) {
        return Ok(None);
    }
    let found = |name: &&&str| {
        files::find_program(name, Some(path_var.to_owned())).is_some_and(|path| !is_cache(&path))
    };
    let names: Vec<&str> = NAMES.iter().filter(found).copied().collect();
    if names.is_empty() {
        return Ok(None);
    }
    let mut hasher = FieldHasher::new("kache shims");
    hasher.text("kache", &kache.to_string_lossy()).list("names", names.iter().copied());
    let dir = store.layout().shims().join(hasher.finish().to_string());
    for name in names {
        link(kache, &dir.join(name))?;
    }
    Ok(Some(dir))
}

/// Returns `dir` and then `list`, as a list of directories.
pub(crate) fn before(dir: &Path, list: &OsStr) -> OsString {
    let mut with = dir.as_os_str().to_owned();
    with.push(":");
    with.push(list);
    with
}

/// Gives the compilers back their own names in the texts below `top`, where a script
/// wrote down that it found them in `dir`: it goes on with those when it runs again,
/// be kache there or not.
pub(crate) fn take_out(top: &Path, dir: &Path, path_var: &OsStr) -> io::Result<()> {
    let found = |name: &str| files::find_program(name, Some(path_var.to_owned()));
    let names = NAMES.iter().filter_map(|name| Some((*name, found(name)?)));
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    let mut renamed: Vec<(String, String)> = names
        .filter_map(|(name, compiler)| Some((text(dir.join(name))?, text(compiler)?)))
        .collect();
    // What begins like a shorter name comes first.
    renamed.sort_by_key(|(link, _)| std::cmp::Reverse(link.len()));
    renamed.extend(text(dir.to_owned()).map(|dir| (format!("{dir}:"), String::new())));
    take_out_below(top, dir, &renamed)
}

fn take_out_below(top: &Path, dir: &Path, renamed: &[(String, String)]) -> io::Result<()> {
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        if metadata.is_dir() {
            take_out_below(&path, dir, renamed)?;
        } else if metadata.is_file() && metadata.len() <= MAX_TEXT_BYTES {
            let Ok(text) = String::from_utf8(fs::read(&path)?) else { continue };
            if text.contains(&*dir.to_string_lossy()) {
                let rename = |text: String, (from, to): &(String, String)| text.replace(from, to);
                fs::write(&path, renamed.iter().fold(text, rename))?;
                // Who goes by times sees no change.
                fs::File::options().append(true).open(&path)?.set_modified(metadata.modified()?)?;
            }
        }
    }
    Ok(())
}

/// Returns whether a variable of this name chooses a compiler, for all targets or
/// for one: `CC`, `CC_x86_64-unknown-linux-gnu`.
fn is_choice(name: &str) -> bool {
    CHOICES.iter().any(|choice| {
        name.strip_prefix(choice).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

fn is_cache(program: &Path) -> bool {
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    OTHER_CACHES.iter().any(|cache| name.contains(cache))
}

fn link(kache: &Path, place: &Path) -> io::Result<()> {
    if fs::read_link(place).is_ok_and(|target| target == kache) {
        return Ok(());
    }
    fs::create_dir_all(place.parent().unwrap_or(place))?;
    match symlink(kache, place) {
        // Another build made it just now.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_of_compilers_are_told_from_other_variables() {
        for name in ["CC", "CXX_aarch64_unknown_linux_gnu", "HOST_CC", "CMAKE_C_COMPILER_LAUNCHER"]
        {
            assert!(is_choice(name), "{name}");
        }
        for name in ["CCACHE_DIR", "CFLAGS", "CXXFLAGS", "CARGO"] {
            assert!(!is_choice(name), "{name}");
        }
    }
}
