//! What a tab may ask of the engine, and how the engine answers.

use serde::{Deserialize, Serialize};

use crate::date::{Date, TimeOfDay};
use crate::ids::{ClientId, DeviceKey, NoteId};
use crate::text::TextChange;

/// What a tab asks. Every request is answered by exactly one [`Reply`], except where it says otherwise.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// The first word of a tab: answered by [`crate::Phase`] and [`crate::State`] messages too.
    Hello,
    /// Begins a practice on this device; answered by [`Reply::Kit`]. Nothing is stored before the
    /// recovery kit is proved.
    Create {
        /// The passphrase chosen.
        passphrase: String,
        /// What to call this device.
        device_name: String,
        /// The practice's name; may be empty.
        practice_name: String,
    },
    /// The recovery code as the user typed it back from the kit; on success the practice is stored and open.
    ProveKit {
        /// As typed.
        typed: String,
    },
    /// Begins a practice full of invented people. Its passphrase is [`SAMPLE_PASSPHRASE`].
    CreateSample {
        /// How many clients.
        clients: u16,
        /// How many notes in all.
        notes: u16,
    },
    /// Takes the sample practice off this device. Refused for a real practice.
    RemoveSample,
    /// Opens the practice.
    Unlock {
        /// As typed.
        passphrase: String,
    },
    /// Stores what is pending and drops every key.
    Lock,
    /// Asks another device for admission; answered by [`Reply::Digits`], then
    /// [`crate::Message::Join`] tells how it goes.
    Join {
        /// The code shown on the other device.
        code: String,
        /// The passphrase for this device.
        passphrase: String,
        /// What to call this device.
        device_name: String,
    },
    /// Gives up joining.
    CancelJoin,
    /// Prepares to admit another device; answered by [`Reply::Invitation`], then
    /// [`crate::Message::Pair`] tells how it goes.
    Invite,
    /// The six digits that the new device shows, as typed on this one.
    Admit {
        /// As typed.
        digits: String,
    },
    /// Withdraws the invitation.
    CancelInvite,
    /// Wants a screen's content, now and whenever it changes. A second watch with the same number replaces the first.
    Watch {
        /// Chosen by the tab.
        watch: u32,
        /// Which screen.
        screen: Screen,
    },
    /// Wants it no more.
    Unwatch {
        /// As given to [`Request::Watch`].
        watch: u32,
    },
    /// Adds a client; answered by [`Reply::Client`].
    AddClient {
        /// The name to use.
        name: String,
        /// May be empty.
        pronouns: String,
    },
    /// Changes a client.
    EditClient {
        /// Which.
        client: ClientId,
        /// What.
        change: ClientChange,
    },
    /// Begins a note; answered by [`Reply::Note`].
    AddNote {
        /// For whom.
        client: ClientId,
        /// Key of the format, as in [`crate::view::FormatChoice`].
        format: String,
    },
    /// Changes a note's header.
    EditNote {
        /// Which.
        note: NoteId,
        /// What.
        change: NoteChange,
    },
    /// Keystrokes in a section that a [`Screen::Note`] watch of this tab shows.
    Type {
        /// Through which watch.
        watch: u32,
        /// In which section.
        section: String,
        /// Counts this tab's changes to this section in this watch, from 1.
        own: u32,
        /// The last [`crate::Message::Patch`] that this tab had applied to this section, 0 for none.
        seen: u32,
        /// The change of the text as the tab had it.
        change: TextChange,
    },
    /// The hand left the text, or the page is being hidden: commit what is pending.
    Flush,
    /// Names this or another device.
    RenameDevice {
        /// Which.
        device: DeviceKey,
        /// New name.
        name: String,
    },
}

/// The passphrase of every sample practice.
pub const SAMPLE_PASSPHRASE: &str = "sample practice";

/// Requests may hold a passphrase: they are never printed.
impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Request(…)")
    }
}

/// A change of a client's particulars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientChange {
    /// The name to use.
    Name(String),
    /// Pronouns.
    Pronouns(String),
}

/// A change of a note's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoteChange {
    /// The format's key. No word is lost: what does not map stays visible in its own section.
    Format(String),
    /// Day of the session.
    Date(Date),
    /// When it began.
    Start(Option<TimeOfDay>),
    /// When it ended.
    Stop(Option<TimeOfDay>),
}

/// What a screen shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Screen {
    /// All clients.
    Caseload,
    /// One client and the list of notes.
    Client(ClientId),
    /// One note, open for writing.
    Note(NoteId),
    /// The practice's devices.
    Devices,
    /// The practice itself: name, whether it is the sample, storage.
    Practice,
}

/// How a request ended.
pub type Outcome = Result<Reply, Problem>;

/// The good ending of a request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done.
    Done,
    /// The recovery kit's code, to be printed or written down, and typed back.
    Kit {
        /// Groups of four characters.
        code: String,
    },
    /// What the other device must be told.
    Digits {
        /// Six digits.
        digits: String,
    },
    /// What the new device must be told.
    Invitation {
        /// Groups of four characters.
        code: String,
    },
    /// The new client.
    Client(ClientId),
    /// The new note.
    Note(NoteId),
}

/// Replies may hold a code that opens the practice: they are never printed.
impl core::fmt::Debug for Reply {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Reply(…)")
    }
}

/// Why a request could not be done. The app has the words for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Problem {
    /// Not the passphrase.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// Too easy to guess.
    #[error("weak passphrase")]
    WeakPassphrase,
    /// A code has the wrong number of characters.
    #[error("code length")]
    CodeLength,
    /// A character that no code has, at this place counted from 1.
    #[error("code character at {0}")]
    CodeCharacter(u8),
    /// A code is mistyped somewhere.
    #[error("code mistyped")]
    CodeMistyped,
    /// A well-formed code, but not the one of this kit.
    #[error("another code")]
    CodeOther,
    /// The digits are not those that the new device shows.
    #[error("digits differ")]
    DigitsDiffer,
    /// The invitation was used, withdrawn or is older than five minutes.
    #[error("invitation over")]
    InvitationOver,
    /// The relay cannot be reached, and this cannot be done without it.
    #[error("relay unreachable")]
    RelayUnreachable,
    /// The relay refuses.
    #[error("relay refuses")]
    RelayRefuses,
    /// The practice already has as many devices as it can.
    #[error("too many devices")]
    TooManyDevices,
    /// There is no room left on this device.
    #[error("storage full")]
    StorageFull,
    /// The browser does not let Cairn store anything.
    #[error("storage failed")]
    StorageFailed,
    /// What is stored here is damaged.
    #[error("storage damaged")]
    StorageDamaged,
    /// The practice is locked, or there is none, or there already is one.
    #[error("not now")]
    NotNow,
    /// There is no such client, note or device here.
    #[error("not here")]
    NotHere,
    /// A name is missing.
    #[error("name missing")]
    NameMissing,
    /// Longer than Cairn can keep in one piece.
    #[error("too long")]
    TooLong,
    /// Written by a newer Cairn; update this one.
    #[error("update needed")]
    UpdateNeeded,
}
