//! The practice while it is open: keys, roster, logs, lists, and what each request does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cairn_chart::index::{Index, Line};
use cairn_chart::{Document, EditError, client, note, practice, sample};
use cairn_port::view::{DeviceRow, DevicesView, PracticeView, View};
use cairn_port::{
    ClientChange, ClientId, Date, DeviceKey, Link as LinkState, Message, NoteId, Notice, Outcome, PairStep,
    Phase, Problem, Reply, Request, Screen, State, TimeOfDay,
};
use cairn_vault::{Identity, Keyring, Plain, Place, StorageKey, device_name, seal};
use cairn_wire::record::Kind;
use cairn_wire::roster::Roster;
use cairn_wire::{DeviceId, DocumentId, KeyRef};

use crate::admit::{Appending, Inviting};
use crate::context::{Context, Purpose};
use crate::disk::After;
use crate::inbox::Inbox;
use crate::io::{Query, TabId, Table};
use crate::logs::Logs;
use crate::outbox::Outbox;
use crate::rows::{self, PracticeRow, RelayRow};
use crate::shelf::{Audience, Shelf};
use crate::tabs::client_document;

/// Lists are sent at most this often while records stream in.
const LISTS_EVERY_MS: u64 = 300;
/// Documents of a sample practice made before storage is waited for.
const SAMPLE_BATCH: usize = 50;

/// What a practice is opened with.
pub(crate) struct Parts {
    pub(crate) row: PracticeRow,
    pub(crate) key: StorageKey,
    pub(crate) identity: Identity,
    pub(crate) keys: Keyring,
    pub(crate) roster: Roster,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) logs: Logs,
    pub(crate) relay: RelayRow,
    /// Milliseconds that typing waits while another device reads along; `None` for the usual.
    pub(crate) window: Option<u64>,
}

/// A sample practice in the making.
struct Sampling {
    items: sample::Sample,
    clients: Vec<(ClientId, KeyRef)>,
    done: usize,
}

/// An open practice.
pub(crate) struct Practice {
    pub(crate) row: PracticeRow,
    pub(crate) key: StorageKey,
    pub(crate) identity: Identity,
    pub(crate) own: DeviceId,
    pub(crate) keys: Keyring,
    pub(crate) roster: Roster,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) logs: Logs,
    pub(crate) relay: RelayRow,
    pub(crate) index: Index,
    /// The file key of every document that is here.
    pub(crate) refs: BTreeMap<DocumentId, KeyRef>,
    pub(crate) shelf: Shelf,
    /// Journals found after a crash, until their documents are open.
    pub(crate) journals: BTreeMap<DocumentId, Vec<(String, cairn_port::TextChange)>>,
    pub(crate) opening: BTreeSet<DocumentId>,
    /// Documents whose row does not open: asked for once, not again and again.
    pub(crate) unreadable: BTreeSet<DocumentId>,
    /// Header changes for documents that are being opened.
    pub(crate) waiting_edits: Vec<(DocumentId, TabId, u32, Edit)>,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    pub(crate) peers: BTreeMap<DeviceId, BTreeSet<DocumentId>>,
    told_open: BTreeSet<DocumentId>,
    pub(crate) inviting: Option<Inviting>,
    pub(crate) appending: Option<Appending>,
    pub(crate) link_trouble: Option<LinkState>,
    pub(crate) window: Option<u64>,
    pub(crate) lists_changed: bool,
    lists_sent: u64,
    pub(crate) devices_changed: bool,
    pub(crate) notes_changed: BTreeSet<DocumentId>,
    pub(crate) notices: VecDeque<Notice>,
    sampling: Option<Sampling>,
    loading: u8,
    unlocking: Option<(TabId, u32)>,
    pub(crate) locking: bool,
}

/// A change that needs its document open.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// Of a client's particulars.
    Client(ClientChange),
    /// Of a note's header.
    Note(cairn_port::NoteChange),
}

pub(crate) fn problem_of(error: EditError) -> Problem {
    match error {
        EditError::TooLong => Problem::TooLong,
        EditError::Unknown => Problem::NotHere,
        EditError::ReadOnly => Problem::UpdateNeeded,
        EditError::NameMissing => Problem::NameMissing,
    }
}

