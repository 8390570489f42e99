//! The frames of a connection between a device and a relay: one binary WebSocket message each.

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::{
    DeviceId, EntryId, Gseq, Incarnation, MailboxId, Number, RosterSequence, VaultId,
};
use crate::limits::{
    MAX_BATCH, MAX_CHAIN, MAX_DEVICES, MAX_MAIL, MAX_RECORD, MAX_ROSTER_ENTRIES, MAX_ROSTER_ENTRY, MAX_VECTOR,
    MAX_WHISPER,
};

/// The tag under which a device signs in.
pub const LOGIN_CONTEXT: &[u8] = b"cairn/1/login";

/// The message a device signs to log in: it binds the relay's challenge, the vault and the device.
pub fn login_message(
    incarnation: Incarnation,
    nonce: &[u8; 32],
    vault: VaultId,
    device: DeviceId,
) -> Vec<u8> {
    [LOGIN_CONTEXT, &incarnation.0, nonce, &vault.0, &device.0].concat()
}

/// Matches an answer to its question within one connection.
pub type RequestId = u32;

/// The highest number of each device's log, by device.
pub type Vector = Vec<(DeviceId, Number)>;

/// From a device to the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceFrame {
    /// The first frame: the lowest and highest protocol version spoken.
    Hello {
        /// Lowest version.
        lowest: u8,
        /// Highest version.
        highest: u8,
    },
    /// Founds a vault at the relay, or brings its roster up to date. Needs no login, because entries
    /// prove themselves: a device that joined later can give the vault back to a relay that lost it.
    /// Idempotent; a chain that is a prefix of the relay's changes nothing, one that contradicts it is
    /// refused with [`Refusal::Roster`]. May be sent before or between attempts to log in.
    Create {
        /// The roster from its first entry on.
        roster: Vec<Vec<u8>>,
    },
    /// Proves which device this is, with a signature over [`login_message`]. The connection's one
    /// challenge serves up to three attempts.
    Login {
        /// The vault.
        vault: VaultId,
        /// The device.
        device: DeviceId,
        /// Ed25519 signature.
        signature: [u8; 64],
    },
    /// Records to store, each device's in order. Idempotent.
    Push {
        /// Echoed in [`RelayFrame::Pushed`].
        request: RequestId,
        /// Whole records.
        records: Vec<Vec<u8>>,
    },
    /// Records of the vault after a place in the relay's log.
    Pull {
        /// Echoed in [`RelayFrame::Page`].
        request: RequestId,
        /// The place after which to start.
        after: Gseq,
    },
    /// Records of one device's log.
    Fetch {
        /// Echoed in [`RelayFrame::Page`].
        request: RequestId,
        /// The device whose log it is.
        device: DeviceId,
        /// First number.
        from: Number,
        /// Last number.
        to: Number,
    },
    /// Where every log stands at the relay.
    AskVector {
        /// Echoed in [`RelayFrame::Vector`].
        request: RequestId,
    },
    /// Roster entries from a place on.
    AskRoster {
        /// First entry wanted.
        from: RosterSequence,
    },
    /// The next roster entry; taken only if it follows the relay's head.
    AppendRoster {
        /// Echoed in [`RelayFrame::RosterAppended`].
        request: RequestId,
        /// The entry.
        entry: Vec<u8>,
    },
    /// Sealed words for the other connected devices, never stored.
    Whisper {
        /// Opaque to the relay.
        sealed: Vec<u8>,
    },
    /// Leaves a message in a mailbox. Needs no login.
    PutMail {
        /// Echoed in [`RelayFrame::Done`] or [`RelayFrame::Refused`].
        request: RequestId,
        /// The mailbox.
        mailbox: MailboxId,
        /// Opaque to the relay.
        sealed: Vec<u8>,
    },
    /// Waits for the message in a mailbox; it is handed out once. Needs no login.
    WatchMail {
        /// The mailbox.
        mailbox: MailboxId,
    },
    /// Is anybody there?
    Ping,
}

