//! Keys and everything that is sealed with them.
//!
//! `safe` is the only door: each of its functions does one whole job (seal a record, admit a device)
//! and cannot be used half. `hazmat` holds the primitives, and nothing outside this crate sees them.
//! Randomness is handed in; there is no clock and no storage here.

mod hazmat;
mod safe;

pub use hazmat::Entropy;
pub use safe::identity::Identity;
pub use safe::keyring::Keyring;
pub use safe::membership::{
    MembershipError, Newcomer, add_device, device_name, found, learn_epochs, remove_devices, rename_device,
    replace_recovery,
};
pub use safe::pairing::{Digits, Invitation, PairError, ask_to_join, read_request, read_welcome, welcome};
pub use safe::record::{OpenError, Plain, Place, SealError, Seen, open, seal};
pub use safe::recovery::RecoveryKit;
pub use safe::storage::{StorageKey, UnsealError};
pub use safe::typed_code::CodeError;
pub use safe::unlock::{KdfParams, UnlockError, open_envelope, seal_envelope};
pub use safe::whisper::{open_whisper, seal_whisper};
