//! A checkout that can be built, edited and thrown away.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use walkdir::WalkDir;

/// Folders that a second checkout never has.
const LEFT_OUT: &[&str] = &["target", ".git"];

/// How far apart two kernel time stamps are at least, with a wide margin:
/// file times advance with the timer interrupt, 1 to 10 ms.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// A directory with a cargo project in it.
#[derive(Clone, Debug)]
pub struct Project {
    dir: PathBuf,
}

/// Why a checkout could not be made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The file system refused an operation on `path`.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A text to be replaced is not in the file.
    #[error("`{text}` does not occur in `{}`", path.display())]
    NoSuchText {
        /// The file.
        path: PathBuf,
        /// The text that was looked for.
        text: String,
    },
}

impl ProjectError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl Project {
    /// Copies the fixture called `name` to `dir`.
    ///
    /// Fixtures live in `fixtures/` beside this crate's manifest. Their own
    /// manifests are called `Cargo.toml.in`, so that neither the workspace nor
    /// `cargo package` takes them for packages.
    pub fn of_fixture(name: &str, dir: &Path) -> Result<Self, ProjectError> {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        Self::copy_of(&fixture, dir)
    }

    /// Copies the sources at `source` to `dir`, which must not exist yet,
    /// without build results and history.
    pub fn copy_of(source: &Path, dir: &Path) -> Result<Self, ProjectError> {
        let walk = WalkDir::new(source).min_depth(1).into_iter().filter_entry(|entry| {
            !(entry.file_type().is_dir() && LEFT_OUT.iter().any(|name| entry.file_name() == *name))
        });
        fs::create_dir_all(dir).map_err(ProjectError::io("create", dir))?;
        for entry in walk {
            let entry = entry.map_err(io::Error::from).map_err(ProjectError::io("list", source))?;
            let below = entry.path().strip_prefix(source).unwrap_or(entry.path());
            copy_entry(&entry, &dir.join(below))?;
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// Makes `dir` a checkout of `files`, each a path below it and a text.
    pub fn of_files(files: &[(&str, &str)], dir: &Path) -> Result<Self, ProjectError> {
        let project = Self { dir: dir.to_owned() };
        fs::create_dir_all(dir).map_err(ProjectError::io("create", dir))?;
        for (path, text) in files {
            project.write(path, text)?;
        }
        Ok(project)
    }

    /// Copies this checkout's sources, as they are now, to `dir`.
    pub fn second_checkout(&self, dir: &Path) -> Result<Self, ProjectError> {
        Self::copy_of(&self.dir, dir)
    }

    /// Returns the checkout's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the absolute path of `relative`.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.join(relative)
    }

    /// Returns the target directory that cargo uses unless it is told otherwise.
    pub fn target_dir(&self) -> PathBuf {
        self.path("target")
    }

    /// Returns where `cargo build` puts the program called `name`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target_dir().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Reads a file.
    pub fn read(&self, relative: &str) -> Result<String, ProjectError> {
        let path = self.path(relative);
        fs::read_to_string(&path).map_err(ProjectError::io("read", &path))
    }

    /// Writes a file and the folders above it. Cargo sees the change: the
    /// file's time is later than that of anything built before.
    pub fn write(&self, relative: &str, contents: impl AsRef<[u8]>) -> Result<(), ProjectError> {
        let path = self.path(relative);
        thread::sleep(CLOCK_TICK);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(ProjectError::io("create", parent))?;
        }
        fs::write(&path, contents).map_err(ProjectError::io("write", &path))
    }

    /// Replaces every `from` in a file by `to`, as an editor would.
    pub fn edit(&self, relative: &str, from: &str, to: &str) -> Result<(), ProjectError> {
        let before = self.read(relative)?;
        if !before.contains(from) {
            return Err(ProjectError::NoSuchText {
                path: self.path(relative),
                text: from.to_owned(),
            });
        }
        self.write(relative, before.replace(from, to))
    }

    /// Adds `text` at the end of a file.
    pub fn append(&self, relative: &str, text: &str) -> Result<(), ProjectError> {
        self.write(relative, self.read(relative)? + text)
    }

    /// Gives a file a new time and leaves its contents.
    pub fn touch(&self, relative: &str) -> Result<(), ProjectError> {
        let path = self.path(relative);
        self.write(relative, fs::read(&path).map_err(ProjectError::io("read", &path))?)
    }

    /// Removes a file, or a folder and all that is in it.
    pub fn remove(&self, relative: &str) -> Result<(), ProjectError> {
        remove(&self.path(relative))
    }

    /// Renames a file within the checkout.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), ProjectError> {
        let path = self.path(from);
        fs::rename(&path, self.path(to)).map_err(ProjectError::io("rename", &path))
    }

    /// Removes the target directory, if there is one.
    pub fn clean(&self) -> Result<(), ProjectError> {
        remove(&self.target_dir())
    }
}

/// Removes a file or a folder; what does not exist is removed already.
pub fn remove(path: &Path) -> Result<(), ProjectError> {
    let removed = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(ProjectError::io("remove", path))
}

fn copy_entry(entry: &walkdir::DirEntry, to: &Path) -> Result<(), ProjectError> {
    let from = entry.path();
    let kind = entry.file_type();
    if kind.is_dir() {
        return fs::create_dir_all(to).map_err(ProjectError::io("create", to));
    }
    let to = match to.file_name() {
        Some(name) if name == "Cargo.toml.in" => to.with_file_name("Cargo.toml"),
        _ => to.to_owned(),
    };
    if kind.is_symlink() {
        let target = fs::read_link(from).map_err(ProjectError::io("read", from))?;
        return std::os::unix::fs::symlink(target, &to).map_err(ProjectError::io("create", &to));
    }
    fs::copy(from, &to).map(drop).map_err(ProjectError::io("copy", from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(dir: &Path) -> Project {
        let project = Project::of_fixture("sample", &dir.join("one")).unwrap();
        project.write("target/debug/x", "built").unwrap();
        project
    }

    #[test]
    fn a_fixture_becomes_a_cargo_project() {
        let dir = tempfile::tempdir().unwrap();
        let project = sample(dir.path());
        assert!(project.read("Cargo.toml").unwrap().contains("[workspace]"));
        assert!(!project.path("Cargo.toml.in").exists());
    }

    #[test]
    fn a_second_checkout_has_the_edits_and_no_build_results() {
        let dir = tempfile::tempdir().unwrap();
        let project = sample(dir.path());
        project.append("Cargo.toml", "# edited\n").unwrap();
        let second = project.second_checkout(&dir.path().join("elsewhere/two")).unwrap();
        assert!(second.read("Cargo.toml").unwrap().ends_with("# edited\n"));
        assert!(project.target_dir().exists() && !second.target_dir().exists());
    }

    #[test]
    fn an_edit_changes_the_text_and_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let project = sample(dir.path());
        let time = || project.path("Cargo.toml").metadata().unwrap().modified().unwrap();
        let before = time();
        project.edit("Cargo.toml", "[workspace]", "[workspace] # here").unwrap();
        assert!(time() > before);
        assert!(project.read("Cargo.toml").unwrap().contains("# here"));
        assert!(matches!(
            project.edit("Cargo.toml", "nowhere to be found", ""),
            Err(ProjectError::NoSuchText { .. })
        ));
    }
}
