//! The event journal, read as a user would read it.
//!
//! kache appends one JSON object a line to `<cache dir>/v1/events.jsonl`, one
//! for each invocation. It is the only witness for what was served from the
//! cache and which compilers ran.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What became of one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Served from the store.
    Hit,
    /// Compiled and stored.
    Miss,
    /// Compiled, and every byte was already known.
    Dup,
    /// Handed to the compiler as it was.
    Passthrough,
    /// The compiler failed.
    Error,
}

/// One invocation of kache.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Event {
    /// Version of the event's own format.
    pub v: u64,
    /// When it ended, RFC 3339.
    pub ts: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for people; empty for a plain hit.
    pub reason: String,
    /// `rust`, `c` or `c++`.
    pub lang: String,
    /// Crate or source file; the question where the compiler was asked one.
    pub name: String,
    /// Crate types, as rustc names them.
    pub crate_types: Vec<String>,
    /// Unit, in hexadecimal; none for what could not be parsed.
    pub unit: Option<String>,
    /// Entry, in hexadecimal; none where no key was computed.
    pub key: Option<String>,
    /// The cargo process that this invocation belongs to.
    pub session: String,
    /// Where the compiler was called.
    pub cwd: String,
    /// The whole invocation, in microseconds.
    pub wall_us: u64,
    /// Each phase by name, in microseconds.
    pub phases_us: BTreeMap<String, u64>,
    /// What compiling the entry took once, in milliseconds.
    pub compile_ms: u64,
    /// Bytes restored or stored by hard link.
    pub bytes_linked: u64,
    /// Bytes restored or stored by reflink.
    pub bytes_cloned: u64,
    /// Bytes restored or stored by copying.
    pub bytes_copied: u64,
    /// Processes started for it; not the compiler that a passthrough became.
    pub processes_spawned: u64,
}

impl Default for Event {
    fn default() -> Self {
        Self {
            v: 0,
            ts: String::new(),
            outcome: Outcome::Error,
            reason: String::new(),
            lang: String::new(),
            name: String::new(),
            crate_types: Vec::new(),
            unit: None,
            key: None,
            session: String::new(),
            cwd: String::new(),
            wall_us: 0,
            phases_us: BTreeMap::new(),
            compile_ms: 0,
            bytes_linked: 0,
            bytes_cloned: 0,
            bytes_copied: 0,
            processes_spawned: 0,
        }
    }
}

impl Event {
    /// Whether it compiled a crate or served one, as against a question to
    /// the compiler such as `-vV`, `--print` or a build script's probe.
    pub fn is_unit(&self) -> bool {
        let compiles = self.unit.is_some() || !self.crate_types.is_empty();
        compiles && self.name != "___" && !self.is_script_run()
    }

    /// Whether it ran a build script or took its place.
    pub fn is_script_run(&self) -> bool {
        self.crate_types == ["build-script-run"]
    }

    /// Returns how many processes ran for it beside kache itself. A passthrough
    /// becomes the compiler, which counts.
    pub fn spawned(&self) -> u64 {
        self.processes_spawned.max(u64::from(self.outcome == Outcome::Passthrough))
    }

    /// Returns the name with its outcome and reason, for messages.
    pub fn describe(&self) -> String {
        let outcome = format!("{:?}", self.outcome).to_lowercase();
        let reason = if self.reason.is_empty() { "no reason given" } else { &self.reason };
        format!("{} ({}): {outcome}: {reason}", self.name, self.crate_types.join(","))
    }
}

/// Why events could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file could not be read.
    #[error("failed to read the journal `{}`", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("not an event: `{line}`")]
    Line {
        /// The line.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A place in the journal: what is behind it has been taken.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
    offset: u64,
}

impl Journal {
    /// Returns a cursor at the present end of the journal of `cache_dir`.
    pub fn at_end_of(cache_dir: &Path) -> Self {
        let path = cache_dir.join("v1/events.jsonl");
        let offset = path.metadata().map_or(0, |meta| meta.len());
        Self { path, offset }
    }

    /// Returns a cursor before the first event of the journal of `cache_dir`.
    pub fn at_start_of(cache_dir: &Path) -> Self {
        Self { path: cache_dir.join("v1/events.jsonl"), offset: 0 }
    }

