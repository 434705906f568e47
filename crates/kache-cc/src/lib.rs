//! Decides what a call of a C or C++ compiler is, and which key names its result.
//!
//! This crate is pure, like `kache-key`: it takes argument lists, texts and
//! digests, and returns decisions. It opens no file, reads no variable and no
//! clock; `clippy.toml` bans the calls.
//!
//! ```text
//! program name, --version text -> Family
//! argv (response files expanded) -> CcUnit, or a Refusal that names the option
//! CcUnit -> UnitId, and the files it writes
//! what the preprocessor prints -> a digest under which a unit may be found again
//! ```
//!
//! The options are an allow-list: what no table in [`options`] has is refused.

pub mod classify;
pub mod dep_layout;
mod depend;
pub mod driver;
pub mod expansion;
pub mod language;
pub mod options;
pub mod outputs;
mod passed_on;
pub mod portable_text;
pub mod preprocess;
pub mod recipe;
pub mod refusal;
pub mod response_file;
mod scan;
pub mod source_scan;
pub mod unit;

pub use classify::{Verdict, classify};
pub use driver::{
    Called, Driver, DriverLanguage, Family, driver_name, family_of_version_text, may_be_driver,
};
pub use language::Language;
pub use outputs::{ExpectedOutput, OutputRole, expected_outputs};
pub use preprocess::preprocess;
pub use refusal::Refusal;
pub use unit::{CcUnit, DepFile, DepStyle, Stage};
