//! What rustc and clippy-driver are asked to do, and what they say they read.

pub mod argfile;
pub mod args;
pub mod dep_info;
pub mod flags;
mod link_args;
pub mod messages;
pub mod outputs;
pub mod probe;
pub mod query;
pub mod recipe;
pub mod refusal;
mod scan;
pub mod unit;
pub mod variable_use;

pub use args::{Verdict, classify};
pub use outputs::{ArtifactRole, ExpectedOutput};
pub use probe::RustcProbe;
pub use query::RustcQuery;
pub use refusal::Refusal;
pub use unit::{CrateType, Emit, RustcUnit, Target};
