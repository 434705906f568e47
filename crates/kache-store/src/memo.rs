//! Small answers worth remembering: identities of compilers, their version texts.

use std::fs;

use kache_key::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{IoFailure, absent_is_none};
use crate::layout::Layout;
use crate::seal;
use crate::staging::{self, WriteSteps};

/// Returns the answer remembered under `id`; garbage counts as none.
pub fn read<T: DeserializeOwned>(layout: &Layout, id: Digest) -> Result<Option<T>, IoFailure> {
    let path = layout.toolchain(id);
    let bytes = absent_is_none(fs::read(&path)).map_err(IoFailure::on("read", &path))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(seal::unsealed(&bytes)?).ok()))
}

/// Remembers `answer` under `id`.
pub fn write<T: Serialize>(layout: &Layout, id: Digest, answer: &T) -> Result<(), IoFailure> {
    staging::write(layout, &layout.toolchain(id), &seal::sealed(answer), WriteSteps::OTHER)
}
