//! The one thread that writes.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cairn_wire::frame::{Outcome, RelayFrame, RequestId};
use cairn_wire::record::Verified;
use cairn_wire::roster::{Entry, Roster};
use cairn_wire::{DeviceId, Gseq, Number, RosterSequence, VaultId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, load_vault, number};
use crate::hub::{ConnectionId, Hub, Outgoing};
use crate::log::{VaultLog, Verdict};
use crate::metrics::Metrics;

/// Records in one transaction, about.
const GROUP: usize = 1024;
/// Vaults whose state is kept in memory; it can be read again.
const CACHED: usize = 10_000;

/// Records from one push.
pub struct Append {
    /// The vault.
    pub vault: VaultId,
    /// Where they came from, and where the answer goes.
    pub connection: ConnectionId,
    /// The connection's frames.
    pub outgoing: Outgoing,
    /// The push's number.
    pub request: RequestId,
    /// Each record with its bytes, or why it was refused already.
    pub records: Vec<Result<(Verified, Vec<u8>), Outcome>>,
}

/// What became of a roster that was offered.
#[derive(Debug)]
pub enum Founding {
    /// The vault exists and has at least these entries.
    Accepted {
        /// The roster as it is now.
        roster: Roster,
        /// Devices that the new entries removed.
        removed: Vec<DeviceId>,
        /// The new entries, and the place of the first.
        added: Option<(RosterSequence, Vec<Vec<u8>>)>,
    },
    /// There is no such vault, and none may be founded.
    Closed,
    /// The entries do not follow what is there.
    Contradicts,
}

pub(super) enum Job {
    Append(Append),
    Found {
        vault: VaultId,
        entries: Vec<Vec<u8>>,
        may_found: bool,
        answer: oneshot::Sender<Result<Founding, StoreError>>,
    },
    Probe {
        answer: oneshot::Sender<bool>,
    },
}

pub(super) struct Writer {
    connection: Connection,
    quota: u64,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    vaults: HashMap<VaultId, VaultLog>,
}

/// What is said once the transaction is on disk.
struct Said {
    append: Append,
    outcomes: Vec<Outcome>,
    stored: Vec<(Gseq, Vec<u8>)>,
}

impl Writer {
    pub(super) fn new(connection: Connection, quota: u64, hub: Arc<Hub>, metrics: Arc<Metrics>) -> Self {
        Self { connection, quota, hub, metrics, vaults: HashMap::new() }
    }

