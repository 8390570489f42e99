//! Documents on the shelf: opening them, typing into them, making changes of what was typed.

use cairn_chart::index::Line;
use cairn_chart::{Document, client, note};
use cairn_port::view::View;
use cairn_port::{Message, NoteId, Notice, Outcome, Problem, Reply, Screen, TextChange};
use cairn_wire::DocumentId;
use cairn_wire::record::Kind;

use crate::context::{Context, Purpose};
use crate::io::{Query, TabId, Table};
use crate::journal;
use crate::practice::{Edit, Practice, problem_of};
use crate::shelf::Pending;
use crate::tabs::note_document;

/// UTF-16 units in one change, so that a change always fits a record.
const PIECE: usize = 60_000;
/// UTF-16 units typed, about, after which a change is made at once: the journal row stays small.
const JOURNAL: usize = 16_000;

impl Practice {
    /// Opens a document, if it is here and not open or being opened.
    pub(crate) fn open_document(&mut self, id: DocumentId, cx: &mut Context<'_>) {
        if !self.shelf.has(id) && !self.unreadable.contains(&id) && self.opening.insert(id) {
            cx.load(Table::Documents, Query::Key(id.0.to_vec()), Purpose::Document(id));
        }
    }

    pub(crate) fn document_loaded(
        &mut self,
        id: DocumentId,
        rows: Vec<(Vec<u8>, Vec<u8>)>,
        cx: &mut Context<'_>,
    ) {
        self.opening.remove(&id);
        let opened = rows.first().and_then(|(key, sealed)| {
            let saved = self.key.open_row(Table::Documents.name(), key, sealed).ok()?;
            Document::open(&saved, cx.random()).ok()
        });
        let key_ref = self.refs.get(&id).copied();
        if let (Some(mut document), Some(key_ref)) = (opened, key_ref) {
            let heads = document.heads();
            self.index.insert(id.0, Line::of(&document));
            self.shelf.put(id, document, key_ref, heads);
            self.replay_journal(id, cx);
        } else {
            self.unreadable.insert(id);
            self.notices.push_back(Notice::RecordSetAside);
        }
        for (_, tab, request, edit) in self.waiting_edits.extract_if(.., |(of, ..)| *of == id).collect::<Vec<_>>() {
            self.edit(id, tab, request, edit, cx);
        }
        self.inbox.document_loaded(id);
        self.pump_inbox(cx);
        self.show_or_deny(id, cx);
    }

    /// After a crash: what the journal has, the document's history has not.
    fn replay_journal(&mut self, id: DocumentId, cx: &mut Context<'_>) {
        let Some(changes) = self.journals.remove(&id) else { return };
        let Some(held) = self.shelf.get_mut(id) else { return };
        for (section, change) in &changes {
            // What does not fit any more was refused when it was typed, too.
            let _ = note::change_text(&mut held.document, section, change);
        }
        self.flush_or_keep(id, cx);
        self.notices.push_back(Notice::Recovered);
    }

    /// A tab's keystrokes.
    pub(crate) fn typed(
        &mut self,
        tab: TabId,
        watch: u32,
        section: &str,
        (own, seen): (u32, u32),
        change: TextChange,
        cx: &mut Context<'_>,
    ) -> Outcome {
        let Some(watched) = cx.tabs.get_mut(tab, watch).filter(|w| w.shown) else {
            return Err(Problem::NotNow);
        };
        let Screen::Note(note) = watched.screen else { return Err(Problem::NotNow) };
        let lane = watched.lanes.entry(section.to_owned()).or_default();
        let Some(change) = lane.typed(own, seen, change) else { return Ok(Reply::Done) };
        let id = note_document(note);
        for splice in change.splices() {
            let mut at = splice.at;
            let mut delete = splice.delete;
            for piece in pieces(&splice.insert) {
                self.type_piece(id, section, &TextChange::splice(at, delete, piece), cx)?;
                at += cairn_port::text::utf16_len(piece);
                delete = 0;
            }
        }
        self.tell_others(id, section, &change, Some((tab, watch)), cx);
        Ok(Reply::Done)
    }

    fn type_piece(
        &mut self,
        id: DocumentId,
        section: &str,
        change: &TextChange,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let now = cx.now.steady_ms;
        let held = self.shelf.get_mut(id).ok_or(Problem::NotHere)?;
        note::change_text(&mut held.document, section, change).map_err(problem_of)?;
        let pending = held.pending.get_or_insert_with(|| Pending {
            first_ms: now,
            last_ms: now,
            journal: Vec::new(),
            size: 0,
            unjournaled: true,
        });
        pending.last_ms = now;
        pending.unjournaled = true;
        pending.size += change.splices().iter().map(|s| s.insert.len() + 8).sum::<usize>();
        pending.journal.push((section.to_owned(), change.clone()));
        if pending.size > JOURNAL {
            self.flush_or_keep(id, cx);
        }
        Ok(())
    }

