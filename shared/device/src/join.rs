//! Beginning: founding a practice, or being admitted to one.

use cairn_port::{JoinStep, Message, Outcome, Problem, Reply};
use cairn_vault::{
    CodeError, Identity, Invitation, KdfParams, Keyring, RecoveryKit, StorageKey, UnlockError, ask_to_join,
    found, learn_epochs, read_welcome, seal_envelope,
};
use cairn_wire::MailboxId;
use cairn_wire::frame::DeviceFrame;
use cairn_wire::roster::{Entry, Roster};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::io::Table;
use crate::logs::Logs;
use crate::practice::{Parts, Practice};
use crate::rows::{self, PracticeRow, RelayRow};

/// A device that was not answered gives up.
const WAIT_MS: u64 = 5 * 60 * 1000;

pub(crate) fn problem_of_code(error: CodeError) -> Problem {
    match error {
        CodeError::Length => Problem::CodeLength,
        CodeError::Character { position } => Problem::CodeCharacter(position),
        CodeError::Mistyped => Problem::CodeMistyped,
    }
}

pub(crate) fn problem_of_unlock(error: UnlockError) -> Problem {
    match error {
        UnlockError::WrongPassphrase => Problem::WrongPassphrase,
        UnlockError::Damaged | UnlockError::WeakParameters => Problem::StorageDamaged,
        UnlockError::Newer => Problem::UpdateNeeded,
    }
}

/// A practice that was begun; nothing of it is stored before the kit is proved.
pub(crate) struct Founding {
    identity: Identity,
    keys: Keyring,
    entry: Entry,
    canary: Vec<u8>,
    passphrase: Zeroizing<String>,
    practice_name: String,
}

impl Founding {
    /// A new practice, and the recovery kit's code.
    pub(crate) fn begin(
        passphrase: String,
        device_name: &str,
        practice_name: String,
        cx: &mut Context<'_>,
    ) -> Result<(Self, String), Problem> {
        let passphrase = Zeroizing::new(passphrase);
        let identity = Identity::generate(cx.rng);
        let kit = RecoveryKit::generate(cx.rng);
        let canary = RecoveryKit::seal_canary(&kit.keys(), cx.rng);
        let (entry, keys) =
            found(&identity, device_name, &kit, cx.rng).map_err(|_| Problem::StorageDamaged)?;
        let code = kit.code().to_string();
        Ok((Self { identity, keys, entry, canary, passphrase, practice_name }, code))
    }

    /// Whether this is the kit's code.
    pub(crate) fn prove(&self, typed: &str) -> Result<(), Problem> {
        let kit = RecoveryKit::parse(typed).map_err(problem_of_code)?;
        if kit.opens_canary(&self.canary) { Ok(()) } else { Err(Problem::CodeOther) }
    }

    /// Stores the practice.
    pub(crate) fn finish(
        self,
        sample: bool,
        kdf: KdfParams,
        window: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Result<Practice, Problem> {
        let entries = vec![self.entry.encode()];
        let roster = Roster::found(self.entry).map_err(|_| Problem::StorageDamaged)?;
        let row = PracticeRow { vault: roster.vault(), sample };
        let begun = Begun { row, identity: self.identity, keys: self.keys, roster, entries };
        let mut practice = begun.settle(&self.passphrase, kdf, window, cx)?;
        practice.found(&self.practice_name, cx)?;
        Ok(practice)
    }
}

/// A device that has asked for admission.
pub(crate) struct Joining {
    identity: Identity,
    invitation: Invitation,
    sealed: Vec<u8>,
    digits: String,
    passphrase: Zeroizing<String>,
    pub(crate) gives_up: u64,
    /// The tab and request that wait for the digits.
    asking: Option<(crate::io::TabId, u32)>,
    request: u32,
}

impl Joining {
    pub(crate) fn begin(
        code: &str,
        passphrase: String,
        device_name: &str,
        asking: (crate::io::TabId, u32),
        cx: &mut Context<'_>,
    ) -> Result<Self, Problem> {
        let passphrase = Zeroizing::new(passphrase);
        let invitation = Invitation::parse(code).map_err(problem_of_code)?;
        let identity = Identity::generate(cx.rng);
        let (sealed, digits) = ask_to_join(&invitation, &identity, device_name, cx.rng);
        cx.link.want(cx.now.steady_ms);
        Ok(Self {
            identity,
            invitation,
            sealed,
            digits: digits.as_str().to_owned(),
            passphrase,
            gives_up: cx.now.steady_ms + WAIT_MS,
            asking: Some(asking),
            request: 0,
        })
    }

