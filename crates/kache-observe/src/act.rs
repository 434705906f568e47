//! What processes do, as far as it is seen.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One thing that a process did.
///
/// Paths are absolute and as the process named them: no link is followed and no
/// `..` is folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// A program started. `parent` is the process id of the parent, `program`
    /// what the kernel runs, without links; a script's interpreter, not the script.
    Started {
        /// The parent's process id.
        parent: u32,
        /// The file that runs.
        program: PathBuf,
    },
    /// A process was forked off and did something before running a program.
    Forked {
        /// The parent's process id.
        parent: u32,
    },
    /// A library that the program was started with.
    Linked(PathBuf),
    /// A library that was loaded while the program ran.
    Loaded(PathBuf),
    /// A file was opened for reading. A directory may be opened like this too.
    Read(PathBuf),
    /// A name was looked at and led to nothing.
    Missing(PathBuf),
    /// A name was looked at and led to something: its kind, size, times, modes, or
    /// that it may not be had.
    Looked(PathBuf),
    /// The names in a directory were asked for.
    Listed(PathBuf),
    /// The text of a symbolic link was read.
    Link(PathBuf),
    /// All links in a path were followed.
    Resolved(PathBuf),
    /// A variable was asked for, set or not. It may have been set by an observed
    /// process for its child.
    Env(OsString),
    /// A file or directory was made, opened for writing, or its metadata changed.
    /// Was it opened for reading as well, or so that what was in it stays, a `Read`
    /// comes before.
    Wrote(PathBuf),
    /// Something got another name.
    Renamed {
        /// The name before.
        from: PathBuf,
        /// The name after.
        to: PathBuf,
    },
    /// A file or directory was removed.
    Removed(PathBuf),
    /// The process was about to become this program. Only a name, without a slash, if
    /// it was not found in `PATH`, and empty if it is an open file without a name.
    Exec(PathBuf),
    /// It could not.
    ExecFailed(PathBuf),
    /// A child was started with this program.
    Spawned {
        /// The child's process id.
        child: u32,
        /// The program, as it was named, after a search of `PATH`.
        program: PathBuf,
    },
    /// A shell was started by `system` or `popen`.
    Shell,
    /// A socket was connected, bound or listened on, or a host's name looked up.
    Network,
    /// The time of day was asked for. Recorded once for each process.
    Clock,
    /// A time was broken down by the time zone. Recorded once for each process.
    LocalTime,
}

impl Act {
    /// The path that this act is about; the former one of a renamed file, the
    /// program of a started one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Linked(path)
            | Self::Loaded(path)
            | Self::Read(path)
            | Self::Missing(path)
            | Self::Looked(path)
            | Self::Listed(path)
            | Self::Link(path)
            | Self::Resolved(path)
            | Self::Wrote(path)
            | Self::Removed(path)
            | Self::Exec(path)
            | Self::ExecFailed(path)
            | Self::Renamed { from: path, .. }
            | Self::Started { program: path, .. }
            | Self::Spawned { program: path, .. } => Some(path),
            Self::Forked { .. }
            | Self::Env(_)
            | Self::Shell
            | Self::Network
            | Self::Clock
            | Self::LocalTime => None,
        }
    }
}

/// An act and who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The process, of what stays true the first that did it. A child of `vfork` goes by
    /// its parent's id until it runs a program.
    pub pid: u32,
    /// Whether it was done on behalf of what is observed. What a host does by
    /// itself, and what programs do that it started by itself, does not count.
    pub counts: bool,
    /// What was done.
    pub act: Act,
    /// For an [`Act::Read`], how many bytes of the path stand before the name that the
    /// process gave: its working directory, if that was relative, else none.
    pub spelt_from: usize,
}
