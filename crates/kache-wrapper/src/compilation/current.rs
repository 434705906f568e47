//! Inputs as they are now.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kache_key::input::{
    FileStamp, absent_digest, env_digest, missing_digest, root_digest, terminal_digest,
};
use kache_key::{Digest, Input, PathToken, RecordedInput, Roots};
use kache_store::failure::IoFailure;
use kache_store::{blob, identity};

use crate::terminal;

/// Looks at inputs; what was read once is not read again.
pub(crate) struct Current<'a> {
    cwd: &'a Path,
    roots: &'a Roots,
    known: HashMap<Input, (Digest, Option<FileStamp>)>,
}

impl<'a> Current<'a> {
    pub(crate) fn new(cwd: &'a Path, roots: &'a Roots) -> Self {
        Self { cwd, roots, known: HashMap::new() }
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

    fn look(&self, recorded: &RecordedInput) -> Result<(Digest, Option<FileStamp>), IoFailure> {
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
            Input::Root(kind) => root_digest(self.roots.path(*kind)),
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
    let exists = stamp.is_some() && names.iter().any(|name| dir.join(name).exists());
    (absent_digest(exists), stamp)
}