/// From the relay to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayFrame {
    /// The answer to [`DeviceFrame::Hello`].
    Challenge {
        /// The protocol version to speak from here on.
        version: u8,
        /// Fresh randomness to sign.
        nonce: [u8; 32],
        /// Which life of its database this is.
        incarnation: Incarnation,
    },
    /// The login was accepted.
    Welcome {
        /// The end of the vault's log.
        head: Gseq,
        /// The roster's last place.
        roster_sequence: RosterSequence,
        /// The roster's last entry.
        roster_head: EntryId,
        /// Where every log stands.
        vector: Vector,
    },
    /// Something asked for was refused.
    Refused {
        /// The request, or 0 where it had no number.
        request: RequestId,
        /// Why.
        reason: Refusal,
    },
    /// Outcome of each record of a push, in order.
    Pushed {
        /// The push.
        request: RequestId,
        /// One for each record.
        outcomes: Vec<Outcome>,
    },
    /// Part of a log.
    Page {
        /// The request.
        request: RequestId,
        /// The end of the vault's log when the page was read.
        head: Gseq,
        /// Whether there is more of what was asked for.
        more: bool,
        /// Place and whole record, ascending.
        records: Vec<(Gseq, Vec<u8>)>,
    },
    /// Records that other devices have just stored.
    Live {
        /// Place and whole record, ascending.
        records: Vec<(Gseq, Vec<u8>)>,
    },
    /// Where every log stands.
    Vector {
        /// The request.
        request: RequestId,
        /// The end of the vault's log.
        head: Gseq,
        /// The vector.
        vector: Vector,
    },
    /// Roster entries, ascending; also sent unasked when an entry was added.
    Roster {
        /// Place of the first one.
        from: RosterSequence,
        /// Whole entries.
        entries: Vec<Vec<u8>>,
    },
    /// Whether the roster entry was taken.
    RosterAppended {
        /// The request.
        request: RequestId,
        /// False when another entry was first.
        accepted: bool,
    },
    /// Another device's sealed words.
    Whisper {
        /// Who sent them, as the relay says.
        device: DeviceId,
        /// Opaque to the relay.
        sealed: Vec<u8>,
    },
    /// A mailbox's message.
    Mail {
        /// The mailbox.
        mailbox: MailboxId,
        /// Opaque to the relay.
        sealed: Vec<u8>,
    },
    /// Which other devices of the vault are connected now.
    Peers {
        /// Their ids.
        devices: Vec<DeviceId>,
    },
    /// What was asked is done.
    Done {
        /// The request, or 0 for [`DeviceFrame::Create`].
        request: RequestId,
    },
    /// The answer to [`DeviceFrame::Ping`].
    Pong,
}

/// Why the relay refuses. The numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Refusal {
    /// No common protocol version.
    Version = 1,
    /// Unknown vault, unknown device or wrong signature: one answer for all three.
    Login = 2,
    /// The device was removed from the vault.
    Removed = 3,
    /// The frame is not well formed or not allowed now.
    Malformed = 4,
    /// Too large.
    TooLarge = 5,
    /// Too many requests; try later.
    Busy = 6,
    /// The vault has reached its quota.
    Quota = 7,
    /// The relay founds no vaults for strangers.
    Closed = 8,
    /// The mailbox is full.
    MailboxFull = 9,
    /// The relay cannot store anything at present.
    Unavailable = 10,
    /// The roster entry breaks the rules.
    Roster = 11,
}

/// What became of one pushed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// On disk at this place.
    Stored(Gseq),
    /// Was already on disk at this place.
    Duplicate(Gseq),
    /// The device's log at the relay ends before: send from this number on.
    Gap(Number),
    /// The relay has another record with this number.
    Forked,
    /// Its device is not, or no longer, allowed to write it.
    NotAllowed,
    /// Not a well-formed, rightly signed record of this vault.
    Invalid,
    /// The vault is full.
    Quota,
    /// The relay cannot store anything at present.
    Unavailable,
}