    /// Connected: leaves the request and waits for the answer.
    pub(crate) fn ask(&mut self, cx: &mut Context<'_>) {
        self.request = cx.link.request();
        let mailbox: MailboxId = self.invitation.request_mailbox();
        cx.send(&DeviceFrame::PutMail { request: self.request, mailbox, sealed: self.sealed.clone() });
        cx.send(&DeviceFrame::WatchMail { mailbox: self.invitation.reply_mailbox() });
    }

    /// The relay holds the request: the digits may be shown.
    pub(crate) fn asked(&mut self, request: u32, cx: &mut Context<'_>) {
        if request == self.request {
            if let Some((tab, id)) = self.asking.take() {
                cx.reply(tab, id, Ok(Reply::Digits { digits: self.digits.clone() }));
            }
            cx.tell_all(&Message::Join(JoinStep::Waiting));
        }
    }

    /// Ends without having been admitted; whoever still waits for the digits is told why.
    pub(crate) fn give_up(&mut self, step: JoinStep, cx: &mut Context<'_>) {
        if let Some((tab, id)) = self.asking.take() {
            let problem: Outcome = Err(match step {
                JoinStep::Unreachable => Problem::RelayUnreachable,
                JoinStep::Waiting | JoinStep::Admitted | JoinStep::Over => Problem::InvitationOver,
            });
            cx.reply(tab, id, problem);
        }
        cx.tell_all(&Message::Join(step));
    }

    pub(crate) fn is_for_us(&self, mailbox: MailboxId) -> bool {
        mailbox == self.invitation.reply_mailbox()
    }

    /// The answer has come: stores the practice.
    pub(crate) fn finish(
        self,
        sealed: &[u8],
        kdf: KdfParams,
        window: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Result<Practice, Problem> {
        let (roster, entries) = read_welcome(&self.invitation, &self.identity, &self.sealed, sealed)
            .map_err(|_| Problem::InvitationOver)?;
        let chain: Vec<Entry> = entries.iter().filter_map(|bytes| Entry::decode(bytes).ok()).collect();
        let mut keys = Keyring::default();
        learn_epochs(&chain, &self.identity, &mut keys).map_err(|_| Problem::InvitationOver)?;
        let row = PracticeRow { vault: roster.vault(), sample: false };
        let begun = Begun { row, identity: self.identity, keys, roster, entries };
        begun.settle(&self.passphrase, kdf, window, cx)
    }
}

/// A practice that is new on this device.
struct Begun {
    row: PracticeRow,
    identity: Identity,
    keys: Keyring,
    roster: Roster,
    entries: Vec<Vec<u8>>,
}

impl Begun {
    fn settle(
        self,
        passphrase: &str,
        kdf: KdfParams,
        window: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Result<Practice, Problem> {
        let key = StorageKey::generate(cx.rng);
        let envelope = seal_envelope(passphrase, &key, kdf, cx.rng).map_err(problem_of_unlock)?;
        cx.disk.put(Table::Meta, rows::ENVELOPE, envelope);
        cx.disk.put(Table::Meta, rows::PRACTICE, self.row.encode());
        let parts = Parts {
            row: self.row,
            key,
            identity: self.identity,
            keys: self.keys,
            roster: self.roster,
            entries: self.entries,
            logs: Logs::default(),
            relay: RelayRow::default(),
            window,
        };
        let practice = Practice::new(parts, cx);
        practice.write_secrets(cx);
        practice.write_roster(cx);
        practice.write_logs(cx);
        practice.write_relay(cx);
        Ok(practice)
    }
}