impl Practice {
    pub(crate) fn new(parts: Parts, cx: &mut Context<'_>) -> Self {
        cx.link.want(cx.now.steady_ms);
        let own = parts.identity.id();
        Self {
            own,
            row: parts.row,
            key: parts.key,
            identity: parts.identity,
            keys: parts.keys,
            roster: parts.roster,
            entries: parts.entries,
            outbox: Outbox::new(parts.logs.tail(own).number),
            logs: parts.logs,
            relay: parts.relay,
            index: Index::default(),
            refs: BTreeMap::new(),
            shelf: Shelf::default(),
            journals: BTreeMap::new(),
            opening: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            waiting_edits: Vec::new(),
            inbox: Inbox::default(),
            peers: BTreeMap::new(),
            told_open: BTreeSet::new(),
            inviting: None,
            appending: None,
            link_trouble: None,
            window: parts.window,
            lists_changed: false,
            lists_sent: 0,
            devices_changed: false,
            notes_changed: BTreeSet::new(),
            notices: VecDeque::new(),
            sampling: None,
            loading: 0,
            unlocking: None,
            locking: false,
        }
    }

    /// Reads the lists and journals of a practice that was here before; the request is answered then.
    pub(crate) fn load_lists(&mut self, tab: TabId, id: u32, cx: &mut Context<'_>) {
        self.unlocking = Some((tab, id));
        self.loading = 2;
        cx.load(Table::Index, Query::All, Purpose::Lists);
        cx.load(Table::Journal, Query::All, Purpose::Journals);
        cx.load(Table::Aside, Query::All, Purpose::Aside);
    }

    /// Everything has been read that requests need.
    pub(crate) fn is_ready(&self) -> bool {
        self.loading == 0 && !self.locking
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::Open { sample: self.row.sample }
    }

    /// Begins filling a sample practice.
    pub(crate) fn begin_sample(&mut self, clients: u16, notes: u16, cx: &mut Context<'_>) {
        let days = (cx.now.wall_ms + i64::from(cx.now.utc_offset_minutes) * 60_000).div_euclid(86_400_000);
        let seed = u64::from_be_bytes(cx.random());
        let items = sample::Sample::new(seed, clients, notes, Date::from_unix_days(days));
        self.sampling = Some(Sampling { items, clients: Vec::new(), done: 0 });
    }

    /// Makes the practice's own document.
    pub(crate) fn found(&mut self, name: &str, cx: &mut Context<'_>) -> Result<(), Problem> {
        let id = DocumentId(cx.random());
        let document = practice::create(name, self.row.sample, cx.random()).map_err(problem_of)?;
        self.add(id, document, KeyRef::EPOCH, cx)
    }

    pub(crate) fn request(&mut self, tab: TabId, id: u32, request: Request, cx: &mut Context<'_>) {
        let outcome = match request {
            Request::Watch { watch, screen } => {
                self.watch(tab, watch, screen, cx);
                Ok(Reply::Done)
            }
            Request::Unwatch { watch } => {
                cx.tabs.unwatch(tab, watch);
                self.flush_unwatched(cx);
                Ok(Reply::Done)
            }
            Request::Type { watch, section, own, seen, change } => {
                self.typed(tab, watch, &section, (own, seen), change, cx)
            }
            Request::Flush => {
                self.flush_all(cx);
                Ok(Reply::Done)
            }
            Request::AddClient { name, pronouns } => {
                return self.add_client(tab, id, &name, &pronouns, cx);
            }
            Request::AddNote { client, format } => return self.add_note(tab, id, client, &format, cx),
            Request::EditClient { client, change } => {
                return self.edit(client_document(client), tab, id, Edit::Client(change), cx);
            }
            Request::EditNote { note, change } => {
                return self.edit(DocumentId(note.0), tab, id, Edit::Note(change), cx);
            }
            Request::Invite => self.invite(cx),
            Request::Admit { digits } => return self.admit(tab, id, &digits, cx),
            Request::CancelInvite => {
                self.inviting = None;
                Ok(Reply::Done)
            }
            Request::RenameDevice { device, name } => return self.rename(tab, id, device, &name, cx),
            Request::Hello
            | Request::Lock
            | Request::RemoveSample
            | Request::Create { .. }
            | Request::ProveKit { .. }
            | Request::CreateSample { .. }
            | Request::Unlock { .. }
            | Request::Join { .. }
            | Request::CancelJoin => Err(Problem::NotNow),
        };
        cx.reply(tab, id, outcome);
    }

