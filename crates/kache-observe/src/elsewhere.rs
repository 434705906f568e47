//! The same names where nothing can be observed.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;

use crate::act::Act;
use crate::error::{NotObserved, WatchError};
use crate::trace::Trace;

/// A trace that programs can join. There is none on this platform.
#[derive(Debug)]
pub struct Watch(Infallible);

impl Watch {
    /// How large a trace may grow.
    pub const CAPACITY_BYTES: usize = 256 << 20;

    /// Fails: nothing is observed on this platform.
    pub fn start() -> Result<Self, WatchError> {
        Err(WatchError::Platform)
    }

    /// Fails: nothing is observed on this platform.
    pub fn start_in(_: &Path, _: usize) -> Result<Self, WatchError> {
        Err(WatchError::Platform)
    }

    /// Never called, since there is no value of this type.
    pub fn variables(
        &self,
        _: &Path,
        _: &[&Path],
    ) -> Result<Vec<(&'static str, OsString)>, WatchError> {
        match self.0 {}
    }

    /// Never called, since there is no value of this type.
    pub fn finish(self, _: u32) -> Result<Trace, NotObserved> {
        match self.0 {}
    }
}

/// Removes traces whose watches are gone. There are none on this platform.
pub fn sweep() {}

/// A process that says by itself what it does. There is none on this platform.
#[derive(Debug)]
pub struct Participant(Infallible);

impl Participant {
    /// `None`: nothing is observed on this platform.
    pub fn from_environment() -> Option<Self> {
        None
    }

    /// Never called, since there is no value of this type.
    pub fn note(&self, _: &Act) {
        match self.0 {}
    }
}
