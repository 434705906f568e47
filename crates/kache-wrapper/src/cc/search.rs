//! Where a compiler looks for headers, and what must stay absent there.
//!
//! A dependency file lists the headers that were read. It does not list the
//! places where one of the same name would have been found first.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use kache_cc::Family;
use kache_cc::options::SearchKind;
use kache_cc::unit::CcUnit;
use kache_key::fields::FieldHasher;
use kache_key::{Digest, RootKind};
use kache_store::memo;
use serde::{Deserialize, Serialize};

use super::facts::{self, Facts};
use super::{Call, installations};
use crate::compilation::absences::joined;
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
    "-gcc-toolchain",
    "-resource-dir",
    "-iprefix",
    "-iwithprefix",
    "-imultilib",
    "-ccc-",
    "-specs",
    "--specs",
];

/// Variables that add directories to those a compiler searches by itself.
const SEARCH_ENV: &[&str] =
    &["CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH"];

/// Those of them that hold headers.
const INCLUDE_ENV: &[&str] = &["CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH"];

/// How precompiled headers end, which compilers take instead of a header.
pub(crate) const PRECOMPILED: [&str; 2] = [".gch", ".pch"];

/// The directories that a compiler searches by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OwnDirs {
    /// In order, as the compiler spells them.
    dirs: Vec<String>,
    /// Those that it would search and that do not exist.
    missing: Vec<String>,
}

impl OwnDirs {
    /// Returns whether the directories that were there still are, and no other is.
    fn is_current(&self, cwd: &Path) -> bool {
        self.dirs.iter().all(|dir| cwd.join(dir).is_dir())
            && !self.missing.iter().any(|dir| cwd.join(dir).exists())
    }
}

/// Where headers are looked for, in order.
pub(crate) struct SearchPath {
    dirs: Vec<SearchDir>,
    /// Directories that are the compiler's own or the system's, by both their names.
    own: BTreeSet<String>,
    missing: Vec<String>,
    /// Headers given as options: looked for in the working directory first.
    prefix_headers: Vec<String>,
}

/// One directory in which headers are looked for.
struct SearchDir {
    /// As the compiler was told.
    path: String,
    /// By its real path, where that is another: GCC may name headers by either.
    real: Option<String>,
}

impl SearchDir {
    fn of(path: String, cwd: &Path) -> Self {
        let real = fs::canonicalize(cwd.join(&path)).ok();
        let real = real.and_then(|real| real.into_os_string().into_string().ok());
        Self { real: real.filter(|real| *real != path), path }
    }

    /// Returns the name by which `file` is found in here.
    fn name_of<'a>(&self, file: &'a str) -> Option<&'a str> {
        let mut names = std::iter::once(&self.path).chain(&self.real);
        names.find_map(|dir| file.strip_prefix(dir.as_str())?.strip_prefix('/'))
    }
}

impl SearchPath {
    /// Returns the search path of a unit. Asks the compiler where it was never
    /// asked under such options.
    pub(crate) fn of(facts: &Facts<'_>) -> Result<Self, String> {
        let unit = facts.unit;
        let found = own_dirs(facts)?;
        let given = |kind: SearchKind| {
            let dirs = unit.include_dirs.iter().filter(move |dir| dir.kind == kind);
            dirs.map(|dir| with_sysroot(&dir.path, unit))
        };
        let has_env = SEARCH_ENV.iter().any(|name| std::env::var_os(name).is_some());
        let mut dirs: Vec<String> =
            given(SearchKind::Quote).chain(given(SearchKind::Angle)).collect();
        if has_env {
            // Some of these come before what `-isystem` names, and which is not told.
            dirs.extend(found.dirs.iter().cloned());
        }
        dirs.extend(given(SearchKind::System).chain(given(SearchKind::CppSystem)));
        dirs.extend(found.dirs.iter().cloned());
        dirs.extend(given(SearchKind::After));
        let cwd = Path::new(facts.compilation.cwd);
        let dirs: Vec<SearchDir> = dirs.into_iter().map(|dir| SearchDir::of(dir, cwd)).collect();
        let from_env = dirs_from_env();
        let is_own = |dir: &&SearchDir| {
            found.dirs.contains(&dir.path)
                && !from_env.contains(&dir.path)
                && !is_in_project(&dir.path, facts)
        };
        let names = |dir: &SearchDir| [Some(dir.path.clone()), dir.real.clone()];
        let own = dirs.iter().filter(is_own).flat_map(names).flatten().collect();
        let prefix_headers = unit.prefix_headers.clone();
        Ok(Self { dirs, own, missing: found.missing, prefix_headers })
    }