    /// Takes every event written since the last call; none where there is no
    /// journal. A journal that became shorter is read from its start.
    pub fn take(&mut self) -> Result<Vec<Event>, JournalError> {
        let text =
            self.read().map_err(|source| JournalError::Io { path: self.path.clone(), source })?;
        let parse = |line: &str| {
            serde_json::from_str(line)
                .map_err(|source| JournalError::Line { line: line.to_owned(), source })
        };
        text.lines().map(parse).collect()
    }

    fn read(&mut self) -> io::Result<String> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            // A path through a file, where a test put one in the store's place.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(String::new());
            }
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < self.offset {
            self.offset = 0;
        }
        let _ = file.seek(SeekFrom::Start(self.offset))?;
        let mut text = String::new();
        self.offset += file.read_to_string(&mut text)? as u64;
        Ok(text)
    }
}

/// Events counted by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Served from the store.
    pub hits: usize,
    /// Compiled and stored.
    pub misses: usize,
    /// Compiled, and every byte was known.
    pub dups: usize,
    /// Handed to the compiler as they were.
    pub passthroughs: usize,
    /// Refused by the compiler.
    pub errors: usize,
    /// Processes started, compilers that passthroughs became among them.
    pub spawned: u64,
    /// Bytes moved by hard link.
    pub bytes_linked: u64,
    /// Bytes moved by reflink.
    pub bytes_cloned: u64,
    /// Bytes moved by copying.
    pub bytes_copied: u64,
    /// What the hits' compiles took once, in milliseconds.
    pub saved_ms: u64,
}

impl Tally {
    /// Counts `events`.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut tally = Self::default();
        for event in events {
            tally.count(event);
        }
        tally
    }

    /// Returns how many events were counted.
    pub fn total(&self) -> usize {
        self.hits + self.misses + self.dups + self.passthroughs + self.errors
    }

    fn count(&mut self, event: &Event) {
        match event.outcome {
            Outcome::Hit => {
                self.hits += 1;
                self.saved_ms += event.compile_ms;
            }
            Outcome::Miss => self.misses += 1,
            Outcome::Dup => self.dups += 1,
            Outcome::Passthrough => self.passthroughs += 1,
            Outcome::Error => self.errors += 1,
        }
        self.spawned += event.spawned();
        self.bytes_linked += event.bytes_linked;
        self.bytes_cloned += event.bytes_cloned;
        self.bytes_copied += event.bytes_copied;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIT: &str = r#"{"v":1,"outcome":"hit","unit":"ab","name":"a","crate_types":["lib"],"compile_ms":7,"bytes_linked":3}"#;
    const MISS: &str = r#"{"v":1,"outcome":"miss","unit":"ab","name":"b","processes_spawned":1,"later_field":true}"#;
    const PASSED_ON: &str = r#"{"v":1,"outcome":"passthrough","name":"c","crate_types":["lib"]}"#;
    const QUESTION: &str = r#"{"v":1,"outcome":"hit","name":"___","processes_spawned":1}"#;

    #[test]
    fn a_cursor_takes_each_event_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("v1")).unwrap();
        let mut journal = Journal::at_end_of(dir.path());
        assert_eq!(journal.take().unwrap().len(), 0);
        let file = dir.path().join("v1/events.jsonl");
        std::fs::write(&file, format!("{HIT}\n{MISS}\n")).unwrap();
        assert_eq!(journal.take().unwrap().len(), 2);
        std::fs::write(&file, format!("{HIT}\n{MISS}\n{QUESTION}\n")).unwrap();
        assert_eq!(journal.take().unwrap().len(), 1);
        assert_eq!(Journal::at_start_of(dir.path()).take().unwrap().len(), 3);
        std::fs::write(&file, "nonsense\n").unwrap();
        assert!(matches!(journal.take(), Err(JournalError::Line { .. })));
    }

    #[test]
    fn a_tally_counts_outcomes_processes_and_bytes() {
        let events: Vec<Event> = [HIT, MISS, PASSED_ON, QUESTION]
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let tally = Tally::of(&events);
        assert_eq!((tally.hits, tally.misses, tally.passthroughs, tally.total()), (2, 1, 1, 4));
        assert_eq!((tally.spawned, tally.saved_ms, tally.bytes_linked), (3, 7, 3));
        let units: Vec<bool> = events.iter().map(Event::is_unit).collect();
        assert_eq!(units, [true, true, true, false]);
    }
}
