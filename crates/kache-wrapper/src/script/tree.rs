//! What a build script leaves in its directory, for an entry.
//!
//! Files are outputs as they are. A text that names roots is stored with their
//! names; a link and an empty directory are texts too, told apart by their role.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use kache_key::Roots;
use kache_key::evidence::roots_named_in;
use kache_key::portable;
use kache_key::rustc::messages::Segment;
use kache_store::{Sharing, TextOutput};

use crate::compilation::inputs::Inputs;
use crate::compilation::products::{Made, Product, own_inode};
use crate::compilation::{Form, TextKind};
use crate::shims::MAX_TEXT_BYTES;

/// More files than this are no output of a script, a disk perhaps.
const MAX_FILES: usize = 100_000;

/// What is in a tree.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<Made>,
    pub(crate) texts: Vec<TextOutput>,
}

/// Gives every file below `top` an inode of its own: a script that runs again may
/// change in place what an earlier run left, and that may be shared with a blob.
pub(crate) fn unshare(top: &Path) -> io::Result<()> {
    for entry in fs::read_dir(top)? {
        let path = entry?.path();
        if fs::symlink_metadata(&path)?.is_dir() {
            unshare(&path)?;
        } else {
            own_inode(&path)?;
        }
    }
    Ok(())
}

/// Gathers what is below `top`. An error is why it must not be stored.
pub(crate) fn gather(
    top: &Path,
    roots: &Roots,
    has_leftovers: bool,
    inputs: &mut Inputs<'_>,
) -> Result<Tree, String> {
    let mut gatherer = Gatherer { top, roots, has_leftovers, inputs, tree: Tree::default() };
    gatherer.directory(top)?;
    Ok(gatherer.tree)
}

struct Gatherer<'a, 'b> {
    top: &'a Path,
    roots: &'a Roots,
    has_leftovers: bool,
    inputs: &'a mut Inputs<'b>,
    tree: Tree,
}

impl Gatherer<'_, '_> {
    fn directory(&mut self, dir: &Path) -> Result<(), String> {
        let failed = |error| format!("`{}`: {error}", dir.display());
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            entries.push(entry.map_err(failed)?.path());
        }
        entries.sort();
        if entries.is_empty() && dir != self.top {
            let metadata = fs::symlink_metadata(dir).map_err(failed)?;
            if self.is_leftover(&metadata) {
                return Ok(());
            }
            return self.text(dir, TextKind::Directory, String::new());
        }
        for path in entries {
            let metadata =
                fs::symlink_metadata(&path).map_err(|e| format!("`{}`: {e}", path.display()))?;
            if self.tree.files.len() + self.tree.texts.len() >= MAX_FILES {
                return Err(format!("more than {MAX_FILES} files in `{}`", self.top.display()));
            }
            if metadata.is_dir() {
                self.directory(&path)?;
            } else if metadata.is_symlink() {
                if !self.is_leftover(&metadata) {
                    self.link(&path)?;
                }
            } else if metadata.is_file() {
                self.file(&path, metadata.len())?;
            } else {
                return Err(format!("`{}` is no plain file", path.display()));
            }
        }
        Ok(())
    }

    /// Returns whether an earlier run left it, and this one did not change it.
    fn is_leftover(&self, metadata: &Metadata) -> bool {
        self.has_leftovers && self.inputs.start.is_after(metadata)
    }

    fn link(&mut self, path: &Path) -> Result<(), String> {
        let target = fs::read_link(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let target = target.to_str().ok_or_else(|| format!("`{}`: not UTF-8", path.display()))?;
        let written = self.written(target);
        self.text(path, TextKind::Link, written)
    }

    fn file(&mut self, path: &Path, size: u64) -> Result<(), String> {
        if self.inputs.check_written(path).is_err() {
            // From an earlier run, and not read in this one.
            return if self.has_leftovers {
                Ok(())
            } else {
                Err(format!("`{}` is old", path.display()))
            };
        }
        if size <= MAX_TEXT_BYTES {
            let bytes = fs::read(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
            if let Ok(text) = std::str::from_utf8(&bytes)
                && !roots_named_in(&bytes, self.roots).is_empty()
            {
                let kind = if is_executable(path) { TextKind::Program } else { TextKind::Plain };
                let written = self.written(text);
                return self.text(path, kind, written);
            }
        }
        let product = Product {
            role: "file",
            name: self.name(path)?,
            path: path.to_owned(),
            form: Form::Bytes { sharing: Sharing::OneFile },
            is_certain: true,
        };
        let made = self.inputs.product(&product, true)?;
        self.tree.files.push(made);
        Ok(())
    }

    /// Returns `text` with roots as names; those that are left bind the entry.
    fn written(&mut self, text: &str) -> String {
        let segments = portable::tokenise(text, self.roots);
        self.inputs.bind_messages(&segments);
        portable::write(&segments)
    }

    fn text(&mut self, path: &Path, kind: TextKind, text: String) -> Result<(), String> {
        let name = self.name(path)?;
        self.tree.texts.push(TextOutput { role: kind.role().to_owned(), name, text });
        Ok(())
    }

    fn name(&self, path: &Path) -> Result<String, String> {
        let name = path.strip_prefix(self.top).ok().and_then(Path::to_str);
        name.map(str::to_owned).ok_or_else(|| format!("`{}`: not UTF-8", path.display()))
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// Writes a stored text for the checkout with `roots`.
pub(crate) fn render(stored: &TextOutput, roots: &Roots) -> Result<String, String> {
    let segments: Option<Vec<Segment>> = portable::read(&stored.text);
    segments
        .and_then(|segments| portable::render(&segments, roots))
        .ok_or_else(|| format!("`{}` names an unknown root", stored.name))
}
