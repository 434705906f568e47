//! Reading the event journal, whose files together may be large: event by event.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

use kache_store::{Event, Layout, journal};

use crate::error::CliError;

/// What was read besides the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournalRead {
    /// How many events were handed over.
    pub(crate) events: u64,
    /// How many lines are not events of this version.
    pub(crate) unreadable_lines: u64,
}

/// Hands every event since `since` to `visit` with the time it ended, oldest file first.
///
/// Lines that are not events are counted and passed over, and so is a journal
/// that a build has just moved aside.
pub(crate) fn read(
    layout: &Layout,
    since: Option<SystemTime>,
    visit: &mut dyn FnMut(Event, SystemTime),
) -> Result<JournalRead, CliError> {
    let mut read = JournalRead::default();
    for path in journal::files(layout)? {
        if since.is_some_and(|since| was_finished_before(&path, since)) {
            continue;
        }
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            result => result.map_err(CliError::io("read the journal", &path))?,
        };
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(CliError::io("read the journal", &path))?;
            if line.is_empty() {
                continue;
            }
            match event_in(&line) {
                None => read.unreadable_lines += 1,
                Some((_, ended)) if since.is_some_and(|since| ended < since) => {}
                Some((event, ended)) => {
                    read.events += 1;
                    visit(event, ended);
                }
            }
        }
    }
    Ok(read)
}

fn event_in(line: &[u8]) -> Option<(Event, SystemTime)> {
    let event = journal::parse_line(std::str::from_utf8(line).ok()?.trim_end())?;
    let ended = humantime::parse_rfc3339(&event.ts).ok()?;
    Some((event, ended))
}

/// Returns whether the last line of a journal file was written before `since`.
fn was_finished_before(path: &Path, since: SystemTime) -> bool {
    fs::metadata(path).and_then(|metadata| metadata.modified()).is_ok_and(|at| at < since)
}