    /// Works until every sender is gone.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(job) = queue.blocking_recv() {
            let mut appends = Vec::new();
            let mut next = Some(job);
            let mut size = 0;
            while let Some(job) = next.take() {
                match job {
                    Job::Append(append) => {
                        size += append.records.len();
                        appends.push(append);
                    }
                    Job::Found { vault, entries, may_found, answer } => {
                        // Who belongs to a vault is decided between transactions of records.
                        self.append(core::mem::take(&mut appends));
                        let founding = self.found(vault, &entries, may_found);
                        if founding.is_err() {
                            self.vaults.remove(&vault);
                        }
                        // The connection may be gone; the roster is stored all the same.
                        let _ = answer.send(founding);
                    }
                    Job::Probe { answer } => {
                        let _ = answer.send(self.probe());
                    }
                }
                if size < GROUP {
                    next = queue.try_recv().ok();
                }
            }
            self.append(appends);
        }
    }

    fn append(&mut self, appends: Vec<Append>) {
        if appends.is_empty() {
            return;
        }
        let begun = Instant::now();
        let touched: Vec<VaultId> = appends.iter().map(|append| append.vault).collect();
        match self.store(appends) {
            Ok(said) => {
                self.metrics.commits.fetch_add(1, Relaxed);
                let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.metrics.commit_micros.fetch_add(micros, Relaxed);
                for each in said {
                    self.say(each);
                }
            }
            Err((appends, error)) => {
                tracing::error!(%error, "a transaction failed; its records were not acknowledged");
                self.metrics.store_failures.fetch_add(1, Relaxed);
                // What is cached may be ahead of the disk.
                for vault in touched {
                    self.vaults.remove(&vault);
                }
                for append in appends {
                    let outcomes = vec![Outcome::Unavailable; append.records.len()];
                    self.say(Said { append, outcomes, stored: Vec::new() });
                }
            }
        }
        if self.vaults.len() > CACHED {
            self.vaults.clear();
        }
    }

    fn store(&mut self, mut appends: Vec<Append>) -> Result<Vec<Said>, (Vec<Append>, StoreError)> {
        let mut all = Vec::with_capacity(appends.len());
        let result = (|| {
            let tx = self.connection.unchecked_transaction()?;
            for append in &mut appends {
                let log = match self.vaults.entry(append.vault) {
                    Slot::Occupied(slot) => Some(slot.into_mut()),
                    Slot::Vacant(slot) => load_vault(&tx, append.vault)?.map(|log| slot.insert(log)),
                };
                all.push(store_push(&tx, append, log, self.quota)?);
            }
            tx.commit()?;
            Ok::<_, StoreError>(())
        })();
        match result {
            Ok(()) => {
                let said = appends.into_iter().zip(all);
                Ok(said
                    .map(|(mut append, (outcomes, places))| {
                        let records = core::mem::take(&mut append.records);
                        let stored = records
                            .into_iter()
                            .zip(places)
                            .filter_map(|(record, at)| Some((at?, record.ok()?.1)))
                            .collect();
                        Said { append, outcomes, stored }
                    })
                    .collect())
            }
            Err(error) => Err((appends, error)),
        }
    }

    fn say(&self, said: Said) {
        let Said { append, outcomes, stored } = said;
        let refused =
            outcomes.iter().filter(|o| !matches!(o, Outcome::Stored(_) | Outcome::Duplicate(_))).count();
        self.metrics.refused.fetch_add(refused as u64, Relaxed);
        self.metrics.records.fetch_add(stored.len() as u64, Relaxed);
        let bytes: usize = stored.iter().map(|(_, record)| record.len()).sum();
        self.metrics.record_bytes.fetch_add(bytes as u64, Relaxed);
        let answer = RelayFrame::Pushed { request: append.request, outcomes };
        // A connection that is gone asks again when it is back.
        let _ = append.outgoing.try_send(Bytes::from(answer.encode()));
        if !stored.is_empty() && self.hub.has_others(append.vault, append.connection) {
            let frame = Bytes::from(RelayFrame::Live { records: stored }.encode());
            let reached = self.hub.pass_on(append.vault, append.connection, &frame);
            self.metrics.passed_on.fetch_add(reached as u64, Relaxed);
        }
    }

    fn found(&mut self, vault: VaultId, entries: &[Vec<u8>], may_found: bool) -> Result<Founding, StoreError> {
        let decoded: Option<Vec<Entry>> = entries.iter().map(|bytes| Entry::decode(bytes).ok()).collect();
        let Some(decoded) = decoded else { return Ok(Founding::Contradicts) };
        if !self.vaults.contains_key(&vault) {
            if let Some(log) = load_vault(&self.connection, vault)? {
                self.vaults.insert(vault, log);
            }
        }
        let tx = self.connection.unchecked_transaction()?;
        let (mut roster, known) = match self.vaults.get(&vault) {
            Some(log) => (log.roster.clone(), Some(log.roster.sequence())),
            None if !may_found => return Ok(Founding::Closed),
            None => match decoded.first().cloned().map(Roster::found) {
                Some(Ok(roster)) if roster.vault() == vault => (roster, None),
                _ => return Ok(Founding::Contradicts),
            },
        };
        let mut added = Vec::new();
        let mut removed = Vec::new();
        for (entry, bytes) in decoded.into_iter().zip(entries) {
            let sequence = entry.body().sequence;
            if known.is_some_and(|known| sequence <= known) {
                if !is_stored(&tx, vault, sequence, bytes)? {
                    return Ok(Founding::Contradicts);
                }
                continue;
            }
            removed.extend(entry.body().removed.iter().map(|removal| removal.device));
            let first = known.is_none() && sequence == RosterSequence(0);
            if !first && roster.append(entry).is_err() {
                return Ok(Founding::Contradicts);
            }
            tx.prepare_cached("INSERT INTO roster VALUES (?1, ?2, ?3)")?
                .execute(params![vault.0, sequence.0, bytes])?;
            added.push((sequence, bytes.clone()));
        }
        if known.is_none() {
            tx.execute("INSERT INTO vault VALUES (?1, 0, 0, ?2)", params![vault.0, now()])?;
        }
        tx.commit()?;
        match self.vaults.get_mut(&vault) {
            Some(log) => log.roster = roster.clone(),
            None => {
                self.vaults.insert(vault, VaultLog::new(roster.clone()));
            }
        }
        let from = added.first().map(|(sequence, _)| *sequence);
        let bytes = added.into_iter().map(|(_, bytes)| bytes).collect();
        Ok(Founding::Accepted { roster, removed, added: from.map(|from| (from, bytes)) })
    }

    fn probe(&self) -> bool {
        let write = || {
            let tx = self.connection.unchecked_transaction()?;
            tx.execute("INSERT OR REPLACE INTO meta VALUES ('probe', x'00')", [])?;
            tx.commit()
        };
        write().is_ok()
    }
}

