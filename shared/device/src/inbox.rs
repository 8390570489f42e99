//! Records from the relay: checked, opened, merged, and stored in one transaction with what they changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cairn_chart::Document;
use cairn_port::Notice;
use cairn_vault::{OpenError, open};
use cairn_wire::frame::DeviceFrame;
use cairn_wire::record::{Kind, Signed, Verified};
use cairn_wire::{DeviceId, DocumentId, Gseq, KeyRef, Number};

use crate::context::{Context, Purpose};
use crate::io::{Query, Table};
use crate::logs::{Fit, Logs};
use crate::practice::Practice;
use crate::rows::record_key;

/// Records taken in at once: one batch is one transaction.
const BATCH: usize = 64;
/// Documents that may lie open, waiting for storage, before more records are taken in.
const OPEN_LIMIT: usize = 256;

/// Where a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From the relay; with its place there, when every place before it was taken in too.
    Relay(Option<Gseq>),
    /// From those set aside earlier: it is in the logs already.
    Aside,
}

/// Verified records and the documents that must be open before they can be merged.
struct Work {
    records: Vec<(Origin, Verified)>,
    missing: BTreeSet<DocumentId>,
    cursor: Option<Gseq>,
}

/// What came and was not taken in yet.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: VecDeque<(Origin, Vec<u8>)>,
    work: Option<Work>,
    /// A record names a device that this roster does not know: newer entries are awaited.
    awaits_roster: bool,
    asked_roster: bool,
    /// The end of what was queued without a hole.
    horizon: Gseq,
    /// Own records that the relay has beyond the horizon.
    own: BTreeSet<Gseq>,
    pulling: bool,
    more: bool,
    fetched: BTreeSet<(DeviceId, Number)>,
    connected: bool,
}

impl Inbox {
    /// Records are still to come or to be taken in.
    pub(crate) fn is_behind(&self) -> bool {
        self.pulling || self.more || !self.queue.is_empty() || self.work.is_some()
    }

    /// A new connection: the relay's log is followed from `cursor` on.
    pub(crate) fn connected(&mut self, cursor: Gseq) {
        let (queue, work) = (core::mem::take(&mut self.queue), self.work.take());
        *self = Self { queue, work, horizon: cursor, connected: true, ..Self::default() };
    }

    pub(crate) fn disconnected(&mut self) {
        self.pulling = false;
        self.more = false;
        self.connected = false;
        self.awaits_roster = false;
    }

    pub(crate) fn document_loaded(&mut self, id: DocumentId) {
        if let Some(work) = &mut self.work {
            work.missing.remove(&id);
        }
    }

    pub(crate) fn roster_came(&mut self) {
        self.awaits_roster = false;
    }

    fn stored(&mut self, at: Gseq) {
        if at > self.horizon {
            self.own.insert(at);
        }
        self.close_holes();
    }

    fn close_holes(&mut self) {
        while self.own.remove(&self.horizon.next()) {
            self.horizon = self.horizon.next();
        }
        let horizon = self.horizon;
        self.own.retain(|at| *at > horizon);
    }
}

impl Practice {
    /// Asks for what lies behind the horizon.
    pub(crate) fn pull(&mut self, cx: &mut Context<'_>) {
        if !self.inbox.pulling && cx.link.is_in() {
            self.inbox.pulling = true;
            self.inbox.more = false;
            let request = cx.link.request();
            cx.send(&DeviceFrame::Pull { request, after: self.inbox.horizon });
        }
    }

    /// A page that was asked for.
    pub(crate) fn page(&mut self, more: bool, head: Gseq, records: Vec<(Gseq, Vec<u8>)>) {
        let empty = records.is_empty();
        // A fetch of one device's log has holes; a pull has none. Only what continues the horizon moves it.
        for (at, bytes) in records {
            let dense = at == self.inbox.horizon.next();
            if dense {
                self.inbox.horizon = at;
                self.inbox.close_holes();
            }
            self.inbox.queue.push_back((Origin::Relay(dense.then_some(at)), bytes));
        }
        self.inbox.pulling = false;
        // A page with nothing in it is an end, whatever it says: asking again would give the same.
        self.inbox.more = !empty && (more || head > self.inbox.horizon);
    }

