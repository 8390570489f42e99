//! The documents that are open. At most a few; the others lie sealed in storage.

use std::collections::{BTreeMap, BTreeSet};

use cairn_chart::Document;
use cairn_chart::document::Heads;
use cairn_port::TextChange;
use cairn_wire::{DocumentId, KeyRef};

/// Documents kept open beside those on a screen.
const KEPT_OPEN: usize = 16;

/// What was typed and is not yet a change of the document's history.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) first_ms: u64,
    pub(crate) last_ms: u64,
    pub(crate) journal: Vec<(String, TextChange)>,
    /// UTF-16 units typed, about.
    pub(crate) size: usize,
    /// Some of it is not in the journal row yet.
    pub(crate) unjournaled: bool,
}

/// Who else would see a change at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// No other device is connected.
    Nobody,
    /// Another device is connected.
    Connected,
    /// Another device has this document open.
    Reading,
}

/// How long typing may wait before it becomes a change that is sent.
///
/// A change costs about half a kilobyte on the wire whether it holds one character or eighty. While nobody
/// is there to see it, the journal keeps it safe and it may wait; somebody reading along sees it soon.
const fn patience(audience: Audience) -> (u64, u64) {
    match audience {
        Audience::Nobody => (10_000, 30_000),
        Audience::Connected => (1_000, 8_000),
        Audience::Reading => (120, 120),
    }
}

impl Pending {
    /// When it must become a change.
    pub(crate) fn due(&self, audience: Audience, window: Option<u64>) -> u64 {
        let (idle, longest) = match (audience, window) {
            (Audience::Reading, Some(window)) => (window, window),
            _ => patience(audience),
        };
        (self.last_ms + idle).min(self.first_ms + longest)
    }
}

/// An open document.
pub(crate) struct Held {
    pub(crate) document: Document,
    pub(crate) key_ref: KeyRef,
    /// Its state as the records tell it.
    pub(crate) recorded: Heads,
    pub(crate) pending: Option<Pending>,
    /// The transaction that carries its newest row.
    pub(crate) written_by: u64,
    used: u64,
}

/// The open documents.
#[derive(Default)]
pub(crate) struct Shelf {
    held: BTreeMap<DocumentId, Held>,
    uses: u64,
}

impl Shelf {
    pub(crate) fn put(&mut self, id: DocumentId, document: Document, key_ref: KeyRef, recorded: Heads) {
        self.uses += 1;
        let held = Held { document, key_ref, recorded, pending: None, written_by: 0, used: self.uses };
        self.held.insert(id, held);
    }

    pub(crate) fn get_mut(&mut self, id: DocumentId) -> Option<&mut Held> {
        self.uses += 1;
        let held = self.held.get_mut(&id)?;
        held.used = self.uses;
        Some(held)
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn has(&self, id: DocumentId) -> bool {
        self.held.contains_key(&id)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (DocumentId, &mut Held)> {
        self.held.iter_mut().map(|(id, held)| (*id, held))
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = (DocumentId, &Pending)> {
        self.held.iter().filter_map(|(id, held)| Some((*id, held.pending.as_ref()?)))
    }

    /// Closes what nobody has used for longest. Never what is on a screen, has something pending, or
    /// whose newest row is not on disk: reading it back would give an older state.
    pub(crate) fn tidy(&mut self, on_screen: &BTreeSet<DocumentId>, durable: u64) {
        let mut spare: Vec<(u64, DocumentId)> = self
            .held
            .iter()
            .filter(|(id, h)| !on_screen.contains(*id) && h.pending.is_none() && h.written_by <= durable)
            .map(|(id, h)| (h.used, *id))
            .collect();
        spare.sort_unstable();
        let surplus = spare.len().saturating_sub(KEPT_OPEN);
        for (_, id) in spare.into_iter().take(surplus) {
            self.held.remove(&id);
        }
    }
}
