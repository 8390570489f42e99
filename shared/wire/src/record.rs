//! The record: one sealed piece of one document, in one device's gapless, hash-chained log.
//!
//! The same bytes travel on the wire, lie in the browser, on the relay and in backups.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::{DeviceId, DocumentId, Epoch, KeyRef, Number, RecordId, VaultId};
use crate::limits::MAX_CIPHERTEXT;

const MAGIC: &[u8; 4] = b"CRN1";
/// Bytes of the header, from the magic to the ciphertext's length.
pub const HEADER_LEN: usize = 176;
/// Bytes of the signature.
pub const SIGNATURE_LEN: usize = 64;
/// What a record costs beside its ciphertext.
pub const OVERHEAD: usize = HEADER_LEN + SIGNATURE_LEN;
/// The tag under which records are signed, so that no other signature can pass for one.
pub const SIGNATURE_CONTEXT: &[u8] = b"cairn/1/record";

/// HKDF-SHA-256, AES-256-GCM, Ed25519. The only suite so far.
pub const SUITE_1: u8 = 1;

/// What a record is for. Unknown values are kept and handed on, never applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u8);

impl Kind {
    /// Changes to a document.
    pub const DELTA: Self = Self(1);
    /// A whole document.
    pub const SNAPSHOT: Self = Self(2);
    /// A piece of a document too large for one record.
    pub const SNAPSHOT_PART: Self = Self(3);
    /// What a device has and where every log stands.
    pub const MANIFEST: Self = Self(4);
    /// A file key, sealed under the epoch key.
    pub const FILE_KEY: Self = Self(5);
    /// A document is destroyed.
    pub const TOMBSTONE: Self = Self(6);
    /// Another device confirms that a snapshot opens.
    pub const SNAPSHOT_VERIFIED: Self = Self(7);
    /// A device says that it is alive.
    pub const HEARTBEAT: Self = Self(8);
}

/// Everything about a record that is not secret. All of it is authenticated.
///
/// Do not change the order or size of a field: records are readable forever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The cryptographic suite, [`SUITE_1`].
    pub suite: u8,
    /// What the record is for.
    pub kind: Kind,
    /// Reserved, zero.
    pub flags: u16,
    /// The vault.
    pub vault: VaultId,
    /// The document.
    pub document: DocumentId,
    /// The device that wrote it.
    pub device: DeviceId,
    /// Its place in that device's log, from 1.
    pub number: Number,
    /// The record before it in that log.
    pub previous: RecordId,
    /// The epoch whose key, or whose wrapped file key, seals it.
    pub epoch: Epoch,
    /// The file key that seals it.
    pub key_ref: KeyRef,
    /// Fresh randomness for this record's key.
    pub salt: [u8; 32],
    /// Commits the ciphertext to exactly one key.
    pub commitment: [u8; 32],
}

impl Header {
    /// The header as bytes, ending with the ciphertext's length: the AEAD's associated data.
    pub fn encode(&self, ciphertext_len: usize) -> [u8; HEADER_LEN] {
        let mut w = Writer::new();
        self.context(&mut w);
        w.put(&self.salt)
            .put(&self.commitment)
            .u32(u32::try_from(ciphertext_len).unwrap_or(u32::MAX));
        let mut out = [0; HEADER_LEN];
        out.iter_mut().zip(w.as_slice()).for_each(|(to, from)| *to = *from);
        out
    }

