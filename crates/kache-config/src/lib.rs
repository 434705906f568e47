//! Settings of kache: read from every source, resolved once.
//!
//! Sources, later ones win key by key: the defaults (`default.toml`), the
//! user's file, the project's `.kache.toml`, and `KACHE_*` variables. A list
//! replaces the list of an earlier source; it is not appended to it.
//!
//! [`load`] is the build path: it stops at the first value it cannot use, so
//! that nothing is cached under other settings than the user wrote, and it
//! passes over keys that it does not know, so that a newer kache's
//! configuration does not switch an older one off. [`inspect`] is for people:
//! every key with its source, and every problem with its line.
//!
//! The environment is an argument, so nothing here depends on the process
//! that it runs in; the only files opened are the configuration files and, by
//! [`ExtraInput::expand`], the directories of declared inputs.

mod config;
mod document;
mod input;
mod inspect;
mod lexical;
mod pattern;
mod problem;
mod quantity;
mod resolve;
mod settings;
mod value;

pub use config::{
    BuildScripts, Bypass, Config, CrateRules, CrateSettings, Housekeeping, Incremental, LogLevel,
    Paths, Portable, VerifyRestores,
};
pub use input::{ExpandError, ExtraInput, InputAnchor};
pub use inspect::{Inspection, Origin, SettingReport, inspect, unknown_variables};
pub use pattern::{CrateGlob, PathGlob, TextGlob, VariablePattern, VariableRule};
pub use problem::{ConfigError, FilePlace, Problem, UnknownKey, UnknownVariable};
pub use quantity::{QuantityError, format_duration, format_size, parse_duration, parse_size};
pub use resolve::{Environment, Places, load};

/// The defaults as a configuration file: every key, with what it means.
///
/// [`load`] does not read it; a test proves that it says what `load` does.
pub const DEFAULT_TOML: &str = include_str!("default.toml");
