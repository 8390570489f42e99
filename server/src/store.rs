//! Records and rosters on SQLite.
//!
//! One thread writes. It takes everything that waits, puts it into one transaction, commits (WAL,
//! `synchronous=FULL`: on disk when it returns), answers, and only then hands on. Readers have their own
//! connections.

mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cairn_wire::roster::Roster;
use cairn_wire::{DeviceId, Gseq, Incarnation, Number, RosterSequence, VaultId};
use rusqlite::{Connection, OptionalExtension, params};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::hub::Hub;
use crate::log::{VaultLog, fill_page};
use crate::metrics::Metrics;

pub use writer::{Append, Founding};

/// Jobs that may wait for the writing thread; more senders wait, and with them their devices.
const WAITING_JOBS: usize = 1024;
/// Connections kept open for reading.
const READERS: usize = 4;

/// The database cannot do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder cannot be used.
    #[error("the folder {0} cannot be used: {1}")]
    Folder(PathBuf, std::io::Error),
    /// The database was written by a newer relay.
    #[error("the database was written by a newer relay (schema {0}); use that one or a later one")]
    Newer(u32),
    /// What is stored does not hold together.
    #[error("what is stored does not hold together")]
    Damaged,
    /// The writing thread has ended.
    #[error("the store is closed")]
    Closed,
}

/// A page of a log.
#[derive(Debug)]
pub struct Page {
    /// Place and record, ascending.
    pub records: Vec<(Gseq, Vec<u8>)>,
    /// There is more.
    pub more: bool,
    /// The end of the vault's log.
    pub head: Gseq,
}

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub enum Range {
    /// The vault's log after a place.
    After(Gseq),
    /// One device's log between two numbers, both included.
    Device(DeviceId, Number, Number),
}

/// The open database.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<writer::Job>,
    readers: Arc<Readers>,
    incarnation: Incarnation,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open(&self.path)?,
        };
        let result = read(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }
}

impl Store {
    /// Opens the database in a folder, making both if need be.
    pub fn open(folder: &Path, quota: u64, hub: Arc<Hub>, metrics: Arc<Metrics>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|e| StoreError::Folder(folder.to_owned(), e))?;
        let path = folder.join("relay.db");
        let connection = schema::open(&path)?;
        let incarnation = schema::prepare(&connection)?;
        let (jobs, queue) = mpsc::channel(WAITING_JOBS);
        let writer = writer::Writer::new(connection, quota, hub, metrics);
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(queue))
            .map_err(|e| StoreError::Folder(folder.to_owned(), e))?;
        let readers = Arc::new(Readers { path, idle: Mutex::new(Vec::new()) });
        Ok(Self { jobs, readers, incarnation })
    }

    /// Which life of the database this is.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Queues records. The answer goes to the connection that sent them, once they are on disk.
    pub async fn append(&self, append: Append) -> Result<(), StoreError> {
        self.jobs.send(writer::Job::Append(append)).await.map_err(|_| StoreError::Closed)
    }

    /// Founds a vault or lengthens its roster; the roster as it then is.
    pub async fn found(&self, vault: VaultId, entries: Vec<Vec<u8>>, may_found: bool) -> Result<Founding, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = writer::Job::Found { vault, entries, may_found, answer };
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Whether the writing thread answers and its database takes a transaction.
    pub async fn is_well(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(writer::Job::Probe { answer }).await.is_ok() && answered.await.is_ok_and(|well| well)
    }

    /// A vault's roster and where its logs stand; `None` when there is no such vault.
    pub async fn vault(&self, vault: VaultId) -> Result<Option<VaultLog>, StoreError> {
        self.read(move |connection| load_vault(connection, vault)).await
    }

    /// A page of a vault's log.
    pub async fn page(&self, vault: VaultId, range: Range) -> Result<Page, StoreError> {
        self.read(move |connection| load_page(connection, vault, range)).await
    }

    /// Roster entries from a place on.
    pub async fn roster(&self, vault: VaultId, from: RosterSequence) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(move |connection| {
            let most = cairn_wire::limits::MAX_ROSTER_ENTRIES;
            let mut query = connection.prepare_cached(
                "SELECT entry FROM roster WHERE vault = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3",
            )?;
            let rows = query.query_map(params![vault.0, from.0, number(most as u64)], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.with(read)).await.map_err(|_| StoreError::Closed)?
    }
}

pub(crate) fn load_vault(connection: &Connection, vault: VaultId) -> Result<Option<VaultLog>, StoreError> {
    let row: Option<(i64, i64)> = connection
        .prepare_cached("SELECT head, bytes FROM vault WHERE id = ?1")?
        .query_row([vault.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((head, bytes)) = row else { return Ok(None) };
    let mut query = connection.prepare_cached("SELECT entry FROM roster WHERE vault = ?1 ORDER BY sequence")?;
    let entries: Vec<Vec<u8>> = query.query_map([vault.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let roster = Roster::verify_chain(vault, entries.iter().map(Vec::as_slice)).map_err(|_| StoreError::Damaged)?;
    let mut log = VaultLog::new(roster);
    log.head = Gseq(head.unsigned_abs());
    log.bytes = bytes.unsigned_abs();
    let mut query = connection.prepare_cached("SELECT device, number, record FROM tail WHERE vault = ?1")?;
    let tails = query.query_map([vault.0], |row| {
        let number: i64 = row.get(1)?;
        let record = cairn_wire::RecordId(row.get(2)?);
        Ok((DeviceId(row.get(0)?), crate::log::Tail { number: Number(number.unsigned_abs()), record }))
    })?;
    log.tails = tails.collect::<Result<_, _>>()?;
    Ok(Some(log))
}

fn load_page(connection: &Connection, vault: VaultId, range: Range) -> Result<Page, StoreError> {
    // The head first: a page read after it cannot be older than what it claims.
    let head: Option<i64> = connection
        .prepare_cached("SELECT head FROM vault WHERE id = ?1")?
        .query_row([vault.0], |row| row.get(0))
        .optional()?;
    let limit = number(cairn_wire::limits::MAX_BATCH as u64 + 1);
    let rows = match range {
        Range::After(after) => connection
            .prepare_cached("SELECT gseq, body FROM record WHERE vault = ?1 AND gseq > ?2 ORDER BY gseq LIMIT ?3")?
            .query_map(params![vault.0, number(after.0), limit], row_of)?
            .collect::<Result<Vec<_>, _>>()?,
        Range::Device(device, from, to) => connection
            .prepare_cached(
                "SELECT gseq, body FROM record WHERE vault = ?1 AND device = ?2 AND number BETWEEN ?3 AND ?4 \
                 ORDER BY number LIMIT ?5",
            )?
            .query_map(params![vault.0, device.0, number(from.0), number(to.0), limit], row_of)?
            .collect::<Result<Vec<_>, _>>()?,
    };
    let (records, more) = fill_page(rows, |(_, body)| body.len());
    Ok(Page { records, more, head: Gseq(head.unwrap_or(0).unsigned_abs()) })
}

fn row_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Gseq, Vec<u8>)> {
    let at: i64 = row.get(0)?;
    Ok((Gseq(at.unsigned_abs()), row.get(1)?))
}

/// SQLite's integers are signed; no log gets anywhere near their end.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
