//! What every verb starts from: the place, the moment and the settings.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use kache_config::{Inspection, Origin, Places, UnknownVariable};
use kache_store::Store;

use crate::cargo::CargoSettings;
use crate::error::{CliError, ErrorKind};
use crate::output;

/// The surroundings of one run.
pub(crate) struct Context {
    /// The working directory.
    pub(crate) cwd: PathBuf,
    /// When the verb started.
    pub(crate) now: SystemTime,
    /// The settings that a build in the working directory would have, and their problems.
    pub(crate) inspection: Inspection,
    /// Variables that are named like kache's and mean nothing.
    pub(crate) unknown_variables: Vec<UnknownVariable>,
    /// What cargo is told here.
    pub(crate) cargo: CargoSettings,
}

impl Context {
    /// Looks around in this process.
    pub(crate) fn here() -> Result<Self, CliError> {
        let cwd = std::env::current_dir().map_err(|error| {
            CliError::new(ErrorKind::Failed, format!("no working directory: {error}"))
        })?;
        let env = |name: &str| std::env::var_os(name);
        let cargo = CargoSettings::read(&env, &cwd);
        let places = Places { workspace: cargo.workspace(&env, &cwd), cwd: cwd.clone() };
        let names: Vec<String> =
            std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        Ok(Self {
            now: SystemTime::now(),
            inspection: kache_config::inspect(&env, &places),
            unknown_variables: kache_config::unknown_variables(names.iter().map(String::as_str)),
            cargo,
            cwd,
        })
    }

    /// Prints what is wrong with the settings and does not keep them from being used.
    pub(crate) fn warn_of_settings(&self) {
        for problem in &self.inspection.problems {
            output::warning(problem);
        }
        for unknown in &self.unknown_variables {
            output::warning(unknown);
        }
    }

    /// Returns the configured store, which need not exist yet.
    ///
    /// # Errors
    ///
    /// `Config` where builds run uncached because of the configuration: it
    /// may name another store than the one that is meant. `Store` where a file
    /// is in the way.
    pub(crate) fn store(&self) -> Result<Store, CliError> {
        if self.inspection.is_refused() {
            let message = "the configuration cannot be used, so builds run uncached";
            return Err(CliError::new(ErrorKind::Config, message)
                .hint("correct what the warnings name; `kache doctor` shows every setting"));
        }
        let cache_dir = &self.inspection.config.cache_dir;
        let store = Store::at(cache_dir);
        for path in [cache_dir.as_path(), store.layout().base()] {
            if fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
                let message = format!("`{}` is not a directory", path.display());
                return Err(CliError::new(ErrorKind::Store, message)
                    .hint(format!("the cache directory is set by: {}", self.origin("cache_dir"))));
            }
        }
        Ok(store)
    }

    /// Returns what set the setting `key`.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        self.inspection
            .settings
            .iter()
            .find(|setting| setting.key == key)
            .map_or(&Origin::Default, |setting| &setting.origin)
    }
}
