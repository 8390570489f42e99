//! Primitives. Each is a thin shape around a reviewed crate; which keys and contexts go in is the
//! business of `safe`.

pub(crate) mod aead;
pub(crate) mod hpke;
pub(crate) mod kdf;
pub(crate) mod padding;

use zeroize::Zeroizing;

/// A source of cryptographically secure randomness, handed in by whoever has one.
pub trait Entropy {
    /// Fills the slice; cannot fail, and must not return anything predictable.
    fn fill(&mut self, out: &mut [u8]);
}

/// A fresh array of random bytes.
pub(crate) fn random<const N: usize>(rng: &mut dyn Entropy) -> [u8; N] {
    let mut out = [0; N];
    rng.fill(&mut out);
    out
}

/// A fresh 256-bit secret.
pub(crate) fn random_secret(rng: &mut dyn Entropy) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    rng.fill(out.as_mut_slice());
    out
}
