//! Sealing and opening records: the one path on which a clinician's words leave the device.
//!
//! Every record has a key of its own, derived from a file or epoch key, 32 fresh random bytes and every
//! field that says where the record belongs. So there is no nonce to count, a ciphertext cannot be moved
//! to another place, and the commitment makes sure that it opens under one key only.

use cairn_wire::codec::{Reader, Writer};
use cairn_wire::record::{HEADER_LEN, Header, Kind, SUITE_1, Verified};
use cairn_wire::{DecodeError, DeviceId, DocumentId, KeyRef, Number, RecordId, VaultId, limits};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, aead, kdf, padding, random};
use crate::safe::identity::Identity;
use crate::safe::keyring::{Key, Keyring};

const PLAIN_VERSION: u8 = 1;
const MAX_SEEN: usize = 16;
/// Each record key encrypts one message, so the nonce is constant.
const NONCE: [u8; 12] = [0; 12];

/// What the writing device had of another device's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The other device.
    pub device: DeviceId,
    /// Its highest record.
    pub number: Number,
    /// The beginning of that record's id.
    pub record_prefix: [u8; 16],
}

/// What is inside a record.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// At most 16.
    pub seen: Vec<Seen>,
    /// The content, by the record's kind.
    pub body: Vec<u8>,
}

/// Where a new record belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The vault.
    pub vault: VaultId,
    /// The document.
    pub document: DocumentId,
    /// What it is for.
    pub kind: Kind,
    /// Its number in this device's log.
    pub number: Number,
    /// The record before it in that log.
    pub previous: RecordId,
    /// The file key, or [`KeyRef::EPOCH`].
    pub key_ref: KeyRef,
}

/// Why a record cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// This device does not have the key.
    #[error("the key is not on this device")]
    NoKey,
    /// The content is too large for one record.
    #[error("too large for one record")]
    TooLarge,
}

/// Why a record cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The key is not here yet.
    #[error("the key is not on this device")]
    NoKey,
    /// The suite, or the content's version, is newer than this program.
    #[error("written by a newer version")]
    Newer,
    /// The suite is one that the vault no longer accepts.
    #[error("a suite the vault no longer accepts")]
    SuiteTooLow,
    /// The key does not fit, or the record belongs elsewhere.
    #[error("sealed under another key or for another place")]
    WrongKey,
    /// The ciphertext was changed.
    #[error("damaged")]
    Damaged,
}

/// Seals and signs a record under the current epoch.
pub fn seal(
    identity: &Identity,
    keys: &Keyring,
    place: Place,
    plain: &Plain,
    rng: &mut dyn Entropy,
) -> Result<Verified, SealError> {
    let (epoch, epoch_key) = keys.current().ok_or(SealError::NoKey)?;
    let secret =
        if place.key_ref == KeyRef::EPOCH { epoch_key } else { keys.file(place.key_ref).ok_or(SealError::NoKey)? };
    let mut header = Header {
        suite: SUITE_1,
        kind: place.kind,
        flags: 0,
        vault: place.vault,
        document: place.document,
        device: identity.id(),
        number: place.number,
        previous: place.previous,
        epoch,
        key_ref: place.key_ref,
        salt: random(rng),
        commitment: [0; 32],
    };
    let (key, commitment) = record_key(secret, &header);
    header.commitment = commitment;
    let padded = padding::pad(&encode_plain(plain));
    let length = padded.len() + aead::TAG_LEN;
    if length > limits::MAX_CIPHERTEXT {
        return Err(SealError::TooLarge);
    }
    let aad: [u8; HEADER_LEN] = header.encode(length);
    let ciphertext = aead::seal(&key, &NONCE, &aad, &padded);
    Ok(Verified::assemble(header, ciphertext, |message| identity.sign(message)))
}

