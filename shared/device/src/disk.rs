//! Writes to storage: one transaction at a time, everything that comes meanwhile joins the next.
//!
//! A failed transaction is kept and tried again, joined by what came since; nothing is dropped.

use std::collections::BTreeMap;

use cairn_port::Outcome;
use cairn_wire::{DeviceId, Number};

use crate::io::{Effect, StoreError, TabId, Table, Token, Write};

/// What is to happen once a transaction is on disk.
#[derive(Debug)]
pub(crate) enum After {
    /// A device's log is on disk up to this number.
    Recorded { device: DeviceId, number: Number },
    /// A request is answered.
    Reply { tab: TabId, id: u32, outcome: Outcome },
    /// Storage was erased.
    Erased,
    /// The practice that was founded or joined is on disk.
    Settled,
    /// Everything is on disk before the lock.
    Locked,
}

/// Milliseconds to wait after a failed transaction: doubled each time.
const RETRY_FIRST_MS: u64 = 250;
const RETRY_LONGEST_MS: u64 = 8_000;

#[derive(Debug, Default)]
struct Batch {
    writes: Vec<Write>,
    place: BTreeMap<(Table, Vec<u8>), usize>,
    after: Vec<After>,
}

impl Batch {
    fn set(&mut self, table: Table, key: Vec<u8>, write: Write) {
        let place = self.place.entry((table, key)).or_insert(self.writes.len());
        match self.writes.get_mut(*place) {
            Some(earlier) => *earlier = write,
            None => self.writes.push(write),
        }
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.after.is_empty()
    }

    /// What came later wins, row by row.
    fn join(mut self, later: Self) -> Self {
        for write in later.writes {
            match &write {
                Write::Put { table, key, .. } | Write::Delete { table, key } => {
                    self.set(*table, key.clone(), write);
                }
                Write::EraseAll => {
                    self.writes = vec![write];
                    self.place.clear();
                }
            }
        }
        self.after.extend(later.after);
        self
    }
}

/// The queue in front of storage.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    next: Batch,
    flying: Option<(Token, Batch)>,
    tokens: u64,
    begun: u64,
    done: u64,
    failures: u32,
    retry_at: Option<u64>,
    error: Option<StoreError>,
}

impl Disk {
    /// Sets a row.
    pub(crate) fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: Vec<u8>) {
        let key = key.into();
        self.next.set(table, key.clone(), Write::Put { table, key, value });
    }

    /// Removes a row.
    pub(crate) fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.next.set(table, key.clone(), Write::Delete { table, key });
    }

    /// Removes everything, also what waits to be written.
    pub(crate) fn erase_all(&mut self) {
        self.next.writes = vec![Write::EraseAll];
        self.next.place.clear();
    }

    /// Does something once everything asked for so far is on disk.
    pub(crate) fn then(&mut self, after: After) {
        self.next.after.push(after);
    }

    /// The transaction that carries what is asked for now; compare with [`Disk::durable`].
    pub(crate) fn current(&self) -> u64 {
        self.begun + 1
    }

    /// The last transaction that is on disk.
    pub(crate) fn durable(&self) -> u64 {
        self.done
    }

    /// Nothing waits and nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.flying.is_none() && self.next.is_empty()
    }

    /// Nothing is on its way: what is asked for now leaves at once.
    pub(crate) fn is_free(&self) -> bool {
        self.flying.is_none() && self.retry_at.is_none()
    }

    /// Why the last transaction failed, until one succeeds.
    pub(crate) fn error(&self) -> Option<StoreError> {
        self.error
    }

    /// A token that no other storage operation has.
    pub(crate) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    /// The next transaction, if one may begin.
    pub(crate) fn poll(&mut self, now_ms: u64) -> Option<Effect> {
        if self.flying.is_some() || self.next.is_empty() || self.retry_at.is_some_and(|at| now_ms < at) {
            return None;
        }
        self.retry_at = None;
        let batch = core::mem::take(&mut self.next);
        let token = self.token();
        self.begun += 1;
        let writes = batch.writes.clone();
        self.flying = Some((token, batch));
        Some(Effect::Persist { token, writes })
    }

    /// When [`Disk::poll`] has something to do again.
    pub(crate) fn timeout(&self) -> Option<u64> {
        self.retry_at.filter(|_| !self.next.is_empty())
    }

    /// A transaction is on disk; what was to follow it.
    pub(crate) fn persisted(&mut self, token: Token) -> Vec<After> {
        match self.flying.take_if(|(flying, _)| *flying == token) {
            Some((_, batch)) => {
                self.done = self.begun;
                self.failures = 0;
                self.error = None;
                batch.after
            }
            None => Vec::new(),
        }
    }

    /// A transaction failed: it will be tried again.
    pub(crate) fn failed(&mut self, token: Token, why: StoreError, now_ms: u64) {
        if let Some((_, batch)) = self.flying.take_if(|(flying, _)| *flying == token) {
            let later = core::mem::take(&mut self.next);
            self.next = batch.join(later);
            // The transaction that carries these writes is yet to begin again.
            self.begun -= 1;
            self.error = Some(why);
            let wait = RETRY_FIRST_MS.saturating_mul(1 << self.failures.min(6));
            self.retry_at = Some(now_ms + wait.min(RETRY_LONGEST_MS));
            self.failures += 1;
        }
    }

    /// Whether this token belongs to a transaction.
    pub(crate) fn is_flying(&self, token: Token) -> bool {
        self.flying.as_ref().is_some_and(|(flying, _)| *flying == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(disk: &mut Disk, now: u64) -> (Token, Vec<Write>) {
        match disk.poll(now) {
            Some(Effect::Persist { token, writes }) => (token, writes),
            other => panic!("expected a transaction, got {other:?}"),
        }
    }

    #[test]
    fn what_comes_during_a_transaction_joins_the_next() {
        let mut disk = Disk::default();
        disk.put(Table::Meta, *b"a", vec![1]);
        let (first, _) = begin(&mut disk, 0);
        disk.put(Table::Meta, *b"a", vec![2]);
        disk.put(Table::Meta, *b"a", vec![3]);
        assert!(disk.poll(0).is_none());
        disk.persisted(first);
        let (_, writes) = begin(&mut disk, 0);
        assert_eq!(writes, [Write::Put { table: Table::Meta, key: b"a".to_vec(), value: vec![3] }]);
    }

    #[test]
    fn a_failed_transaction_comes_again_with_later_rows_winning() {
        let mut disk = Disk::default();
        disk.put(Table::Meta, *b"a", vec![1]);
        disk.put(Table::Meta, *b"b", vec![1]);
        let carried_by = disk.current();
        let (token, _) = begin(&mut disk, 0);
        disk.put(Table::Meta, *b"a", vec![2]);
        disk.failed(token, StoreError::Full, 0);
        assert!(disk.poll(1).is_none(), "not before the pause is over");
        assert!(disk.durable() < carried_by);
        let (token, writes) = begin(&mut disk, RETRY_FIRST_MS);
        assert_eq!(writes.len(), 2);
        assert!(writes.contains(&Write::Put { table: Table::Meta, key: b"a".to_vec(), value: vec![2] }));
        disk.persisted(token);
        assert!(disk.durable() >= carried_by);
        assert!(disk.is_idle());
    }
}
