//! AES-256-GCM (NIST SP 800-38D).

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};

/// Bytes of the authentication tag.
pub(crate) const TAG_LEN: usize = 16;

/// Ciphertext and tag. The caller never uses a key and nonce together twice.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    // Fails only above 64 GiB.
    cipher(key).encrypt(&Nonce::from(*nonce), Payload { msg: plain, aad }).unwrap_or_default()
}

/// The plaintext, if key, nonce, associated data and every bit of the ciphertext are right.
pub(crate) fn open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    cipher(key).decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad }).ok()
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&(*key).into())
}
