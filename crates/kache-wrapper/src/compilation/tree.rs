//! A directory that is put in place whole: what is in it is known by its entry.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use kache_store::{Manifest, Sharing, restore};

use super::{Compilation, Form, Product};

/// What a text of an entry is in a tree, by its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// A file.
    Plain,
    /// A file that may be executed.
    Program,
    /// A symbolic link; the text is where it leads.
    Link,
    /// A directory without anything in it.
    Directory,
}

impl TextKind {
    const ALL: [Self; 4] = [Self::Plain, Self::Program, Self::Link, Self::Directory];

    /// Returns how an entry names it.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Program => "program",
            Self::Link => "link",
            Self::Directory => "directory",
        }
    }

    fn of(role: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.role() == role)
    }
}

/// Returns the files of `manifest` as products below `top`.
pub(super) fn products(top: &Path, manifest: &Manifest) -> Vec<Product> {
    let file = |output: &kache_store::Output| Product {
        role: "file",
        name: output.name.clone(),
        path: top.join(&output.name),
        form: Form::Bytes { sharing: Sharing::OneFile },
        is_certain: true,
    };
    manifest.outputs.iter().map(file).collect()
}

/// Removes whatever is in `top`, and makes it if it is not there.
pub(super) fn clear(top: &Path) -> io::Result<()> {
    match fs::read_dir(top) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(top),
        Err(error) => Err(error),
        Ok(entries) => {
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        }
    }
}

/// Returns the texts of `manifest` for this checkout, and where and what they are.
pub(super) fn texts(
    compilation: &Compilation<'_>,
    top: &Path,
    manifest: &Manifest,
) -> Result<Vec<(PathBuf, TextKind, String)>, String> {
    let here = |stored: &kache_store::TextOutput| {
        let kind = TextKind::of(&stored.role)
            .ok_or_else(|| format!("`{}` is a `{}`", stored.name, stored.role))?;
        let text = (compilation.render_text)(stored, &compilation.roots)?;
        Ok((top.join(&stored.name), kind, text))
    };
    manifest.texts.iter().map(here).collect()
}

/// Puts one text in place.
pub(super) fn put(path: &Path, kind: TextKind, text: &str, umask: u32) -> Result<(), String> {
    let failed = |error: io::Error| format!("`{}`: {error}", path.display());
    match kind {
        TextKind::Directory => fs::create_dir_all(path).map_err(failed),
        TextKind::Link => {
            fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
            symlink(text, path).map_err(failed)
        }
        TextKind::Plain | TextKind::Program => {
            restore::restore_text(path, text).map_err(|failure| failure.to_string())?;
            if kind == TextKind::Program {
                let permissions = fs::Permissions::from_mode(0o777 & !umask);
                fs::set_permissions(path, permissions).map_err(failed)?;
            }
            Ok(())
        }
    }
}