impl DeviceFrame {
    /// The frame as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::Hello { lowest, highest } => w.u8(1).u8(*lowest).u8(*highest),
            Self::Create { roster } => w.u8(2).list(roster, |w, e| {
                w.bytes(e);
            }),
            Self::Login { vault, device, signature } => {
                w.u8(3).put(&vault.0).put(&device.0).put(signature)
            }
            Self::Push { request, records } => w.u8(4).u32(*request).list(records, |w, r| {
                w.bytes(r);
            }),
            Self::Pull { request, after } => w.u8(5).u32(*request).u64(after.0),
            Self::Fetch { request, device, from, to } => {
                w.u8(6).u32(*request).put(&device.0).u64(from.0).u64(to.0)
            }
            Self::AskVector { request } => w.u8(7).u32(*request),
            Self::AskRoster { from } => w.u8(8).u32(from.0),
            Self::AppendRoster { request, entry } => w.u8(9).u32(*request).bytes(entry),
            Self::Whisper { sealed } => w.u8(10).bytes(sealed),
            Self::PutMail { request, mailbox, sealed } => {
                w.u8(11).u32(*request).put(&mailbox.0).bytes(sealed)
            }
            Self::WatchMail { mailbox } => w.u8(12).put(&mailbox.0),
            Self::Ping => w.u8(13),
        };
        w.into_vec()
    }

    /// Reads a frame; every byte must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let frame = match r.u8()? {
            1 => Self::Hello { lowest: r.u8()?, highest: r.u8()? },
            2 => Self::Create {
                roster: r.list(MAX_CHAIN, |r| Ok(r.bytes(MAX_ROSTER_ENTRY)?.to_vec()))?,
            },
            3 => Self::Login {
                vault: VaultId(r.array()?),
                device: DeviceId(r.array()?),
                signature: r.array()?,
            },
            4 => Self::Push {
                request: r.u32()?,
                records: r.list(MAX_BATCH, |r| Ok(r.bytes(MAX_RECORD)?.to_vec()))?,
            },
            5 => Self::Pull { request: r.u32()?, after: Gseq(r.u64()?) },
            6 => Self::Fetch {
                request: r.u32()?,
                device: DeviceId(r.array()?),
                from: Number(r.u64()?),
                to: Number(r.u64()?),
            },
            7 => Self::AskVector { request: r.u32()? },
            8 => Self::AskRoster { from: RosterSequence(r.u32()?) },
            9 => Self::AppendRoster {
                request: r.u32()?,
                entry: r.bytes(MAX_ROSTER_ENTRY)?.to_vec(),
            },
            10 => Self::Whisper { sealed: r.bytes(MAX_WHISPER)?.to_vec() },
            11 => Self::PutMail {
                request: r.u32()?,
                mailbox: MailboxId(r.array()?),
                sealed: r.bytes(MAX_MAIL)?.to_vec(),
            },
            12 => Self::WatchMail { mailbox: MailboxId(r.array()?) },
            13 => Self::Ping,
            _ => return Err(DecodeError::Invalid),
        };
        r.finish()?;
        Ok(frame)
    }
}

