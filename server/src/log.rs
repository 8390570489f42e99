//! The rules of a vault's log, without IO: what may be appended, and how much a page holds.

use std::collections::BTreeMap;

use cairn_wire::frame::Outcome;
use cairn_wire::limits::{MAX_BATCH, MAX_PAGE};
use cairn_wire::record::{Signed, Verified};
use cairn_wire::roster::Roster;
use cairn_wire::{DeviceId, Gseq, Number, RecordId, VaultId};

/// The end of a device's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Its last number.
    pub number: Number,
    /// Its last record.
    pub record: RecordId,
}

/// What the relay must know of a vault to judge what is sent to it.
#[derive(Debug, Clone)]
pub struct VaultLog {
    /// Who belongs to it.
    pub roster: Roster,
    /// Where each device's log ends.
    pub tails: BTreeMap<DeviceId, Tail>,
    /// The last place taken.
    pub head: Gseq,
    /// Bytes of records it holds.
    pub bytes: u64,
}

/// How a record stands to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Append,
    /// A record with its number is there already; whether it is the same one, the store knows.
    Known,
    /// It may not be appended.
    Refuse(Outcome),
}

/// Checks that bytes are a record of this vault, signed by one of its devices. The costly part of
/// judging, and the one that needs only the roster.
pub fn authenticate(vault: VaultId, roster: &Roster, bytes: &[u8]) -> Result<Verified, Outcome> {
    let signed = Signed::decode(bytes).map_err(|_| Outcome::Invalid)?;
    let header = signed.header();
    if header.vault != vault || header.number == Number(0) {
        return Err(Outcome::Invalid);
    }
    let key = roster.signing_key(header.device, header.number).ok_or(Outcome::NotAllowed)?;
    signed.verify(key).map_err(|_| Outcome::Invalid)
}

impl VaultLog {
    /// The log of a vault without records.
    pub fn new(roster: Roster) -> Self {
        Self { roster, tails: BTreeMap::new(), head: Gseq(0), bytes: 0 }
    }

    /// How an authenticated record stands to the log.
    pub fn judge(&self, record: &Verified, size: usize, quota: u64) -> Verdict {
        let header = record.header();
        let tail = self.tail(header.device);
        if self.roster.signing_key(header.device, header.number).is_none() {
            return Verdict::Refuse(Outcome::NotAllowed);
        }
        if header.number <= tail.number {
            return Verdict::Known;
        }
        if header.number != tail.number.next() {
            return Verdict::Refuse(Outcome::Gap(tail.number.next()));
        }
        if header.previous != tail.record {
            return Verdict::Refuse(Outcome::Forked);
        }
        if self.bytes.saturating_add(size as u64) > quota {
            return Verdict::Refuse(Outcome::Quota);
        }
        Verdict::Append
    }

    /// Appends a record that [`VaultLog::judge`] lets in; its place.
    pub fn append(&mut self, record: &Verified, size: usize) -> Gseq {
        let header = record.header();
        self.head = self.head.next();
        self.bytes = self.bytes.saturating_add(size as u64);
        self.tails.insert(header.device, Tail { number: header.number, record: record.id() });
        self.head
    }

    /// Where every log stands.
    pub fn vector(&self) -> Vec<(DeviceId, Number)> {
        self.tails.iter().map(|(device, tail)| (*device, tail.number)).collect()
    }

    fn tail(&self, device: DeviceId) -> Tail {
        let start = Tail { number: Number(0), record: RecordId::NONE };
        self.tails.get(&device).copied().unwrap_or(start)
    }
}

/// Takes records while a page has room: at least one, at most a page's bytes and number. Also says whether
/// any were left.
pub fn fill_page<T>(
    records: impl IntoIterator<Item = T>,
    size: impl Fn(&T) -> usize,
) -> (Vec<T>, bool) {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for record in records {
        bytes += size(&record);
        if page.len() == MAX_BATCH || (bytes > MAX_PAGE && !page.is_empty()) {
            return (page, true);
        }
        page.push(record);
    }
    (page, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_every_size_hold_each_record_once() {
        for total in [0, 1, 2, MAX_BATCH - 1, MAX_BATCH, MAX_BATCH + 1, 2 * MAX_BATCH, 2 * MAX_BATCH + 1] {
            for size in [1, MAX_PAGE / 3, MAX_PAGE, MAX_PAGE + 1] {
                let mut seen = Vec::new();
                loop {
                    let (page, more) = fill_page(seen.len()..total, |_| size);
                    assert!(page.len() <= MAX_BATCH);
                    assert!(page.len() <= 1 || page.len() * size <= MAX_PAGE);
                    assert!(!page.is_empty() || total == seen.len());
                    seen.extend(page);
                    if !more {
                        break;
                    }
                }
                assert_eq!(seen, (0..total).collect::<Vec<_>>());
            }
        }
    }
}
