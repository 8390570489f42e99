//! The tables, and opening a connection to them.

use std::path::Path;
use std::time::Duration;

use cairn_wire::Incarnation;
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

const VERSION: u32 = 1;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE vault (
    id BLOB PRIMARY KEY, head INTEGER NOT NULL, bytes INTEGER NOT NULL, last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE roster (
    vault BLOB NOT NULL, sequence INTEGER NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (vault, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE tail (
    vault BLOB NOT NULL, device BLOB NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL,
    PRIMARY KEY (vault, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE record (
    vault BLOB NOT NULL, gseq INTEGER NOT NULL, device BLOB NOT NULL, number INTEGER NOT NULL,
    document BLOB NOT NULL, kind INTEGER NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_place ON record (vault, gseq);
CREATE UNIQUE INDEX record_log ON record (vault, device, number);
";

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit that has returned is on disk. NORMAL would lose answered records with the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

/// Makes the tables if they are not there; the database's incarnation.
pub(super) fn prepare(connection: &Connection) -> Result<Incarnation, StoreError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(StoreError::Newer(version));
    }
    if version == 0 {
        let mut incarnation = [0; 16];
        getrandom::fill(&mut incarnation).map_err(|_| StoreError::Damaged)?;
        let tx = connection.unchecked_transaction()?;
        tx.execute_batch(TABLES)?;
        tx.execute("INSERT INTO meta VALUES ('incarnation', ?1)", [incarnation])?;
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()?;
    }
    let incarnation = connection
        .query_row("SELECT value FROM meta WHERE key = 'incarnation'", [], |row| row.get(0))
        .optional()?;
    incarnation.map(Incarnation).ok_or(StoreError::Damaged)
}
