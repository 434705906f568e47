//! Taking part in a trace by hand.

use std::env;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process;
use std::sync::atomic::Ordering;

use crate::act::Act;
use crate::channel::Record;
use crate::format::Kind;
use crate::mapping::Mapping;
use crate::names::TRACE_VARIABLE;
use crate::records::written;

/// A process that says by itself what it does: one that runs the same program as
/// whoever watches.
///
/// It may be linked statically, so that the library cannot be loaded into it. If it
/// is not, the library keeps out of it.
#[derive(Debug)]
pub struct Participant {
    mapping: Mapping,
}

impl Participant {
    /// Joins the trace that the environment names, if there is one, and says that
    /// this process started.
    pub fn from_environment() -> Option<Self> {
        let mapping = Mapping::open(Path::new(&env::var_os(TRACE_VARIABLE)?))?;
        let participant = Self { mapping };
        let parent = parent_id();
        let program = env::current_exe().unwrap_or_default();
        participant.note(&Act::Started { parent, program });
        Some(participant)
    }

    /// Writes down an act of this process. Paths must be absolute.
    ///
    /// An act that does not fit makes the trace incomplete, which its reader sees.
    pub fn note(&self, act: &Act) {
        let (kind, extra, parts) = written(act);
        let extra = if kind == Kind::Exec { parent_id() } else { extra };
        let header = self.mapping.header();
        if matches!(kind, Kind::Removed | Kind::Renamed) {
            header.removals.fetch_add(1, Ordering::Relaxed);
        }
        let parts = parts.as_slice();
        self.mapping.append(&Record { kind, flags: 0, pid: process::id(), extra, parts });
    }
}
