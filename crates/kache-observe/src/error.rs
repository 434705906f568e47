//! Why something is not observed.

use std::io;
use std::path::{Path, PathBuf};

/// Why a trace does not say everything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotObserved {
    /// The program that was to be observed did not load the library, or one that
    /// it became did not.
    #[error("the program did not load the library")]
    Root,
    /// A program ran that did not load the library: it is linked statically, runs
    /// with other rights, or was started without the variables.
    #[error("`{}` did not load the library", program.display())]
    Program {
        /// The program, as it was named.
        program: PathBuf,
    },
    /// A shell that `system` or `popen` started did not load the library.
    #[error("a shell did not load the library")]
    Shell,
    /// A program that makes system calls without the C library.
    #[error("`{}` makes system calls by itself", program.display())]
    Runtime {
        /// The file that runs.
        program: PathBuf,
    },
    /// The trace is full.
    #[error("the trace is full")]
    Overflow,
    /// A process ended while it wrote down what it did, or is still at it.
    #[error("the trace has a hole")]
    Hole,
    /// The C library walked a tree of directories by itself.
    #[error("the C library walked the directories below `{}` by itself", top.display())]
    Walk {
        /// Where it began.
        top: PathBuf,
    },
    /// A name was given relative to a directory that has none.
    #[error("`{}` was looked for in a directory that has no path", name.display())]
    Place {
        /// The name.
        name: PathBuf,
    },
    /// A host loaded more libraries than can be told apart.
    #[error("too many libraries were loaded to tell whose doing is whose")]
    Guests,
    /// The file is not a trace of this version.
    #[error("the trace makes no sense at byte {offset}")]
    Malformed {
        /// Where, from the start of the file.
        offset: usize,
    },
    /// There is no observation on this platform.
    #[error("nothing is observed on this platform")]
    Platform,
}

/// Why a watch could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The file system refused an operation on `path`.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path is to be part of a list that is split at colons, and for the loader at
    /// spaces, and must mean the same in every directory.
    #[error("`{}` is relative or has a separator in it", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The library is where nothing may be run from.
    #[error("`{}` is on a file system that is mounted `noexec`", path.display())]
    NotLoadable {
        /// The library.
        path: PathBuf,
    },
    /// Every name that was tried is that of another trace.
    #[error("there is no free name for a trace in `{}`", directory.display())]
    Names {
        /// Where it was to be.
        directory: PathBuf,
    },
    /// A file may not be as large as a trace must be.
    #[error("a file in `{}` may not be large enough for a trace", directory.display())]
    Room {
        /// Where it was to be.
        directory: PathBuf,
    },
    /// There is no observation on this platform.
    #[error("nothing is observed on this platform")]
    Platform,
}

impl WatchError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
