//! Opaque identifiers and counters. None of them is derived from what a record says.

use core::fmt;

use sha2::{Digest, Sha256};

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The id's bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads an id from a slice of exactly its length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                <[u8; $len]>::try_from(bytes).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

opaque_id!(
    /// A vault: one practice. The first 16 bytes of the hash of its first roster entry.
    VaultId, 16
);
opaque_id!(
    /// A document: random, says nothing about its kind.
    DocumentId, 16
);
opaque_id!(
    /// A device of a vault: the first 16 bytes of SHA-256 of its Ed25519 public key.
    DeviceId, 16
);
opaque_id!(
    /// SHA-256 of a record up to its signature.
    RecordId, 32
);
opaque_id!(
    /// SHA-256 of a roster entry up to its signature.
    EntryId, 32
);
opaque_id!(
    /// Which file key a record is sealed under. All zero: the epoch key itself.
    KeyRef, 8
);
opaque_id!(
    /// One life of a relay's database. A new one means the relay may have lost records.
    Incarnation, 16
);
opaque_id!(
    /// A short-lived place at the relay where two devices that are pairing leave a message.
    MailboxId, 16
);

impl KeyRef {
    /// The epoch key itself rather than a file key.
    pub const EPOCH: Self = Self([0; 8]);
}

impl RecordId {
    /// What a device's first record names as its predecessor.
    pub const NONE: Self = Self([0; 32]);
}

impl DeviceId {
    /// The id that belongs to an Ed25519 public key.
    pub fn of_key(public_key: &[u8; 32]) -> Self {
        Self(first_16(Sha256::digest(public_key).into()))
    }
}

impl VaultId {
    /// The id of the vault that a first roster entry founds.
    pub fn of_genesis(entry: &EntryId) -> Self {
        Self(first_16(entry.0))
    }
}

fn first_16(hash: [u8; 32]) -> [u8; 16] {
    let mut id = [0; 16];
    id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    id
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident, $int:ty) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }
    };
}

counter!(
    /// Place of a record in its device's log, gapless from 1; 0 means "none yet".
    Number, u64
);
counter!(
    /// Place of a record in the relay's log of a vault, dense from 1; 0 means "none yet".
    Gseq, u64
);
counter!(
    /// Which vault key is current, from 1.
    Epoch, u32
);
counter!(
    /// Place of an entry in the roster, from 0 for the first.
    RosterSequence, u32
);