    /// What was to follow a transaction.
    pub(crate) fn after(&mut self, after: &After, cx: &mut Context<'_>) {
        if let After::Recorded { device, number } = after {
            if *device == self.own {
                self.outbox.durable(*number);
            }
            self.pump_outbox(cx);
        }
    }

    /// Rows have been read.
    pub(crate) fn loaded(&mut self, purpose: Purpose, rows: Vec<(Vec<u8>, Vec<u8>)>, cx: &mut Context<'_>) {
        match purpose {
            Purpose::Lists => {
                for (key, sealed) in &rows {
                    self.take_line(key, sealed, cx);
                }
                self.loading = self.loading.saturating_sub(1);
                self.finish_opening(cx);
            }
            Purpose::Journals => {
                for (key, sealed) in &rows {
                    self.take_journal(key, sealed);
                }
                self.loading = self.loading.saturating_sub(1);
                self.finish_opening(cx);
            }
            Purpose::Aside => self.retry_aside(rows),
            Purpose::Document(id) => self.document_loaded(id, rows, cx),
            Purpose::Upload(device) => self.upload_loaded(device, rows, cx),
            Purpose::Start => {}
        }
    }

    fn take_line(&mut self, key: &[u8], sealed: &[u8], cx: &mut Context<'_>) {
        let Some(id) = DocumentId::from_slice(key) else { return };
        let opened = self.key.open_row(Table::Index.name(), key, sealed).ok();
        let split = opened.as_ref().and_then(|row| row.split_first_chunk::<8>());
        let line = split.and_then(|(_, line)| Line::decode(line));
        if let Some((key_ref, _)) = split {
            self.refs.insert(id, KeyRef(*key_ref));
        }
        match line {
            Some(line) => self.index.insert(id.0, line),
            None => self.open_document(id, cx),
        }
    }

    fn take_journal(&mut self, key: &[u8], sealed: &[u8]) {
        let id = DocumentId::from_slice(key);
        let opened = self.key.open_row(Table::Journal.name(), key, sealed).ok();
        if let (Some(id), Some(changes)) = (id, opened.and_then(|row| crate::journal::decode(&row))) {
            self.journals.insert(id, changes);
        }
    }

    fn finish_opening(&mut self, cx: &mut Context<'_>) {
        if self.loading > 0 {
            return;
        }
        for id in self.journals.keys().copied().collect::<Vec<_>>() {
            self.open_document(id, cx);
        }
        if let Some((tab, id)) = self.unlocking.take() {
            cx.reply(tab, id, Ok(Reply::Done));
        }
        cx.tell_all(&Message::Phase(self.phase()));
        self.lists_changed = true;
    }

    fn add_client(&mut self, tab: TabId, id: u32, name: &str, pronouns: &str, cx: &mut Context<'_>) {
        let made = self.make_client(name, pronouns, cx);
        self.reply_when_stored(tab, id, made.map(|(client, _)| Reply::Client(client)), cx);
    }

    fn make_client(
        &mut self,
        name: &str,
        pronouns: &str,
        cx: &mut Context<'_>,
    ) -> Result<(ClientId, KeyRef), Problem> {
        let document = client::create(name, pronouns, cx.random()).map_err(problem_of)?;
        let client = ClientId(cx.random());
        // Each client's file has a key of its own: destroying it later destroys this client's record.
        let key_ref = self.keys.new_file_key(cx.rng);
        let body = self.keys.file_key_body(key_ref).ok_or(Problem::StorageDamaged)?;
        self.record(client_document(client), Kind::FILE_KEY, KeyRef::EPOCH, body.to_vec(), cx)?;
        self.write_secrets(cx);
        self.add(client_document(client), document, key_ref, cx)?;
        Ok((client, key_ref))
    }

