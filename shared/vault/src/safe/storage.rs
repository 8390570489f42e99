//! Sealing the rows that lie on the device itself.

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, aead, random, random_secret};
use crate::safe::keyring::{Key, context};

const NONCE_LEN: usize = 12;

/// A sealed row does not open: another key, another place, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("does not open with this key in this place")]
pub struct UnsealError;

/// The key of everything sealed on this device. Random; the passphrase only wraps it.
pub struct StorageKey(Key);

impl StorageKey {
    /// A new key.
    pub fn generate(rng: &mut dyn Entropy) -> Self {
        Self(random_secret(rng))
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a row for its place. Nonces are random: with 2^32 rows written in a device's life the
    /// chance that two meet is 2^-33.
    pub fn seal_row(&self, table: &str, key: &[u8], plain: &[u8], rng: &mut dyn Entropy) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random(rng);
        let mut row = nonce.to_vec();
        row.extend(aead::seal(&self.0, &nonce, &context("cairn/1/row", table.as_bytes(), key), plain));
        row
    }

    /// Opens a row sealed for this place.
    pub fn open_row(&self, table: &str, key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(UnsealError)?;
        aead::open(&self.0, nonce, &context("cairn/1/row", table.as_bytes(), key), sealed)
            .map(Zeroizing::new)
            .ok_or(UnsealError)
    }

    /// Whether two are the same, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe::testing::TestEntropy;

    #[test]
    fn a_row_opens_in_its_place_only() {
        let mut rng = TestEntropy(0);
        let key = StorageKey::generate(&mut rng);
        let row = key.seal_row("index", b"a", b"Mara", &mut rng);
        assert_eq!(key.open_row("index", b"a", &row).as_deref(), Ok(&b"Mara".to_vec()));
        assert_eq!(key.open_row("index", b"b", &row), Err(UnsealError));
        assert_eq!(key.open_row("journal", b"a", &row), Err(UnsealError));
        assert_eq!(StorageKey::generate(&mut rng).open_row("index", b"a", &row), Err(UnsealError));
        for at in 0..row.len() {
            let mut changed = row.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_row("index", b"a", &changed), Err(UnsealError));
        }
        assert_eq!(key.open_row("index", b"a", &[]), Err(UnsealError));
    }
}
