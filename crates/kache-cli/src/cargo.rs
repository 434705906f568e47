//! What cargo is told here: its configuration files and the variables over them.
//!
//! Only settings that decide whether and how cargo calls kache are read. The
//! files are cargo's: `.cargo/config.toml` from the working directory upward,
//! then the one in cargo's home; a variable wins over all of them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// Returns the value of an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// One setting and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The value, as text.
    pub(crate) value: String,
    /// The variable or file that sets it.
    pub(crate) origin: String,
    /// Where a relative path in it starts.
    base: PathBuf,
}

impl Found {
    /// Returns the program that the value names: a path if it has a slash,
    /// else the first file of that name on `search_path`.
    pub(crate) fn program(&self, search_path: Option<OsString>) -> Option<PathBuf> {
        if self.value.contains('/') {
            Some(self.base.join(&self.value)).filter(|path| path.is_file())
        } else {
            crate::process::find(&self.value, search_path)
        }
    }
}

/// The settings in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct CargoSettings {
    /// The program that cargo starts instead of rustc.
    pub(crate) rustc_wrapper: Option<Found>,
    /// The program that cargo starts instead of rustc for workspace members.
    pub(crate) rustc_workspace_wrapper: Option<Found>,
    /// The compiler.
    pub(crate) rustc: Option<Found>,
    /// Whether units compile incrementally.
    pub(crate) incremental: Option<Found>,
    target_dir: Option<Found>,
    /// Files that are not TOML, with what the parser says.
    pub(crate) problems: Vec<String>,
}

impl CargoSettings {
    /// Reads what holds in `cwd`. Costs one `open` for each directory above it.
    pub(crate) fn read(env: Env<'_>, cwd: &Path) -> Self {
        let mut settings = Self::default();
        for (variables, _, slot) in settings.slots() {
            *slot = variables.iter().find_map(|name| {
                let value = env(name)?.into_string().ok()?;
                Some(Found { value, origin: (*name).to_owned(), base: cwd.to_owned() })
            });
        }
        for path in config_files(env, cwd) {
            settings.apply(&path);
        }
        settings
    }

    /// Returns the directory that holds the target directory, as kache finds
    /// it in a build: the parent of a configured one, else the nearest
    /// directory with a lock file.
    pub(crate) fn workspace(&self, env: Env<'_>, cwd: &Path) -> Option<PathBuf> {
        let configured = self.target_dir.as_ref().map(|found| found.base.join(&found.value));
        if let Some(target_dir) = configured {
            return target_dir.parent().map(Path::to_owned);
        }
        let home = env("HOME").map(PathBuf::from);
        cwd.ancestors()
            .take_while(|dir| Some(*dir) != home.as_deref())
            .find(|dir| dir.join("Cargo.lock").is_file())
            .map(Path::to_owned)
    }

    fn slots(&mut self) -> [(&'static [&'static str], &'static str, &mut Option<Found>); 5] {
        let wrapper: &[&str] = &["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];
        let workspace_wrapper: &[&str] =
            &["RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"];
        let incremental: &[&str] = &["CARGO_INCREMENTAL", "CARGO_BUILD_INCREMENTAL"];
        [
            (wrapper, "rustc-wrapper", &mut self.rustc_wrapper),
            (workspace_wrapper, "rustc-workspace-wrapper", &mut self.rustc_workspace_wrapper),
            (&["RUSTC", "CARGO_BUILD_RUSTC"], "rustc", &mut self.rustc),
            (incremental, "incremental", &mut self.incremental),
            (&["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"], "target-dir", &mut self.target_dir),
        ]
    }

    /// Fills in what is not set yet from the file at `path`.
    fn apply(&mut self, path: &Path) {
        let Ok(text) = fs::read_to_string(path) else { return };
        let (root, errors) = DeTable::parse_recoverable(&text);
        let place = path.display();
        if let Some(error) = errors.first() {
            self.problems.push(format!("{place}: {}", error.message()));
        }
        let build = root.get_ref().get("build").and_then(|table| table.get_ref().as_table());
        // Relative paths start beside the `.cargo` directory.
        let base = path.ancestors().nth(2).unwrap_or(path);
        for (_, key, slot) in self.slots() {
            let value =
                build.and_then(|build| build.get(key)).and_then(|value| text_of(value.get_ref()));
            if let (None, Some(value)) = (&slot, value) {
                let origin = format!("build.{key} in {place}");
                *slot = Some(Found { value, origin, base: base.to_owned() });
            }
        }
    }
}

fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Returns the configuration files that cargo reads in `cwd`, in order of precedence.
fn config_files(env: Env<'_>, cwd: &Path) -> Vec<PathBuf> {
    let cargo_home = env("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env("HOME")?).join(".cargo")));
    let mut dirs: Vec<PathBuf> = cwd.ancestors().map(|dir| dir.join(".cargo")).collect();
    dirs.extend(cargo_home);
    let mut files: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        let candidates = [dir.join("config"), dir.join("config.toml")];
        let found = candidates.into_iter().find(|path| path.is_file());
        files.extend(found.filter(|path| !files.contains(path)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    #[track_caller]
    fn check(pairs: &[(&str, &str)], files: &[(&str, &str)], wrapper: Option<(&str, &str)>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let home = dir.path().join("home").display().to_string();
        let pairs: Vec<_> = pairs.iter().copied().chain([("HOME", home.as_str())]).collect();
        let settings = CargoSettings::read(&env(&pairs), &dir.path().join("ws/crate"));
        let found = settings.rustc_wrapper.map(|found| {
            (found.value, found.origin.replace(&dir.path().display().to_string(), "@"))
        });
        let found = found.as_ref().map(|(value, origin)| (value.as_str(), origin.as_str()));
        assert_eq!(found, wrapper);
    }

    #[test]
    fn the_nearest_file_wins_and_a_variable_wins_over_files() {
        let near = ("ws/.cargo/config.toml", "[build]\nrustc-wrapper = \"near\"");
        let home = ("home/.cargo/config.toml", "build.rustc-wrapper = \"home\"");
        check(&[], &[], None);
        check(&[], &[home], Some(("home", "build.rustc-wrapper in @/home/.cargo/config.toml")));
        check(&[], &[home, near], Some(("near", "build.rustc-wrapper in @/ws/.cargo/config.toml")));
        let lower = ("CARGO_BUILD_RUSTC_WRAPPER", "lower");
        check(&[lower], &[near], Some(("lower", "CARGO_BUILD_RUSTC_WRAPPER")));
        check(&[lower, ("RUSTC_WRAPPER", "")], &[near], Some(("", "RUSTC_WRAPPER")));
    }

    #[test]
    fn a_file_that_is_not_toml_is_a_problem_and_sets_nothing() {
        check(&[], &[("ws/.cargo/config.toml", "[build\nrustc-wrapper = 3")], None);
    }
}
