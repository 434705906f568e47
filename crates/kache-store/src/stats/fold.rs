//! Folding journal files into rows: one for each hour, one for each session.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::time::UNIX_EPOCH;

use kache_key::Digest;

use super::{Session, Stats};
use crate::failure::IoFailure;
use crate::identity;
use crate::journal::{self, Event};
use crate::layout::Layout;

/// An hour in nanoseconds.
pub(crate) const HOUR_NS: i64 = 3_600 * 1_000_000_000;

/// How many bytes of a journal file have been read, by what identifies it; see [`identify`].
pub(crate) type Cursors = BTreeMap<Digest, u64>;

/// Lines of the journal, folded.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// By the hour since the Unix epoch in which an event ended.
    pub(crate) hours: BTreeMap<u64, Stats>,
    /// By name.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// How far each file that is there has been read now.
    pub(crate) cursors: Cursors,
    /// Lines that are no events.
    pub(crate) unreadable_lines: u64,
}

impl Folded {
    /// Folds what the journal files hold beyond `before`, without what ended
    /// before `since_ns`.
    ///
    /// One line is in memory at a time. A line that is not whole yet is left
    /// for the next time.
    pub(crate) fn beyond(
        before: &Cursors,
        layout: &Layout,
        since_ns: Option<i64>,
    ) -> Result<Self, IoFailure> {
        let mut folded = Self::default();
        for (path, file) in journal::open_all(layout)? {
            folded.read(file, before, since_ns).map_err(IoFailure::on("read", &path))?;
        }
        Ok(folded)
    }

    fn read(&mut self, file: File, before: &Cursors, since_ns: Option<i64>) -> io::Result<()> {
        let written_ns = identity::mtime_ns(&file.metadata()?);
        if since_ns.is_some_and(|since_ns| written_ns < since_ns) {
            return Ok(());
        }
        let Some(id) = identify(&file)? else { return Ok(()) };
        // A copy of a file that was read just now comes after what that one held.
        let known = self.cursors.get(&id).or_else(|| before.get(&id));
        let from = known.copied().unwrap_or_default();
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(from))?;
        let is_wanted = |ended_ns| since_ns.is_none_or(|since_ns| ended_ns >= since_ns);
        let read = journal::read_lines(&mut reader, &mut |event| {
            let timed = event.and_then(|event| Some((time_ns(&event)?, event)));
            match timed {
                None => self.unreadable_lines += 1,
                Some((ended_ns, event)) if is_wanted(ended_ns) => self.count(&event, ended_ns),
                Some(_) => {}
            }
        })?;
        self.cursors.insert(id, from + read);
        Ok(())
    }

    fn count(&mut self, event: &Event, ended_ns: i64) {
        let hour = u64::try_from(ended_ns / HOUR_NS).unwrap_or(0);
        self.hours.entry(hour).or_default().count(event);
        self.sessions
            .entry(event.session.clone())
            .or_insert_with(|| Session::at(ended_ns, &event.session))
            .count(event, ended_ns);
    }
}

/// Names a journal file by its first event, which stays what it is however the
/// file is renamed or copied. One without an event has no name yet.
fn identify(file: &File) -> io::Result<Option<Digest>> {
    let mut reader = BufReader::new(file);
    let mut id = None;
    let mut line = Vec::new();
    while id.is_none() && reader.read_until(b'\n', &mut line)? > 0 {
        id = journal::event_in(&line).map(|_| Digest::of(&line));
        line.clear();
    }
    Ok(id)
}

/// Returns when an event ended, in nanoseconds since the Unix epoch.
fn time_ns(event: &Event) -> Option<i64> {
    let time = humantime::parse_rfc3339(&event.ts).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}
