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
    pid: u32,
    /// Where its first record is.
    began: usize,
}

impl Participant {
    /// Joins the trace that the environment names, if there is one, and says that
    /// this process started.
    pub fn from_environment() -> Option<Self> {
        let mapping = Mapping::open(Path::new(&env::var_os(TRACE_VARIABLE)?))?;
        let program = env::current_exe().unwrap_or_default();
        let act = Act::Started { parent: parent_id(), program };
        let (kind, extra, parts) = written(&act);
        let pid = process::id();
        let began = mapping.append(&Record { kind, flags: 0, pid, extra, parts: &parts });
        Some(Self { mapping, pid, began: began.unwrap_or_default() })
    }

    /// Writes down an act of this process. Paths must be absolute.
    ///
    /// An act that does not fit makes the trace incomplete, which its reader sees.
    pub fn note(&self, act: &Act) {
        let (kind, extra, parts) = written(act);
        let extra = if kind == Kind::Exec { parent_id() } else { extra };
        let removals = &self.mapping.header().removals;
        if matches!(kind, Kind::Removed | Kind::Renamed) {
            removals.fetch_add(1, Ordering::Relaxed);
        }
        let extra = if kind == Kind::Wrote { removals.load(Ordering::Relaxed) } else { extra };
        let record = Record { kind, flags: 0, pid: self.pid, extra, parts: &parts };
        if is_told_once(kind) {
            self.mapping.tell(&record, self.began);
        } else {
            self.mapping.append(&record);
        }
    }
}

/// Whether a second record of the same says nothing new, as in `preload/record.rs`. What
/// is written may be removed and written again, so that is told with the count of
/// removals.
fn is_told_once(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Linked
            | Kind::Loaded
            | Kind::Read
            | Kind::Missing
            | Kind::Looked
            | Kind::Listed
            | Kind::Link
            | Kind::Resolved
            | Kind::Env
            | Kind::Wrote
    )
}
