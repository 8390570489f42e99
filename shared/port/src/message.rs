//! What the engine tells the tabs.

use serde::{Deserialize, Serialize};

use crate::request::Outcome;
use crate::text::TextChange;
use crate::view::View;

/// From the engine to one tab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// How a request ended.
    Reply {
        /// The request's number.
        id: u32,
        /// How.
        outcome: Outcome,
    },
    /// Where the practice on this device stands.
    Phase(Phase),
    /// How safe what was written is.
    State(State),
    /// A watched screen's content.
    View {
        /// The watch.
        watch: u32,
        /// The content.
        view: Box<View>,
    },
    /// Somebody else changed a section of a watched note.
    Patch {
        /// The watch.
        watch: u32,
        /// The section.
        section: String,
        /// Counts the patches of this section in this watch, from 1.
        number: u32,
        /// The last own change of this tab that the engine had applied before.
        own: u32,
        /// The change of the text as it is after that own change.
        change: TextChange,
    },
    /// How joining goes.
    Join(JoinStep),
    /// How admitting a device goes.
    Pair(PairStep),
    /// Long work, while it lasts.
    Progress {
        /// So many done.
        done: u32,
        /// Of so many.
        total: u32,
    },
    /// Something the user should know once.
    Notice(Notice),
}

/// Where the practice on this device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The engine is looking.
    Starting,
    /// There is no practice on this device.
    Empty,
    /// A practice was begun and its recovery kit waits to be proved.
    Proving,
    /// This device waits to be admitted.
    Joining,
    /// There is a practice, and it is locked.
    Locked {
        /// It is a sample practice.
        sample: bool,
    },
    /// The practice is open.
    Open {
        /// It is a sample practice.
        sample: bool,
    },
    /// The engine cannot use the browser's storage.
    NoStorage,
}

/// How safe what was written is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Every keystroke so far is on this device's disk.
    pub saved: bool,
    /// The disk refused the last write.
    pub disk_refuses: bool,
    /// So many records wait to be sent.
    pub waiting: u32,
    /// The connection to the relay.
    pub link: Link,
    /// Devices of the practice, this one included.
    pub devices: u8,
}

/// The connection to the relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// There is none.
    #[default]
    Offline,
    /// Connected, and catching up.
    CatchingUp,
    /// In step.
    Online,
    /// The relay does not admit this device.
    Refused,
    /// The vault is full at the relay.
    Full,
    /// The relay speaks a newer protocol only.
    UpdateNeeded,
}

/// How joining goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinStep {
    /// The other device has the request; somebody must type the digits there.
    Waiting,
    /// Admitted: the practice is on this device.
    Admitted,
    /// The invitation is over.
    Over,
    /// The relay cannot be reached.
    Unreachable,
}

/// How admitting a device goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PairStep {
    /// Nobody has asked yet.
    Waiting,
    /// A device asks; it shows six digits.
    Asks {
        /// What it calls itself.
        name: String,
    },
    /// It belongs to the practice now.
    Admitted {
        /// What it calls itself.
        name: String,
    },
    /// The invitation is over.
    Over,
}

/// Something the user should know once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The relay had lost records; this device gave them back.
    RelayRefilled {
        /// How many.
        records: u32,
    },
    /// The relay shows an older state than it once did.
    RelayRolledBack,
    /// A record does not open or does not fit; it is kept aside.
    RecordSetAside,
    /// A record was written by a newer Cairn.
    UpdateNeeded,
    /// What was typed last before a crash is back.
    Recovered,
}