/// Opens a record whose signature was checked.
pub fn open(record: &Verified, keys: &Keyring, min_suite: u8) -> Result<Plain, OpenError> {
    let header = record.header();
    if header.suite > SUITE_1 {
        return Err(OpenError::Newer);
    }
    if header.suite < min_suite.max(SUITE_1) {
        return Err(OpenError::SuiteTooLow);
    }
    let secret = if header.key_ref == KeyRef::EPOCH {
        keys.epoch(header.epoch)
    } else {
        keys.file(header.key_ref)
    };
    let (key, commitment) = record_key(secret.ok_or(OpenError::NoKey)?, header);
    if !bool::from(commitment.ct_eq(&header.commitment)) {
        return Err(OpenError::WrongKey);
    }
    let aad = header.encode(record.ciphertext().len());
    let padded = aead::open(&key, &NONCE, &aad, record.ciphertext()).ok_or(OpenError::Damaged)?;
    let padded = Zeroizing::new(padded);
    let plain = padding::unpad(&padded).ok_or(OpenError::Damaged)?;
    decode_plain(plain).map_err(|error| match error {
        DecodeError::UnknownVersion(_) => OpenError::Newer,
        _ => OpenError::Damaged,
    })
}

fn record_key(secret: &Key, header: &Header) -> (Key, [u8; 32]) {
    let derived =
        kdf::derive::<64>(secret.as_slice(), &header.salt, &[b"cairn/1/record", &header.context_bytes()]);
    let (mut key, mut commitment) = (Zeroizing::new([0; 32]), [0; 32]);
    key.iter_mut().chain(&mut commitment).zip(derived.iter()).for_each(|(to, from)| *to = *from);
    (key, commitment)
}

fn encode_plain(plain: &Plain) -> Zeroizing<Vec<u8>> {
    let mut w = Writer::new();
    w.u8(PLAIN_VERSION)
        .list(&plain.seen, |w, s| {
            w.put(&s.device.0).u64(s.number.0).put(&s.record_prefix);
        })
        .put(&plain.body);
    Zeroizing::new(w.into_vec())
}