type Places = Vec<Option<Gseq>>;

fn store_push(
    tx: &Transaction<'_>,
    append: &Append,
    log: Option<&mut VaultLog>,
    quota: u64,
) -> Result<(Vec<Outcome>, Places), StoreError> {
    let vault = append.vault;
    let Some(log) = log else {
        let count = append.records.len();
        return Ok((vec![Outcome::NotAllowed; count], vec![None; count]));
    };
    let (mut outcomes, mut places) = (Vec::new(), Vec::new());
    let mut touched: Vec<DeviceId> = Vec::new();
    for record in &append.records {
        let mut place = None;
        outcomes.push(match record {
            Err(outcome) => *outcome,
            Ok((record, bytes)) => match log.judge(record, bytes.len(), quota) {
                Verdict::Refuse(outcome) => outcome,
                Verdict::Known => known(tx, vault, record)?,
                Verdict::Append => {
                    let at = log.append(record, bytes.len());
                    insert(tx, vault, at, record, bytes)?;
                    let device = record.header().device;
                    if !touched.contains(&device) {
                        touched.push(device);
                    }
                    place = Some(at);
                    Outcome::Stored(at)
                }
            },
        });
        places.push(place);
    }
    for device in &touched {
        if let Some(tail) = log.tails.get(device) {
            tx.prepare_cached("INSERT OR REPLACE INTO tail VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                vault.0,
                device.0,
                number(tail.number.0),
                tail.record.0
            ])?;
        }
    }
    if !touched.is_empty() {
        tx.prepare_cached("UPDATE vault SET head = ?2, bytes = ?3, last_seen = ?4 WHERE id = ?1")?
            .execute(params![vault.0, number(log.head.0), number(log.bytes), now()])?;
    }
    Ok((outcomes, places))
}

fn insert(
    tx: &Transaction<'_>,
    vault: VaultId,
    at: Gseq,
    record: &Verified,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let header = record.header();
    tx.prepare_cached("INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(params![
        vault.0,
        number(at.0),
        header.device.0,
        number(header.number.0),
        header.document.0,
        header.kind.0,
        record.id().0,
        bytes
    ])?;
    Ok(())
}

fn known(tx: &Transaction<'_>, vault: VaultId, record: &Verified) -> Result<Outcome, StoreError> {
    let header = record.header();
    let Number(wanted) = header.number;
    let row: Option<(i64, [u8; 32])> = tx
        .prepare_cached("SELECT gseq, id FROM record WHERE vault = ?1 AND device = ?2 AND number = ?3")?
        .query_row(params![vault.0, header.device.0, number(wanted)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match row {
        Some((at, id)) if id == record.id().0 => Outcome::Duplicate(Gseq(at.unsigned_abs())),
        _ => Outcome::Forked,
    })
}

fn is_stored(
    tx: &Transaction<'_>,
    vault: VaultId,
    sequence: RosterSequence,
    bytes: &[u8],
) -> Result<bool, StoreError> {
    let stored: Option<Vec<u8>> = tx
        .prepare_cached("SELECT entry FROM roster WHERE vault = ?1 AND sequence = ?2")?
        .query_row(params![vault.0, sequence.0], |row| row.get(0))
        .optional()?;
    Ok(stored.as_deref() == Some(bytes))
}

/// Days are enough for knowing which vaults are in use, and say less about their people.
fn now() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    number(seconds / 86_400 * 86_400)
}
