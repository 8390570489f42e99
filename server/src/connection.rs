//! One connection: who it is, what it asks, and when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use cairn_wire::frame::{DeviceFrame, Outcome, Refusal, RelayFrame, RequestId, login_message};
use cairn_wire::record::verify_signature;
use cairn_wire::roster::{Entry, Roster};
use cairn_wire::{DeviceId, EntryId, PROTOCOL_VERSION, VaultId};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::Relay;
use crate::config::Registration;
use crate::hub::{ConnectionId, Outgoing, WAITING_FRAMES};
use crate::log::authenticate;
use crate::store::{Append, Founding, Range};

/// Silence after which a connection is given up. Devices ask for a sign of life well before.
const SILENCE: Duration = Duration::from_secs(120);
/// A connection that has not logged in: long enough to type six digits on another device.
const STRANGER: Duration = Duration::from_secs(6 * 60);
/// Attempts to log in on one connection.
const ATTEMPTS: u8 = 3;
/// Frames that a connection without login may send.
const STRANGERS_FRAMES: u32 = 40;

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Who a connection has proved to be.
struct Login {
    vault: VaultId,
    device: DeviceId,
    roster: Arc<Roster>,
}

struct Connection {
    id: ConnectionId,
    relay: Arc<Relay>,
    outgoing: Outgoing,
    nonce: [u8; 32],
    greeted: bool,
    attempts: u8,
    frames: u32,
    login: Option<Login>,
}

/// The connection is to end.
struct Over;

/// Serves a connection until it ends.
pub async fn serve(mut socket: WebSocket, relay: Arc<Relay>) {
    let mut nonce = [0; 32];
    if getrandom::fill(&mut nonce).is_err() {
        return;
    }
    let (outgoing, mut waiting) = mpsc::channel(WAITING_FRAMES);
    let id = CONNECTIONS.fetch_add(1, Relaxed);
    relay.metrics.connections.fetch_add(1, Relaxed);
    let mut connection = Connection {
        id,
        relay: Arc::clone(&relay),
        outgoing,
        nonce,
        greeted: false,
        attempts: 0,
        frames: 0,
        login: None,
    };
    let begun = Instant::now();
    let mut heard = begun;
    loop {
        let until = if connection.login.is_some() { heard + SILENCE } else { begun + STRANGER };
        tokio::select! {
            received = timeout_at(until, socket.recv()) => {
                let Ok(Some(Ok(message))) = received else { break };
                heard = Instant::now();
                match message {
                    Message::Binary(bytes) => {
                        if connection.take(&bytes).await.is_err() {
                            break;
                        }
                    }
                    Message::Ping(_) | Message::Pong(_) => {}
                    Message::Text(_) | Message::Close(_) => break,
                }
            }
            frame = waiting.recv() => {
                let Some(frame) = frame else { break };
                if timeout_at(Instant::now() + SILENCE, socket.send(Message::Binary(frame))).await.is_err() {
                    break;
                }
            }
        }
    }
    // What was said last, such as why the connection ends, still goes out.
    while let Ok(frame) = waiting.try_recv() {
        if !matches!(timeout_at(Instant::now() + Duration::from_secs(2), socket.send(Message::Binary(frame))).await, Ok(Ok(()))) {
            break;
        }
    }
    if let Some(login) = &connection.login {
        relay.hub.leave(login.vault, id);
    }
    relay.metrics.connections.fetch_sub(1, Relaxed);
}

