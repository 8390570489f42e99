//! What an open practice does with the relay's frames.

use std::collections::{BTreeMap, BTreeSet};

use cairn_port::{Link as LinkState, Notice};
use cairn_vault::learn_epochs;
use cairn_wire::frame::{DeviceFrame, Refusal, RelayFrame, Vector};
use cairn_wire::roster::Entry;
use cairn_wire::{Gseq, RosterSequence, limits};

use crate::context::Context;
use crate::link::Challenge;
use crate::practice::Practice;

impl Practice {
    /// Proves who this device is. A relay in a life that this device does not know may have lost the vault:
    /// it is given the roster first.
    pub(crate) fn log_in(&mut self, challenge: Challenge, cx: &mut Context<'_>) {
        if self.relay.incarnation != Some(challenge.incarnation) {
            self.offer_roster(cx);
        }
        let signature = self.identity.sign_login(challenge.incarnation, &challenge.nonce, self.row.vault);
        cx.send(&DeviceFrame::Login { vault: self.row.vault, device: self.own, signature });
    }

    fn offer_roster(&mut self, cx: &mut Context<'_>) {
        let roster = self.entries.iter().take(limits::MAX_CHAIN).cloned().collect();
        cx.send(&DeviceFrame::Create { roster });
    }

    pub(crate) fn frame(&mut self, frame: RelayFrame, cx: &mut Context<'_>) {
        match frame {
            RelayFrame::Welcome { head, roster_sequence, vector, .. } => {
                self.welcomed(head, roster_sequence, &vector, cx);
            }
            RelayFrame::Refused { request, reason } => self.refused(request, reason, cx),
            RelayFrame::Pushed { request, outcomes } => self.pushed(request, &outcomes, cx),
            RelayFrame::Page { head, more, records, .. } => {
                self.page(more, head, records);
                self.pump_inbox(cx);
            }
            RelayFrame::Live { records } => {
                self.live(records);
                self.pump_inbox(cx);
            }
            RelayFrame::Vector { head, vector, .. } => {
                self.compare(&vector, false, cx);
                if head > self.relay.cursor {
                    self.pull(cx);
                }
            }
            RelayFrame::Roster { from, entries } => self.roster_came(from, &entries, cx),
            RelayFrame::RosterAppended { request, accepted } => self.appended(request, accepted, cx),
            RelayFrame::Whisper { device, sealed } => self.heard_open(device, &sealed),
            RelayFrame::Mail { mailbox, sealed } => self.mail(mailbox, sealed, cx),
            RelayFrame::Peers { devices } => {
                let mut known = core::mem::take(&mut self.peers);
                self.peers = devices
                    .into_iter()
                    .filter(|device| *device != self.own)
                    .map(|device| (device, known.remove(&device).unwrap_or_default()))
                    .collect::<BTreeMap<_, _>>();
                self.devices_changed = true;
                // Who has just come has not heard what is open here.
                self.tell_open(cx.tabs.open_notes(), cx);
            }
            RelayFrame::Done { request } => self.mail_left(request, cx),
            RelayFrame::Challenge { .. } | RelayFrame::Pong => {}
        }
    }

    fn welcomed(
        &mut self,
        head: Gseq,
        roster_sequence: RosterSequence,
        vector: &Vector,
        cx: &mut Context<'_>,
    ) {
        cx.link.logged_in();
        self.link_trouble = None;
        let incarnation = cx.link.challenge().map(|challenge| challenge.incarnation);
        let relay_is_new = self.relay.incarnation.is_some() && self.relay.incarnation != incarnation;
        if self.relay.incarnation != incarnation {
            self.relay.incarnation = incarnation;
            self.relay.cursor = Gseq(0);
            self.write_relay(cx);
        } else if head < self.relay.cursor {
            self.notices.push_back(Notice::RelayRolledBack);
            self.relay.cursor = Gseq(0);
            self.write_relay(cx);
        }
        self.inbox.connected(self.relay.cursor);
        if roster_sequence > self.roster.sequence() {
            cx.send(&DeviceFrame::AskRoster { from: self.roster.sequence().next() });
        } else if roster_sequence < self.roster.sequence() {
            self.offer_roster(cx);
        }
        if head > self.relay.cursor {
            self.pull(cx);
        }
        self.compare(vector, relay_is_new, cx);
        self.tell_open(cx.tabs.open_notes(), cx);
        self.devices_changed = true;
    }

    fn refused(&mut self, request: u32, reason: Refusal, cx: &mut Context<'_>) {
        match reason {
            Refusal::Login | Refusal::Removed | Refusal::Closed if !cx.link.is_in() => {
                // The relay may have lost the vault within one life of its database, too: offer the roster
                // at the next attempt.
                self.relay.incarnation = None;
                self.link_trouble = Some(LinkState::Refused);
                let effect = cx.link.refused(cx.now.steady_ms);
                cx.out.push_back(effect);
            }
            Refusal::Version => {
                self.link_trouble = Some(LinkState::UpdateNeeded);
                let effect = cx.link.refused(cx.now.steady_ms);
                cx.out.push_back(effect);
            }
            Refusal::Quota => self.link_trouble = Some(LinkState::Full),
            Refusal::Login
            | Refusal::Removed
            | Refusal::Closed
            | Refusal::Malformed
            | Refusal::TooLarge
            | Refusal::Busy
            | Refusal::MailboxFull
            | Refusal::Unavailable
            | Refusal::Roster => self.mail_refused(request, cx),
        }
    }

    fn roster_came(&mut self, from: RosterSequence, entries: &[Vec<u8>], cx: &mut Context<'_>) {
        let mut changed = false;
        let mut sequence = from;
        for bytes in entries {
            let known = sequence <= self.roster.sequence();
            sequence = sequence.next();
            if known {
                continue;
            }
            let appended = Entry::decode(bytes).is_ok_and(|entry| self.roster.append(entry).is_ok());
            if !appended {
                self.notices.push_back(Notice::RelayRolledBack);
                break;
            }
            self.entries.push(bytes.clone());
            changed = true;
        }
        if changed {
            self.roster_changed(cx);
        }
        self.inbox.roster_came();
        self.pump_inbox(cx);
    }

    /// Stores the roster, and the keys that its new entries brought.
    pub(crate) fn roster_changed(&mut self, cx: &mut Context<'_>) {
        let chain: Vec<Entry> = self.entries.iter().filter_map(|bytes| Entry::decode(bytes).ok()).collect();
        if learn_epochs(&chain, &self.identity, &mut self.keys).is_err() {
            self.link_trouble = Some(LinkState::Refused);
        }
        self.write_roster(cx);
        self.write_secrets(cx);
        self.devices_changed = true;
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, cx: &mut Context<'_>) {
        self.peers = BTreeMap::new();
        self.devices_changed = true;
        self.outbox.disconnected();
        self.inbox.disconnected();
        self.admit_disconnected(cx);
        self.forget_told(BTreeSet::new());
    }
}
