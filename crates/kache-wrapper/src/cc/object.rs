//! Whether an object file is all there.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What ELF files of 64 bits, least significant byte first, begin with.
const ELF64_LE: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];

/// The length of such a file's header, in bytes.
const HEADER_BYTES: u64 = 64;

/// Makes sure that the object at `path` was not cut short. Its last part is the
/// table of sections, whose place and size its header tells.
///
/// Files in other formats are taken as they are.
pub(crate) fn check_complete(path: &Path) -> Result<(), String> {
    let found = read(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    match found {
        (header, size) if end_of(&header).is_some_and(|end| end > size) => {
            Err(format!("`{}` is cut short", path.display()))
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut header = Vec::new();
    let _length = file.take(HEADER_BYTES).read_to_end(&mut header)?;
    Ok((header, size))
}

/// Returns where the table of sections ends, in bytes from the start.
fn end_of(header: &[u8]) -> Option<u64> {
    if !header.starts_with(&ELF64_LE) {
        return None;
    }
    let short = |at: usize| Some(u64::from(u16::from_le_bytes(*header.get(at..)?.first_chunk()?)));
    let long = |at: usize| Some(u64::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let fields = (long(0x28), short(0x3a), short(0x3c));
    // A header that is cut short itself ends nowhere.
    let (Some(start), Some(entry), Some(count)) = fields else { return Some(u64::MAX) };
    Some(start.saturating_add(entry * count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(start: u64, entry: u8, count: u8) -> Vec<u8> {
        let mut header = vec![0; 64];
        header[..6].copy_from_slice(&ELF64_LE);
        header[0x28..0x30].copy_from_slice(&start.to_le_bytes());
        (header[0x3a], header[0x3c]) = (entry, count);
        header
    }

    #[test]
    fn an_object_ends_with_its_table_of_sections() {
        assert_eq!(end_of(&header(1000, 64, 11)), Some(1704));
        assert_eq!(end_of(&header(1000, 64, 11)[..40]), Some(u64::MAX));
        assert_eq!(end_of(b"BC\xc0\xde"), None);
        assert_eq!(end_of(b""), None);
    }
}
