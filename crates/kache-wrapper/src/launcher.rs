//! A launcher: the small program that stands in the place of another and becomes
//! `kache` or, where that is gone, the other. What it needs to know is behind its
//! own bytes.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Returns the bytes of a launcher that becomes `kache` with `verb`, in the place of
/// `replaced`: a whole path, or the name of a file beside the launcher. `None` where there
/// cannot be one.
pub(crate) fn bytes(kache: &Path, verb: &str, replaced: &OsStr) -> Option<Vec<u8>> {
    let trailer = trailer([kache.as_os_str(), OsStr::new(verb), replaced]);
    kache_observe::launcher().map(|program| [program, &trailer].concat())
}

/// Makes a program of `bytes` at `path`, where nothing else may be.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o777).open(path)?;
    file.write_all(bytes).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Returns what stands behind the launcher at `path`, a file of that many bytes, if it
/// is one that becomes kache with `verb`. Reads it if it is as small as one.
pub(crate) fn replaced_at(path: &Path, length_bytes: u64, verb: &str) -> Option<PathBuf> {
    const MAX_BYTES: u64 = 64 << 10;

    let bytes = if length_bytes <= MAX_BYTES { fs::read(path).ok()? } else { return None };
    let (found, replaced) = verb_and_replaced(&bytes)?;
    (found == verb.as_bytes()).then(|| PathBuf::from(OsStr::from_bytes(replaced)))
}

fn verb_and_replaced(launcher: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, length) = launcher.split_last_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let trailer = rest.get(rest.len().checked_sub(length)?..)?;
    let mut texts = trailer.split(|byte| *byte == 0).skip(1);
    Some((texts.next()?, texts.next()?))
}

/// Returns what stands behind a launcher's own bytes: texts that end with a zero byte
/// each, then how many bytes that is.
fn trailer(texts: [&OsStr; 3]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        texts.iter().flat_map(|text| [text.as_bytes(), b"\0"]).collect::<Vec<_>>().concat();
    let length = u32::try_from(bytes.len()).expect("paths are short");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_ends_with_its_own_length() {
        let bytes = trailer(["/k", "run", "s"].map(OsStr::new));
        assert_eq!(bytes, b"/k\0run\0s\0\x09\0\0\0");
    }

    #[test]
    fn what_a_launcher_becomes_is_read_back() {
        let whole =
            [b"a program".as_slice(), &trailer(["/k", "run", "s"].map(OsStr::new))].concat();
        assert_eq!(verb_and_replaced(&whole), Some((b"run".as_slice(), b"s".as_slice())));
        for other in
            [b"".as_slice(), b"\0\0\0\0", b"\x03\0\0\0", b"#!/bin/sh\nexec gcc\n", &whole[..12]]
        {
            assert_eq!(verb_and_replaced(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
