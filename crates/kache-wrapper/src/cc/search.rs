//! Where a compiler looks for headers, and what must stay absent there.
//!
//! A dependency file lists the headers that were read. It does not list the
//! places where one of the same name would have been found first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
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
    pub(crate) fn rivals(&self, files: &[String]) -> BTreeSet<PathBuf> {
        let mut rivals: BTreeSet<PathBuf> = self.missing.iter().map(PathBuf::from).collect();
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
            rivals.extend(dirs.map(|dir| Path::new(dir).join(name)));
        }
        rivals
    }

    /// Returns the places in which `name` is looked for by one of `files`.
    pub(crate) fn places_of(&self, name: &str, files: &[String]) -> BTreeSet<PathBuf> {
        let dirs = self.dirs.iter().map(String::as_str).chain(self.includers(files));
        dirs.map(|dir| Path::new(dir).join(name)).collect()
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

/// Returns `candidates` grouped by the deepest directory there is, each with
/// the names that are not in it; what exists is left out.
pub(crate) fn absent_names(
    cwd: &Path,
    candidates: &BTreeSet<PathBuf>,
) -> BTreeMap<PathBuf, BTreeSet<String>> {
    let mut looks = Looks { cwd, is_there: BTreeMap::new() };
    let mut absent: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for candidate in candidates {
        if let Some((dir, name)) = looks.first_absent(candidate) {
            absent.entry(dir).or_default().insert(name);
        }
    }
    absent
}

/// Looks at paths, at each once.
struct Looks<'a> {
    cwd: &'a Path,
    is_there: BTreeMap<PathBuf, bool>,
}

impl Looks<'_> {
    /// Returns the first part of `path` that is not there, and where it is not.
    fn first_absent(&mut self, path: &Path) -> Option<(PathBuf, String)> {
        let mut absent = None;
        for part in path.ancestors().filter(|part| !part.as_os_str().is_empty()) {
            if self.is_there(part) {
                break;
            }
            absent = Some(part);
        }
        let absent = absent?;
        let dir = absent.parent().unwrap_or(Path::new("")).to_owned();
        Some((dir, absent.file_name()?.to_str()?.to_owned()))
    }

    fn is_there(&mut self, path: &Path) -> bool {
        if let Some(known) = self.is_there.get(path) {
            return *known;
        }
        let found = fs::metadata(self.cwd.join(path)).is_ok();
        self.is_there.insert(path.to_owned(), found);
        found
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
        assert_eq!(path.rivals(&files), expected.iter().map(PathBuf::from).collect());
    }
}
