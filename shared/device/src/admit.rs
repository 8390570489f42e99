//! Admitting another device, on the device that is trusted.

use cairn_port::{DeviceKey, Outcome, PairStep, Problem, Reply};
use cairn_vault::{
    Digits, Invitation, MembershipError, Newcomer, add_device, read_request, rename_device, welcome,
};
use cairn_wire::frame::DeviceFrame;
use cairn_wire::roster::Entry;
use cairn_wire::{DeviceId, MailboxId};

use crate::context::Context;
use crate::io::TabId;
use crate::practice::Practice;

/// How long an invitation holds.
const INVITATION_MS: u64 = 5 * 60 * 1000;
/// Wrong digits after which it is over.
const TRIES: u8 = 3;

/// An invitation that somebody may answer.
pub(crate) struct Inviting {
    invitation: Invitation,
    expires: u64,
    request: Option<Asked>,
    wrong: u8,
    /// The answer is on its way to the mailbox.
    replying: Option<(u32, TabId, u32)>,
}

struct Asked {
    sealed: Vec<u8>,
    newcomer: Newcomer,
    digits: Digits,
}

/// A roster entry on its way to the relay.
pub(crate) struct Appending {
    request: u32,
    entry: Entry,
    tab: TabId,
    id: u32,
    admits: bool,
}

impl Practice {
    pub(crate) fn invite(&mut self, cx: &mut Context<'_>) -> Outcome {
        if !cx.link.is_in() {
            return Err(Problem::RelayUnreachable);
        }
        let invitation = Invitation::generate(cx.rng);
        cx.send(&DeviceFrame::WatchMail { mailbox: invitation.request_mailbox() });
        let code = invitation.code().to_string();
        let expires = cx.now.steady_ms + INVITATION_MS;
        self.inviting = Some(Inviting { invitation, expires, request: None, wrong: 0, replying: None });
        Self::tell_pair(PairStep::Waiting, cx);
        Ok(Reply::Invitation { code })
    }

    /// A message has come into a mailbox.
    pub(crate) fn mail(&mut self, mailbox: MailboxId, sealed: Vec<u8>, cx: &mut Context<'_>) {
        let Some(inviting) = &mut self.inviting else { return };
        if mailbox != inviting.invitation.request_mailbox() || inviting.request.is_some() {
            return;
        }
        match read_request(&inviting.invitation, &sealed) {
            Ok((newcomer, digits)) => {
                let name = newcomer.name.clone();
                inviting.request = Some(Asked { sealed, newcomer, digits });
                Self::tell_pair(PairStep::Asks { name }, cx);
            }
            // Not made with the code on this screen: whoever left it gets no second attempt.
            Err(_) => self.end_invitation(cx),
        }
    }

    pub(crate) fn admit(&mut self, tab: TabId, id: u32, typed: &str, cx: &mut Context<'_>) {
        let outcome = self.try_admit(tab, id, typed, cx);
        if let Err(problem) = outcome {
            cx.reply(tab, id, Err(problem));
        }
    }

    fn try_admit(&mut self, tab: TabId, id: u32, typed: &str, cx: &mut Context<'_>) -> Result<(), Problem> {
        let inviting = self.inviting.as_mut().ok_or(Problem::InvitationOver)?;
        let asked = inviting.request.as_ref().ok_or(Problem::NotNow)?;
        if !asked.digits.are(typed) {
            inviting.wrong += 1;
            if inviting.wrong >= TRIES {
                self.end_invitation(cx);
                return Err(Problem::InvitationOver);
            }
            return Err(Problem::DigitsDiffer);
        }
        let entry = add_device(&self.roster, &self.identity, &self.keys, &asked.newcomer, cx.rng);
        self.append(tab, id, true, entry, cx)
    }

    pub(crate) fn rename(&mut self, tab: TabId, id: u32, device: DeviceKey, name: &str, cx: &mut Context<'_>) {
        let outcome = if name.trim().is_empty() {
            Err(Problem::NameMissing)
        } else {
            let device = DeviceId(device.0);
            let entry = rename_device(&self.roster, &self.identity, &self.keys, device, name.trim(), cx.rng);
            self.append(tab, id, false, entry, cx)
        };
        if let Err(problem) = outcome {
            cx.reply(tab, id, Err(problem));
        }
    }