    /// Every field that says where the record belongs, as bytes: the key derivation's context.
    pub fn context_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.context(&mut w);
        w.into_vec()
    }

    fn context(&self, w: &mut Writer) {
        w.put(MAGIC)
            .u8(self.suite)
            .u8(self.kind.0)
            .u16(self.flags)
            .put(&self.vault.0)
            .put(&self.document.0)
            .put(&self.device.0)
            .u64(self.number.0)
            .put(&self.previous.0)
            .u32(self.epoch.0)
            .put(&self.key_ref.0);
    }

    fn decode(r: &mut Reader<'_>) -> Result<(Self, usize), DecodeError> {
        let magic = r.array::<4>()?;
        if magic != *MAGIC {
            return Err(match magic {
                [b'C', b'R', b'N', version] => DecodeError::UnknownVersion(version),
                _ => DecodeError::WrongMagic,
            });
        }
        let header = Self {
            suite: r.u8()?,
            kind: Kind(r.u8()?),
            flags: r.u16()?,
            vault: VaultId(r.array()?),
            document: DocumentId(r.array()?),
            device: DeviceId(r.array()?),
            number: Number(r.u64()?),
            previous: RecordId(r.array()?),
            epoch: Epoch(r.u32()?),
            key_ref: KeyRef(r.array()?),
            salt: r.array()?,
            commitment: r.array()?,
        };
        let length = usize::try_from(r.u32()?).map_err(|_| DecodeError::TooLong)?;
        if length > MAX_CIPHERTEXT {
            return Err(DecodeError::TooLong);
        }
        Ok((header, length))
    }
}

/// Why a record does not come from the device it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The key given is not the named device's.
    #[error("the key belongs to another device")]
    OtherDevice,
    /// The signature does not fit the bytes.
    #[error("the signature does not fit")]
    BadSignature,
}

/// A well-formed record whose signature nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    header: Header,
    ciphertext: Vec<u8>,
    signature: [u8; SIGNATURE_LEN],
}

impl Signed {
    /// Reads a record; every byte must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let (header, length) = Header::decode(&mut r)?;
        let ciphertext = r.take(length)?.to_vec();
        let signature = r.array()?;
        r.finish()?;
        Ok(Self { header, ciphertext, signature })
    }

    /// What the record says of itself. Not to be relied on before [`Signed::verify`].
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Checks that the device owning `public_key` wrote exactly these bytes.
    pub fn verify(self, public_key: &[u8; 32]) -> Result<Verified, VerifyError> {
        if DeviceId::of_key(public_key) != self.header.device {
            return Err(VerifyError::OtherDevice);
        }
        let id = record_id(&self.header, &self.ciphertext);
        verify_signature(public_key, SIGNATURE_CONTEXT, &id.0, &self.signature)
            .then_some(Verified { id, record: self })
            .ok_or(VerifyError::BadSignature)
    }
}

/// A record that the device it names has signed. Only [`Signed::verify`] and [`Verified::assemble`]
/// make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    id: RecordId,
    record: Signed,
}

impl Verified {
    /// Puts a record together, with `sign` making the Ed25519 signature over the message it is given.
    pub fn assemble(
        header: Header,
        ciphertext: Vec<u8>,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
    ) -> Self {
        let id = record_id(&header, &ciphertext);
        let signature = sign(&signing_message(SIGNATURE_CONTEXT, &id.0));
        Self { id, record: Signed { header, ciphertext, signature } }
    }

    /// The record's id.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// What the record says of itself.
    pub fn header(&self) -> &Header {
        &self.record.header
    }

    /// The sealed content.
    pub fn ciphertext(&self) -> &[u8] {
        &self.record.ciphertext
    }

    /// The record as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.put(&self.record.header.encode(self.record.ciphertext.len()))
            .put(&self.record.ciphertext)
            .put(&self.record.signature);
        w.into_vec()
    }
}

fn record_id(header: &Header, ciphertext: &[u8]) -> RecordId {
    let mut hash = Sha256::new();
    hash.update(header.encode(ciphertext.len()));
    hash.update(ciphertext);
    RecordId(hash.finalize().into())
}

/// The message that is signed for a hash in a context.
pub fn signing_message(context: &[u8], hash: &[u8]) -> Vec<u8> {
    [context, hash].concat()
}

/// Checks an Ed25519 signature over `context ‖ hash`, strictly (RFC 8032, no small-order keys).
pub fn verify_signature(public_key: &[u8; 32], context: &[u8], hash: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public_key).is_ok_and(|key| {
        key.verify_strict(&signing_message(context, hash), &Signature::from_bytes(signature)).is_ok()
    })
}
