//! Programs in front of the C compilers that a build script may start, so that what
//! they make is cached without anybody saying so.
//!
//! Each is a launcher, a file of its own: who follows links from where a compiler was
//! found must not come to something that does not know which compiler it stands for.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kache_key::fields::FieldHasher;
use kache_observe::{Act, Trace};
use kache_store::{Store, clock};

use crate::{cc, files, launcher};

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

/// Larger files are not looked at as texts: what they name binds the entry.
pub(crate) const MAX_TEXT_BYTES: u64 = 4 << 20;

/// A directory of launchers, to go before a list of programs.
pub(crate) struct Shims {
    /// Without links on the way.
    pub(crate) dir: PathBuf,
    /// The compilers behind them, by name.
    compilers: Vec<(&'static str, PathBuf)>,
}

impl Shims {
    /// Makes launchers of `kache` that go before `path_var`, the list of programs;
    /// `None` where the user chose compilers, where there are none, and where there can
    /// be no launchers.
    ///
    /// Costs a look at each name in each directory of the list, and reading the
    /// launchers, if they are there: a few KB each.
    pub(crate) fn make(store: &Store, kache: &Path, path_var: &OsStr) -> io::Result<Option<Self>> {
        if std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(is_choice)) {
            return Ok(None);
        }
        let mut compilers = Vec::new();
        let mut launchers = Vec::new();
        let mut hasher = FieldHasher::new("kache shims 2");
        for name in NAMES {
            let Some(compiler) = compiler_on(path_var, name) else { continue };
            let bytes = launcher::bytes(kache, cc::VERB, compiler.as_os_str());
            let Some(bytes) = bytes else { return Ok(None) };
            hasher.text("name", name).bytes("launcher", &bytes);
            compilers.push((*name, compiler));
            launchers.push((name, bytes));
        }
        if launchers.is_empty() {
            return Ok(None);
        }
        let dir = store.layout().shims().join(hasher.finish().to_string());
        for (name, bytes) in &launchers {
            put(store, bytes, &dir.join(name))?;
        }
        let dir = fs::canonicalize(dir)?;
        // A list ends its parts with colons.
        let is_listable = !dir.as_os_str().as_encoded_bytes().contains(&b':');
        let may_run = |(name, _): &(&&str, _)| may_run(&dir.join(name));
        let is_usable = is_listable && launchers.iter().all(may_run);
        Ok(is_usable.then_some(Self { dir, compilers }))
    }

    /// Returns the compilers that were looked for by their names, with where a search in
    /// `path_var` comes before it finds each: launchers hide both.
    pub(crate) fn sought(&self, trace: &Trace, path_var: &OsStr) -> Vec<(&Path, Vec<PathBuf>)> {
        let named: HashSet<&Path> = trace.acts().filter_map(Act::path).collect();
        let compilers = self.compilers.iter();
        let sought = compilers.filter(|(name, _)| named.contains(self.dir.join(name).as_path()));
        sought
            .map(|(name, compiler)| {
                let places = std::env::split_paths(path_var).map(|dir| dir.join(name));
                let places = places.filter_map(|place| std::path::absolute(place).ok());
                (compiler.as_path(), places.take_while(|place| place != compiler).collect())
            })
            .collect()
    }

    /// Returns whether a launcher is named in what a script tells cargo. What else it
    /// prints, as `cmake` does the compilers that it finds, is for nobody.
    pub(crate) fn are_told_to_cargo(&self, stdout: &str) -> bool {
        let dir = self.dir.to_string_lossy();
        stdout.lines().any(|line| line.starts_with("cargo:") && line.contains(&*dir))
    }

    /// Returns `list`, a list of directories, with these before all others.
    pub(crate) fn before(&self, list: &OsStr) -> OsString {
        let mut with = self.dir.as_os_str().to_owned();
        with.push(":");
        with.push(list);
        with
    }

    /// Gives the compilers back their own names in the texts below `top`, where a script
    /// wrote down that it found these: it goes on with those when it runs again,
    /// be kache there or not.
    pub(crate) fn take_out(&self, top: &Path) -> io::Result<()> {
        let text = |path: PathBuf| path.into_os_string().into_string().ok();
        let compilers = self.compilers.iter();
        let mut renamed: Vec<(String, String)> = compilers
            .filter_map(|(name, compiler)| {
                Some((text(self.dir.join(name))?, text(compiler.clone())?))
            })
            .collect();
        // What begins like a shorter name comes first.
        renamed.sort_by_key(|(shim, _)| std::cmp::Reverse(shim.len()));
        renamed.extend(text(self.dir.clone()).map(|dir| (format!("{dir}:"), String::new())));
        take_out_below(top, &self.dir, &renamed)
    }
}

fn take_out_below(top: &Path, dir: &Path, renamed: &[(String, String)]) -> io::Result<()> {
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        if metadata.is_dir() {
            take_out_below(&path, dir, renamed)?;
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path)?;
            if let Some((_, compiler)) = renamed.iter().find(|(shim, _)| target == Path::new(shim))
            {
                fs::remove_file(&path)?;
                symlink(compiler, &path)?;
            }
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

/// Returns the compiler that is called when nothing stands before it.
fn compiler_on(path_var: &OsStr, name: &str) -> Option<PathBuf> {
    let path = files::find_program(name, Some(path_var.to_owned()))?;
    std::path::absolute(path).ok().filter(|path| !is_cache(path))
}

/// Returns whether this process may run `program`: neither its mode nor that of its file
/// system says otherwise.
fn may_run(program: &Path) -> bool {
    rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok()
}

fn is_cache(program: &Path) -> bool {
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let is_shim = || {
        let found = fs::metadata(&real);
        found.is_ok_and(|found| launcher::replaced_at(&real, found.len(), cc::VERB).is_some())
    };
    OTHER_CACHES.iter().any(|cache| name.contains(cache)) || is_shim()
}

/// Makes `place` an executable file of `bytes`, unless it is one: whoever starts it
/// meanwhile finds the old file or the new one, whole.
fn put(store: &Store, bytes: &[u8], place: &Path) -> io::Result<()> {
    // After a power cut it may be as long as it should be, and empty.
    if may_run(place) && fs::read(place).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    // Processes in different containers can have the same number.
    let name = format!("shim-{}-{}", std::process::id(), clock::now_ns());
    let staged = store.layout().staging().join(name);
    fs::create_dir_all(store.layout().staging())?;
    fs::create_dir_all(place.parent().unwrap_or(place))?;
    launcher::write(&staged, bytes)?;
    fs::rename(&staged, place).inspect_err(|_| drop(fs::remove_file(&staged)))
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
