//! How a call ends.

use std::process::ExitStatus;

use kache_store::{Outcome, Store};

/// What serving a call came to.
pub(crate) struct Served {
    /// Where the event is written.
    pub(crate) store: Store,
    pub(crate) outcome: Outcome,
    /// Why it is not a hit; empty for one.
    pub(crate) reason: String,
    /// How kache is to end: as the compiler did, or would have.
    pub(crate) status: ExitStatus,
}

impl Served {
    /// The store had it.
    pub(crate) fn hit(store: Store) -> Self {
        let (outcome, status) = (Outcome::Hit, ExitStatus::default());
        Self { store, outcome, reason: String::new(), status }
    }
}

/// Why the compiler is run and nothing else is done.
#[derive(Debug)]
pub(crate) struct Passthrough {
    pub(crate) reason: String,
    /// Something went wrong, as against something kache leaves alone.
    pub(crate) is_failure: bool,
}

impl Passthrough {
    /// The call is one that kache leaves to the compiler.
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_failure: false }
    }
}

impl<E: std::error::Error> From<E> for Passthrough {
    fn from(error: E) -> Self {
        Self { reason: error.to_string(), is_failure: true }
    }
}