    fn add_note(&mut self, tab: TabId, id: u32, client: ClientId, format: &str, cx: &mut Context<'_>) {
        let key_ref = self.refs.get(&client_document(client)).copied();
        let made = match key_ref.filter(|_| self.index.client_name(client).is_some()) {
            None => Err(Problem::NotHere),
            Some(key_ref) => {
                let (date, start) = local_time(cx);
                self.make_note(&note::NewNote { client, format, date, start }, key_ref, &[], cx)
            }
        };
        self.reply_when_stored(tab, id, made.map(Reply::Note), cx);
    }

    fn make_note(
        &mut self,
        new: &note::NewNote<'_>,
        key_ref: KeyRef,
        texts: &[(&str, String)],
        cx: &mut Context<'_>,
    ) -> Result<NoteId, Problem> {
        let mut document = note::create(new, cx.random()).map_err(problem_of)?;
        for (section, text) in texts {
            let change = cairn_port::TextChange::splice(0, 0, text);
            note::change_text(&mut document, section, &change).map_err(problem_of)?;
        }
        let id = NoteId(cx.random());
        self.add(DocumentId(id.0), document, key_ref, cx)?;
        Ok(id)
    }

    /// Puts a new document on the shelf, into the log and into storage.
    fn add(
        &mut self,
        id: DocumentId,
        document: Document,
        key_ref: KeyRef,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        self.refs.insert(id, key_ref);
        self.shelf.put(id, document, key_ref, Vec::new());
        self.flush(id, cx)
    }

    fn reply_when_stored(&mut self, tab: TabId, id: u32, made: Outcome, cx: &mut Context<'_>) {
        self.lists_changed = true;
        match made {
            Ok(_) => cx.disk.then(After::Reply { tab, id, outcome: made }),
            Err(_) => cx.reply(tab, id, made),
        }
    }

    /// Seals a record as the next of this device's log and queues it for storage.
    pub(crate) fn record(
        &mut self,
        document: DocumentId,
        kind: Kind,
        key_ref: KeyRef,
        body: Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let tail = self.logs.tail(self.own);
        let number = tail.number.next();
        let vault = self.row.vault;
        let place = Place { vault, document, kind, number, previous: tail.record, key_ref };
        let plain = Plain { seen: self.logs.seen(self.own), body };
        let record = seal(&self.identity, &self.keys, place, &plain, cx.rng).map_err(|error| match error {
            cairn_vault::SealError::NoKey => Problem::StorageDamaged,
            cairn_vault::SealError::TooLarge => Problem::TooLong,
        })?;
        let bytes = record.encode();
        self.logs.extend(self.own, number, record.id());
        cx.disk.put(Table::Records, rows::record_key(self.own, number), bytes.clone());
        self.write_logs(cx);
        cx.disk.then(After::Recorded { device: self.own, number });
        self.outbox.written(number, bytes);
        Ok(())
    }

    pub(crate) fn write_logs(&self, cx: &mut Context<'_>) {
        cx.disk.put(Table::Meta, rows::LOGS, rows::encode_logs(&self.logs));
    }

    pub(crate) fn write_relay(&self, cx: &mut Context<'_>) {
        cx.disk.put(Table::Meta, rows::RELAY, self.relay.encode());
    }

    pub(crate) fn write_roster(&self, cx: &mut Context<'_>) {
        cx.disk.put(Table::Meta, rows::ROSTER, rows::encode_roster(&self.entries));
    }

    pub(crate) fn write_secrets(&self, cx: &mut Context<'_>) {
        let mut secrets = self.identity.to_bytes();
        secrets.extend_from_slice(&self.keys.to_bytes());
        let sealed = self.key.seal_row(Table::Meta.name(), rows::SECRETS, &secrets, cx.rng);
        cx.disk.put(Table::Meta, rows::SECRETS, sealed);
    }

