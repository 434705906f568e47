//! The derived index: a small database that outlives the journal files.
//!
//! It holds nothing that the store needs. A damaged index, one of another
//! program or of a later version is deleted and made anew from the files.
//! Several processes may have it open; every change is one transaction that
//! holds both what was counted and how far the journal was read, so each event
//! counts exactly once.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;

use kache_key::{Digest, EntryKey};
use redb::{
    Builder, ConcurrencyMode, Database, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{IoFailure, absent_is_none};
use crate::identity;
use crate::journal;
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::scan;
use crate::stats::{self, Counters, Row, SessionStats, Stats, Subject, Tally};

/// The version of the tables; an index of any other is made anew.
pub const INDEX_VERSION: u64 = 1;

/// `"version"` -> [`INDEX_VERSION`].
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Digest of a journal file's first line -> how many of its bytes have been counted.
const CURSORS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("journal cursors");

/// Hour, subject and name -> [`Counters`] as JSON.
const COUNTERS: TableDefinition<'_, (u64, u8, &str), &[u8]> = TableDefinition::new("counters");

/// Session -> [`SessionStats`] as JSON.
const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");

/// Entry key -> [`EntryRow`] as JSON.
const ENTRIES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("entries");

/// Why the index cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file system refused an operation.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The database could not be opened, read or written.
    #[error("failed to use the index `{}`: {source}", path.display())]
    Database {
        /// Where the index is.
        path: PathBuf,
        /// What the database says.
        source: Box<redb::Error>,
    },
}

/// What the index knows about one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    /// Crate name or source file.
    pub name: String,
    /// Crate types.
    pub crate_types: Vec<String>,
    /// `rust`, `c` or `c++`.
    pub lang: String,
    /// The size of its outputs, in bytes.
    pub bytes: u64,
    /// How long the compiler ran, in milliseconds.
    pub compile_ms: u64,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// When it was last used, in nanoseconds since the Unix epoch.
    pub last_use_ns: i64,
}

/// What one refresh took in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Events.
    pub events: u64,
    /// Entries that are new or were used since.
    pub entries: u64,
    /// Entries that have gone.
    pub gone: u64,
}

/// An open index.
#[derive(Debug)]
pub struct Index {
    layout: Layout,
    database: Database,
}

type Fallible<T> = Result<T, Box<redb::Error>>;

fn boxed<E: Into<redb::Error>>(error: E) -> Box<redb::Error> {
    Box::new(error.into())
}

impl Index {
    /// Opens the index of a store, making it anew if it cannot be used.
    ///
    /// Reads the whole database to make sure of it. A new index is empty until
    /// it is refreshed.
    pub fn open(layout: &Layout) -> Result<Self, IndexError> {
        let _lock = FileLock::exclusive(&layout.index_lock())?;
        let path = layout.index();
        let failed = |source| IndexError::Database { path: path.clone(), source };
        let database = match open_database(layout) {
            Ok(database) => database,
            Err(error) if is_in_use(&error) => return Err(failed(error)),
            Err(_) => {
                remove_index(layout)?;
                open_database(layout).map_err(failed)?
            }
        };
        Ok(Self { layout: layout.clone(), database })
    }

    /// Takes in what has happened since the last refresh: new lines of the
    /// journal files, entries that came, went or were used.
    ///
    /// Reads the new lines and the new entries, and looks at every entry's file.
    pub fn refresh(&self) -> Result<Refreshed, IndexError> {
        let transaction = self.database.begin_write().map_err(|e| self.failed(boxed(e)))?;
        let mut refreshed =
            Refreshed { events: self.ingest_journals(&transaction)?, ..Refreshed::default() };
        self.ingest_entries(&transaction, &mut refreshed)?;
        transaction.commit().map_err(|error| self.failed(boxed(error)))?;
        Ok(refreshed)
    }

    /// Returns what the events come to since the beginning of the hour of
    /// `since_ns`, also those whose journal file has gone.
    pub fn stats(&self, since_ns: Option<i64>) -> Result<Stats, IndexError> {
        self.read_stats(since_ns).map_err(|source| self.failed(source))
    }

    /// Returns what is known about every entry, in no particular order.
    pub fn entries(&self) -> Result<Vec<(EntryKey, EntryRow)>, IndexError> {
        self.read_entries().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: Box<redb::Error>) -> IndexError {
        IndexError::Database { path: self.layout.index(), source }
    }

