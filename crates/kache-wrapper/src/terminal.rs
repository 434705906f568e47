//! A terminal for a compiler to write to.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, OutputModes, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

/// Returns how wide the terminals at standard input and standard error are, in
/// columns; 0 where there is none. Of Clang the latter counts, and for GCC the former.
pub(crate) fn widths() -> [u16; 2] {
    let width = |stream: BorrowedFd<'_>| tcgetwinsize(stream).map_or(0, |size| size.ws_col);
    [width(io::stdin().as_fd()), width(io::stderr().as_fd())]
}

/// Returns a terminal of the size of `model`, and a file from which comes,
/// byte for byte, what is written to it.
///
/// Once nobody has the terminal open any more, reading fails.
pub(crate) fn open_like(model: impl AsFd) -> io::Result<(File, OwnedFd)> {
    let reader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&reader)?;
    unlockpt(&reader)?;
    let name = ptsname(&reader, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name, flags, Mode::empty())?;
    let mut settings = tcgetattr(&terminal)?;
    // The ends of lines are for the real terminal to see to.
    settings.output_modes.remove(OutputModes::OPOST);
    tcsetattr(&terminal, OptionalActions::Now, &settings)?;
    if let Ok(size) = tcgetwinsize(model) {
        tcsetwinsize(&terminal, size)?;
    }
    Ok((File::from(reader), terminal))
}
