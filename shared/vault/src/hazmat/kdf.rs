//! HKDF-SHA-256 (RFC 5869) and Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// `N` bytes derived from a secret, a salt and the context they are for.
pub(crate) fn derive<const N: usize>(secret: &[u8], salt: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF-SHA-256 gives at most 8160 bytes") };
    let mut out = Zeroizing::new([0; N]);
    let filled = Hkdf::<Sha256>::new(Some(salt), secret).expand_multi_info(info, out.as_mut_slice());
    debug_assert!(filled.is_ok(), "the length was checked when compiling");
    out
}

/// 32 bytes from a passphrase. `None` when the parameters are outside what Argon2 allows.
pub(crate) fn stretch(
    passphrase: &[u8],
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(memory_kib, passes, lanes, Some(32)).ok()?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, out.as_mut_slice())
        .ok()?;
    Some(out)
}