impl Connection {
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.frames = self.frames.saturating_add(1);
        if self.login.is_none() && self.frames > STRANGERS_FRAMES {
            return Err(Over);
        }
        let Ok(frame) = DeviceFrame::decode(bytes) else {
            self.refuse(0, Refusal::Malformed)?;
            return Err(Over);
        };
        match (frame, self.greeted) {
            (DeviceFrame::Hello { lowest, highest }, false) => self.hello(lowest, highest),
            (DeviceFrame::Hello { .. }, true) | (_, false) => {
                self.refuse(0, Refusal::Malformed)?;
                Err(Over)
            }
            (DeviceFrame::Create { roster }, true) => self.create(roster).await,
            (DeviceFrame::Login { vault, device, signature }, true) => {
                self.log_in(vault, device, &signature).await
            }
            (DeviceFrame::PutMail { request, mailbox, sealed }, true) => {
                if self.relay.mailboxes.put(mailbox, sealed) {
                    self.say(&RelayFrame::Done { request })
                } else {
                    self.refuse(request, Refusal::MailboxFull)
                }
            }
            (DeviceFrame::WatchMail { mailbox }, true) => {
                if self.relay.mailboxes.watch(mailbox, self.outgoing.clone()) {
                    Ok(())
                } else {
                    self.refuse(0, Refusal::Busy)
                }
            }
            (DeviceFrame::Ping, true) => self.say(&RelayFrame::Pong),
            (frame, true) => {
                let Some(login) = &self.login else {
                    self.refuse(0, Refusal::Malformed)?;
                    return Err(Over);
                };
                let (vault, device) = (login.vault, login.device);
                self.member(vault, device, frame).await
            }
        }
    }

    fn hello(&mut self, lowest: u8, highest: u8) -> Result<(), Over> {
        if !(lowest..=highest).contains(&PROTOCOL_VERSION) {
            self.refuse(0, Refusal::Version)?;
            return Err(Over);
        }
        self.greeted = true;
        let incarnation = self.relay.store.incarnation();
        self.say(&RelayFrame::Challenge { version: PROTOCOL_VERSION, nonce: self.nonce, incarnation })
    }

    async fn create(&mut self, entries: Vec<Vec<u8>>) -> Result<(), Over> {
        let genesis = entries.first().and_then(|bytes| Entry::decode(bytes).ok());
        let Some(genesis) = genesis else { return self.refuse(0, Refusal::Roster) };
        let vault = VaultId::of_genesis(&genesis.id());
        let may_found = self.relay.config.registration == Registration::Open;
        match self.change_roster(vault, entries, may_found).await {
            Ok(true) => self.say(&RelayFrame::Done { request: 0 }),
            Ok(false) => self.refuse(0, Refusal::Roster),
            Err(reason) => self.refuse(0, reason),
        }
    }

    /// Stores entries, tells the others, and lets removed devices go. False when they contradict what is there.
    async fn change_roster(
        &mut self,
        vault: VaultId,
        entries: Vec<Vec<u8>>,
        may_found: bool,
    ) -> Result<bool, Refusal> {
        match self.relay.store.found(vault, entries, may_found).await {
            Ok(Founding::Accepted { roster, removed, added }) => {
                if let Some((from, entries)) = added {
                    let frame = Bytes::from(RelayFrame::Roster { from, entries }.encode());
                    self.relay.hub.pass_on(vault, self.id, &frame);
                }
                let farewell = RelayFrame::Refused { request: 0, reason: Refusal::Removed };
                let farewell = Bytes::from(farewell.encode());
                for device in removed {
                    self.relay.hub.dismiss(vault, device, &farewell);
                }
                if let Some(login) = self.login.as_mut().filter(|login| login.vault == vault) {
                    login.roster = Arc::new(roster);
                }
                Ok(true)
            }
            Ok(Founding::Contradicts) => Ok(false),
            Ok(Founding::Closed) => Err(Refusal::Closed),
            Err(error) => {
                tracing::error!(%error, "a roster could not be stored");
                Err(Refusal::Unavailable)
            }
        }
    }

    async fn log_in(&mut self, vault: VaultId, device: DeviceId, signature: &[u8; 64]) -> Result<(), Over> {
        self.attempts += 1;
        if self.login.is_some() || self.attempts > ATTEMPTS {
            self.refuse(0, Refusal::Malformed)?;
            return Err(Over);
        }
        let log = match self.relay.store.vault(vault).await {
            Ok(log) => log,
            Err(error) => {
                tracing::error!(%error, "a vault could not be read");
                return self.refuse(0, Refusal::Unavailable);
            }
        };
        let message = login_message(self.relay.store.incarnation(), &self.nonce, vault, device);
        let member = log.as_ref().and_then(|log| log.roster.members().get(&device)).map(|m| m.sign_key);
        let former = log.as_ref().and_then(|log| log.roster.former().get(&device)).map(|f| f.sign_key);
        // An unknown vault or device costs the same check and gets the same answer as a wrong signature.
        let key = member.or(former).unwrap_or(NOBODYS_KEY);
        let signed = verify_signature(&key, b"", &message, signature);
        let Some(log) = log.filter(|_| signed && (member.is_some() || former.is_some())) else {
            self.relay.metrics.logins_refused.fetch_add(1, Relaxed);
            return self.refuse(0, Refusal::Login);
        };
        if member.is_none() {
            self.refuse(0, Refusal::Removed)?;
            return Err(Over);
        }
        self.say(&RelayFrame::Welcome {
            head: log.head,
            roster_sequence: log.roster.sequence(),
            roster_head: EntryId(log.roster.head().0),
            vector: log.vector(),
        })?;
        self.login = Some(Login { vault, device, roster: Arc::new(log.roster) });
        self.relay.hub.join(vault, device, self.id, self.outgoing.clone());
        Ok(())
    }

    async fn member(&mut self, vault: VaultId, device: DeviceId, frame: DeviceFrame) -> Result<(), Over> {
        match frame {
            DeviceFrame::Push { request, records } => self.push(vault, request, records).await,
            DeviceFrame::Pull { request, after } => self.page(vault, request, Range::After(after)).await,
            DeviceFrame::Fetch { request, device, from, to } => {
                self.page(vault, request, Range::Device(device, from, to)).await
            }
            DeviceFrame::AskVector { request } => match self.relay.store.vault(vault).await {
                Ok(Some(log)) => {
                    self.say(&RelayFrame::Vector { request, head: log.head, vector: log.vector() })
                }
                Ok(None) | Err(_) => self.refuse(request, Refusal::Unavailable),
            },
            DeviceFrame::AskRoster { from } => match self.relay.store.roster(vault, from).await {
                Ok(entries) => self.say(&RelayFrame::Roster { from, entries }),
                Err(_) => self.refuse(0, Refusal::Unavailable),
            },
            DeviceFrame::AppendRoster { request, entry } => {
                match self.change_roster(vault, vec![entry], false).await {
                    Ok(accepted) => self.say(&RelayFrame::RosterAppended { request, accepted }),
                    Err(reason) => self.refuse(request, reason),
                }
            }
            DeviceFrame::Whisper { sealed } => {
                let frame = Bytes::from(RelayFrame::Whisper { device, sealed }.encode());
                self.relay.hub.pass_on(vault, self.id, &frame);
                Ok(())
            }
            DeviceFrame::Hello { .. }
            | DeviceFrame::Create { .. }
            | DeviceFrame::Login { .. }
            | DeviceFrame::PutMail { .. }
            | DeviceFrame::WatchMail { .. }
            | DeviceFrame::Ping => Err(Over),
        }
    }

    async fn push(&mut self, vault: VaultId, request: RequestId, records: Vec<Vec<u8>>) -> Result<(), Over> {
        let Some(login) = &self.login else { return Err(Over) };
        let mut checked = authenticate_all(vault, &login.roster, records);
        // Another device may have been admitted since this one logged in.
        if checked.iter().any(|(record, _)| matches!(record, Err(Outcome::NotAllowed))) {
            if let Ok(Some(log)) = self.relay.store.vault(vault).await {
                let roster = Arc::new(log.roster);
                let bytes = checked.into_iter().map(|(_, bytes)| bytes).collect();
                checked = authenticate_all(vault, &roster, bytes);
                if let Some(login) = &mut self.login {
                    login.roster = roster;
                }
            }
        }
        let records =
            checked.into_iter().map(|(record, bytes)| record.map(|record| (record, bytes))).collect();
        let outgoing = self.outgoing.clone();
        let append = Append { vault, connection: self.id, outgoing, request, records };
        if self.relay.store.append(append).await.is_err() {
            return self.refuse(request, Refusal::Unavailable);
        }
        Ok(())
    }

    async fn page(&mut self, vault: VaultId, request: RequestId, range: Range) -> Result<(), Over> {
        match self.relay.store.page(vault, range).await {
            Ok(page) => {
                self.relay.metrics.pages.fetch_add(1, Relaxed);
                self.say(&RelayFrame::Page {
                    request,
                    head: page.head,
                    more: page.more,
                    records: page.records,
                })
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be read");
                self.refuse(request, Refusal::Unavailable)
            }
        }
    }

    fn refuse(&mut self, request: RequestId, reason: Refusal) -> Result<(), Over> {
        self.say(&RelayFrame::Refused { request, reason })
    }

    fn say(&mut self, frame: &RelayFrame) -> Result<(), Over> {
        // A device that asks faster than it reads has only itself to wait for.
        self.outgoing.try_send(Bytes::from(frame.encode())).map_err(|_| Over)
    }
}

type Checked = (Result<cairn_wire::record::Verified, Outcome>, Vec<u8>);

fn authenticate_all(vault: VaultId, roster: &Roster, records: Vec<Vec<u8>>) -> Vec<Checked> {
    records.into_iter().map(|bytes| (authenticate(vault, roster, &bytes), bytes)).collect()
}

/// A key for which nobody can sign: checking against it takes as long as against any other.
const NOBODYS_KEY: [u8; 32] = [
    0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
];

