//! A whole device without a browser: what it does with requests, rows, frames and time.
//!
//! Nothing here reads a clock, makes randomness or waits. A driver hands in [`Input`]s with the time
//! and a source of randomness, carries out the [`Effect`]s in order and calls again at the timeout.

mod admit;
mod context;
mod disk;
mod inbox;
pub mod io;
mod join;
mod journal;
mod lane;
mod link;
mod locked;
mod logs;
mod notes;
mod outbox;
mod practice;
mod rows;
mod shelf;
mod sync;
mod tabs;

use std::collections::{BTreeMap, VecDeque};

use cairn_port::request::SAMPLE_PASSPHRASE;
use cairn_port::{Envelope, JoinStep, Message, Phase, Problem, Reply, Request, State};
use cairn_wire::frame::{Refusal, RelayFrame};

pub use cairn_vault::{Entropy, KdfParams};
pub use io::{Effect, Input, Now, Query, StoreError, TabId, Table, Token, Write};

use context::{Context, Purpose};
use disk::{After, Disk};
use join::{Founding, Joining};
use link::{Challenge, Link};
use locked::Locked;
use practice::Practice;
use tabs::Tabs;

/// What the driver configures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Config {
    /// Passphrase hardening for new envelopes.
    pub kdf: KdfParams,
    /// Milliseconds that typing waits before it is sent while another device has the same note open;
    /// `None` for the usual.
    pub shared_window_ms: Option<u64>,
}

/// Where the device stands.
enum Stage {
    Starting,
    NoStorage,
    Empty,
    Proving(Box<Founding>),
    Joining(Box<Joining>),
    Locked(Locked),
    Open(Box<Practice>),
    Ended,
}

/// A device. Begin with [`Device::new`], then call [`Device::handle`] for everything that happens and
/// [`Device::poll_effect`] until it has no more to say.
pub struct Device {
    config: Config,
    stage: Stage,
    disk: Disk,
    link: Link,
    tabs: Tabs,
    loads: BTreeMap<Token, Purpose>,
    out: VecDeque<Effect>,
    told: Option<State>,
    /// A founded or joined practice is on its way to storage for this request.
    settling: Option<(TabId, u32)>,
}

impl Device {
    /// A device that has not looked at its storage yet; its first effect is a read.
    pub fn new(config: Config) -> Self {
        let mut disk = Disk::default();
        let token = disk.token();
        let read = Effect::Load { token, table: Table::Meta, query: Query::All };
        Self {
            config,
            stage: Stage::Starting,
            disk,
            link: Link::default(),
            tabs: Tabs::default(),
            loads: BTreeMap::from([(token, Purpose::Start)]),
            out: VecDeque::from([read]),
            told: None,
            settling: None,
        }
    }

    /// Takes in something that happened.
    pub fn handle(&mut self, input: Input, now: Now, rng: &mut dyn Entropy) {
        if matches!(self.stage, Stage::Ended) {
            return;
        }
        let Self { config, stage, disk, link, tabs, loads, out, told, settling } = self;
        let mut turn = Turn {
            config: *config,
            stage,
            settling,
            cx: Context { now, rng, disk, link, tabs, loads, out },
        };
        turn.take(input);
        turn.finish(told);
    }

    /// The next thing to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// When to call [`Device::handle`] with [`Input::Tick`] at the latest, in steady milliseconds.
    pub fn poll_timeout(&self, now: Now) -> Option<u64> {
        let stage = match &self.stage {
            Stage::Open(practice) => practice.timeout(now.steady_ms, self.disk.is_idle()),
            Stage::Joining(joining) => Some(joining.gives_up),
            Stage::Starting
            | Stage::NoStorage
            | Stage::Empty
            | Stage::Proving(_)
            | Stage::Locked(_)
            | Stage::Ended => None,
        };
        stage.into_iter().chain(self.disk.timeout()).chain(self.link.timeout()).min()
    }
}

/// The handling of one input.
struct Turn<'a> {
    config: Config,
    stage: &'a mut Stage,
    settling: &'a mut Option<(TabId, u32)>,
    cx: Context<'a>,
}

