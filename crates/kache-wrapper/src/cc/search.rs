//! Where a compiler looks for headers, and what must stay absent there.
//!
//! A dependency file lists the headers that were read. It does not list the
//! places where one of the same name would have been found first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use kache_cc::options::SearchKind;
use kache_cc::unit::CcUnit;
use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_store::{Store, memo};
use serde::{Deserialize, Serialize};

use super::{Call, facts};
use crate::process;

/// Options that change where a compiler looks by itself. Those that end with
/// an equals sign or a bare letter take their value attached.
const CHOOSING: &[&str] = &[
    "-m",
    "-B",
    "-target",
    "--target",
    "--sysroot",
    "-isysroot",
    "-stdlib",
    "-nostd",
    "--gcc-",
    "-iprefix",
    "-iwithprefix",
    "-imultilib",
    "-ccc-",
    "-specs",
];

/// Variables that add directories to those a compiler searches by itself.
const SEARCH_ENV: &[&str] =
    &["CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH"];

/// The directories that a compiler searches by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OwnDirs {
    /// In order, as the compiler spells them.
    dirs: Vec<String>,
    /// Those that it would search and that do not exist.
    missing: Vec<String>,
}

/// Where headers are looked for, in order.
pub(crate) struct SearchPath {
    dirs: Vec<String>,
    /// How many of `dirs`, from this one on, are the compiler's own.
    own: BTreeSet<String>,
    missing: Vec<String>,
}

impl SearchPath {
    /// Returns the search path of `unit`. Asks the compiler where it was never
    /// asked under such options.
    pub(crate) fn of(call: &Call, unit: &CcUnit, store: &Store) -> Result<Self, String> {
        let own = own_dirs(call, unit, store)?;
        let given = |kind: SearchKind| {
            let dirs = unit.include_dirs.iter().filter(move |dir| dir.kind == kind);
            dirs.map(|dir| with_sysroot(&dir.path, unit))
        };
        let has_env = SEARCH_ENV.iter().any(|name| std::env::var_os(name).is_some());
        let mut dirs: Vec<String> =
            given(SearchKind::Quote).chain(given(SearchKind::Angle)).collect();
        if has_env {
            // Some of these come before what `-isystem` names, and which is not told.
            dirs.extend(own.dirs.iter().cloned());
        }
        dirs.extend(given(SearchKind::System).chain(given(SearchKind::CppSystem)));
        dirs.extend(own.dirs.iter().cloned());
        dirs.extend(given(SearchKind::After));
        Ok(Self { dirs, own: own.dirs.into_iter().collect(), missing: own.missing })
    }

    /// Returns the places in which nothing may appear, so that every one of
    /// `files`, as the compiler spelt them, is still what is found first.
    pub(crate) fn rivals(&self, files: &[String]) -> BTreeSet<String> {
        let mut rivals: BTreeSet<String> = self.missing.iter().cloned().collect();
        let includers = self.includers(files);
        let mut names: BTreeSet<(&str, usize)> = BTreeSet::new();
        for file in files {
            for (position, dir) in self.dirs.iter().enumerate() {
                let below = file.strip_prefix(dir.as_str()).and_then(|rest| rest.strip_prefix('/'));
                names.extend(below.map(|name| (name, position)));
            }
        }
        for (name, position) in names {
            let earlier = self.dirs.iter().take(position).map(String::as_str);
            let dirs = includers.iter().copied().chain(earlier);
            rivals.extend(dirs.map(|dir| joined(dir, name)));
        }
        rivals
    }

    /// Returns the places in which `name` is looked for by one of `files`.
    pub(crate) fn places_of(&self, name: &str, files: &[String]) -> BTreeSet<String> {
        let dirs = self.dirs.iter().map(String::as_str).chain(self.includers(files));
        dirs.map(|dir| joined(dir, name)).collect()
    }

