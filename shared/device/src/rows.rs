//! Keys and plain encodings of the rows in [`crate::io::Table::Meta`] and of record keys.

use cairn_wire::codec::{Reader, Writer};
use cairn_wire::{DecodeError, DeviceId, Gseq, Incarnation, Number, RecordId, VaultId};

use crate::logs::{Logs, Tail};

/// Which practice this is, whether it is a sample; not secret.
pub(crate) const PRACTICE: &[u8] = b"practice";
/// The storage key under the passphrase.
pub(crate) const ENVELOPE: &[u8] = b"envelope";
/// Identity and keys, sealed under the storage key.
pub(crate) const SECRETS: &[u8] = b"secrets";
/// The roster's entries.
pub(crate) const ROSTER: &[u8] = b"roster";
/// Where every log stands.
pub(crate) const LOGS: &[u8] = b"logs";
/// Where the relay stood.
pub(crate) const RELAY: &[u8] = b"relay";

const VERSION: u8 = 1;
const MAX_LOGS: usize = 1024;

/// The row [`PRACTICE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PracticeRow {
    pub(crate) vault: VaultId,
    pub(crate) sample: bool,
}

impl PracticeRow {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u8(VERSION).put(&self.vault.0).u8(u8::from(self.sample));
        w.into_vec()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = version_1(bytes)?;
        let row = Self { vault: VaultId(r.array()?), sample: r.u8()? == 1 };
        r.finish()?;
        Ok(row)
    }
}

/// The row [`RELAY`]: what this device last saw of the relay.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RelayRow {
    /// Its database's life; none before the first login.
    pub(crate) incarnation: Option<Incarnation>,
    /// Every record up to here has been taken in.
    pub(crate) cursor: Gseq,
}

impl RelayRow {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u8(VERSION).u64(self.cursor.0);
        if let Some(incarnation) = self.incarnation {
            w.put(&incarnation.0);
        }
        w.into_vec()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = version_1(bytes)?;
        let cursor = Gseq(r.u64()?);
        let incarnation = r.array().ok().map(Incarnation);
        r.finish()?;
        Ok(Self { incarnation, cursor })
    }
}

pub(crate) fn encode_roster(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut w = Writer::new();
    w.u8(VERSION).list(entries, |w, entry| {
        w.bytes(entry);
    });
    w.into_vec()
}

pub(crate) fn decode_roster(bytes: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut r = version_1(bytes)?;
    let entries = r.list(usize::from(u16::MAX), |r| {
        Ok(r.bytes(cairn_wire::limits::MAX_ROSTER_ENTRY)?.to_vec())
    })?;
    r.finish()?;
    Ok(entries)
}

pub(crate) fn encode_logs(logs: &Logs) -> Vec<u8> {
    let tails: Vec<_> = logs.iter().collect();
    let mut w = Writer::new();
    w.u8(VERSION).list(&tails, |w, (device, tail)| {
        w.put(&device.0).u64(tail.number.0).put(&tail.record.0);
    });
    w.into_vec()
}

pub(crate) fn decode_logs(bytes: &[u8]) -> Result<Logs, DecodeError> {
    let mut r = version_1(bytes)?;
    let tails = r.list(MAX_LOGS, |r| {
        let device = DeviceId(r.array()?);
        Ok((device, Tail { number: Number(r.u64()?), record: RecordId(r.array()?) }))
    })?;
    r.finish()?;
    Ok(tails.into_iter().collect())
}

fn version_1(bytes: &[u8]) -> Result<Reader<'_>, DecodeError> {
    let mut r = Reader::new(bytes);
    match r.u8()? {
        VERSION => Ok(r),
        newer => Err(DecodeError::UnknownVersion(newer)),
    }
}

/// The key of a record in [`crate::io::Table::Records`]: device, then number, so that ranges follow logs.
pub(crate) fn record_key(device: DeviceId, number: Number) -> Vec<u8> {
    [device.0.as_slice(), &number.0.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_and_newer_ones_are_refused() {
        let practice = PracticeRow { vault: VaultId([3; 16]), sample: true };
        assert_eq!(PracticeRow::decode(&practice.encode()), Ok(practice));
        for incarnation in [None, Some(Incarnation([4; 16]))] {
            let relay = RelayRow { incarnation, cursor: Gseq(9) };
            assert_eq!(RelayRow::decode(&relay.encode()), Ok(relay));
        }
        let logs: Logs =
            [(DeviceId([1; 16]), Tail { number: Number(7), record: RecordId([2; 32]) })].into_iter().collect();
        assert_eq!(decode_logs(&encode_logs(&logs)).as_ref(), Ok(&logs));
        assert_eq!(decode_roster(&encode_roster(&[vec![1, 2]])), Ok(vec![vec![1, 2]]));
        assert_eq!(decode_logs(&[2]), Err(DecodeError::UnknownVersion(2)));
    }
}