    /// Passes a change of a text on to every text area that shows it, but the one it came from.
    pub(crate) fn tell_others(
        &mut self,
        id: DocumentId,
        section: &str,
        change: &TextChange,
        from: Option<(TabId, u32)>,
        cx: &mut Context<'_>,
    ) {
        let mut patches = Vec::new();
        for (tab, number, watch) in cx.tabs.watches_mut() {
            let shows = watch.shown && watch.screen == Screen::Note(NoteId(id.0));
            if shows && from != Some((tab, number)) {
                let lane = watch.lanes.entry(section.to_owned()).or_default();
                let (patch, own) = lane.foreign(change.clone());
                patches.push((tab, number, patch, own));
            }
        }
        for (tab, watch, number, own) in patches {
            let section = section.to_owned();
            cx.tell(tab, Message::Patch { watch, section, number, own, change: change.clone() });
        }
    }

    /// Makes one change of what was typed, seals it and queues it. Without keystrokes it does nothing.
    pub(crate) fn flush(&mut self, id: DocumentId, cx: &mut Context<'_>) -> Result<(), Problem> {
        let wall = cx.wall_seconds();
        let Some(held) = self.shelf.get_mut(id) else { return Ok(()) };
        held.document.commit(wall);
        let heads = held.document.heads();
        if heads != held.recorded {
            let body = held.document.changes_since(&held.recorded);
            let key_ref = held.key_ref;
            self.record(id, Kind::DELTA, key_ref, body, cx)?;
        }
        if let Some(held) = self.shelf.get_mut(id) {
            held.recorded = heads;
            if held.pending.take().is_some() {
                cx.disk.delete(Table::Journal, id.0);
            }
        }
        self.write_document(id, cx);
        Ok(())
    }

    /// As [`Practice::flush`]; what cannot become a record stays in the journal and on the screen.
    pub(crate) fn flush_or_keep(&mut self, id: DocumentId, cx: &mut Context<'_>) {
        if self.flush(id, cx).is_err() {
            self.notices.push_back(Notice::RecordSetAside);
            if let Some(pending) = self.shelf.get_mut(id).and_then(|held| held.pending.as_mut()) {
                // Not again before there is something new.
                pending.first_ms = cx.now.steady_ms;
                pending.last_ms = cx.now.steady_ms;
            }
        }
    }

    pub(crate) fn flush_all(&mut self, cx: &mut Context<'_>) {
        for id in self.shelf.pending().map(|(id, _)| id).collect::<Vec<_>>() {
            self.flush_or_keep(id, cx);
        }
    }

    /// What was typed on screens that are gone need not wait.
    pub(crate) fn flush_unwatched(&mut self, cx: &mut Context<'_>) {
        let open = cx.tabs.open_notes();
        let gone: Vec<_> = self.shelf.pending().map(|(id, _)| id).filter(|id| !open.contains(id)).collect();
        for id in gone {
            self.flush_or_keep(id, cx);
        }
    }

    /// Queues a document's row and its line in the lists.
    pub(crate) fn write_document(&mut self, id: DocumentId, cx: &mut Context<'_>) {
        let Some(held) = self.shelf.get_mut(id) else { return };
        let line = Line::of(&held.document);
        let saved = zeroize::Zeroizing::new(held.document.save());
        held.written_by = cx.disk.current();
        let row = [held.key_ref.0.as_slice(), &line.encode()].concat();
        let sealed = self.key.seal_row(Table::Documents.name(), &id.0, &saved, cx.rng);
        cx.disk.put(Table::Documents, id.0, sealed);
        if self.index.line(&id.0) != Some(&line) {
            let sealed = self.key.seal_row(Table::Index.name(), &id.0, &row, cx.rng);
            cx.disk.put(Table::Index, id.0, sealed);
            self.index.insert(id.0, line);
            self.lists_changed = true;
        }
    }