    /// Returns the places in which nothing may appear, so that every one of
    /// `files`, as the compiler spelt them, is still what is found first.
    pub(crate) fn rivals(&self, files: &[String]) -> BTreeSet<String> {
        let mut rivals: BTreeSet<String> = self.missing.iter().cloned().collect();
        let includers = self.includers(files);
        let mut names: BTreeSet<(&str, usize)> = BTreeSet::new();
        for file in files {
            for (position, dir) in self.dirs.iter().enumerate() {
                names.extend(dir.name_of(file).map(|name| (name, position)));
            }
        }
        for (name, position) in names {
            let earlier = self.dirs.iter().take(position).map(|dir| dir.path.as_str());
            let dirs = includers.iter().copied().chain(earlier);
            rivals.extend(dirs.map(|dir| joined(dir, name)));
        }
        rivals.extend(self.prefix_headers.iter().cloned());
        rivals
    }

    /// Returns the places in which GCC or Clang would take a precompiled header
    /// for the first header of all, one of `names`, or for one given as an option.
    pub(crate) fn precompiled(
        &self,
        family: Family,
        names: &[String],
        files: &[String],
    ) -> BTreeSet<String> {
        let mut places: BTreeSet<String> = BTreeSet::new();
        for name in &self.prefix_headers {
            places.insert(name.clone());
            places.extend(self.places_of(name, files));
        }
        // Clang looks for one only in the place of an option's.
        let names = names.iter().filter(|_| family == Family::Gcc);
        places.extend(names.flat_map(|name| self.places_of(name, files)));
        let made_of = |place: &String| PRECOMPILED.map(|ending| format!("{place}{ending}"));
        places.iter().flat_map(made_of).collect()
    }

    /// Returns the places in which `name` is looked for by one of `files`.
    pub(crate) fn places_of(&self, name: &str, files: &[String]) -> BTreeSet<String> {
        let dirs = self.dirs.iter().map(|dir| dir.path.as_str()).chain(self.includers(files));
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

/// Returns the directories that variables name, as compilers print them.
fn dirs_from_env() -> BTreeSet<String> {
    let values = INCLUDE_ENV.iter().filter_map(|name| std::env::var(name).ok());
    let dirs = values.flat_map(|value| {
        let spelt =
            |dir: &str| if dir.is_empty() { "." } else { dir }.trim_end_matches('/').to_owned();
        value.split(':').map(spelt).collect::<Vec<_>>()
    });
    dirs.collect()
}

/// Returns whether `dir` belongs to the project, whatever lists it: a sysroot of
/// its own for instance.
fn is_in_project(dir: &str, facts: &Facts<'_>) -> bool {
    let root = facts.compilation.roots.split(dir);
    !dir.starts_with('/')
        || matches!(root, Some((RootKind::Workspace | RootKind::Target | RootKind::Base(_), _)))
}

fn own_dirs(facts: &Facts<'_>) -> Result<OwnDirs, String> {
    let Facts { call, unit, .. } = facts;
    let store = &facts.compilation.store;
    let language = facts::language_name(unit);
    let options = choosing_options(&unit.args);
    let memo_id = memo_id(call, language, &options);
    if let Ok(Some(known)) = memo::read::<OwnDirs>(store.layout(), memo_id)
        && known.is_current(Path::new(&call.cwd))
    {
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
    let mut hasher = FieldHasher::new("kache cc search memo 2");
    hasher.digest("compiler", call.compiler.identity);
    if let Some(installed) = installations::digest(call, options) {
        hasher.digest("installations", installed);
    }
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
pub(crate) fn choosing_options(args: &[String]) -> Vec<String> {
    let mut chosen = Vec::new();
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        // What follows it is an option of another program.
        if arg == "-mllvm" {
            rest.next();
            continue;
        }
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
        let args = [&args[..], &["-mllvm", "-memprof-x=1"]].concat();
        let chosen = choosing_options(&args.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(chosen, ["-m32", "-isysroot", "/s", "--sysroot=/t", "-target", "arm"]);
    }

    #[test]
    fn a_header_has_rivals_in_every_earlier_directory_and_beside_its_includers() {
        let dirs = ["inc", "lib/inc", "/usr/include"].map(str::to_owned);
        let path = SearchPath {
            dirs: dirs.map(|path| SearchDir { path, real: None }).into(),
            own: ["/usr/include".to_owned()].into(),
            missing: vec!["/opt/include".to_owned()],
            prefix_headers: vec!["pre.h".to_owned()],
        };
        let files = ["src/x.c", "lib/inc/a/b.h", "/usr/include/stdio.h"].map(str::to_owned);
        let expected = [
            "/opt/include",
            "inc/a/b.h",
            "inc/stdio.h",
            "lib/inc/a/a/b.h",
            "lib/inc/a/stdio.h",
            "lib/inc/stdio.h",
            "pre.h",
            "src/a/b.h",
            "src/stdio.h",
        ];
        assert_eq!(path.rivals(&files), expected.map(str::to_owned).into());
    }
}
