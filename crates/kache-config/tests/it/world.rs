//! A home, a project and an environment of a test's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kache_config::{Config, ConfigError, Inspection, Places, SettingReport};

/// A temporary directory with `home/` and `ws/` in it.
pub(crate) struct World {
    dir: tempfile::TempDir,
    variables: BTreeMap<String, OsString>,
    /// Where the invocation stands: by default, in `ws`.
    pub(crate) places: Places,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let workspace = dir.path().join("ws");
        let places = Places { workspace: Some(workspace.clone()), cwd: workspace };
        let variables = BTreeMap::from([("HOME".to_owned(), dir.path().join("home").into())]);
        Self { dir, variables, places }
    }

    /// Returns the absolute path of something in the world.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        let parent = path.parent().expect("a file in the world is in a directory");
        fs::create_dir_all(parent).expect("directories can be made");
        fs::write(path, contents).expect("files can be written");
        self
    }

    /// Writes the user's file.
    pub(crate) fn user(self, contents: &str) -> Self {
        self.file("home/.config/kache/config.toml", contents)
    }

    /// Writes the project's file.
    pub(crate) fn project(self, contents: &str) -> Self {
        self.file("ws/.kache.toml", contents)
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    pub(crate) fn at(mut self, workspace: Option<&str>, cwd: &str) -> Self {
        let workspace = workspace.map(|below| self.path(below));
        self.places = Places { workspace, cwd: self.path(cwd) };
        self
    }

    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        kache_config::load(&|name| self.variables.get(name).cloned(), &self.places)
    }

    pub(crate) fn inspect(&self) -> Inspection {
        kache_config::inspect(&|name| self.variables.get(name).cloned(), &self.places)
    }

    /// Returns what is reported of one key, with the world's directory as `@`.
    pub(crate) fn setting(&self, key: &str) -> SettingReport {
        let found = self.inspect().settings.into_iter().find(|setting| setting.key == key);
        let found = found.unwrap_or_else(|| SettingReport {
            key: key.to_owned(),
            variable: None,
            value: "no such key".to_owned(),
            origin: kache_config::Origin::Default,
        });
        SettingReport { value: self.shorten(&found.value), ..found }
    }

    /// Returns all problems as they are printed, with the world's directory as `@`.
    pub(crate) fn problems(&self) -> Vec<String> {
        let problems = self.inspect().problems;
        problems.iter().map(|problem| self.shorten(&problem.to_string())).collect()
    }

    /// Returns what keeps a build from being cached, or nothing.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.load().err().map(|error| self.shorten(&error.to_string()))
    }

    pub(crate) fn shorten(&self, text: &str) -> String {
        text.replace(&*self.dir.path().to_string_lossy(), "@")
    }

    /// Returns a path of the world as text, with its directory as `@`.
    pub(crate) fn short(&self, path: &Path) -> String {
        self.shorten(&path.to_string_lossy())
    }
}