    /// Queues the journals of everything typed, unless a transaction is on its way: then what was typed
    /// meanwhile goes with the next one.
    pub(crate) fn write_journals(&mut self, cx: &mut Context<'_>) {
        if !cx.disk.is_free() {
            return;
        }
        for (id, held) in self.shelf.iter_mut() {
            if let Some(pending) = held.pending.as_mut().filter(|pending| pending.unjournaled) {
                pending.unjournaled = false;
                let plain = zeroize::Zeroizing::new(journal::encode(&pending.journal));
                let sealed = self.key.seal_row(Table::Journal.name(), &id.0, &plain, cx.rng);
                cx.disk.put(Table::Journal, id.0, sealed);
            }
        }
    }

    /// Changes a header, opening the document first if need be.
    pub(crate) fn edit(&mut self, id: DocumentId, tab: TabId, request: u32, edit: Edit, cx: &mut Context<'_>) {
        let Some(held) = self.shelf.get_mut(id) else {
            let readable = self.refs.contains_key(&id) && !self.unreadable.contains(&id);
            if readable && !self.waiting_edits.iter().any(|(of, ..)| *of == id) {
                self.waiting_edits.push((id, tab, request, edit));
                self.open_document(id, cx);
            } else {
                cx.reply(tab, request, Err(Problem::NotHere));
            }
            return;
        };
        let edited = match &edit {
            Edit::Client(change) => client::apply(&mut held.document, change),
            Edit::Note(change) => note::apply(&mut held.document, change),
        };
        let outcome = edited.map_err(problem_of).and_then(|()| self.flush(id, cx)).map(|()| Reply::Done);
        if outcome.is_ok() {
            self.notes_changed.insert(id);
        }
        cx.reply(tab, request, outcome);
    }

    pub(crate) fn show_note(&mut self, tab: TabId, watch: u32, note: NoteId, cx: &mut Context<'_>) {
        let id = note_document(note);
        if self.shelf.has(id) {
            self.show_or_deny(id, cx);
        } else if self.refs.contains_key(&id) {
            self.open_document(id, cx);
        } else {
            cx.tell(tab, Message::View { watch, view: Box::new(View::NotHere) });
        }
    }

    /// Shows a note to every watch that waits for it.
    pub(crate) fn show_or_deny(&mut self, id: DocumentId, cx: &mut Context<'_>) {
        let view = self.note_view(id);
        let mut shown = Vec::new();
        for (tab, number, watch) in cx.tabs.watches_mut() {
            if !watch.shown && watch.screen == Screen::Note(NoteId(id.0)) {
                watch.shown = matches!(view, View::Note(_));
                shown.push((tab, number));
            }
        }
        for (tab, watch) in shown {
            cx.tell(tab, Message::View { watch, view: Box::new(view.clone()) });
        }
    }

    /// Notes that tabs wait for may have come from another device.
    pub(crate) fn show_waiting_notes(&mut self, cx: &mut Context<'_>) {
        let mut waiting = Vec::new();
        for (_, _, watch) in cx.tabs.watches_mut() {
            if let (false, Screen::Note(note)) = (watch.shown, &watch.screen) {
                waiting.push(note_document(*note));
            }
        }
        for id in waiting {
            if self.shelf.has(id) {
                self.show_or_deny(id, cx);
            } else if self.refs.contains_key(&id) {
                self.open_document(id, cx);
            }
        }
    }

    /// Sends a note again to those who show it: its header or its sections changed.
    pub(crate) fn show_note_again(&mut self, id: DocumentId, cx: &mut Context<'_>) {
        let view = self.note_view(id);
        let mut shown = Vec::new();
        for (tab, number, watch) in cx.tabs.watches_mut() {
            if watch.shown && watch.screen == Screen::Note(NoteId(id.0)) {
                shown.push((tab, number));
            }
        }
        for (tab, watch) in shown {
            cx.tell(tab, Message::View { watch, view: Box::new(view.clone()) });
        }
    }

    fn note_view(&mut self, id: DocumentId) -> View {
        let Some(held) = self.shelf.get_mut(id) else { return View::NotHere };
        let name = note::client(&held.document).and_then(|client| self.index.client_name(client));
        note::view(&held.document, NoteId(id.0), name.unwrap_or_default().to_owned())
            .map_or(View::NotHere, View::Note)
    }
}

/// A text in pieces that each fit a change; one empty piece for an empty text.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let at = rest.char_indices().map(|(at, _)| at).find(|at| *at >= PIECE).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(at);
        out.push(piece);
        if tail.is_empty() {
            return out;
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_comes_in_pieces_and_whole() {
        assert_eq!(pieces(""), [""]);
        let long = "é🌒x".repeat(30_000);
        assert_eq!(pieces(&long).concat(), long);
        assert!(pieces(&long).iter().all(|piece| piece.len() <= PIECE + 4));
    }
}