    fn read_entries(&self) -> Fallible<Vec<(EntryKey, EntryRow)>> {
        let table =
            self.database.begin_read().map_err(boxed)?.open_table(ENTRIES).map_err(boxed)?;
        let mut entries = Vec::new();
        for row in table.iter().map_err(boxed)? {
            let (key, value) = row.map_err(boxed)?;
            let key = EntryKey(Digest::from_bytes(key.value()));
            entries.extend(decode(value.value()).map(|row| (key, row)));
        }
        Ok(entries)
    }

    fn read_stats(&self, since_ns: Option<i64>) -> Fallible<Stats> {
        let transaction = self.database.begin_read().map_err(boxed)?;
        let counters = transaction.open_table(COUNTERS).map_err(boxed)?;
        let mut rows: Vec<(Row, Counters)> = Vec::new();
        let first_hour = stats::first_hour(since_ns);
        for row in counters.range((first_hour, 0, "")..).map_err(boxed)? {
            let (key, value) = row.map_err(boxed)?;
            let (hour, subject, name) = key.value();
            let decoded = subject_of(subject).zip(decode(value.value()));
            rows.extend(decoded.map(|(subject, c)| ((hour, subject, name.to_owned()), c)));
        }
        let table = transaction.open_table(SESSIONS).map_err(boxed)?;
        let mut sessions: Vec<(String, SessionStats)> = Vec::new();
        for row in table.iter().map_err(boxed)? {
            let (name, value) = row.map_err(boxed)?;
            let session = decode::<SessionStats>(value.value());
            let session = session.filter(|s| since_ns.is_none_or(|since| s.last_ns >= since));
            sessions.extend(session.map(|session| (name.value().to_owned(), session)));
        }
        Ok(Stats::of(rows.into_iter(), sessions.into_iter()))
    }

    /// Counts the new lines of every journal file and returns how many events they held.
    fn ingest_journals(&self, transaction: &WriteTransaction) -> Result<u64, IndexError> {
        let mut tally = Tally::default();
        let mut events = 0;
        let mut cursors = HashMap::new();
        for (path, file) in journal::open_all(&self.layout)? {
            let Some(id) = identify(&file).map_err(IoFailure::on("read", &path))? else { continue };
            let from = cursor(transaction, id).map_err(|source| self.failed(source))?;
            let mut reader = BufReader::new(file);
            let read = reader.seek(SeekFrom::Start(from)).and_then(|_| {
                journal::read_lines(&mut reader, &mut |event| {
                    events += 1;
                    tally.count(event);
                })
            });
            let read = read.map_err(IoFailure::on("read", &path))?;
            cursors.insert(id, from + read);
        }
        write_cursors(transaction, &cursors).map_err(|source| self.failed(source))?;
        write_tally(transaction, &tally).map_err(|source| self.failed(source))?;
        Ok(events)
    }

    fn ingest_entries(
        &self,
        transaction: &WriteTransaction,
        refreshed: &mut Refreshed,
    ) -> Result<(), IndexError> {
        let failed = |source| self.failed(source);
        let mut known = known_entries(transaction).map_err(failed)?;
        let mut fresh = Vec::new();
        scan::walk(&self.layout.entries(), &mut |found| {
            let Some(digest) = found.digest else { return Ok(()) };
            let last_use_ns = identity::mtime_ns(&found.metadata);
            match known.remove(&digest) {
                Some(row) if row.last_use_ns == last_use_ns => {}
                _ => fresh.extend(entry_row(&found, last_use_ns).map(|row| (digest, row))),
            }
            Ok(())
        })?;
        refreshed.entries = fresh.len() as u64;
        refreshed.gone = known.len() as u64;
        let mut table = transaction.open_table(ENTRIES).map_err(boxed).map_err(failed)?;
        for digest in known.keys() {
            table.remove(*digest.as_bytes()).map_err(boxed).map_err(failed)?;
        }
        for (digest, row) in &fresh {
            let bytes = encode(row);
            table.insert(*digest.as_bytes(), bytes.as_slice()).map_err(boxed).map_err(failed)?;
        }
        Ok(())
    }
}

