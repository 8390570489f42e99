//! HPKE (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

use core::convert::Infallible;

use ::hpke::aead::AesGcm256;
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::{Kem, X25519HkdfSha256};
use ::hpke::{Deserializable, OpModeR, OpModeS, PskBundle, Serializable, single_shot_open, single_shot_seal_with_rng};
use rand_core::{TryCryptoRng, TryRng};

use super::Entropy;

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

const ENCAPPED_LEN: usize = 32;
const PSK_ID: &[u8] = b"cairn/1/psk";

/// The public key of a 32-byte secret.
pub(crate) fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    let (_, public) = X25519HkdfSha256::derive_keypair(seed);
    let mut out = [0; 32];
    out.iter_mut().zip(public.to_bytes()).for_each(|(to, from)| *to = from);
    out
}

/// Encapsulated key and ciphertext; `None` when the public key is not one.
pub(crate) fn seal(
    to: &[u8; 32],
    psk: Option<&[u8; 32]>,
    info: &[u8],
    plain: &[u8],
    rng: &mut dyn Entropy,
) -> Option<Vec<u8>> {
    let to = PublicKey::from_bytes(to).ok()?;
    let mode = match psk {
        None => OpModeS::Base,
        Some(psk) => OpModeS::Psk(PskBundle::new(psk, PSK_ID).ok()?),
    };
    let (encapped, sealed) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &mode,
        &to,
        info,
        plain,
        &[],
        &mut Rng(rng),
    )
    .ok()?;
    Some([encapped.to_bytes().as_slice(), &sealed].concat())
}

/// The plaintext, if it was sealed to this secret's public key with this pre-shared key and context.
pub(crate) fn open(
    seed: &[u8; 32],
    psk: Option<&[u8; 32]>,
    info: &[u8],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let (private, _): (PrivateKey, PublicKey) = X25519HkdfSha256::derive_keypair(seed);
    let (encapped, sealed) = sealed.split_at_checked(ENCAPPED_LEN)?;
    let encapped = EncappedKey::from_bytes(encapped).ok()?;
    let mode = match psk {
        None => OpModeR::Base,
        Some(psk) => OpModeR::Psk(PskBundle::new(psk, PSK_ID).ok()?),
    };
    single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(&mode, &private, &encapped, info, sealed, &[])
        .ok()
}

/// What the caller handed in, in the shape the crate wants.
struct Rng<'a>(&'a mut dyn Entropy);

impl TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(super::random(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(super::random(self.0)))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dst);
        Ok(())
    }
}

impl TryCryptoRng for Rng<'_> {}
