//! Hashing of labelled fields without ambiguity.
//!
//! Every field is written as its label, then its value, each preceded by its
//! length in bytes (64-bit little-endian). Two different field lists therefore
//! never produce the same byte stream, whatever the values contain.

use crate::digest::Digest;

/// Most digests are made of no more than this.
const FEW_FIELDS_BYTES: usize = 512;

/// Collects labelled fields into one digest.
pub struct FieldHasher {
    /// All of them, as they are hashed: many short ones are hashed faster at once.
    bytes: Vec<u8>,
}

impl FieldHasher {
    /// Starts a digest in `domain`, a text that no other recipe uses.
    pub fn new(domain: &str) -> Self {
        let mut this = Self { bytes: Vec::with_capacity(FEW_FIELDS_BYTES) };
        this.raw(domain.as_bytes());
        this
    }

    /// Adds a field of arbitrary bytes.
    pub fn bytes(&mut self, label: &str, value: &[u8]) -> &mut Self {
        self.raw(label.as_bytes());
        self.raw(value);
        self
    }

    /// Adds a text field.
    pub fn text(&mut self, label: &str, value: &str) -> &mut Self {
        self.bytes(label, value.as_bytes())
    }

    /// Adds a digest field.
    pub fn digest(&mut self, label: &str, value: Digest) -> &mut Self {
        self.bytes(label, value.as_bytes())
    }

    /// Adds a field that may be absent; absent and empty are different.
    pub fn option(&mut self, label: &str, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.text(label, "set").bytes(label, value),
            None => self.text(label, "unset"),
        }
    }

    /// Adds a list: its length, then its items in the order given.
    pub fn list<'a>(
        &mut self,
        label: &str,
        items: impl ExactSizeIterator<Item = &'a str>,
    ) -> &mut Self {
        self.bytes(label, &(items.len() as u64).to_le_bytes());
        for item in items {
            self.raw(item.as_bytes());
        }
        self
    }

    /// Returns the digest of everything added so far.
    pub fn finish(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest_of(fields: &[(String, String)]) -> Digest {
        let mut hasher = FieldHasher::new("test");
        for (label, value) in fields {
            hasher.text(label, value);
        }
        hasher.finish()
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_digest() {
        let a = digest_of(&pairs(&[("arg", "ab"), ("arg", "c")]));
        assert_ne!(a, digest_of(&pairs(&[("arg", "a"), ("arg", "bc")])));
        assert_ne!(a, digest_of(&pairs(&[("arg", "abc")])));
        assert_ne!(a, digest_of(&pairs(&[("arga", "b"), ("arg", "c")])));
    }

    #[test]
    fn absent_and_empty_are_different() {
        let absent = FieldHasher::new("t").option("env", None).finish();
        let empty = FieldHasher::new("t").option("env", Some(b"")).finish();
        assert_ne!(absent, empty);
    }

    #[test]
    fn the_encoding_is_pinned() {
        let mut hasher = FieldHasher::new("golden");
        hasher.text("a", "1").option("b", None).list("c", ["x", "yz"].into_iter());
        assert_eq!(
            hasher.finish().to_string(),
            "91afef182e62af35b03707d3e8b822ed2f89c311b33bfee68237459d2e37cec4"
        );
    }

    proptest! {
        #[test]
        fn different_fields_have_different_digests(
            a in proptest::collection::vec((".{0,4}", ".{0,4}"), 0..4),
            b in proptest::collection::vec((".{0,4}", ".{0,4}"), 0..4),
        ) {
            prop_assert_eq!(a == b, digest_of(&a) == digest_of(&b));
        }
    }
}