impl RelayFrame {
    /// The frame as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::Challenge { version, nonce, incarnation } => {
                w.u8(1).u8(*version).put(nonce).put(&incarnation.0)
            }
            Self::Welcome { head, roster_sequence, roster_head, vector } => {
                w.u8(2).u64(head.0).u32(roster_sequence.0).put(&roster_head.0);
                put_vector(&mut w, vector)
            }
            Self::Refused { request, reason } => w.u8(3).u32(*request).u16(*reason as u16),
            Self::Pushed { request, outcomes } => {
                w.u8(4).u32(*request).list(outcomes, |w, o| o.encode(w))
            }
            Self::Page { request, head, more, records } => {
                w.u8(5).u32(*request).u64(head.0).u8(u8::from(*more));
                put_records(&mut w, records)
            }
            Self::Live { records } => put_records(w.u8(6), records),
            Self::Vector { request, head, vector } => {
                put_vector(w.u8(7).u32(*request).u64(head.0), vector)
            }
            Self::Roster { from, entries } => w.u8(8).u32(from.0).list(entries, |w, e| {
                w.bytes(e);
            }),
            Self::RosterAppended { request, accepted } => {
                w.u8(9).u32(*request).u8(u8::from(*accepted))
            }
            Self::Whisper { device, sealed } => w.u8(10).put(&device.0).bytes(sealed),
            Self::Mail { mailbox, sealed } => w.u8(11).put(&mailbox.0).bytes(sealed),
            Self::Peers { devices } => w.u8(12).list(devices, |w, d| {
                w.put(&d.0);
            }),
            Self::Done { request } => w.u8(13).u32(*request),
            Self::Pong => w.u8(14),
        };
        w.into_vec()
    }

    /// Reads a frame; every byte must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let frame = match r.u8()? {
            1 => Self::Challenge {
                version: r.u8()?,
                nonce: r.array()?,
                incarnation: Incarnation(r.array()?),
            },
            2 => Self::Welcome {
                head: Gseq(r.u64()?),
                roster_sequence: RosterSequence(r.u32()?),
                roster_head: EntryId(r.array()?),
                vector: vector(&mut r)?,
            },
            3 => Self::Refused { request: r.u32()?, reason: Refusal::decode(r.u16()?)? },
            4 => Self::Pushed { request: r.u32()?, outcomes: r.list(MAX_BATCH, Outcome::decode)? },
            5 => Self::Page {
                request: r.u32()?,
                head: Gseq(r.u64()?),
                more: flag(&mut r)?,
                records: records(&mut r)?,
            },
            6 => Self::Live { records: records(&mut r)? },
            7 => Self::Vector {
                request: r.u32()?,
                head: Gseq(r.u64()?),
                vector: vector(&mut r)?,
            },
            8 => Self::Roster {
                from: RosterSequence(r.u32()?),
                entries: r
                    .list(MAX_ROSTER_ENTRIES, |r| Ok(r.bytes(MAX_ROSTER_ENTRY)?.to_vec()))?,
            },
            9 => Self::RosterAppended { request: r.u32()?, accepted: flag(&mut r)? },
            10 => Self::Whisper {
                device: DeviceId(r.array()?),
                sealed: r.bytes(MAX_WHISPER)?.to_vec(),
            },
            11 => Self::Mail {
                mailbox: MailboxId(r.array()?),
                sealed: r.bytes(MAX_MAIL)?.to_vec(),
            },
            12 => Self::Peers { devices: r.list(MAX_DEVICES, |r| Ok(DeviceId(r.array()?)))? },
            13 => Self::Done { request: r.u32()? },
            14 => Self::Pong,
            _ => return Err(DecodeError::Invalid),
        };
        r.finish()?;
        Ok(frame)
    }
}

impl Outcome {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Stored(at) => w.u8(1).u64(at.0),
            Self::Duplicate(at) => w.u8(2).u64(at.0),
            Self::Gap(expected) => w.u8(3).u64(expected.0),
            Self::Forked => w.u8(4),
            Self::NotAllowed => w.u8(5),
            Self::Invalid => w.u8(6),
            Self::Quota => w.u8(7),
            Self::Unavailable => w.u8(8),
        };
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8()? {
            1 => Self::Stored(Gseq(r.u64()?)),
            2 => Self::Duplicate(Gseq(r.u64()?)),
            3 => Self::Gap(Number(r.u64()?)),
            4 => Self::Forked,
            5 => Self::NotAllowed,
            6 => Self::Invalid,
            7 => Self::Quota,
            8 => Self::Unavailable,
            _ => return Err(DecodeError::Invalid),
        })
    }
}

impl Refusal {
    fn decode(code: u16) -> Result<Self, DecodeError> {
        Ok(match code {
            1 => Self::Version,
            2 => Self::Login,
            3 => Self::Removed,
            4 => Self::Malformed,
            5 => Self::TooLarge,
            6 => Self::Busy,
            7 => Self::Quota,
            8 => Self::Closed,
            9 => Self::MailboxFull,
            10 => Self::Unavailable,
            11 => Self::Roster,
            _ => return Err(DecodeError::Invalid),
        })
    }
}

fn flag(r: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Invalid),
    }
}

fn put_vector<'w>(w: &'w mut Writer, vector: &Vector) -> &'w mut Writer {
    w.list(vector, |w, (device, number)| {
        w.put(&device.0).u64(number.0);
    })
}

fn vector(r: &mut Reader<'_>) -> Result<Vector, DecodeError> {
    r.list(MAX_VECTOR, |r| Ok((DeviceId(r.array()?), Number(r.u64()?))))
}

fn put_records<'w>(w: &'w mut Writer, records: &[(Gseq, Vec<u8>)]) -> &'w mut Writer {
    w.list(records, |w, (at, record)| {
        w.u64(at.0).bytes(record);
    })
}

fn records(r: &mut Reader<'_>) -> Result<Vec<(Gseq, Vec<u8>)>, DecodeError> {
    r.list(MAX_BATCH, |r| Ok((Gseq(r.u64()?), r.bytes(MAX_RECORD)?.to_vec())))
}
