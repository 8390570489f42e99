//! Hides how long a text is: lengths are rounded up to a few sizes, then by Padmé.
//!
//! Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with
//! PURBs", 2019) leaks O(log log n) bits of a length and costs at most 12 %.

use zeroize::Zeroizing;

const SMALL_SIZES: [usize; 4] = [256, 512, 1024, 2048];
const LENGTH_LEN: usize = 4;

/// The size that `len` bytes are rounded up to.
pub(crate) fn padded_len(len: usize) -> usize {
    SMALL_SIZES.into_iter().find(|size| len <= *size).unwrap_or_else(|| padme(len))
}

fn padme(len: usize) -> usize {
    let exponent = len.ilog2();
    let bits_kept = exponent.ilog2() + 1;
    let mask = (1_usize << exponent.saturating_sub(bits_kept)) - 1;
    (len + mask) & !mask
}

/// Length, content, zeros.
pub(crate) fn pad(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    let mut out = Zeroizing::new(Vec::with_capacity(padded_len(plain.len() + LENGTH_LEN)));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(plain);
    out.resize(padded_len(plain.len() + LENGTH_LEN), 0);
    out
}

/// The content; `None` unless the length fits and the rest is zeros of the right number.
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_LEN>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (plain, zeros) = rest.split_at_checked(length)?;
    let right_size = padded.len() == padded_len(length + LENGTH_LEN);
    (right_size && zeros.iter().all(|byte| *byte == 0)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_to_the_sizes_and_cost_little() {
        for (len, padded) in [(0, 256), (256, 256), (257, 512), (2048, 2048), (2049, 2176), (9_000, 9_216)] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
        for len in 2049..100_000 {
            assert!(padded_len(len) >= len && padded_len(len) * 100 <= len * 112, "{len}");
        }
    }

    #[test]
    fn padding_comes_off_again_and_nothing_else_does() {
        for len in (0..5_000).step_by(7) {
            let plain = vec![7; len];
            assert_eq!(unpad(&pad(&plain)), Some(plain.as_slice()));
        }
        let mut marked = pad(b"note").to_vec();
        marked[200] = 1;
        assert_eq!(unpad(&marked), None);
        assert_eq!(unpad(&pad(b"note")[..255]), None);
        assert_eq!(unpad(&[]), None);
    }
}
