//! Inputs as they are now.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use kache_key::input::{
    FileStamp, PathKind, absent_digest, env_digest, kind_digest, link_digest, listing_digest,
    missing_digest, root_digest, terminal_digest,
};
use kache_key::{Digest, Input, PathToken, RecordedInput, Roots};
use kache_store::failure::IoFailure;
use kache_store::{blob, identity};

use super::git_index;
use crate::terminal;

/// Looks at inputs; what was read once is not read again.
pub(crate) struct Current<'a> {
    cwd: &'a Path,
    roots: &'a Roots,
    known: HashMap<Input, (Digest, Option<FileStamp>)>,
    links: Links,
}

impl<'a> Current<'a> {
    pub(crate) fn new(cwd: &'a Path, roots: &'a Roots) -> Self {
        Self { cwd, roots, known: HashMap::new(), links: Links::default() }
    }

    /// Returns the digest of `recorded`'s input as it is now and, for a plain
    /// file, its stamp. One look where the stamp or a tag vouches for a file,
    /// one read where neither does.
    pub(crate) fn digest(
        &mut self,
        recorded: &RecordedInput,
    ) -> Result<(Digest, Option<FileStamp>), IoFailure> {
        if let Some(known) = self.known.get(&recorded.input) {
            return Ok(*known);
        }
        let found = self.look(recorded)?;
        self.known.insert(recorded.input.clone(), found);
        Ok(found)
    }

    fn look(&mut self, recorded: &RecordedInput) -> Result<(Digest, Option<FileStamp>), IoFailure> {
        let digest = match &recorded.input {
            Input::File(path) | Input::Extern(path) | Input::LinkInput(path) => {
                return match self.resolve(path) {
                    Some(path) => file_digest(&path, recorded),
                    None => Ok((missing_digest(), None)),
                };
            }
            Input::Env(name) => {
                env_digest(std::env::var_os(name).as_ref().map(|value| value.as_encoded_bytes()))
            }
            Input::EnvPath(name) => env_path_digest(name, self.roots),
            Input::Absent(path) => absent_digest(self.resolve(path).is_some_and(|p| p.exists())),
            Input::Absences { dir, names } => {
                let dir = self.resolve(dir).unwrap_or_default();
                return Ok(absences(&dir, names, recorded.stamp.as_ref()));
            }
            Input::Listing(path) => listing(&self.resolve(path).unwrap_or_default()),
            Input::Link(path) => {
                self.links.digest(&self.resolve(path).unwrap_or_default(), self.roots)
            }
            Input::Kind(path) => kind(&self.resolve(path).unwrap_or_default()).1,
            Input::Root(kind) => root_digest(self.roots.path(*kind)),
            Input::GitIndex(top) => git_index::digest_of(&self.resolve(top).unwrap_or_default()),
            Input::TerminalWidth => terminal_digest(terminal::widths()),
            // A kind that this version does not know cannot be looked at.
            _ => missing_digest(),
        };
        Ok((digest, None))
    }

    fn resolve(&self, path: &PathToken) -> Option<PathBuf> {
        self.roots.resolve(path).map(|path| self.cwd.join(path))
    }
}

/// Returns the digest of a variable's value with roots written as names.
pub(crate) fn env_path_digest(name: &str, roots: &Roots) -> Digest {
    let value = std::env::var(name).ok();
    let value = value.map(|value| kache_key::rustc::recipe::tokenise_within(roots, &value));
    env_digest(value.as_deref().map(str::as_bytes))
}

/// Returns what is at `path`, and the digest of that. One look, two at a link.
pub(crate) fn kind(path: &Path) -> (PathKind, Digest) {
    let named = fs::symlink_metadata(path);
    let is_link = named.as_ref().is_ok_and(fs::Metadata::is_symlink);
    let kind = match if is_link { fs::metadata(path) } else { named } {
        Err(_) => PathKind::Nothing,
        Ok(metadata) if metadata.is_file() && metadata.mode() & 0o111 != 0 => PathKind::Program,
        Ok(metadata) if metadata.is_file() => PathKind::File,
        Ok(metadata) if metadata.is_dir() => PathKind::Directory,
        Ok(_) => PathKind::Other,
    };
    (kind, kind_digest(kind, is_link))
}