    /// Records that others have just stored.
    pub(crate) fn live(&mut self, records: Vec<(Gseq, Vec<u8>)>) {
        for (at, bytes) in records {
            let dense = at == self.inbox.horizon.next();
            if dense {
                self.inbox.horizon = at;
                self.inbox.close_holes();
            } else if at > self.inbox.horizon {
                self.inbox.more = true;
            }
            self.inbox.queue.push_back((Origin::Relay(dense.then_some(at)), bytes));
        }
    }

    /// The relay has one of this device's records at this place.
    pub(crate) fn own_stored(&mut self, at: Gseq) {
        self.inbox.stored(at);
    }

    /// Records that were set aside may open now.
    pub(crate) fn retry_aside(&mut self, rows: Vec<(Vec<u8>, Vec<u8>)>) {
        self.inbox.queue.extend(rows.into_iter().map(|(_, bytes)| (Origin::Aside, bytes)));
    }

    /// Takes in what came, as far as the documents it belongs to are open.
    pub(crate) fn pump_inbox(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.inbox.more && self.inbox.queue.len() < BATCH {
                self.pull(cx);
            }
            if self.inbox.work.is_none() && !self.inbox.awaits_roster {
                let crowded = self.shelf.len() > OPEN_LIMIT && !cx.disk.is_idle();
                if self.inbox.queue.is_empty() || crowded {
                    break;
                }
                self.examine(cx);
            }
            let ready = self.inbox.work.take_if(|work| work.missing.is_empty());
            let Some(work) = ready else { break };
            self.take_in(work, cx);
        }
        let quiet = self.inbox.queue.is_empty() && self.inbox.work.is_none() && self.inbox.connected;
        if quiet && self.relay.cursor < self.inbox.horizon {
            self.relay.cursor = self.inbox.horizon;
            self.write_relay(cx);
        }
    }

    /// Verifies the next batch and says which documents it needs.
    fn examine(&mut self, cx: &mut Context<'_>) {
        let mut staged = self.logs.clone();
        let mut work = Work { records: Vec::new(), missing: BTreeSet::new(), cursor: None };
        while work.records.len() < BATCH {
            let Some((origin, bytes)) = self.inbox.queue.pop_front() else { break };
            let verified = match self.verify(&bytes) {
                Ok(verified) => verified,
                Err(Distrust::UnknownDevice) if !self.inbox.asked_roster => {
                    self.inbox.queue.push_front((origin, bytes));
                    self.inbox.awaits_roster = true;
                    self.inbox.asked_roster = true;
                    cx.send(&DeviceFrame::AskRoster { from: self.roster.sequence().next() });
                    break;
                }
                Err(_) => {
                    self.notices.push_back(Notice::RecordSetAside);
                    continue;
                }
            };
            if let Origin::Relay(Some(at)) = origin {
                work.cursor = Some(at);
            }
            if origin == Origin::Aside || self.fits(&mut staged, &verified, cx) {
                let document = verified.header().document;
                if self.refs.contains_key(&document) && !self.shelf.has(document) {
                    work.missing.insert(document);
                }
                work.records.push((origin, verified));
            }
        }
        for id in work.missing.clone() {
            self.open_document(id, cx);
        }
        work.missing.retain(|id| self.opening.contains(id));
        self.inbox.work = Some(work);
    }

    fn verify(&self, bytes: &[u8]) -> Result<Verified, Distrust> {
        let signed = Signed::decode(bytes).map_err(|_| Distrust::Damaged)?;
        let header = signed.header();
        if header.vault != self.row.vault {
            return Err(Distrust::OtherVault);
        }
        let key = self.roster.signing_key(header.device, header.number).ok_or(Distrust::UnknownDevice)?;
        signed.verify(key).map_err(|_| Distrust::Forged)
    }

    fn fits(&mut self, staged: &mut Logs, verified: &Verified, cx: &mut Context<'_>) -> bool {
        let header = verified.header();
        match staged.fit(header.device, header.number, header.previous) {
            Fit::Next => {
                staged.extend(header.device, header.number, verified.id());
                true
            }
            Fit::Known => false,
            Fit::Gap { from } => {
                // Once for each hole and connection: a relay that does not have it will not have it now.
                if self.inbox.fetched.insert((header.device, from)) && cx.link.is_in() {
                    let request = cx.link.request();
                    let to = Number(u64::MAX);
                    cx.send(&DeviceFrame::Fetch { request, device: header.device, from, to });
                }
                false
            }
            Fit::Forked => {
                self.notices.push_back(Notice::RecordSetAside);
                false
            }
        }
    }

    /// Opens and merges records whose documents are open, and queues everything for storage.
    fn take_in(&mut self, work: Work, cx: &mut Context<'_>) {
        let mut changes: BTreeMap<DocumentId, (KeyRef, Vec<Vec<u8>>)> = BTreeMap::new();
        let mut new_keys = false;
        for (origin, record) in &work.records {
            let header = record.header();
            let key = record_key(header.device, header.number);
            if *origin != Origin::Aside {
                self.logs.extend(header.device, header.number, record.id());
                cx.disk.put(Table::Records, key.clone(), record.encode());
            }
            match open(record, &self.keys, self.roster.min_suite()) {
                Ok(plain) => {
                    if *origin == Origin::Aside {
                        cx.disk.delete(Table::Aside, key);
                    }
                    match header.kind {
                        Kind::FILE_KEY => new_keys |= self.keys.accept_file_key_body(&plain.body).is_ok(),
                        Kind::DELTA | Kind::SNAPSHOT => {
                            let entry = changes.entry(header.document);
                            entry.or_insert_with(|| (header.key_ref, Vec::new())).1.push(plain.body);
                        }
                        // Of a kind this program does not know: kept with the others, for a newer one.
                        _ => {}
                    }
                }
                Err(error) => {
                    if *origin != Origin::Aside {
                        cx.disk.put(Table::Aside, key, record.encode());
                        match error {
                            OpenError::NoKey => {}
                            OpenError::Newer => self.notices.push_back(Notice::UpdateNeeded),
                            OpenError::SuiteTooLow | OpenError::WrongKey | OpenError::Damaged => {
                                self.notices.push_back(Notice::RecordSetAside);
                            }
                        }
                    }
                }
            }
        }
        for (id, (key_ref, bodies)) in changes {
            self.merge(id, key_ref, &bodies, cx);
        }
        if new_keys {
            self.write_secrets(cx);
            cx.load(Table::Aside, Query::All, Purpose::Aside);
        }
        self.write_logs(cx);
        if let Some(cursor) = work.cursor.filter(|at| *at > self.relay.cursor) {
            self.relay.cursor = cursor;
            self.write_relay(cx);
        }
        self.devices_changed = true;
    }

    fn merge(&mut self, id: DocumentId, key_ref: KeyRef, bodies: &[Vec<u8>], cx: &mut Context<'_>) {
        // What was typed here becomes a change of its own first.
        self.flush_or_keep(id, cx);
        if !self.shelf.has(id) {
            if self.refs.contains_key(&id) {
                // It is here but cannot be read; merging into an empty one would hide what is stored.
                return;
            }
            self.refs.insert(id, key_ref);
            self.shelf.put(id, Document::empty(cx.random()), key_ref, Vec::new());
        }
        let Some(held) = self.shelf.get_mut(id) else { return };
        let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        match held.document.merge(&bodies) {
            Ok(merged) => {
                held.recorded = held.document.heads();
                for (section, change) in &merged.texts {
                    self.tell_others(id, section, change, None, cx);
                }
                if merged.fields {
                    self.notes_changed.insert(id);
                }
            }
            Err(_) => self.notices.push_back(Notice::RecordSetAside),
        }
        self.write_document(id, cx);
    }
}

/// Why bytes from the relay are not believed.
enum Distrust {
    Damaged,
    OtherVault,
    UnknownDevice,
    Forged,
}
