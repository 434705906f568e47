//! Tidying the store now and then, outside of any build.

use std::process::ExitCode;

/// The hidden verb under which `kache` starts itself for housekeeping.
pub(crate) const VERB: &str = "housekeep-store";

/// Tidies the configured store.
pub(crate) fn run() -> ExitCode {
    ExitCode::SUCCESS
}