/// Opens the database and makes sure that it has the tables of this version.
fn open_database(layout: &Layout) -> Fallible<Database> {
    let database = Builder::new()
        .set_concurrency_mode(ConcurrencyMode::MultiWriter)
        .set_check_integrity_on_open(true)
        .create(layout.index())
        .map_err(boxed)?;
    let transaction = database.begin_write().map_err(boxed)?;
    {
        let mut meta = transaction.open_table(META).map_err(boxed)?;
        let version = meta.get("version").map_err(boxed)?.map(|version| version.value());
        match version {
            Some(INDEX_VERSION) => {}
            None => drop(meta.insert("version", INDEX_VERSION).map_err(boxed)?),
            Some(other) => {
                let text = format!("the index has version {other}");
                return Err(Box::new(redb::Error::Corrupted(text)));
            }
        }
        transaction.open_table(CURSORS).map_err(boxed)?;
        transaction.open_table(COUNTERS).map_err(boxed)?;
        transaction.open_table(SESSIONS).map_err(boxed)?;
        transaction.open_table(ENTRIES).map_err(boxed)?;
    }
    transaction.commit().map_err(boxed)?;
    Ok(database)
}

fn is_in_use(error: &redb::Error) -> bool {
    matches!(error, redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch)
}

fn remove_index(layout: &Layout) -> Result<(), IoFailure> {
    let path = layout.index();
    absent_is_none(crate::blob::remove_any(&path))
        .map(|_| ())
        .map_err(IoFailure::on("remove", &path))
}

/// Names a journal file by its first line, which stays what it is however the
/// file is renamed or copied. One without a whole line has no name yet.
fn identify(file: &File) -> io::Result<Option<Digest>> {
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line)?;
    Ok((line.last() == Some(&b'\n')).then(|| Digest::of(&line)))
}

fn cursor(transaction: &WriteTransaction, id: Digest) -> Fallible<u64> {
    let table = transaction.open_table(CURSORS).map_err(boxed)?;
    let cursor = table.get(*id.as_bytes()).map_err(boxed)?;
    Ok(cursor.map_or(0, |cursor| cursor.value()))
}

/// Writes how far each present file was read; files that have gone are forgotten.
fn write_cursors(transaction: &WriteTransaction, cursors: &HashMap<Digest, u64>) -> Fallible<()> {
    let mut table = transaction.open_table(CURSORS).map_err(boxed)?;
    table.retain(|id, _| cursors.contains_key(&Digest::from_bytes(id))).map_err(boxed)?;
    for (id, offset) in cursors {
        table.insert(*id.as_bytes(), offset).map_err(boxed)?;
    }
    Ok(())
}

fn write_tally(transaction: &WriteTransaction, tally: &Tally) -> Fallible<()> {
    let mut table = transaction.open_table(COUNTERS).map_err(boxed)?;
    for ((hour, subject, name), counters) in &tally.rows {
        let key = (*hour, *subject as u8, name.as_str());
        let before = table.get(key).map_err(boxed)?.and_then(|value| decode(value.value()));
        let mut sum: Counters = before.unwrap_or_default();
        sum.add(counters);
        table.insert(key, encode(&sum).as_slice()).map_err(boxed)?;
    }
    let mut table = transaction.open_table(SESSIONS).map_err(boxed)?;
    for (name, session) in &tally.sessions {
        let before = table.get(name.as_str()).map_err(boxed)?;
        let before: Option<SessionStats> = before.and_then(|value| decode(value.value()));
        let mut sum = session.clone();
        if let Some(before) = before {
            sum.add(&before);
        }
        table.insert(name.as_str(), encode(&sum).as_slice()).map_err(boxed)?;
    }
    Ok(())
}

fn known_entries(transaction: &WriteTransaction) -> Fallible<HashMap<Digest, EntryRow>> {
    let table = transaction.open_table(ENTRIES).map_err(boxed)?;
    let mut known = HashMap::new();
    for row in table.iter().map_err(boxed)? {
        let (key, value) = row.map_err(boxed)?;
        known.extend(decode(value.value()).map(|row| (Digest::from_bytes(key.value()), row)));
    }
    Ok(known)
}

fn entry_row(found: &scan::Found, last_use_ns: i64) -> Option<EntryRow> {
    let manifest = scan::read_entry(found)?;
    let bytes = manifest.size_bytes();
    Some(EntryRow {
        name: manifest.name,
        crate_types: manifest.crate_types,
        lang: manifest.lang,
        bytes,
        compile_ms: manifest.compile_ms,
        created_ns: manifest.created_ns,
        last_use_ns,
    })
}

fn subject_of(number: u8) -> Option<Subject> {
    [Subject::All, Subject::Name, Subject::Passthrough]
        .into_iter()
        .find(|subject| *subject as u8 == number)
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("rows are plain data")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}