fn decode_plain(bytes: &[u8]) -> Result<Plain, DecodeError> {
    let mut r = Reader::new(bytes);
    let version = r.u8()?;
    if version != PLAIN_VERSION {
        return Err(DecodeError::UnknownVersion(version));
    }
    let seen = r.list(MAX_SEEN, |r| {
        Ok(Seen { device: DeviceId(r.array()?), number: Number(r.u64()?), record_prefix: r.array()? })
    })?;
    Ok(Plain { seen, body: r.rest().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::Epoch;
    use cairn_wire::record::Signed;
    use proptest::prelude::*;

    use crate::hazmat::random_secret;
    use crate::safe::testing::TestEntropy;

    struct Setting {
        identity: Identity,
        keys: Keyring,
        file: KeyRef,
        rng: TestEntropy,
    }

    fn setting() -> Setting {
        let mut rng = TestEntropy(0);
        let identity = Identity::generate(&mut rng);
        let mut keys = Keyring::default();
        keys.add_epoch(Epoch(1), random_secret(&mut rng));
        let file = keys.new_file_key(&mut rng);
        Setting { identity, keys, file, rng }
    }

    fn place(key_ref: KeyRef) -> Place {
        Place {
            vault: VaultId([1; 16]),
            document: DocumentId([2; 16]),
            kind: Kind::DELTA,
            number: Number(1),
            previous: RecordId::NONE,
            key_ref,
        }
    }

    fn plain(body: &[u8]) -> Plain {
        let seen = Seen { device: DeviceId([3; 16]), number: Number(4), record_prefix: [5; 16] };
        Plain { seen: vec![seen], body: body.to_vec() }
    }

    /// The record with another header, sealed by nobody but signed rightly: what a thief of the signing
    /// key, or a confused device, could make.
    fn spliced(s: &Setting, record: &Verified, change: impl FnOnce(&mut Header)) -> Verified {
        let mut header = record.header().clone();
        change(&mut header);
        Verified::assemble(header, record.ciphertext().to_vec(), |m| s.identity.sign(m))
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_to_the_same(body in prop::collection::vec(any::<u8>(), 0..6000), file in any::<bool>()) {
            let mut s = setting();
            let key_ref = if file { s.file } else { KeyRef::EPOCH };
            let sealed = seal(&s.identity, &s.keys, place(key_ref), &plain(&body), &mut s.rng).unwrap();
            let read = Signed::decode(&sealed.encode()).unwrap().verify(&s.identity.sign_key()).unwrap();
            prop_assert!(open(&read, &s.keys, 1) == Ok(plain(&body)));
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let mut s = setting();
        let sealed = seal(&s.identity, &s.keys, place(s.file), &plain(b"a dark hour"), &mut s.rng).unwrap();
        let bytes = sealed.encode();
        for at in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                let opened = Signed::decode(&changed)
                    .ok()
                    .and_then(|signed| signed.verify(&s.identity.sign_key()).ok())
                    .and_then(|verified| open(&verified, &s.keys, 1).ok());
                assert!(opened.is_none(), "byte {at}");
            }
        }
        for length in 0..bytes.len() {
            assert!(Signed::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn a_ciphertext_opens_nowhere_but_in_its_place() {
        let mut s = setting();
        let other_file = s.keys.new_file_key(&mut s.rng);
        s.keys.add_epoch(Epoch(2), random_secret(&mut s.rng));
        let record = seal(&s.identity, &s.keys, place(s.file), &plain(b"words"), &mut s.rng).unwrap();
        assert!(open(&record, &s.keys, 1).is_ok());
        let moves: [(&str, fn(&mut Header)); 8] = [
            ("vault", |h| h.vault = VaultId([9; 16])),
            ("document", |h| h.document = DocumentId([9; 16])),
            ("kind", |h| h.kind = Kind::SNAPSHOT),
            ("epoch", |h| h.epoch = Epoch(1)),
            ("number", |h| h.number = Number(2)),
            ("previous", |h| h.previous = RecordId([9; 32])),
            ("flags", |h| h.flags = 1),
            ("salt", |h| h.salt = [9; 32]),
        ];
        for (what, change) in moves {
            assert!(open(&spliced(&s, &record, change), &s.keys, 1) == Err(OpenError::WrongKey), "{what}");
        }
        let elsewhere = spliced(&s, &record, |h| h.key_ref = other_file);
        assert!(open(&elsewhere, &s.keys, 1) == Err(OpenError::WrongKey));
        let recommitted = spliced(&s, &record, |h| h.commitment = [0; 32]);
        assert!(open(&recommitted, &s.keys, 1) == Err(OpenError::WrongKey));
    }

    #[test]
    fn unknown_suites_are_refused_and_never_fall_back() {
        let mut s = setting();
        let record = seal(&s.identity, &s.keys, place(s.file), &plain(b"words"), &mut s.rng).unwrap();
        assert!(open(&spliced(&s, &record, |h| h.suite = 2), &s.keys, 1) == Err(OpenError::Newer));
        assert!(open(&spliced(&s, &record, |h| h.suite = 0), &s.keys, 1) == Err(OpenError::SuiteTooLow));
        assert!(open(&record, &s.keys, 2) == Err(OpenError::SuiteTooLow));
    }

    #[test]
    fn a_destroyed_file_key_leaves_nothing_readable() {
        let mut s = setting();
        let record = seal(&s.identity, &s.keys, place(s.file), &plain(b"words"), &mut s.rng).unwrap();
        s.keys.forget_file(s.file);
        assert!(open(&record, &s.keys, 1) == Err(OpenError::NoKey));
    }

    #[test]
    fn a_record_has_the_bytes_it_always_had() {
        let mut s = setting();
        let sealed = seal(&s.identity, &s.keys, place(s.file), &plain(b"frozen"), &mut s.rng).unwrap();
        let hex: String = sealed.encode().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, include_str!("../../vectors/record-1.hex").trim());
    }
}
