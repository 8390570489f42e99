//! Where every device's log stands on this device.

use std::collections::BTreeMap;

use cairn_vault::Seen;
use cairn_wire::{DeviceId, Number, RecordId};

/// The last record of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) number: Number,
    pub(crate) record: RecordId,
}

/// Where a log begins.
const START: Tail = Tail { number: Number(0), record: RecordId::NONE };

/// How a record stands to the log it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is the next one.
    Next,
    /// It is already there, or one with its number is.
    Known,
    /// Others are missing before it, from this number on.
    Gap { from: Number },
    /// Its number is right, but it follows another record than ours.
    Forked,
}

/// The tails of all logs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Logs {
    tails: BTreeMap<DeviceId, Tail>,
}

impl Logs {
    pub(crate) fn tail(&self, device: DeviceId) -> Tail {
        self.tails.get(&device).copied().unwrap_or(START)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (DeviceId, Tail)> + '_ {
        self.tails.iter().map(|(device, tail)| (*device, *tail))
    }

    /// How a record fits.
    pub(crate) fn fit(&self, device: DeviceId, number: Number, previous: RecordId) -> Fit {
        let tail = self.tail(device);
        if number <= tail.number {
            Fit::Known
        } else if number != tail.number.next() {
            Fit::Gap { from: tail.number.next() }
        } else if previous == tail.record {
            Fit::Next
        } else {
            Fit::Forked
        }
    }

    /// Lengthens a log by one record that fits.
    pub(crate) fn extend(&mut self, device: DeviceId, number: Number, record: RecordId) {
        self.tails.insert(device, Tail { number, record });
    }

    /// What a record written now has seen of the other logs: the 16 longest, which with at most 16
    /// live devices are all that still grow.
    pub(crate) fn seen(&self, own: DeviceId) -> Vec<Seen> {
        let mut seen: Vec<_> = self
            .iter()
            .filter(|(device, _)| *device != own)
            .map(|(device, tail)| {
                let mut record_prefix = [0; 16];
                record_prefix.iter_mut().zip(tail.record.0).for_each(|(to, from)| *to = from);
                Seen { device, number: tail.number, record_prefix }
            })
            .collect();
        seen.sort_by_key(|s| core::cmp::Reverse(s.number));
        seen.truncate(16);
        seen
    }
}

impl FromIterator<(DeviceId, Tail)> for Logs {
    fn from_iter<T: IntoIterator<Item = (DeviceId, Tail)>>(tails: T) -> Self {
        Self { tails: tails.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_fits_only_behind_the_one_it_names() {
        let (device, first, second) = (DeviceId([1; 16]), RecordId([1; 32]), RecordId([2; 32]));
        let mut logs = Logs::default();
        assert_eq!(logs.fit(device, Number(1), RecordId::NONE), Fit::Next);
        logs.extend(device, Number(1), first);
        assert_eq!(logs.fit(device, Number(1), RecordId::NONE), Fit::Known);
        assert_eq!(logs.fit(device, Number(2), second), Fit::Forked);
        assert_eq!(logs.fit(device, Number(2), first), Fit::Next);
        assert_eq!(logs.fit(device, Number(4), second), Fit::Gap { from: Number(2) });
    }
}
