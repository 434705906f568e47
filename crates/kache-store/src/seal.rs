//! JSON files that show whether they are as they were written.
//!
//! The last line of a sealed file is the BLAKE3 digest of everything before
//! it. A flipped bit in a manifest could otherwise be another file's mode, or
//! another warning, and still be JSON.

use kache_key::Digest;
use serde::Serialize;

/// The last line: a line end, 64 digits and a line end.
const SEAL_BYTES: usize = 66;

/// Returns `value` as one line of JSON followed by its seal.
pub(crate) fn sealed<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("what is stored is plain data");
    let seal = Digest::of(&bytes);
    bytes.extend_from_slice(format!("\n{seal}\n").as_bytes());
    bytes
}

/// Returns the JSON in a sealed file, or `None` if the seal does not fit it.
pub(crate) fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (json, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
    let seal = seal.strip_prefix(b"\n")?.strip_suffix(b"\n")?;
    let seal: Digest = std::str::from_utf8(seal).ok()?.parse().ok()?;
    (Digest::of(json) == seal).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_breaks_the_seal() {
        let good = sealed(&["some", "text"]);
        assert_eq!(unsealed(&good), Some(&br#"["some","text"]"#[..]));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(unsealed(&bad), None, "byte {at}");
            assert_eq!(unsealed(&good[..at]), None, "cut at {at}");
        }
    }
}
