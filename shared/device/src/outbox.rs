//! Records on their way to the relay: this device's own, and others' that the relay has lost.

use std::collections::{BTreeMap, VecDeque};

use cairn_port::{Link as LinkState, Notice};
use cairn_wire::frame::{DeviceFrame, Outcome, RequestId, Vector};
use cairn_wire::{DeviceId, Number};

use crate::context::{Context, Purpose};
use crate::io::{Query, Table};
use crate::practice::Practice;
use crate::rows::record_key;

/// Bytes of records in one push.
const PUSH_BYTES: usize = 256 * 1024;
/// Records in one push.
const PUSH_RECORDS: u64 = 128;
/// Pushes that may be unanswered.
const UNANSWERED: usize = 3;
/// Bytes of the newest own records kept at hand, so that sending them needs no read.
const AT_HAND: usize = 256 * 1024;
/// How long to wait after the relay could not take a record.
const PAUSE_MS: u64 = 3_000;
/// How often both sides compare where every log stands, whatever either believes.
const COMPARE_MS: u64 = 5 * 60 * 1000;

/// What is to be sent.
pub(crate) struct Outbox {
    /// The highest own record that is on this device's disk.
    durable: Number,
    /// Where each log stands at the relay, as it said.
    relay_has: BTreeMap<DeviceId, Number>,
    /// Sent on this connection and not yet answered.
    sent: BTreeMap<DeviceId, Number>,
    unanswered: BTreeMap<RequestId, Vec<(DeviceId, Number)>>,
    /// The newest own records, ascending.
    at_hand: VecDeque<(Number, Vec<u8>)>,
    at_hand_bytes: usize,
    loading: bool,
    paused_until: Option<u64>,
    compare_at: Option<u64>,
    /// The relay had lost records: how many are being given back.
    refilling: Option<u32>,
}

impl Outbox {
    /// Everything up to `durable` is on this device's disk.
    pub(crate) fn new(durable: Number) -> Self {
        Self {
            durable,
            relay_has: BTreeMap::new(),
            sent: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            at_hand: VecDeque::new(),
            at_hand_bytes: 0,
            loading: false,
            paused_until: None,
            compare_at: None,
            refilling: None,
        }
    }

    /// An own record was written; it may be sent once it is durable.
    pub(crate) fn written(&mut self, number: Number, bytes: Vec<u8>) {
        self.at_hand_bytes += bytes.len();
        self.at_hand.push_back((number, bytes));
        while self.at_hand_bytes > AT_HAND {
            let Some((_, dropped)) = self.at_hand.pop_front() else { break };
            self.at_hand_bytes -= dropped.len();
        }
    }

    pub(crate) fn durable(&mut self, number: Number) {
        self.durable = self.durable.max(number);
    }

    /// Own records that the relay does not have.
    pub(crate) fn waiting(&self, last: Number) -> u64 {
        last.0.saturating_sub(self.own_at_relay().0)
    }

    fn own_at_relay(&self) -> Number {
        // The own log is the only one that is ever asked for before the relay has said anything.
        self.relay_has.get(&OWN).copied().unwrap_or_default()
    }

    pub(crate) fn disconnected(&mut self) {
        self.sent.clear();
        self.unanswered.clear();
        self.paused_until = None;
        self.compare_at = None;
    }

    pub(crate) fn timeout(&self) -> Option<u64> {
        self.paused_until.into_iter().chain(self.compare_at).min()
    }

    fn begun(&self, device: DeviceId) -> Number {
        let answered = self.relay_has.get(&device).copied().unwrap_or_default();
        self.sent.get(&device).copied().unwrap_or_default().max(answered)
    }
}

/// The key under which the own log is kept here: no device has this id.
const OWN: DeviceId = DeviceId([0; 16]);

impl Practice {
    fn slot(&self, device: DeviceId) -> DeviceId {
        if device == self.own { OWN } else { device }
    }

    /// The relay has said where every log stands.
    pub(crate) fn compare(&mut self, vector: &Vector, relay_is_new: bool, cx: &mut Context<'_>) {
        self.outbox.relay_has =
            vector.iter().map(|(device, number)| (self.slot(*device), *number)).collect();
        self.outbox.sent.clear();
        self.outbox.compare_at = Some(cx.now.steady_ms + COMPARE_MS);
        if relay_is_new {
            let missing: u64 = self
                .logs
                .iter()
                .map(|(device, tail)| {
                    let has = self.outbox.relay_has.get(&self.slot(device)).copied().unwrap_or_default();
                    tail.number.0.saturating_sub(has.0)
                })
                .sum();
            self.outbox.refilling = u32::try_from(missing).ok().filter(|missing| *missing > 0);
        }
        self.pump_outbox(cx);
    }

    /// Sends what the relay lacks, as far as there is room.
    pub(crate) fn pump_outbox(&mut self, cx: &mut Context<'_>) {
        while cx.link.is_in()
            && !self.outbox.loading
            && self.outbox.paused_until.is_none()
            && self.outbox.unanswered.len() < UNANSWERED
        {
            let Some((device, from, to)) = self.next_gap() else { break };
            if device == self.own {
                let records = self.at_hand(from, to);
                if !records.is_empty() {
                    self.push(device, records, cx);
                    continue;
                }
            }
            self.outbox.loading = true;
            let to = Number(to.0.min(from.0 + PUSH_RECORDS - 1));
            let query = Query::Range { from: record_key(device, from), to: record_key(device, to) };
            cx.load(Table::Records, query, Purpose::Upload(device));
        }
        if self.outbox.unanswered.is_empty() && !self.outbox.loading && self.next_gap().is_none() {
            if let Some(records) = self.outbox.refilling.take() {
                self.notices.push_back(Notice::RelayRefilled { records });
            }
        }
    }

