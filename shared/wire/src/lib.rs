//! What the relay may know: ids, the record envelope, the roster's public face, frames and limits.
//!
//! Everything here is public by design. A program that links only this crate can check who wrote a
//! record and that nothing is missing from a device's log; it cannot read a word of it.

pub mod codec;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod record;
pub mod roster;

pub use codec::DecodeError;
pub use ids::{
    DeviceId, DocumentId, Epoch, EntryId, Gseq, Incarnation, KeyRef, MailboxId, Number, RecordId,
    RosterSequence, VaultId,
};

/// The version of the frames spoken here. A relay and a device use the highest both know.
pub const PROTOCOL_VERSION: u8 = 1;
