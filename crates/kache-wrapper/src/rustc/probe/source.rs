//! The code of a probe, where it is on standard input.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::process::Stdio;

use kache_key::Digest;
use kache_key::rustc::probe::RustcProbe;

use crate::served::Passthrough;

/// Where the code is.
pub(super) enum Source {
    /// In files, which the compiler reads by itself.
    Files,
    /// It was on standard input, and is in a file in memory now.
    Stdin { code: File, digest: Digest },
}

impl Source {
    /// Reads standard input, if the code is there. From then on standard input is the
    /// same code once more, for whatever this process becomes.
    pub(super) fn of(probe: &RustcProbe) -> Result<Self, Passthrough> {
        if !probe.reads_stdin {
            return Ok(Self::Files);
        }
        let mut code = in_memory()?;
        let mut text = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut text);
        code.write_all(&text)?;
        code.rewind()?;
        rustix::stdio::dup2_stdin(&code)?;
        read?;
        Ok(Self::Stdin { code, digest: Digest::of(&text) })
    }

    /// Returns what is to be keyed of it.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Files => None,
            Self::Stdin { digest, .. } => Some(*digest),
        }
    }

    /// Returns standard input for the compiler.
    pub(super) fn stdin(&self) -> io::Result<Stdio> {
        match self {
            Self::Files => Ok(Stdio::inherit()),
            Self::Stdin { code, .. } => Ok(Stdio::from(code.try_clone()?)),
        }
    }
}

/// Returns a file that is in no directory.
#[cfg(target_os = "linux")]
fn in_memory() -> Result<File, Passthrough> {
    let file = rustix::fs::memfd_create("kache-probe", rustix::fs::MemfdFlags::CLOEXEC)?;
    Ok(File::from(file))
}

#[cfg(not(target_os = "linux"))]
fn in_memory() -> Result<File, Passthrough> {
    Err(Passthrough::because("source on standard input"))
}