    /// Returns the directories of the files that may include by a name in
    /// quotation marks, which is looked for beside them first.
    fn includers<'a>(&self, files: &'a [String]) -> BTreeSet<&'a str> {
        let dir_of = |file: &'a String| file.rsplit_once('/').map_or("", |(dir, _)| dir);
        files.iter().filter(|file| !self.is_own(file)).map(dir_of).collect()
    }

    /// Returns whether `file` is one of the compiler's own or the system's.
    pub(crate) fn is_own(&self, file: &str) -> bool {
        self.own
            .iter()
            .any(|dir| file.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// A directory that begins with `=` or `$SYSROOT` lies below the sysroot.
fn with_sysroot(dir: &str, unit: &CcUnit) -> String {
    let below = dir.strip_prefix('=').or_else(|| dir.strip_prefix("$SYSROOT"));
    match (below, &unit.sysroot) {
        (Some(below), Some(sysroot)) => format!("{sysroot}{below}"),
        _ => dir.trim_end_matches('/').to_owned(),
    }
}

fn own_dirs(call: &Call, unit: &CcUnit, store: &Store) -> Result<OwnDirs, String> {
    let language = facts::language_name(unit);
    let options = choosing_options(&unit.args);
    let memo_id = memo_id(call, language, &options);
    if let Ok(Some(known)) = memo::read::<OwnDirs>(store.layout(), memo_id) {
        return Ok(known);
    }
    process::count_spawned();
    let ran = Command::new(&call.compiler.program)
        .args(&options)
        .args(["-E", "-v", "-x", language, "/dev/null"])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("the compiler does not say where it looks: {error}"))?;
    let own = parse_own_dirs(&String::from_utf8_lossy(&ran.stderr))
        .ok_or("the compiler does not say where it looks for headers")?;
    // Forgetting costs the next miss this question again.
    drop(memo::write(store.layout(), memo_id, &own));
    Ok(own)
}

fn memo_id(call: &Call, language: &str, options: &[String]) -> Digest {
    let mut hasher = FieldHasher::new("kache cc search memo 1");
    hasher.digest("compiler", call.compiler.identity);
    hasher.text("program", &call.compiler.program.to_string_lossy());
    hasher.text("language", language);
    hasher.list("options", options.iter().map(String::as_str));
    for name in SEARCH_ENV {
        let value = std::env::var_os(name);
        hasher.option(name, value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    // Relative directories in those variables start here.
    hasher.text("cwd", &call.cwd);
    hasher.finish()
}

/// Returns those of `args` that decide where the compiler looks by itself.
fn choosing_options(args: &[String]) -> Vec<String> {
    let mut chosen = Vec::new();
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        if !CHOOSING.iter().any(|option| arg.starts_with(option)) {
            continue;
        }
        chosen.push(arg.clone());
        // A value of its own follows an option that is spelt without one.
        let takes_value = CHOOSING.contains(&arg.as_str()) && arg != "-m" && arg != "-nostd";
        chosen.extend(rest.next_if(|_| takes_value).cloned());
    }
    chosen
}

/// Reads the lists that compilers print for `-v`.
fn parse_own_dirs(text: &str) -> Option<OwnDirs> {
    let mut own = OwnDirs::default();
    let mut lines = text.lines();
    for line in lines.by_ref() {
        if let Some(dir) = line.strip_prefix("ignoring nonexistent directory \"") {
            own.missing.push(dir.trim_end_matches('"').to_owned());
        } else if line.starts_with("#include \"...\" search starts here") {
            break;
        }
    }
    let mut is_complete = false;
    for line in lines {
        if line.starts_with("End of search list") {
            is_complete = true;
            break;
        }
        own.dirs.extend(line.strip_prefix(' ').map(|dir| dir.trim_end_matches('/').to_owned()));
    }
    is_complete.then_some(own)
}

/// Returns the path of `name` in `dir`, which is empty for the working directory.
fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() || name.starts_with('/') { name.to_owned() } else { format!("{dir}/{name}") }
}

/// What is there of some candidates, and what is not.
#[derive(Default)]
pub(crate) struct Looked<'a> {
    pub(crate) present: Vec<&'a str>,
    /// By the deepest directory there is, the names that are not in it.
    pub(crate) absent: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Looks which of `candidates` are there.
pub(crate) fn look_for<'a>(cwd: &'a Path, candidates: &'a BTreeSet<String>) -> Looked<'a> {
    let mut looks = Looks { cwd, is_there: HashMap::new() };
    let mut looked = Looked::default();
    for candidate in candidates {
        match looks.first_absent(candidate) {
            Some((dir, name)) => {
                looked.absent.entry(dir).or_default().insert(name);
            }
            None => looked.present.push(candidate),
        }
    }
    looked
}

/// Looks at paths, at each once.
struct Looks<'a> {
    cwd: &'a Path,
    is_there: HashMap<&'a str, bool>,
}

impl<'a> Looks<'a> {
    /// Returns the first part of `path` that is not there, as the directory it
    /// is missing in and its name.
    fn first_absent(&mut self, path: &'a str) -> Option<(&'a str, &'a str)> {
        let mut absent = None;
        let mut part = path;
        while !part.is_empty() && !self.is_there(part) {
            let (dir, name) = part.rsplit_once('/').unwrap_or(("", part));
            absent = Some((dir, name));
            part = dir;
        }
        absent
    }

    fn is_there(&mut self, path: &'a str) -> bool {
        let cwd = self.cwd;
        *self.is_there.entry(path).or_insert_with(|| fs::metadata(cwd.join(path)).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GCC: &str = "ignoring nonexistent directory \"/usr/local/include/x\"\n\
        #include \"...\" search starts here:\n\
        #include <...> search starts here:\n \
        /usr/lib/gcc/include\n \
        /usr/include/\n\
        End of search list.\n";

    #[test]
    fn the_compilers_own_list_is_read() {
        let own = parse_own_dirs(GCC).unwrap();
        assert_eq!(own.dirs, ["/usr/lib/gcc/include", "/usr/include"]);
        assert_eq!(own.missing, ["/usr/local/include/x"]);
        assert_eq!(parse_own_dirs(&GCC[..GCC.len() - 20]), None);
    }

    #[test]
    fn options_that_choose_directories_keep_their_values() {
        let args = ["-O2", "-m32", "-isysroot", "/s", "-DX", "--sysroot=/t", "-target", "arm"];
        let chosen = choosing_options(&args.map(str::to_owned));
        assert_eq!(chosen, ["-m32", "-isysroot", "/s", "--sysroot=/t", "-target", "arm"]);
    }

    #[test]
    fn a_header_has_rivals_in_every_earlier_directory_and_beside_its_includers() {
        let dirs = ["inc", "lib/inc", "/usr/include"].map(str::to_owned);
        let path = SearchPath {
            dirs: dirs.into(),
            own: ["/usr/include".to_owned()].into(),
            missing: vec!["/opt/include".to_owned()],
        };
        let files = ["src/x.c", "lib/inc/a/b.h", "/usr/include/stdio.h"].map(str::to_owned);
        let expected = [
            "/opt/include",
            "inc/a/b.h",
            "inc/stdio.h",
            "lib/inc/a/a/b.h",
            "lib/inc/a/stdio.h",
            "lib/inc/stdio.h",
            "src/a/b.h",
            "src/stdio.h",
        ];
        assert_eq!(path.rivals(&files), expected.map(str::to_owned).into());
    }
}
