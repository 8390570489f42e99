//! The passphrase's envelope around the device's storage key.

use cairn_wire::codec::{Reader, Writer};
use thiserror::Error;

use crate::hazmat::{Entropy, aead, kdf, random};
use crate::safe::storage::StorageKey;

const MAGIC: &[u8; 4] = b"CRE1";
const SALT_LEN: usize = 16;
/// The key that the passphrase gives is used for one message, so the nonce is constant.
const NONCE: [u8; 12] = [0; 12];

/// Argon2id parameters (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes; browsers compute them one after the other.
    pub lanes: u32,
}

impl KdfParams {
    /// The least that is ever accepted, also from an envelope found in storage (OWASP's minimum): an
    /// envelope swapped for a weaker one is refused, not opened.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// More than any device would be asked for: bounds what a damaged envelope can make us allocate.
    const CEILING: Self = Self { memory_kib: 1024 * 1024, passes: 32, lanes: 16 };

    fn is_acceptable(self) -> bool {
        (Self::FLOOR.memory_kib..=Self::CEILING.memory_kib).contains(&self.memory_kib)
            && (Self::FLOOR.passes..=Self::CEILING.passes).contains(&self.passes)
            && (Self::FLOOR.lanes..=Self::CEILING.lanes).contains(&self.lanes)
    }
}

impl Default for KdfParams {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// Why an envelope does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnlockError {
    /// Not the passphrase, or the sealed key was changed: the two cannot be told apart.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// Not an envelope.
    #[error("the envelope is damaged")]
    Damaged,
    /// Weaker than [`KdfParams::FLOOR`].
    #[error("the envelope is weaker than allowed")]
    WeakParameters,
    /// Written by a newer version.
    #[error("written by a newer version")]
    Newer,
}

/// Seals the storage key under a passphrase, taken as its UTF-8 bytes exactly.
pub fn seal_envelope(
    passphrase: &str,
    key: &StorageKey,
    params: KdfParams,
    rng: &mut dyn Entropy,
) -> Result<Vec<u8>, UnlockError> {
    if !params.is_acceptable() {
        return Err(UnlockError::WeakParameters);
    }
    let salt: [u8; SALT_LEN] = random(rng);
    let mut w = Writer::new();
    w.put(MAGIC).u32(params.memory_kib).u32(params.passes).u32(params.lanes).put(&salt);
    let kek = kdf::stretch(passphrase.as_bytes(), &salt, params.memory_kib, params.passes, params.lanes)
        .ok_or(UnlockError::WeakParameters)?;
    let sealed = aead::seal(&kek, &NONCE, w.as_slice(), key.as_bytes());
    w.put(&sealed);
    Ok(w.into_vec())
}

/// Opens what [`seal_envelope`] made.
pub fn open_envelope(passphrase: &str, envelope: &[u8]) -> Result<StorageKey, UnlockError> {
    let mut r = Reader::new(envelope);
    let mut read = || {
        let magic = r.array::<4>()?;
        let params = KdfParams { memory_kib: r.u32()?, passes: r.u32()?, lanes: r.u32()? };
        Ok::<_, cairn_wire::DecodeError>((magic, params, r.array::<SALT_LEN>()?))
    };
    let (magic, params, salt) = read().map_err(|_| UnlockError::Damaged)?;
    if magic != *MAGIC {
        return Err(if magic.starts_with(b"CRE") { UnlockError::Newer } else { UnlockError::Damaged });
    }
    if !params.is_acceptable() {
        return Err(UnlockError::WeakParameters);
    }
    let sealed = r.rest();
    let (header, _) = envelope.split_at_checked(envelope.len() - sealed.len()).ok_or(UnlockError::Damaged)?;
    let kek = kdf::stretch(passphrase.as_bytes(), &salt, params.memory_kib, params.passes, params.lanes)
        .ok_or(UnlockError::WeakParameters)?;
    let key = aead::open(&kek, &NONCE, header, sealed).ok_or(UnlockError::WrongPassphrase)?;
    let key = zeroize::Zeroizing::new(key);
    <[u8; 32]>::try_from(key.as_slice()).map(StorageKey::from_bytes).map_err(|_| UnlockError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe::testing::TestEntropy;

    #[test]
    fn only_the_passphrase_opens_the_envelope() {
        let mut rng = TestEntropy(0);
        let key = StorageKey::generate(&mut rng);
        let envelope = seal_envelope("four calm grey stones", &key, KdfParams::FLOOR, &mut rng).unwrap();
        assert!(open_envelope("four calm grey stones", &envelope).unwrap().is(&key));
        let error = |passphrase: &str, bytes: &[u8]| open_envelope(passphrase, bytes).err();
        assert_eq!(error("four calm grey stone", &envelope), Some(UnlockError::WrongPassphrase));
        assert_eq!(error("four calm grey stones", &envelope[..20]), Some(UnlockError::Damaged));
        let mut changed = envelope.clone();
        changed[40] ^= 1;
        assert_eq!(error("four calm grey stones", &changed), Some(UnlockError::WrongPassphrase));
        changed[3] = b'2';
        assert_eq!(error("four calm grey stones", &changed), Some(UnlockError::Newer));
    }

    #[test]
    fn an_envelope_weaker_than_the_floor_is_neither_made_nor_opened() {
        let mut rng = TestEntropy(0);
        let key = StorageKey::generate(&mut rng);
        let weak = KdfParams { memory_kib: 8, passes: 1, lanes: 1 };
        assert_eq!(seal_envelope("x", &key, weak, &mut rng).err(), Some(UnlockError::WeakParameters));
        let mut envelope = seal_envelope("x", &key, KdfParams::FLOOR, &mut rng).unwrap();
        envelope[4..8].copy_from_slice(&8_u32.to_be_bytes());
        assert_eq!(open_envelope("x", &envelope).err(), Some(UnlockError::WeakParameters));
        envelope[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(open_envelope("x", &envelope).err(), Some(UnlockError::WeakParameters));
    }
}