    /// The first log of which the relay lacks something that is on disk here; own records first.
    fn next_gap(&self) -> Option<(DeviceId, Number, Number)> {
        let own = (self.own, self.outbox.durable);
        let others = self.logs.iter().filter(|(device, _)| *device != self.own);
        core::iter::once(own)
            .chain(others.map(|(device, tail)| (device, tail.number)))
            .map(|(device, last)| (device, self.outbox.begun(self.slot(device)).next(), last))
            .find(|(_, from, last)| from <= last)
    }

    fn at_hand(&self, from: Number, to: Number) -> Vec<(Number, Vec<u8>)> {
        let Some((first, _)) = self.outbox.at_hand.front() else { return Vec::new() };
        if *first > from {
            return Vec::new();
        }
        let mut bytes = 0;
        self.outbox
            .at_hand
            .iter()
            .filter(|(number, _)| (from..=to).contains(number))
            .take(usize::try_from(PUSH_RECORDS).unwrap_or(1))
            .take_while(|(_, record)| {
                bytes += record.len();
                bytes <= PUSH_BYTES || bytes == record.len()
            })
            .cloned()
            .collect()
    }

    fn push(&mut self, device: DeviceId, records: Vec<(Number, Vec<u8>)>, cx: &mut Context<'_>) {
        let slot = self.slot(device);
        let Some((last, _)) = records.last() else { return };
        self.outbox.sent.insert(slot, *last);
        let request = cx.link.request();
        let (numbers, records): (Vec<_>, Vec<_>) =
            records.into_iter().map(|(number, record)| ((device, number), record)).unzip();
        self.outbox.unanswered.insert(request, numbers);
        cx.send(&DeviceFrame::Push { request, records });
    }

    pub(crate) fn upload_loaded(
        &mut self,
        device: DeviceId,
        rows: Vec<(Vec<u8>, Vec<u8>)>,
        cx: &mut Context<'_>,
    ) {
        self.outbox.loading = false;
        let mut expected = self.outbox.begun(self.slot(device)).next();
        let mut bytes = 0;
        let mut records = Vec::new();
        for (key, record) in rows {
            bytes += record.len();
            if key != record_key(device, expected) || (bytes > PUSH_BYTES && !records.is_empty()) {
                break;
            }
            records.push((expected, record));
            expected = expected.next();
        }
        if records.is_empty() {
            // Not on disk after all; the next comparison will tell.
            self.outbox.paused_until = Some(cx.now.steady_ms + PAUSE_MS);
            return;
        }
        if cx.link.is_in() {
            self.push(device, records, cx);
        }
        self.pump_outbox(cx);
    }

    /// What became of a push.
    pub(crate) fn pushed(&mut self, request: RequestId, outcomes: &[Outcome], cx: &mut Context<'_>) {
        let Some(numbers) = self.outbox.unanswered.remove(&request) else { return };
        for ((device, number), outcome) in numbers.into_iter().zip(outcomes) {
            let slot = self.slot(device);
            match outcome {
                Outcome::Stored(at) | Outcome::Duplicate(at) => {
                    let has = self.outbox.relay_has.entry(slot).or_default();
                    *has = (*has).max(number);
                    self.own_stored(*at);
                    if device == self.own {
                        self.link_trouble = None;
                    }
                }
                Outcome::Gap(expected) => {
                    self.outbox.sent.remove(&slot);
                    self.outbox.relay_has.insert(slot, Number(expected.0.saturating_sub(1)));
                }
                Outcome::Quota => self.halt(slot, Some(LinkState::Full), cx),
                Outcome::Unavailable => self.halt(slot, None, cx),
                Outcome::NotAllowed => self.halt(slot, Some(LinkState::Refused), cx),
                Outcome::Forked | Outcome::Invalid => {
                    self.notices.push_back(Notice::RecordSetAside);
                    self.halt(slot, Some(LinkState::Refused), cx);
                }
            }
        }
        self.pump_outbox(cx);
    }

    fn halt(&mut self, slot: DeviceId, trouble: Option<LinkState>, cx: &mut Context<'_>) {
        self.outbox.sent.remove(&slot);
        self.outbox.paused_until = Some(cx.now.steady_ms + PAUSE_MS * if trouble.is_some() { 10 } else { 1 });
        if trouble.is_some() {
            self.link_trouble = trouble;
        }
    }

    pub(crate) fn tick_outbox(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.steady_ms;
        if self.outbox.paused_until.is_some_and(|until| until <= now) {
            self.outbox.paused_until = None;
            self.pump_outbox(cx);
        }
        if self.outbox.compare_at.is_some_and(|at| at <= now) {
            self.outbox.compare_at = Some(now + COMPARE_MS);
            if cx.link.is_in() {
                let request = cx.link.request();
                cx.send(&DeviceFrame::AskVector { request });
            }
        }
    }
}