    /// How safe what was written is.
    pub(crate) fn state(&self, cx: &Context<'_>) -> State {
        let typing = self.shelf.pending().any(|(_, pending)| pending.unjournaled);
        let waiting = self.outbox.waiting(self.logs.tail(self.own).number);
        let pending = self.shelf.pending().count();
        State {
            saved: cx.disk.is_idle() && !typing,
            disk_refuses: cx.disk.error().is_some(),
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX).saturating_add(u32::try_from(pending).unwrap_or(0)),
            link: match self.link_trouble {
                Some(trouble) => trouble,
                None if !cx.link.is_in() => LinkState::Offline,
                None if self.inbox.is_behind() => LinkState::CatchingUp,
                None => LinkState::Online,
            },
            devices: u8::try_from(self.roster.members().len()).unwrap_or(u8::MAX),
        }
    }

    /// Who would see a change of a document at once.
    pub(crate) fn audience(&self, id: DocumentId) -> Audience {
        if self.peers.values().any(|open| open.contains(&id)) {
            Audience::Reading
        } else if self.peers.is_empty() {
            Audience::Nobody
        } else {
            Audience::Connected
        }
    }

    /// What is due because time has passed.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>) {
        let due: Vec<DocumentId> = self
            .shelf
            .pending()
            .filter(|(id, pending)| pending.due(self.audience(*id), self.window) <= cx.now.steady_ms)
            .map(|(id, _)| id)
            .collect();
        for id in due {
            self.flush_or_keep(id, cx);
        }
        self.make_sample(cx);
        self.tick_admit(cx);
        self.tick_outbox(cx);
    }

    fn make_sample(&mut self, cx: &mut Context<'_>) {
        let Some(mut sampling) = self.sampling.take_if(|_| cx.disk.is_idle()) else { return };
        let total = u32::try_from(sampling.items.total()).unwrap_or(u32::MAX);
        let mut made = 0;
        for item in sampling.items.by_ref().take(SAMPLE_BATCH) {
            made += 1;
            match item {
                sample::Item::Client { name, pronouns } => {
                    if let Ok(client) = self.make_client(&name, pronouns, cx) {
                        sampling.clients.push(client);
                    }
                }
                sample::Item::Note { client, format, date, start, sections } => {
                    if let Some((client, key_ref)) = sampling.clients.get(client).copied() {
                        let new = note::NewNote { client, format, date, start: Some(start) };
                        // A sample note that cannot be made is one less invented note.
                        let _ = self.make_note(&new, key_ref, &sections, cx);
                    }
                }
            }
        }
        sampling.done += made;
        let done = u32::try_from(sampling.done).unwrap_or(u32::MAX);
        cx.tell_all(&Message::Progress { done, total });
        self.lists_changed = true;
        if made == SAMPLE_BATCH {
            self.sampling = Some(sampling);
        }
    }

    /// When [`Practice::tick`] or [`Practice::settle`] has something to do.
    pub(crate) fn timeout(&self, now_ms: u64, disk_idle: bool) -> Option<u64> {
        let typing = self.shelf.pending().map(|(id, p)| p.due(self.audience(id), self.window));
        let lists = self.lists_changed.then_some(self.lists_sent + LISTS_EVERY_MS);
        let sample = (self.sampling.is_some() && disk_idle).then_some(now_ms);
        typing.chain(lists).chain(sample).chain(self.admit_timeout()).chain(self.outbox.timeout()).min()
    }

    /// Ends the handling of one input: journals, lists, notices, presence.
    pub(crate) fn settle(&mut self, cx: &mut Context<'_>) {
        self.pump_inbox(cx);
        self.write_journals(cx);
        self.show_waiting_notes(cx);
        let busy = self.inbox.is_behind() || self.sampling.is_some();
        if self.lists_changed && (!busy || cx.now.steady_ms >= self.lists_sent + LISTS_EVERY_MS) {
            self.lists_changed = false;
            self.lists_sent = cx.now.steady_ms;
            let lists = |s: &Screen| matches!(s, Screen::Caseload | Screen::Client(_) | Screen::Practice);
            self.show_all(lists, cx);
        }
        if core::mem::take(&mut self.devices_changed) {
            self.show_all(|s| matches!(s, Screen::Devices), cx);
        }
        for id in core::mem::take(&mut self.notes_changed) {
            self.show_note_again(id, cx);
        }
        while let Some(notice) = self.notices.pop_front() {
            cx.tell_all(&Message::Notice(notice));
        }
        let open = cx.tabs.open_notes();
        if cx.link.is_in() && open != self.told_open {
            self.tell_open(open.clone(), cx);
        }
        self.shelf.tidy(&open, cx.disk.durable());
    }

    /// Tells the other devices which notes are open here, so that they send what is typed there at once.
    pub(crate) fn tell_open(&mut self, open: BTreeSet<DocumentId>, cx: &mut Context<'_>) {
        let ids: Vec<[u8; 16]> = open.iter().take(16).map(|id| id.0).collect();
        self.told_open = open;
        let body = postcard::to_allocvec(&ids).unwrap_or_default();
        if let Some(sealed) = cairn_vault::seal_whisper(&self.keys, self.row.vault, &body, cx.rng) {
            cx.send(&cairn_wire::frame::DeviceFrame::Whisper { sealed });
        }
    }

    pub(crate) fn forget_told(&mut self, open: BTreeSet<DocumentId>) {
        self.told_open = open;
    }

    pub(crate) fn heard_open(&mut self, device: DeviceId, sealed: &[u8]) {
        let body = cairn_vault::open_whisper(&self.keys, self.row.vault, sealed);
        let ids = body.and_then(|body| postcard::from_bytes::<Vec<[u8; 16]>>(&body).ok());
        if let (Some(ids), Some(open)) = (ids, self.peers.get_mut(&device)) {
            *open = ids.into_iter().take(16).map(DocumentId).collect();
        }
    }

    fn watch(&mut self, tab: TabId, watch: u32, screen: Screen, cx: &mut Context<'_>) {
        cx.tabs.watch(tab, watch, screen.clone());
        match screen {
            Screen::Note(note) => self.show_note(tab, watch, note, cx),
            Screen::Caseload | Screen::Client(_) | Screen::Devices | Screen::Practice => {
                self.show(tab, watch, &screen, cx);
            }
        }
    }

    fn show_all(&mut self, fits: impl Fn(&Screen) -> bool, cx: &mut Context<'_>) {
        for (tab, watch, screen) in cx.tabs.showing(fits) {
            self.show(tab, watch, &screen, cx);
        }
    }

    fn show(&mut self, tab: TabId, watch: u32, screen: &Screen, cx: &mut Context<'_>) {
        let view = match screen {
            Screen::Caseload => View::Caseload(self.index.caseload()),
            Screen::Client(client) => self.index.client_view(*client).map_or(View::NotHere, View::Client),
            Screen::Devices => View::Devices(self.devices()),
            Screen::Practice => View::Practice(self.particulars()),
            Screen::Note(_) => return,
        };
        cx.tell(tab, Message::View { watch, view: Box::new(view) });
    }

    fn devices(&self) -> DevicesView {
        let mut devices: Vec<DeviceRow> = self
            .roster
            .members()
            .iter()
            .map(|(id, member)| DeviceRow {
                id: DeviceKey(id.0),
                name: device_name(member, &self.keys).unwrap_or_default(),
                this: *id == self.own,
                connected: self.peers.contains_key(id),
                records: self.logs.tail(*id).number.0,
            })
            .collect();
        devices.sort_by(|a, b| b.this.cmp(&a.this).then_with(|| a.name.cmp(&b.name)));
        DevicesView { devices }
    }

    fn particulars(&self) -> PracticeView {
        let (clients, notes) = self.index.counts();
        let name = self.index.practice().map(|(_, name, _)| name.to_owned()).unwrap_or_default();
        PracticeView { name, sample: self.row.sample, clients, notes, vault: self.row.vault.to_string() }
    }

    /// How pairing stands, for the tabs.
    pub(crate) fn tell_pair(step: PairStep, cx: &mut Context<'_>) {
        cx.tell_all(&Message::Pair(step));
    }
}

/// Today and now, as the clock on the wall says.
fn local_time(cx: &Context<'_>) -> (Date, Option<TimeOfDay>) {
    let minutes = cx.now.wall_ms.div_euclid(60_000) + i64::from(cx.now.utc_offset_minutes);
    let of_day = minutes.rem_euclid(1440);
    let (hour, minute) = (u8::try_from(of_day / 60).unwrap_or(0), u8::try_from(of_day % 60).unwrap_or(0));
    (Date::from_unix_days(minutes.div_euclid(1440)), TimeOfDay::new(hour, minute))
}