/// Returns the digest of the names in the directory `path`.
pub(crate) fn listing(path: &Path) -> Digest {
    let names = || -> io::Result<_> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let kind = match entry.file_type()? {
                it if it.is_dir() => PathKind::Directory,
                it if it.is_file() => PathKind::File,
                _ => PathKind::Other,
            };
            names.push((entry.file_name().into_encoded_bytes(), kind));
        }
        Ok(names)
    };
    listing_digest(names().ok())
}

/// Follows symbolic links, and looks at each name on the way once.
#[derive(Default)]
pub(crate) struct Links {
    /// By their text: with a dot at its end, a path is another one.
    known: HashMap<OsString, Named>,
}

/// What a name stands for.
enum Named {
    /// A link to this.
    Link(PathBuf),
    /// Something else.
    Thing,
    Nothing,
}

impl Links {
    /// Returns the digest of where the absolute `path` leads, if it is a link, and of
    /// its real path.
    pub(crate) fn digest(&mut self, path: &Path, roots: &Roots) -> Digest {
        let token = |path: &Path| roots.tokenise(&path.to_string_lossy()).0;
        let has_links = self.has_links(path);
        let (target, real) = match self.look(path) {
            Named::Link(target) => (Some(token(target)), fs::canonicalize(path).ok()),
            Named::Thing if has_links => (None, fs::canonicalize(path).ok()),
            Named::Thing => (None, Some(path.to_owned())),
            Named::Nothing => (None, None),
        };
        let real = real.map(|real| token(&real));
        link_digest(target.as_deref(), real.as_deref())
    }

    /// Returns whether a directory on the way to `path` may be a link.
    fn has_links(&mut self, path: &Path) -> bool {
        let is_odd = path.as_os_str().as_encoded_bytes().ends_with(b".")
            || path.components().any(|part| part == Component::ParentDir);
        is_odd || path.ancestors().skip(1).any(|part| matches!(self.look(part), Named::Link(_)))
    }

    fn look(&mut self, path: &Path) -> &Named {
        self.known.entry(path.as_os_str().to_owned()).or_insert_with(|| match fs::read_link(path) {
            Ok(target) => Named::Link(target),
            // There is something, and it is no link.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Named::Thing,
            Err(_) => Named::Nothing,
        })
    }
}

fn file_digest(
    path: &Path,
    recorded: &RecordedInput,
) -> Result<(Digest, Option<FileStamp>), IoFailure> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok((missing_digest(), None)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok((missing_digest(), None));
        }
        Err(source) => {
            return Err(IoFailure { action: "look at", path: path.to_owned(), source });
        }
    };
    let stamp = identity::stamp_of(&metadata);
    if let Some(old) = &recorded.stamp
        && old.vouches_for(&stamp)
    {
        return Ok((recorded.digest, Some(*old)));
    }
    if !matches!(recorded.input, Input::File(_))
        && let Some(digest) = identity::tagged_digest(path, &metadata)
    {
        return Ok((digest, None));
    }
    let (digest, _) = blob::digest_file(path)?;
    Ok((digest, Some(stamp)))
}

/// Returns whether any of `names` is in `dir` now, and the stamp of `dir`. One
/// look where the `old` stamp vouches for the directory, else one for each name.
fn absences(dir: &Path, names: &[String], old: Option<&FileStamp>) -> (Digest, Option<FileStamp>) {
    let stamp = fs::metadata(dir).ok().map(|metadata| identity::stamp_of(&metadata));
    if let (Some(old), Some(now)) = (old, &stamp)
        && old.vouches_for(now)
    {
        return (absent_digest(false), Some(*old));
    }
    // A link that leads nowhere is something, too.
    let is_there = |name: &String| fs::symlink_metadata(dir.join(name)).is_ok();
    let exists = stamp.is_some() && names.iter().any(is_there);
    (absent_digest(exists), stamp)
}
