//! The directories around a call.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_cc::unit::CcUnit;
use kache_config::Config;
use kache_key::{RootKind, Roots};

use crate::files;
use crate::rustc::surroundings;

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
    let cargo_home = surroundings::cargo_home();
    let is_fetched = cargo_home.as_ref().is_some_and(|home| {
        ["registry/src", "git/checkouts"]
            .iter()
            .any(|dir| cwd.starts_with(Path::new(home).join(dir)))
    });
    let project = project_above(cwd).unwrap_or_else(|| cwd.to_owned());
    let project = Some(project).filter(|_| !is_fetched).and_then(text);
    let output = cwd.join(&unit.output);
    let target = files::target_dir_above(output.parent().unwrap_or(cwd)).and_then(text);
    let known = [
        target.map(|path| (RootKind::Target, path)),
        project.map(|path| (RootKind::Workspace, path)),
        cargo_home.map(|path| (RootKind::CargoHome, path)),
        text(std::env::temp_dir()).map(|path| (RootKind::Temp, path)),
    ];
    surroundings::with_base_dirs(Roots::of(known.into_iter().flatten()), config)
}

/// Returns the arguments that keep places out of what `unit` makes.
///
/// Debug information names the working directory, so that is mapped. What a
/// program can print, `__FILE__` above all, stays as it is: an output that
/// names its checkout belongs to it. Configured base directories are mapped in
/// both. Coverage tools read real paths back.
pub(crate) fn prefix_maps(unit: &CcUnit, roots: &Roots, config: &Config) -> Vec<String> {
    if !config.paths.normalise_cc || unit.facts.coverage {
        return Vec::new();
    }
    let base = |position: u8| {
        let from = roots.path(RootKind::Base(position))?;
        Some(format!("-ffile-prefix-map={from}=/base{position}"))
    };
    let mut maps: Vec<String> = (0..u8::MAX).map_while(base).collect();
    if unit.facts.debug_info {
        let project = roots.path(RootKind::Workspace);
        let to = |from: &str| format!("-fdebug-prefix-map={from}={VIRTUAL_PROJECT}");
        maps.extend(project.map(to));
        let target = roots.path(RootKind::Target);
        let outside =
            |dir: &&str| project.is_none_or(|project| !Path::new(dir).starts_with(project));
        let to = |from: &str| format!("-fdebug-prefix-map={from}={VIRTUAL_PROJECT}/target");
        maps.extend(target.filter(outside).map(to));
    }
    maps
}
