//! The open tabs and what each of them watches.

use std::collections::{BTreeMap, BTreeSet};

use cairn_port::{ClientId, NoteId, Screen};
use cairn_wire::DocumentId;

use crate::io::TabId;
use crate::lane::Lane;

/// A screen that a tab shows.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) screen: Screen,
    /// By section, for a note.
    pub(crate) lanes: BTreeMap<String, Lane>,
    /// The tab has been given the content and hears of changes.
    pub(crate) shown: bool,
}

/// All tabs.
#[derive(Debug, Default)]
pub(crate) struct Tabs {
    tabs: BTreeMap<TabId, BTreeMap<u32, Watch>>,
}

impl Tabs {
    pub(crate) fn add(&mut self, tab: TabId) {
        self.tabs.entry(tab).or_default();
    }

    pub(crate) fn remove(&mut self, tab: TabId) {
        self.tabs.remove(&tab);
    }

    pub(crate) fn ids(&self) -> Vec<TabId> {
        self.tabs.keys().copied().collect()
    }

    pub(crate) fn forget_watches(&mut self) {
        self.tabs.values_mut().for_each(BTreeMap::clear);
    }

    pub(crate) fn watch(&mut self, tab: TabId, watch: u32, screen: Screen) {
        let new = Watch { screen, lanes: BTreeMap::new(), shown: false };
        self.tabs.entry(tab).or_default().insert(watch, new);
    }

    pub(crate) fn unwatch(&mut self, tab: TabId, watch: u32) {
        if let Some(watches) = self.tabs.get_mut(&tab) {
            watches.remove(&watch);
        }
    }

    pub(crate) fn get_mut(&mut self, tab: TabId, watch: u32) -> Option<&mut Watch> {
        self.tabs.get_mut(&tab)?.get_mut(&watch)
    }

    /// Every watch: tab, number, watch.
    pub(crate) fn watches_mut(&mut self) -> impl Iterator<Item = (TabId, u32, &mut Watch)> {
        self.tabs
            .iter_mut()
            .flat_map(|(tab, watches)| watches.iter_mut().map(|(number, watch)| (*tab, *number, watch)))
    }

    /// The watches of screens that fit: tab, number, screen.
    pub(crate) fn showing(&self, fits: impl Fn(&Screen) -> bool) -> Vec<(TabId, u32, Screen)> {
        self.tabs
            .iter()
            .flat_map(|(tab, watches)| watches.iter().map(|(number, watch)| (*tab, *number, &watch.screen)))
            .filter(|(_, _, screen)| fits(screen))
            .map(|(tab, number, screen)| (tab, number, screen.clone()))
            .collect()
    }

    /// The notes that are open in some tab.
    pub(crate) fn open_notes(&self) -> BTreeSet<DocumentId> {
        self.showing(|screen| matches!(screen, Screen::Note(_)))
            .into_iter()
            .filter_map(|(_, _, screen)| match screen {
                Screen::Note(NoteId(id)) => Some(DocumentId(id)),
                _ => None,
            })
            .collect()
    }
}

/// A note's document.
pub(crate) fn note_document(note: NoteId) -> DocumentId {
    DocumentId(note.0)
}

/// A client's document.
pub(crate) fn client_document(client: ClientId) -> DocumentId {
    DocumentId(client.0)
}
