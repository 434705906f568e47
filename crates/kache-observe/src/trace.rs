//! What was observed.

use crate::act::{Act, Event};

/// Everything that a program and its children did, in order.
///
/// Acts of processes that ran at the same time are in the order in which they were
/// written down, each after it was done (but [`Act::Exec`] before). What stays true,
/// such as that a file was read, is written once, when the first process did it; where
/// there are hosts, once for each process.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// All events, also those that do not count.
    pub events: Vec<Event>,
    /// Processes that the program left behind: they had the trace open when it
    /// was read. What they do later is not seen.
    pub left_behind: Vec<u32>,
}

impl Trace {
    /// The acts that count.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.events.iter().filter(|event| event.counts).map(|event| &event.act)
    }
}
