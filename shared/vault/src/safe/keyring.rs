//! The keys a device holds: one for each epoch of the vault, one for each client's file.

use std::collections::BTreeMap;

use cairn_wire::codec::{Reader, Writer};
use cairn_wire::{Epoch, KeyRef};
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, random, random_secret};
use crate::safe::storage::UnsealError;

pub(crate) type Key = Zeroizing<[u8; 32]>;

const VERSION: u8 = 1;

/// Epoch keys and file keys.
#[derive(Default)]
pub struct Keyring {
    epochs: BTreeMap<Epoch, Key>,
    files: BTreeMap<KeyRef, Key>,
}

impl Keyring {
    /// The newest epoch whose key is here.
    pub fn current_epoch(&self) -> Option<Epoch> {
        self.epochs.last_key_value().map(|(epoch, _)| *epoch)
    }

    /// Whether an epoch's key is here.
    pub fn has_epoch(&self, epoch: Epoch) -> bool {
        self.epochs.contains_key(&epoch)
    }

    /// Whether a file's key is here.
    pub fn has_file(&self, key_ref: KeyRef) -> bool {
        key_ref == KeyRef::EPOCH || self.files.contains_key(&key_ref)
    }

    /// A new file key; destroying it later destroys everything sealed under it.
    pub fn new_file_key(&mut self, rng: &mut dyn Entropy) -> KeyRef {
        loop {
            let key_ref = KeyRef(random(rng));
            if !self.has_file(key_ref) {
                self.files.insert(key_ref, random_secret(rng));
                return key_ref;
            }
        }
    }

    /// The body of the record that brings a file key to the other devices. Sealed under the epoch key.
    pub fn file_key_body(&self, key_ref: KeyRef) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.files.get(&key_ref)?;
        let mut body = Zeroizing::new(Vec::with_capacity(40));
        body.extend_from_slice(&key_ref.0);
        body.extend_from_slice(key.as_slice());
        Some(body)
    }

    /// Takes in what [`Keyring::file_key_body`] made on another device.
    pub fn accept_file_key_body(&mut self, body: &[u8]) -> Result<KeyRef, UnsealError> {
        let (key_ref, key) = body.split_first_chunk::<8>().ok_or(UnsealError)?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| UnsealError)?;
        let key_ref = KeyRef(*key_ref);
        if key_ref == KeyRef::EPOCH {
            return Err(UnsealError);
        }
        // A file's key never changes: a second one under the same name is not taken.
        self.files.entry(key_ref).or_insert(Zeroizing::new(key));
        Ok(key_ref)
    }

    /// Destroys a file key.
    pub fn forget_file(&mut self, key_ref: KeyRef) {
        self.files.remove(&key_ref);
    }

    /// All keys, to be sealed by [`crate::StorageKey`].
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(8 + self.epochs.len() * 36 + self.files.len() * 40));
        out.push(VERSION);
        out.extend_from_slice(&u32::try_from(self.epochs.len()).unwrap_or(u32::MAX).to_be_bytes());
        for (epoch, key) in &self.epochs {
            out.extend_from_slice(&epoch.0.to_be_bytes());
            out.extend_from_slice(key.as_slice());
        }
        for (key_ref, key) in &self.files {
            out.extend_from_slice(&key_ref.0);
            out.extend_from_slice(key.as_slice());
        }
        out
    }

    /// What [`Keyring::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnsealError> {
        let mut r = Reader::new(bytes);
        let mut read = || {
            if r.u8()? != VERSION {
                return Err(cairn_wire::DecodeError::Invalid);
            }
            let mut ring = Self::default();
            for _ in 0..r.u32()? {
                ring.epochs.insert(Epoch(r.u32()?), Zeroizing::new(r.array()?));
            }
            while let Ok(key_ref) = r.array() {
                ring.files.insert(KeyRef(key_ref), Zeroizing::new(r.array()?));
            }
            Ok(ring)
        };
        let ring = read().map_err(|_| UnsealError)?;
        r.finish().map_err(|_| UnsealError)?;
        Ok(ring)
    }

    pub(crate) fn add_epoch(&mut self, epoch: Epoch, key: Key) {
        self.epochs.insert(epoch, key);
    }

    pub(crate) fn epoch(&self, epoch: Epoch) -> Option<&Key> {
        self.epochs.get(&epoch)
    }

    pub(crate) fn current(&self) -> Option<(Epoch, &Key)> {
        self.epochs.last_key_value().map(|(epoch, key)| (*epoch, key))
    }

    pub(crate) fn file(&self, key_ref: KeyRef) -> Option<&Key> {
        self.files.get(&key_ref)
    }
}

/// Context for everything sealed under an epoch key beside records.
pub(crate) fn context(purpose: &str, vault: &[u8], more: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    w.bytes(purpose.as_bytes()).bytes(vault).bytes(more);
    w.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe::testing::TestEntropy;

    #[test]
    fn a_keyring_comes_back_with_every_key() {
        let mut rng = TestEntropy(1);
        let mut ring = Keyring::default();
        ring.add_epoch(Epoch(1), random_secret(&mut rng));
        ring.add_epoch(Epoch(2), random_secret(&mut rng));
        let file = ring.new_file_key(&mut rng);
        let back = Keyring::from_bytes(&ring.to_bytes()).expect("the same bytes");
        assert_eq!(back.to_bytes(), ring.to_bytes());
        assert_eq!(back.current_epoch(), Some(Epoch(2)));
        assert!(back.has_file(file));
        assert!(Keyring::from_bytes(&ring.to_bytes()[1..]).is_err());
    }

    #[test]
    fn a_file_key_is_not_replaced_by_a_second_one_of_the_same_name() {
        let mut ring = Keyring::default();
        let body = |fill: u8| [[9; 8].as_slice(), &[fill; 32]].concat();
        assert_eq!(ring.accept_file_key_body(&body(1)), Ok(KeyRef([9; 8])));
        assert_eq!(ring.accept_file_key_body(&body(2)), Ok(KeyRef([9; 8])));
        assert_eq!(ring.file_key_body(KeyRef([9; 8])).as_deref(), Some(&body(1)));
        assert_eq!(ring.accept_file_key_body(&[0; 40]), Err(UnsealError));
    }
}
