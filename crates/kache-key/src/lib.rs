//! Decides what a compilation is and which key names its result.
//!
//! This crate is pure: it takes argument lists, environment values, file
//! contents and digests, and returns decisions. It opens no file, reads no
//! variable and no clock; `clippy.toml` bans the calls. Everything in it can
//! therefore be tested with tables and golden vectors.
//!
//! A key is made in two steps (`docs/key-recipe.md`):
//!
//! ```text
//! argv, environment, cwd -> RustcUnit -> UnitId -> which inputs it read last time
//! UnitId + those inputs as they are now -> EntryKey -> the stored outputs
//! ```

pub mod archive;
pub mod build_script;
pub mod components;
pub mod depfile;
pub mod digest;
pub mod evidence;
pub mod explain;
pub mod fields;
pub mod git_index;
pub mod input;
pub mod portable;
pub mod roots;
pub mod rustc;

pub use components::{Component, Context};
pub use digest::{BlobId, Digest, EntryKey, UnitId};
pub use input::{Input, InputRecord, RecordedInput};
pub use roots::{PathToken, RootKind, Roots};

/// Version of every recipe in this crate; part of each [`UnitId`].
///
/// Raise it when the meaning of a key changes: old entries are then never
/// found again and leave by eviction.
pub const RECIPE_VERSION: u32 = 1;
