//! The directories around a call.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_cc::unit::CcUnit;
use kache_config::Config;
use kache_key::{Digest, RootKind, Roots};

use super::facts::Facts;
use crate::files;
use crate::places;

/// Where debug information says that the project is. On Linux it resolves, in
/// a debugger that is started there.
const VIRTUAL_PROJECT: &str = "/proc/self/cwd";

/// Returns the working directory as compilers name it: by `PWD` where that is
/// right, even if it leads through a symbolic link.
pub(crate) fn working_directory() -> PathBuf {
    let real = std::env::current_dir().unwrap_or_default();
    let Some(named) = std::env::var_os("PWD").map(PathBuf::from) else { return real };
    let place = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (place(&named), place(Path::new("."))) {
        (Ok(named_place), Ok(here)) if named.is_absolute() && named_place == here => named,
        _ => real,
    }
}

/// Returns the project that `cwd` is in: the nearest directory from there
/// upward that holds a repository.
pub(crate) fn project_above(cwd: &Path) -> Option<PathBuf> {
    let holds_repository = |dir: &&Path| fs::symlink_metadata(dir.join(".git")).is_ok();
    cwd.ancestors().find(holds_repository).map(Path::to_owned)
}

/// Returns the known directories of a call. The project is a root, or for want
/// of one the working directory, unless that is a package that cargo fetched:
/// it is the same for every checkout.
pub(crate) fn roots(cwd: &str, unit: &CcUnit, config: &Config) -> Roots {
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    let cwd = Path::new(cwd);
    let project = project_above(cwd).unwrap_or_else(|| cwd.to_owned());
    let project = Some(project).filter(|_| !places::is_fetched(cwd)).and_then(text);
    let output = cwd.join(&unit.output);
    let target = files::target_dir_above(output.parent().unwrap_or(cwd)).and_then(text);
    let known = [
        target.map(|path| (RootKind::Target, path)),
        project.map(|path| (RootKind::Workspace, path)),
        places::cargo_home().map(|path| (RootKind::CargoHome, path)),
        text(std::env::temp_dir()).map(|path| (RootKind::Temp, path)),
    ];
    places::with_base_dirs(Roots::of(known.into_iter().flatten()), config)
}

/// Returns the arguments that keep places out of what `unit` makes.
///
/// Debug information names the working directory, so that is mapped, unless
/// the user maps directories there: which of two maps a compiler takes
/// depends on the compiler. What a
/// program can print, `__FILE__` above all, stays as it is: an output that
/// names its checkout belongs to it. Configured base directories are mapped in
/// both. Coverage tools read real paths back. Options that come from elsewhere may
/// be maps.
pub(crate) fn prefix_maps(unit: &CcUnit, roots: &Roots, config: &Config) -> Vec<String> {
    if !config.paths.normalise_cc || unit.facts.coverage || unit.facts.foreign {
        return Vec::new();
    }
    let bases = config.base_dirs.iter().enumerate();
    let base = |(position, from): (usize, &PathBuf)| {
        Some(format!("{MAP_FILES}{}=/base{position}", from.to_str()?))
    };
    let mut maps: Vec<String> = bases.filter_map(base).collect();
    let is_free = PrefixMaps::given(unit, &[MAP_FILES, MAP_DEBUG]).from.is_empty();
    if unit.facts.debug_info && is_free {
        let project = roots.path(RootKind::Workspace);
        let to = |from: &str| format!("{MAP_DEBUG}{from}={VIRTUAL_PROJECT}");
        maps.extend(project.map(to));
        let target = roots.path(RootKind::Target);
        let outside =
            |dir: &&str| project.is_none_or(|project| !Path::new(dir).starts_with(project));
        let to = |from: &str| format!("{MAP_DEBUG}{from}={VIRTUAL_PROJECT}/target");
        maps.extend(target.filter(outside).map(to));
    }
    maps
}

/// Maps the start of a path in all that is made.
const MAP_FILES: &str = "-ffile-prefix-map=";

/// Maps it in debug information.
const MAP_DEBUG: &str = "-fdebug-prefix-map=";

/// Maps it in what macros make of file names.
const MAP_MACROS: &str = "-fmacro-prefix-map=";

/// Maps it for coverage tools.
const MAP_OTHERS: [&str; 2] = ["-fprofile-prefix-map=", "-fcoverage-prefix-map="];

/// The starts of paths that options map to something else.
///
/// They are compared letter by letter: a map of `/home/me/pro` changes
/// `/home/me/project` as well.
pub(crate) struct PrefixMaps<'a> {
    from: Vec<&'a str>,
}

impl<'a> PrefixMaps<'a> {
    /// Returns what the user maps by `options`.
    fn given(unit: &'a CcUnit, options: &[&str]) -> Self {
        let given =
            unit.arguments.iter().filter(|argument| options.contains(&argument.option.as_str()));
        let maps = given.filter_map(|argument| argument.value.as_deref());
        Self { from: maps.filter_map(start_of).collect() }
    }

    /// Returns what the names of files are mapped by.
    pub(crate) fn of_names(facts: &'a Facts<'_>) -> Self {
        let mut maps = Self::given(facts.unit, &[MAP_FILES, MAP_MACROS]);
        maps.add_own(&facts.prefix_maps, &[MAP_FILES]);
        maps
    }

    fn add_own(&mut self, own: &'a [String], options: &[&str]) {
        let value = |map: &'a String| options.iter().find_map(|option| map.strip_prefix(option));
        self.from.extend(own.iter().filter_map(value).filter_map(start_of));
    }

    /// Returns whether the whole of `path` is mapped.
    pub(crate) fn cover(&self, path: &str) -> bool {
        self.from.iter().any(|from| path.starts_with(from))
    }
}

/// Returns what a map is for.
fn start_of(map: &str) -> Option<&str> {
    map.split_once('=').map(|(from, _)| from)
}

/// Returns what is left of each root where a map is for a directory above it,
/// or for a part of its name: outputs hold that, and no search for the root's
/// path would find it.
pub(crate) fn left_by_maps(unit: &CcUnit, roots: &Roots, own: &[String]) -> Vec<(String, Digest)> {
    let options = [&[MAP_FILES, MAP_DEBUG, MAP_MACROS][..], &MAP_OTHERS].concat();
    let mut maps = PrefixMaps::given(unit, &options);
    maps.add_own(own, &options);
    let left = |(kind, path): (RootKind, &str)| {
        let rests = maps.from.iter().filter_map(|from| path.strip_prefix(from));
        let rests: Vec<&str> = rests.filter(|rest| !rest.is_empty()).collect();
        let label = format!("left of {}", kind.name());
        (!rests.is_empty()).then(|| (label, Digest::of(rests.join("\n").as_bytes())))
    };
    roots.iter().filter_map(left).collect()
}
