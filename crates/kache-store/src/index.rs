//! The derived index: statistics that outlive the journal files.
//!
//! It holds nothing that the store needs. A damaged index, one of another
//! program or of another version is deleted and made anew from the files.
//! Several processes may have it open; every change is one transaction that
//! holds both what was counted and how far the journal was read, so each event
//! counts exactly once.

use std::io;
use std::path::PathBuf;

use kache_key::Digest;
use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, Table, TableDefinition, TableError, WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{IoFailure, absent_is_none};
use crate::layout::Layout;
use crate::lock::FileLock;
use crate::stats::{Cursors, Folded, HOUR_NS, Session, Stats};

/// The version of the tables; an index of any other is made anew.
pub const INDEX_VERSION: u64 = 2;

/// How many sessions are kept, those that ended last. What they add up to is
/// kept for ever, by the hour.
pub const SESSIONS_KEPT: u64 = 10_000;

/// How many more may pile up before they are cut down to [`SESSIONS_KEPT`],
/// which reads them all.
const SESSIONS_SLACK: u64 = 1_000;

/// `"version"` -> [`INDEX_VERSION`], and how many lines of the journal were no events.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const VERSION: &str = "version";
const UNREADABLE_LINES: &str = "unreadable lines";

/// What identifies a journal file -> how many of its bytes have been counted.
/// Also of files that have gone, lest one that comes back counts twice.
const CURSORS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("journal cursors");

/// Hour since the Unix epoch -> [`Stats`] as JSON.
const HOURS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("hours");

/// Session -> [`Session`] as JSON.
const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");

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

/// An open index.
#[derive(Debug)]
pub struct Index {
    layout: Layout,
    database: Database,
}

/// What the database says, in a box because it is large.
struct Failure(Box<redb::Error>);

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error.into()))
    }
}

type Fallible<T> = Result<T, Failure>;

impl Index {
    /// Opens the index of a store, making it anew if it is damaged or not an index.
    ///
    /// Reads the whole database to make sure of it. A new index is empty until
    /// it is refreshed.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written or has no locks; an index that may
    /// well be whole is left as it is.
    pub fn open(layout: &Layout) -> Result<Self, IndexError> {
        let _lock = FileLock::exclusive(&layout.index_lock())?;
        let opened = match open_database(layout) {
            Err(Failure(error)) if is_spoilt(&error) => {
                remove_index(layout)?;
                open_database(layout)
            }
            opened => opened,
        };
        let database = opened.map_err(at(layout))?;
        Ok(Self { layout: layout.clone(), database })
    }

    /// Counts what the journal files hold, without what ended before
    /// `since_ns`, in memory: for a store whose own index cannot be used, or
    /// where an hour is too coarse.
    ///
    /// Reads every journal file that was written to since.
    pub fn in_memory(layout: &Layout, since_ns: Option<i64>) -> Result<Self, IndexError> {
        let folded = Folded::beyond(&Cursors::new(), layout, since_ns)?;
        let make = || -> Fallible<Database> {
            let database = Builder::new().create_with_backend(InMemoryBackend::new())?;
            make_tables(&database)?;
            write(database.begin_write()?, folded)?;
            Ok(database)
        };
        let database = make().map_err(at(layout))?;
        Ok(Self { layout: layout.clone(), database })
    }

    /// Counts the lines that were added to the journal since the last refresh.
    ///
    /// Reads those lines and writes nothing if there are none. Waits for
    /// another process's refresh.
    pub fn refresh(&self) -> Result<(), IndexError> {
        let begin = || -> Fallible<(WriteTransaction, Cursors)> {
            let transaction = self.database.begin_write()?;
            let mut before = Cursors::new();
            for row in transaction.open_table(CURSORS)?.iter()? {
                let (id, offset) = row?;
                before.insert(Digest::from_bytes(id.value()), offset.value());
            }
            Ok((transaction, before))
        };
        let (transaction, before) = begin().map_err(at(&self.layout))?;
        let folded = Folded::beyond(&before, &self.layout, None)?;
        if folded.cursors.iter().all(|(id, offset)| before.get(id) == Some(offset)) {
            return Ok(());
        }
        write(transaction, folded).map_err(at(&self.layout))
    }

    /// Returns what the events since the beginning of the hour of `since_ns`
    /// add up to, also those whose journal file has gone.
    pub fn stats(&self, since_ns: Option<i64>) -> Result<Stats, IndexError> {
        let read = || -> Fallible<Stats> {
            let hours = self.database.begin_read()?.open_table(HOURS)?;
            let first = since_ns.and_then(|ns| u64::try_from(ns / HOUR_NS).ok()).unwrap_or(0);
            let mut sum = Stats::default();
            for row in hours.range(first..)? {
                sum.add(&decode(row?.1.value()).unwrap_or_default());
            }
            Ok(sum)
        };
        read().map_err(at(&self.layout))
    }

