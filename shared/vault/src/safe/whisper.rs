//! Small sealed messages to the vault's other connected devices; the relay passes them on and forgets.

use cairn_wire::{Epoch, VaultId};

use crate::hazmat::{Entropy, aead, kdf, random};
use crate::safe::keyring::{Key, Keyring, context};

const NONCE_LEN: usize = 12;

/// Seals a message under the current epoch. `None` without a key.
pub fn seal_whisper(keys: &Keyring, vault: VaultId, body: &[u8], rng: &mut dyn Entropy) -> Option<Vec<u8>> {
    let (epoch, key) = keys.current()?;
    let nonce: [u8; NONCE_LEN] = random(rng);
    let sealed = aead::seal(&whisper_key(key), &nonce, &aad(vault, epoch), body);
    Some([epoch.0.to_be_bytes().as_slice(), &nonce, &sealed].concat())
}

/// Opens one. `None` when it was not sealed by a device of this vault.
pub fn open_whisper(keys: &Keyring, vault: VaultId, sealed: &[u8]) -> Option<Vec<u8>> {
    let (epoch, rest) = sealed.split_first_chunk::<4>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    let epoch = Epoch(u32::from_be_bytes(*epoch));
    aead::open(&whisper_key(keys.epoch(epoch)?), nonce, &aad(vault, epoch), sealed)
}

fn whisper_key(key: &Key) -> Key {
    kdf::derive(key.as_slice(), b"", &[b"cairn/1/whisper"])
}

fn aad(vault: VaultId, epoch: Epoch) -> Vec<u8> {
    context("cairn/1/whisper", &vault.0, &epoch.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazmat::random_secret;
    use crate::safe::testing::TestEntropy;

    #[test]
    fn a_whisper_stays_in_its_vault() {
        let mut rng = TestEntropy(0);
        let mut keys = Keyring::default();
        assert!(seal_whisper(&keys, VaultId([1; 16]), b"open", &mut rng).is_none());
        keys.add_epoch(Epoch(1), random_secret(&mut rng));
        let sealed = seal_whisper(&keys, VaultId([1; 16]), b"open", &mut rng).unwrap();
        assert_eq!(open_whisper(&keys, VaultId([1; 16]), &sealed).as_deref(), Some(&b"open"[..]));
        assert_eq!(open_whisper(&keys, VaultId([2; 16]), &sealed), None);
        assert_eq!(open_whisper(&keys, VaultId([1; 16]), &sealed[1..]), None);
    }
}
