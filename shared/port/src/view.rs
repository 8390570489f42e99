//! What the screens show.

use serde::{Deserialize, Serialize};

use crate::date::{Date, TimeOfDay};
use crate::ids::{ClientId, DeviceKey, NoteId};

/// A screen's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum View {
    /// All clients.
    Caseload(Caseload),
    /// One client.
    Client(ClientView),
    /// One note.
    Note(NoteView),
    /// The devices.
    Devices(DevicesView),
    /// The practice.
    Practice(PracticeView),
    /// What was asked for is not on this device.
    NotHere,
}

/// All clients, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Caseload {
    /// The clients.
    pub clients: Vec<ClientRow>,
    /// Unsigned notes, oldest first, at most 50.
    pub drafts: Vec<NoteRow>,
    /// How many unsigned notes there are in all.
    pub draft_count: u32,
}

/// A client in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientRow {
    /// Which.
    pub id: ClientId,
    /// The name to use.
    pub name: String,
    /// Pronouns; may be empty.
    pub pronouns: String,
    /// How many notes.
    pub notes: u32,
    /// How many of them are drafts.
    pub drafts: u32,
    /// Day of the last session noted.
    pub last: Option<Date>,
}

/// One client and the notes, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientView {
    /// Which.
    pub id: ClientId,
    /// The name to use.
    pub name: String,
    /// Pronouns; may be empty.
    pub pronouns: String,
    /// Newest first.
    pub notes: Vec<NoteRow>,
    /// The formats a note can begin with; the one used last for this client first.
    pub formats: Vec<FormatChoice>,
}

/// A note in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoteRow {
    /// Which.
    pub id: NoteId,
    /// Whose.
    pub client: ClientId,
    /// The client's name.
    pub client_name: String,
    /// Day of the session.
    pub date: Date,
    /// The format's short name, as in "SOAP".
    pub format: String,
    /// Still a draft.
    pub draft: bool,
    /// The first words.
    pub excerpt: String,
}

/// A format that a note can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatChoice {
    /// Its key.
    pub key: String,
    /// Its short name, as in "SOAP".
    pub name: String,
    /// Its section titles, as in "Subjective, Objective, Assessment, Plan".
    pub summary: String,
}

/// One note, open for writing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoteView {
    /// Which.
    pub id: NoteId,
    /// Whose.
    pub client: ClientId,
    /// The client's name.
    pub client_name: String,
    /// Day of the session.
    pub date: Date,
    /// When the session began.
    pub start: Option<TimeOfDay>,
    /// When it ended.
    pub stop: Option<TimeOfDay>,
    /// Minutes between the two, when both are there and in order.
    pub minutes: Option<u16>,
    /// The format's key.
    pub format: String,
    /// All formats.
    pub formats: Vec<FormatChoice>,
    /// The sections in the format's order, then those that only hold text from an earlier format.
    pub sections: Vec<SectionView>,
    /// Still a draft.
    pub draft: bool,
    /// The note was written by a newer Cairn and cannot be edited here.
    pub read_only: bool,
}

/// A section of a note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SectionView {
    /// Its key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// One line saying what belongs here.
    pub prompt: String,
    /// The text.
    pub text: String,
    /// Belongs to the note's present format; otherwise it holds text from an earlier one.
    pub in_format: bool,
}

/// The devices of the practice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DevicesView {
    /// This one first.
    pub devices: Vec<DeviceRow>,
}

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Which.
    pub id: DeviceKey,
    /// What it is called.
    pub name: String,
    /// It is the one in your hand.
    pub this: bool,
    /// It is connected to the relay now.
    pub connected: bool,
    /// How many records it has written, as far as this device knows.
    pub records: u64,
}

/// The practice itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PracticeView {
    /// Its name; may be empty.
    pub name: String,
    /// It is a sample practice.
    pub sample: bool,
    /// How many clients.
    pub clients: u32,
    /// How many notes.
    pub notes: u32,
    /// Opaque id of the vault, for support.
    pub vault: String,
}
