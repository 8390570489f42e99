//! What every part of a device works with: time, randomness, storage, connection, tabs.

use std::collections::{BTreeMap, VecDeque};

use cairn_port::{Message, Outcome};
use cairn_wire::frame::DeviceFrame;
use cairn_wire::{DeviceId, DocumentId};

use crate::Entropy;
use crate::disk::Disk;
use crate::io::{Effect, Now, Query, TabId, Table, Token};
use crate::link::Link;
use crate::tabs::Tabs;

/// Why something is read from storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To find out what is on this device.
    Start,
    /// To fill the lists after unlocking.
    Lists,
    /// To find what was typed before a crash.
    Journals,
    /// To find the records that wait for a key or an update.
    Aside,
    /// To open a document.
    Document(DocumentId),
    /// To send records of this device's log.
    Upload(DeviceId),
}

/// The surroundings in which something is handled.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) rng: &'a mut dyn Entropy,
    pub(crate) disk: &'a mut Disk,
    pub(crate) link: &'a mut Link,
    pub(crate) tabs: &'a mut Tabs,
    pub(crate) loads: &'a mut BTreeMap<Token, Purpose>,
    pub(crate) out: &'a mut VecDeque<Effect>,
}

impl Context<'_> {
    /// Random bytes.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill(&mut bytes);
        bytes
    }

    /// Seconds since 1970, to be written down.
    pub(crate) fn wall_seconds(&self) -> i64 {
        self.now.wall_ms.div_euclid(1000)
    }

    /// Sends a frame to the relay.
    pub(crate) fn send(&mut self, frame: &DeviceFrame) {
        self.out.push_back(Effect::Send(frame.encode()));
    }

    /// Says something to one tab.
    pub(crate) fn tell(&mut self, tab: TabId, message: Message) {
        self.out.push_back(Effect::ToTab { tab, message });
    }

    /// Says something to every tab.
    pub(crate) fn tell_all(&mut self, message: &Message) {
        for tab in self.tabs.ids() {
            self.tell(tab, message.clone());
        }
    }

    /// Answers a request.
    pub(crate) fn reply(&mut self, tab: TabId, id: u32, outcome: Outcome) {
        self.tell(tab, Message::Reply { id, outcome });
    }

    /// Reads rows. The read does not see what still waits in [`Disk`]: ask only for rows that are durable.
    pub(crate) fn load(&mut self, table: Table, query: Query, purpose: Purpose) {
        let token = self.disk.token();
        self.loads.insert(token, purpose);
        self.out.push_back(Effect::Load { token, table, query });
    }
}