impl Turn<'_> {
    fn take(&mut self, input: Input) {
        match input {
            Input::FromTab { tab, envelope } => self.request(tab, envelope),
            Input::TabGone { tab } => {
                self.cx.tabs.remove(tab);
                if let Stage::Open(practice) = self.stage {
                    practice.flush_unwatched(&mut self.cx);
                }
            }
            Input::Persisted { token } => {
                for after in self.cx.disk.persisted(token) {
                    self.after(after);
                }
            }
            Input::PersistFailed { token, why } => self.persist_failed(token, why),
            Input::Loaded { token, rows } => {
                if let Some(purpose) = self.cx.loads.remove(&token) {
                    self.loaded(purpose, rows);
                }
            }
            Input::LoadFailed { token, .. } => self.load_failed(token),
            Input::Connected => {
                if let Some(hello) = self.cx.link.connected(self.cx.now.steady_ms) {
                    self.cx.send(&hello);
                }
            }
            Input::Disconnected => {
                self.cx.link.disconnected(self.cx.now.steady_ms, self.cx.rng);
                self.disconnected();
            }
            Input::Frame(bytes) => self.frame(&bytes),
            Input::Tick => {}
        }
    }

    fn request(&mut self, tab: TabId, envelope: Envelope) {
        self.cx.tabs.add(tab);
        let Envelope { id, request } = envelope;
        let outcome = match (request, &mut *self.stage) {
            (Request::Hello, _) => {
                self.cx.tell(tab, Message::Phase(self.phase()));
                if let Stage::Open(practice) = &*self.stage {
                    let state = practice.state(&self.cx);
                    self.cx.tell(tab, Message::State(state));
                }
                // Somebody looks at the app: a good moment to try the relay again.
                self.cx.link.hurry(self.cx.now.steady_ms);
                Ok(Reply::Done)
            }
            (Request::Create { passphrase, device_name, practice_name }, Stage::Empty | Stage::Proving(_)) => {
                Founding::begin(passphrase, &device_name, practice_name, &mut self.cx).map(|(founding, code)| {
                    self.set(Stage::Proving(Box::new(founding)));
                    Reply::Kit { code }
                })
            }
            (Request::ProveKit { typed }, Stage::Proving(founding)) => match founding.prove(&typed) {
                Ok(()) => return self.found(tab, id, None),
                Err(problem) => Err(problem),
            },
            (Request::CreateSample { clients, notes }, Stage::Empty) => {
                let passphrase = SAMPLE_PASSPHRASE.to_owned();
                let begun = Founding::begin(passphrase, "This device", "Sample practice".into(), &mut self.cx);
                match begun {
                    Ok((founding, _)) => {
                        *self.stage = Stage::Proving(Box::new(founding));
                        return self.found(tab, id, Some((clients, notes)));
                    }
                    Err(problem) => Err(problem),
                }
            }
            (Request::Join { code, passphrase, device_name }, Stage::Empty) => {
                match Joining::begin(&code, passphrase, &device_name, (tab, id), &mut self.cx) {
                    Ok(joining) => {
                        self.set(Stage::Joining(Box::new(joining)));
                        return;
                    }
                    Err(problem) => Err(problem),
                }
            }
            (Request::CancelJoin, Stage::Joining(_)) => {
                self.end_join(JoinStep::Over);
                Ok(Reply::Done)
            }
            (Request::Unlock { passphrase }, Stage::Locked(locked)) => {
                let passphrase = zeroize::Zeroizing::new(passphrase);
                match locked.unlock(&passphrase, self.config.shared_window_ms, &mut self.cx) {
                    Ok(mut practice) => {
                        practice.load_lists(tab, id, &mut self.cx);
                        *self.stage = Stage::Open(Box::new(practice));
                        return;
                    }
                    Err(problem) => Err(problem),
                }
            }
            (Request::Lock, Stage::Open(practice)) => {
                practice.flush_all(&mut self.cx);
                practice.locking = true;
                self.cx.disk.then(After::Reply { tab, id, outcome: Ok(Reply::Done) });
                self.cx.disk.then(After::Locked);
                return;
            }
            (Request::RemoveSample, Stage::Open(practice)) if practice.row.sample => {
                self.cx.disk.erase_all();
                self.cx.disk.then(After::Reply { tab, id, outcome: Ok(Reply::Done) });
                self.cx.disk.then(After::Erased);
                return;
            }
            (request, Stage::Open(practice)) if practice.is_ready() => {
                return practice.request(tab, id, request, &mut self.cx);
            }
            (_, Stage::NoStorage) => Err(Problem::StorageFailed),
            _ => Err(Problem::NotNow),
        };
        self.cx.reply(tab, id, outcome);
    }

    /// Stores the practice that was begun, and answers when it is on disk.
    fn found(&mut self, tab: TabId, id: u32, sample: Option<(u16, u16)>) {
        let Stage::Proving(founding) = core::mem::replace(self.stage, Stage::Empty) else { return };
        let window = self.config.shared_window_ms;
        match founding.finish(sample.is_some(), self.config.kdf, window, &mut self.cx) {
            Ok(mut practice) => {
                if let Some((clients, notes)) = sample {
                    practice.begin_sample(clients, notes, &mut self.cx);
                }
                *self.settling = Some((tab, id));
                self.cx.disk.then(After::Settled);
                *self.stage = Stage::Open(Box::new(practice));
            }
            Err(problem) => self.cx.reply(tab, id, Err(problem)),
        }
    }

    fn after(&mut self, after: After) {
        match after {
            After::Reply { tab, id, outcome } => self.cx.reply(tab, id, outcome),
            After::Settled => {
                if let Some((tab, id)) = self.settling.take() {
                    self.cx.reply(tab, id, Ok(Reply::Done));
                }
                self.cx.tell_all(&Message::Phase(self.phase()));
            }
            After::Locked => self.end(Phase::Locked {
                sample: matches!(&*self.stage, Stage::Open(practice) if practice.row.sample),
            }),
            After::Erased => self.end(Phase::Empty),
            After::Recorded { .. } => {
                if let Stage::Open(practice) = self.stage {
                    practice.after(&after, &mut self.cx);
                }
            }
        }
    }

    /// Drops every key; the process that held them is to end.
    fn end(&mut self, phase: Phase) {
        *self.stage = Stage::Ended;
        if let Some(effect) = self.cx.link.unwant() {
            self.cx.out.push_back(effect);
        }
        self.cx.tell_all(&Message::Phase(phase));
        self.cx.out.push_back(Effect::Ended);
    }

    fn persist_failed(&mut self, token: Token, why: StoreError) {
        if !self.cx.disk.is_flying(token) {
            return;
        }
        // A practice that could not even be begun is not kept half in memory.
        if let Some((tab, id)) = self.settling.take() {
            *self.cx.disk = Disk::default();
            if let Some(effect) = self.cx.link.unwant() {
                self.cx.out.push_back(effect);
            }
            self.set(Stage::Empty);
            let problem = match why {
                StoreError::Full => Problem::StorageFull,
                StoreError::Unreachable => Problem::StorageFailed,
            };
            self.cx.reply(tab, id, Err(problem));
            return;
        }
        self.cx.disk.failed(token, why, self.cx.now.steady_ms);
    }

    fn loaded(&mut self, purpose: Purpose, rows: Vec<(Vec<u8>, Vec<u8>)>) {
        match (purpose, &mut *self.stage) {
            (Purpose::Start, Stage::Starting) => {
                let stage = Locked::find(rows).map_or(Stage::Empty, Stage::Locked);
                self.set(stage);
            }
            (_, Stage::Open(practice)) => practice.loaded(purpose, rows, &mut self.cx),
            _ => {}
        }
    }

    fn load_failed(&mut self, token: Token) {
        match self.cx.loads.remove(&token) {
            Some(Purpose::Start) => self.set(Stage::NoStorage),
            // Everything else is read again when it is asked for again; an empty answer ends the waiting.
            Some(purpose) => self.loaded(purpose, Vec::new()),
            None => {}
        }
    }

    fn frame(&mut self, bytes: &[u8]) {
        self.cx.link.heard(self.cx.now.steady_ms);
        let Ok(frame) = RelayFrame::decode(bytes) else { return };
        if let RelayFrame::Challenge { nonce, incarnation, .. } = &frame {
            let challenge = Challenge { nonce: *nonce, incarnation: *incarnation };
            self.cx.link.challenged(challenge, self.cx.now.steady_ms);
            match self.stage {
                Stage::Open(practice) => practice.log_in(challenge, &mut self.cx),
                Stage::Joining(joining) => joining.ask(&mut self.cx),
                _ => {}
            }
            return;
        }
        match (frame, &mut *self.stage) {
            (frame, Stage::Open(practice)) => practice.frame(frame, &mut self.cx),
            (RelayFrame::Done { request }, Stage::Joining(joining)) => joining.asked(request, &mut self.cx),
            (RelayFrame::Mail { mailbox, sealed }, Stage::Joining(joining)) if joining.is_for_us(mailbox) => {
                self.admitted(&sealed);
            }
            (RelayFrame::Refused { reason, .. }, Stage::Joining(_)) => {
                self.end_join(if reason == Refusal::MailboxFull { JoinStep::Over } else { JoinStep::Unreachable });
            }
            _ => {}
        }
    }

    fn admitted(&mut self, sealed: &[u8]) {
        let Stage::Joining(joining) = core::mem::replace(self.stage, Stage::Empty) else { return };
        let window = self.config.shared_window_ms;
        match joining.finish(sealed, self.config.kdf, window, &mut self.cx) {
            Ok(mut practice) => {
                if let Some(challenge) = self.cx.link.challenge() {
                    practice.log_in(challenge, &mut self.cx);
                }
                self.cx.disk.then(After::Settled);
                *self.stage = Stage::Open(Box::new(practice));
                self.cx.tell_all(&Message::Join(JoinStep::Admitted));
            }
            Err(_) => {
                self.set(Stage::Empty);
                self.cx.tell_all(&Message::Join(JoinStep::Over));
            }
        }
    }

    fn end_join(&mut self, step: JoinStep) {
        if let Stage::Joining(mut joining) = core::mem::replace(self.stage, Stage::Empty) {
            joining.give_up(step, &mut self.cx);
        }
        if let Some(effect) = self.cx.link.unwant() {
            self.cx.out.push_back(effect);
        }
        self.set(Stage::Empty);
    }

    fn disconnected(&mut self) {
        match self.stage {
            Stage::Open(practice) => practice.disconnected(&mut self.cx),
            Stage::Joining(_) => self.end_join(JoinStep::Unreachable),
            _ => {}
        }
    }

    fn phase(&self) -> Phase {
        match &*self.stage {
            Stage::Starting | Stage::Ended => Phase::Starting,
            Stage::NoStorage => Phase::NoStorage,
            Stage::Empty => Phase::Empty,
            Stage::Proving(_) => Phase::Proving,
            Stage::Joining(_) => Phase::Joining,
            Stage::Locked(locked) => Phase::Locked { sample: locked.row.sample },
            Stage::Open(practice) if practice.is_ready() => practice.phase(),
            Stage::Open(practice) => Phase::Locked { sample: practice.row.sample },
        }
    }

    fn set(&mut self, stage: Stage) {
        *self.stage = stage;
        self.cx.tabs.forget_watches();
        self.cx.tell_all(&Message::Phase(self.phase()));
    }

    /// What follows every input: time, views, writes, the connection, the state line.
    fn finish(&mut self, told: &mut Option<State>) {
        let now = self.cx.now.steady_ms;
        if let Stage::Joining(joining) = &*self.stage {
            self.cx.link.patience(now);
            if joining.gives_up <= now {
                self.end_join(JoinStep::Over);
            }
        }
        if let Stage::Open(practice) = self.stage {
            practice.tick(&mut self.cx);
            practice.settle(&mut self.cx);
        }
        while let Some(effect) = self.cx.link.tick(now, self.cx.rng) {
            let lost = matches!(effect, Effect::Disconnect);
            self.cx.out.push_back(effect);
            if lost {
                self.disconnected();
            }
        }
        if let Some(effect) = self.cx.disk.poll(now) {
            self.cx.out.push_back(effect);
        }
        if let Stage::Open(practice) = &*self.stage {
            let state = practice.state(&self.cx);
            if *told != Some(state) {
                *told = Some(state);
                self.cx.tell_all(&Message::State(state));
            }
        }
    }
}
