//! The sources and their order.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::document;
use crate::inspect::Origin;
use crate::problem::{BadValue, ConfigError, Problem};
use crate::settings::SETTINGS;
use crate::value::{Given, Site};

/// A look into the environment: the value of a variable, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The name of a project's configuration file.
const PROJECT_FILE: &str = ".kache.toml";

/// Where an invocation stands, for finding the project's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The directory that holds the target directory, if that is known.
    ///
    /// Relative paths in variables start here, because cargo runs the
    /// compiler for a registry crate inside the registry.
    pub workspace: Option<PathBuf>,
    /// The working directory.
    pub cwd: PathBuf,
}

impl Places {
    /// Returns where relative paths in variables start.
    fn variable_dir(&self) -> &Path {
        self.workspace.as_deref().unwrap_or(&self.cwd)
    }
}

/// Returns the settings that hold in `places`.
///
/// A file that is absent is no error; one that cannot be read, is not TOML,
/// or gives a known key a value it cannot have is, and so is such a variable,
/// an absent file that `KACHE_CONFIG` names, and a cache directory that
/// nothing determines. Unknown keys are passed over.
///
/// Costs, besides two dozen looks into the environment, one `open` for the
/// user's file and one for each directory from `places.workspace` (and, if no
/// file was found there, `places.cwd`) up to `/`, and the reading of what was
/// found. A working directory in cargo's home is not searched: what a
/// published package ships is not the project's configuration.
pub fn load(env: Environment<'_>, places: &Places) -> Result<Config, ConfigError> {
    let resolution = resolve(env, places);
    let invalid = resolution.problems.into_iter().find_map(|problem| match problem {
        Problem::Invalid(error) => Some(error),
        Problem::UnknownKey(_) => None,
    });
    invalid.map_or(Ok(resolution.config), Err)
}

/// The settings, with where they come from and what was wrong.
pub(crate) struct Resolution {
    /// The settings; those with invalid values are as without them.
    pub(crate) config: Config,
    /// Where each of [`SETTINGS`] was set last.
    pub(crate) origins: [Origin; SETTINGS.len()],
    /// Where settings of crates were set last, with the crate and the key.
    pub(crate) crate_origins: Vec<(String, &'static str, Origin)>,
    /// Everything that was wrong, in order of precedence and of lines.
    pub(crate) problems: Vec<Problem>,
}

impl Resolution {
    fn new() -> Self {
        Self {
            config: Config::with_cache_dir(PathBuf::new()),
            origins: std::array::from_fn(|_| Origin::Default),
            crate_origins: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// Applies every source in turn.
pub(crate) fn resolve(env: Environment<'_>, places: &Places) -> Resolution {
    let env = &|name: &str| env(name).filter(|value| !value.is_empty());
    let home = env("HOME").map(PathBuf::from);
    let home = home.as_deref();
    let mut resolution = Resolution::new();
    for file in [user_file(env, places, home), project_file(env, places, home)] {
        match file {
            Ok(Some((path, bytes))) => apply_file(&mut resolution, path, bytes, home),
            Ok(None) => {}
            Err(error) => resolution.problems.push(Problem::Invalid(error)),
        }
    }
    apply_variables(&mut resolution, env, &Site { dir: places.variable_dir(), home });
    if resolution.config.cache_dir.as_os_str().is_empty() {
        match default_cache_dir(env, home) {
            Some(dir) => resolution.config.cache_dir = dir,
            None => resolution.problems.push(Problem::Invalid(ConfigError::NoCacheDir)),
        }
    }
    resolution
}

fn apply_file(resolution: &mut Resolution, path: PathBuf, bytes: Vec<u8>, home: Option<&Path>) {
    let first = resolution.problems.len();
    document::apply(resolution, &path, bytes, home);
    if let Some(found) = resolution.problems.get_mut(first..) {
        found.sort_by(|a, b| a.place().cmp(&b.place()));
    }
    resolution.config.files.push(path);
}

fn apply_variables(resolution: &mut Resolution, env: Environment<'_>, site: &Site<'_>) {
    for (setting, origin) in SETTINGS.iter().zip(&mut resolution.origins) {
        let set = setting.variables.iter().find_map(|name| Some((*name, env(name)?)));
        let Some((name, value)) = set else { continue };
        let assigned = match value.to_str() {
            Some(text) => (setting.assign)(&mut resolution.config, Given::Text(text), site),
            None => Err(BadValue::of("expected UTF-8")),
        };
        match assigned {
            Ok(()) => *origin = Origin::Variable(name),
            Err(BadValue { message, .. }) => {
                let error = ConfigError::Variable { name, message };
                resolution.problems.push(Problem::Invalid(error));
            }
        }
    }
}

type FoundFile = Result<Option<(PathBuf, Vec<u8>)>, ConfigError>;

/// Reads the user's file: the one `KACHE_CONFIG` names, else the one in the usual place.
fn user_file(env: Environment<'_>, places: &Places, home: Option<&Path>) -> FoundFile {
    if let Some(named) = env("KACHE_CONFIG") {
        let bad = |message: String| ConfigError::Variable { name: "KACHE_CONFIG", message };
        let text = named.to_str().ok_or_else(|| bad("expected UTF-8".to_owned()))?;
        let site = Site { dir: places.variable_dir(), home };
        let path = Given::Text(text).path(&site).map_err(|value| bad(value.message))?;
        return match read_if_present(&path)? {
            Some(bytes) => Ok(Some((path, bytes))),
            None => Err(ConfigError::Unreadable { path, cause: io::ErrorKind::NotFound.into() }),
        };
    }
    let Some(path) = xdg_dir(env, home, "XDG_CONFIG_HOME", ".config") else { return Ok(None) };
    let path = path.join("kache/config.toml");
    Ok(read_if_present(&path)?.map(|bytes| (path, bytes)))
}

/// Reads the project's file: the nearest one from the workspace up, else from the working directory up.
fn project_file(env: Environment<'_>, places: &Places, home: Option<&Path>) -> FoundFile {
    let workspace = places.workspace.as_deref();
    for dir in workspace.into_iter().flat_map(Path::ancestors) {
        if let Some(found) = project_file_in(dir)? {
            return Ok(Some(found));
        }
    }
    let cargo_home = env("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".cargo")));
    if cargo_home.is_some_and(|dir| places.cwd.starts_with(dir)) {
        return Ok(None);
    }
    let searched = |dir: &Path| workspace.is_some_and(|workspace| workspace.starts_with(dir));
    for dir in places.cwd.ancestors().take_while(|dir| !searched(dir)) {
        if let Some(found) = project_file_in(dir)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn project_file_in(dir: &Path) -> FoundFile {
    let path = dir.join(PROJECT_FILE);
    Ok(read_if_present(&path)?.map(|bytes| (path, bytes)))
}

/// Reads a file whole, or returns `None` if there is none.
fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Some(bytes))
}

fn default_cache_dir(env: Environment<'_>, home: Option<&Path>) -> Option<PathBuf> {
    let dir = xdg_dir(env, home, "XDG_CACHE_HOME", ".cache")?.join("kache");
    dir.is_absolute().then_some(dir)
}

/// Returns one of the base directories of the XDG specification, which says
/// to ignore a variable that is not an absolute path.
fn xdg_dir(
    env: Environment<'_>,
    home: Option<&Path>,
    variable: &str,
    below_home: &str,
) -> Option<PathBuf> {
    let configured = env(variable).map(PathBuf::from).filter(|dir| dir.is_absolute());
    configured.or_else(|| Some(home?.join(below_home)))
}