    fn append(
        &mut self,
        tab: TabId,
        id: u32,
        admits: bool,
        entry: Result<Entry, MembershipError>,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let entry = entry.map_err(|error| match error {
            MembershipError::TooManyDevices => Problem::TooManyDevices,
            MembershipError::NoKey | MembershipError::BadKey | MembershipError::Roster(_) => Problem::NotHere,
        })?;
        if !cx.link.is_in() {
            return Err(Problem::RelayUnreachable);
        }
        if self.appending.is_some() {
            return Err(Problem::NotNow);
        }
        let request = cx.link.request();
        cx.send(&DeviceFrame::AppendRoster { request, entry: entry.encode() });
        self.appending = Some(Appending { request, entry, tab, id, admits });
        Ok(())
    }

    /// The relay has taken the entry, or another one was first.
    pub(crate) fn appended(&mut self, request: u32, accepted: bool, cx: &mut Context<'_>) {
        let Some(appending) = self.appending.take_if(|appending| appending.request == request) else { return };
        if !accepted {
            // Somebody else was first. Their entry is fetched; the user's hand decides again.
            cx.send(&DeviceFrame::AskRoster { from: self.roster.sequence().next() });
            cx.reply(appending.tab, appending.id, Err(Problem::NotNow));
            return;
        }
        let bytes = appending.entry.encode();
        if self.roster.append(appending.entry).is_ok() {
            self.entries.push(bytes);
            self.roster_changed(cx);
        }
        if appending.admits {
            self.answer_newcomer(appending.tab, appending.id, cx);
        } else {
            cx.reply(appending.tab, appending.id, Ok(Reply::Done));
        }
    }

    fn answer_newcomer(&mut self, tab: TabId, id: u32, cx: &mut Context<'_>) {
        let sealed = self.inviting.as_ref().and_then(|inviting| {
            let asked = inviting.request.as_ref()?;
            let (invitation, vault) = (&inviting.invitation, self.row.vault);
            let sealed =
                welcome(invitation, &asked.newcomer, &asked.sealed, vault, &self.entries, cx.rng).ok()?;
            Some((invitation.reply_mailbox(), sealed))
        });
        let Some((mailbox, sealed)) = sealed else {
            cx.reply(tab, id, Err(Problem::InvitationOver));
            return;
        };
        let request = cx.link.request();
        cx.send(&DeviceFrame::PutMail { request, mailbox, sealed });
        if let Some(inviting) = &mut self.inviting {
            inviting.replying = Some((request, tab, id));
        }
    }

    /// The relay holds the answer for the new device.
    pub(crate) fn mail_left(&mut self, request: u32, cx: &mut Context<'_>) {
        let replying = self.inviting.as_ref().and_then(|inviting| inviting.replying);
        if let Some((_, tab, id)) = replying.filter(|(replying, ..)| *replying == request) {
            let name = self.inviting.take().and_then(|inviting| inviting.request).map(|asked| asked.newcomer.name);
            Self::tell_pair(PairStep::Admitted { name: name.unwrap_or_default() }, cx);
            cx.reply(tab, id, Ok(Reply::Done));
        }
    }

    pub(crate) fn mail_refused(&mut self, request: u32, cx: &mut Context<'_>) {
        let replying = self.inviting.as_ref().and_then(|inviting| inviting.replying);
        if let Some((_, tab, id)) = replying.filter(|(replying, ..)| *replying == request) {
            cx.reply(tab, id, Err(Problem::RelayRefuses));
            self.end_invitation(cx);
        }
        if let Some(appending) = self.appending.take_if(|appending| appending.request == request) {
            cx.reply(appending.tab, appending.id, Err(Problem::RelayRefuses));
        }
    }

    pub(crate) fn admit_disconnected(&mut self, cx: &mut Context<'_>) {
        if let Some(appending) = self.appending.take() {
            cx.reply(appending.tab, appending.id, Err(Problem::RelayUnreachable));
        }
        if self.inviting.is_some() {
            self.end_invitation(cx);
        }
    }

    fn end_invitation(&mut self, cx: &mut Context<'_>) {
        self.inviting = None;
        Self::tell_pair(PairStep::Over, cx);
    }

    pub(crate) fn tick_admit(&mut self, cx: &mut Context<'_>) {
        if self.admit_timeout().is_some_and(|expires| expires <= cx.now.steady_ms) {
            self.end_invitation(cx);
        }
    }

    pub(crate) fn admit_timeout(&self) -> Option<u64> {
        self.inviting.as_ref().map(|inviting| inviting.expires)
    }
}
