//! What passes between the screens and the engine: requests, views and messages, as plain data.
//!
//! The screens know nothing else of Cairn: no document, no key, no record.

pub mod date;
pub mod ids;
pub mod message;
pub mod request;
pub mod text;
pub mod view;

pub use date::{Date, TimeOfDay};
pub use ids::{ClientId, DeviceKey, NoteId};
pub use message::{JoinStep, Link, Message, Notice, PairStep, Phase, State};
pub use request::{ClientChange, NoteChange, Outcome, Problem, Reply, Request, Screen};
pub use text::TextChange;

use serde::{Deserialize, Serialize};

/// A request as a tab sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Chosen by the tab, echoed in [`Message::Reply`].
    pub id: u32,
    /// What is asked.
    pub request: Request,
}

impl Envelope {
    /// As bytes for the message port.
    pub fn encode(&self) -> Vec<u8> {
        // Encoding plain data into a growing buffer has no way to fail.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// From the message port's bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl Message {
    /// As bytes for the message port.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// From the message port's bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