    /// Returns the sessions that ended at `since_ns` or later, the one that
    /// started first first; of very old ones only [`Index::stats`] knows.
    pub fn sessions(&self, since_ns: Option<i64>) -> Result<Vec<Session>, IndexError> {
        let read = || -> Fallible<Vec<Session>> {
            let table = self.database.begin_read()?.open_table(SESSIONS)?;
            let mut sessions = Vec::new();
            for row in table.iter()? {
                let session: Option<Session> = decode(row?.1.value());
                sessions.extend(session.filter(|it| since_ns.is_none_or(|ns| it.ended_ns >= ns)));
            }
            sessions.sort_by_key(|session| session.started_ns);
            Ok(sessions)
        };
        read().map_err(at(&self.layout))
    }

    /// Returns how many lines of the journal were no events.
    pub fn unreadable_lines(&self) -> Result<u64, IndexError> {
        let lines = number(&self.database, UNREADABLE_LINES).map_err(at(&self.layout))?;
        Ok(lines.unwrap_or(0))
    }
}

fn at(layout: &Layout) -> impl FnOnce(Failure) -> IndexError {
    let path = layout.index();
    move |Failure(source)| IndexError::Database { path, source }
}

/// Opens the database and makes sure that its tables are of this version.
fn open_database(layout: &Layout) -> Fallible<Database> {
    let database = Builder::new()
        .set_concurrency_mode(ConcurrencyMode::MultiWriter)
        .set_check_integrity_on_open(true)
        .create(layout.index())?;
    match number(&database, VERSION)? {
        Some(INDEX_VERSION) => {}
        None => make_tables(&database)?,
        Some(other) => {
            return Err(redb::Error::Corrupted(format!("the index has version {other}")).into());
        }
    }
    Ok(database)
}

fn number(database: &Database, name: &str) -> Fallible<Option<u64>> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get(name)?.map(|number| number.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn make_tables(database: &Database) -> Fallible<()> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(VERSION, INDEX_VERSION)?;
    transaction.open_table(CURSORS)?;
    transaction.open_table(HOURS)?;
    transaction.open_table(SESSIONS)?;
    Ok(transaction.commit()?)
}

/// Returns whether what was opened is no index of this version, as opposed to
/// one that cannot be used now.
fn is_spoilt(error: &redb::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, UnexpectedEof};
    use redb::Error;

    match error {
        Error::Io(error) => matches!(error.kind(), InvalidData | IsADirectory | UnexpectedEof),
        Error::Corrupted(_)
        | Error::UpgradeRequired(_)
        | Error::RepairAborted
        | Error::TableTypeMismatch { .. }
        | Error::TableIsMultimap(_)
        | Error::TypeDefinitionChanged { .. } => true,
        _ => false,
    }
}

fn remove_index(layout: &Layout) -> Result<(), IoFailure> {
    let path = layout.index();
    absent_is_none(crate::blob::remove_any(&path))
        .map(|_| ())
        .map_err(IoFailure::on("remove", &path))
}

/// Adds what was folded to what is known, and notes how far the journal was read.
fn write(transaction: WriteTransaction, folded: Folded) -> Fallible<()> {
    let mut meta = transaction.open_table(META)?;
    let unreadable_lines = meta.get(UNREADABLE_LINES)?.map_or(0, |lines| lines.value());
    meta.insert(UNREADABLE_LINES, unreadable_lines.saturating_add(folded.unreadable_lines))?;
    drop(meta);
    let mut cursors = transaction.open_table(CURSORS)?;
    for (id, offset) in &folded.cursors {
        cursors.insert(*id.as_bytes(), *offset)?;
    }
    drop(cursors);
    let mut hours = transaction.open_table(HOURS)?;
    for (hour, stats) in &folded.hours {
        let before = hours.get(hour)?.and_then(|row| decode(row.value()));
        let mut sum: Stats = before.unwrap_or_default();
        sum.add(stats);
        hours.insert(hour, encode(&sum).as_slice())?;
    }
    drop(hours);
    let mut sessions = transaction.open_table(SESSIONS)?;
    for (id, session) in folded.sessions {
        let before: Option<Session> =
            sessions.get(id.as_str())?.and_then(|row| decode(row.value()));
        let sum = match before {
            Some(mut sum) => {
                sum.add(session);
                sum
            }
            None => session,
        };
        sessions.insert(id.as_str(), encode(&sum).as_slice())?;
    }
    forget_old(&mut sessions)?;
    drop(sessions);
    Ok(transaction.commit()?)
}

/// Forgets the sessions that ended first, if there are many more than are kept.
fn forget_old(sessions: &mut Table<'_, &str, &[u8]>) -> Fallible<()> {
    /// All of a session that has to be read here.
    #[derive(Deserialize)]
    struct Ended {
        ended_ns: i64,
    }

    if sessions.len()? <= SESSIONS_KEPT + SESSIONS_SLACK {
        return Ok(());
    }
    let ended_ns = |row: &[u8]| decode(row).map_or(i64::MIN, |Ended { ended_ns }| ended_ns);
    let mut ends = Vec::new();
    for row in sessions.iter()? {
        ends.push(ended_ns(row?.1.value()));
    }
    ends.sort_unstable_by(|a, b| b.cmp(a));
    let last_kept = usize::try_from(SESSIONS_KEPT - 1).ok().and_then(|at| ends.get(at).copied());
    let last_kept = last_kept.unwrap_or(i64::MIN);
    sessions.retain(|_, row| ended_ns(row) >= last_kept)?;
    Ok(())
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("rows are plain data")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}
