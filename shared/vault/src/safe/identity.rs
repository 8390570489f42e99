//! What makes a device this device: its signing key and the key to which others wrap.

use cairn_wire::frame::login_message;
use cairn_wire::{DeviceId, Incarnation, VaultId};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, hpke, random_secret};
use crate::safe::storage::UnsealError;

/// One device's secret keys (Ed25519, RFC 8032; X25519 for HPKE, RFC 9180), for one incarnation of it.
pub struct Identity {
    signing: SigningKey,
    wrap_seed: Zeroizing<[u8; 32]>,
}

impl Identity {
    /// New keys.
    pub fn generate(rng: &mut dyn Entropy) -> Self {
        Self { signing: SigningKey::from_bytes(&random_secret(rng)), wrap_seed: random_secret(rng) }
    }

    /// The device's id.
    pub fn id(&self) -> DeviceId {
        DeviceId::of_key(&self.sign_key())
    }

    /// The Ed25519 public key.
    pub fn sign_key(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// The X25519 public key.
    pub fn wrap_key(&self) -> [u8; 32] {
        hpke::public_key(&self.wrap_seed)
    }

    /// Answers a relay's challenge.
    pub fn sign_login(&self, incarnation: Incarnation, nonce: &[u8; 32], vault: VaultId) -> [u8; 64] {
        self.sign(&login_message(incarnation, nonce, vault, self.id()))
    }

    /// The seeds, to be sealed by [`crate::StorageKey`].
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(64));
        out.extend_from_slice(self.signing.as_bytes());
        out.extend_from_slice(self.wrap_seed.as_slice());
        out
    }

    /// What [`Identity::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnsealError> {
        let (sign, wrap) = bytes.split_first_chunk::<32>().ok_or(UnsealError)?;
        let wrap = <[u8; 32]>::try_from(wrap).map_err(|_| UnsealError)?;
        Ok(Self { signing: SigningKey::from_bytes(sign), wrap_seed: Zeroizing::new(wrap) })
    }

    /// The two halves, from seeds derived elsewhere.
    pub(crate) fn from_seeds(sign: &[u8; 32], wrap: &[u8; 32]) -> Self {
        Self { signing: SigningKey::from_bytes(sign), wrap_seed: Zeroizing::new(*wrap) }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    pub(crate) fn wrap_seed(&self) -> &[u8; 32] {
        &self.wrap_seed
    }
}
