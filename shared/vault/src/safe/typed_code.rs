//! Secrets that people copy by hand: Crockford's base 32 in groups of four, with check characters.
//!
//! Reading forgives case, spaces, dashes, and O for 0, I or L for 1.

use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP: usize = 4;
/// 20 bits: one mistyped code in a million passes.
const CHECK_LEN: usize = 4;

/// Why a typed code is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodeError {
    /// Too short or too long.
    #[error("the code has the wrong length")]
    Length,
    /// A character that no code has.
    #[error("character {position} is not part of any code")]
    Character {
        /// Counted from 1, without spaces and dashes.
        position: u8,
    },
    /// Mistyped somewhere.
    #[error("the code is mistyped somewhere")]
    Mistyped,
}

/// The code of a secret. `tag` keeps codes of different purposes apart: one is never taken for the other.
pub(crate) fn write(tag: &str, secret: &[u8]) -> Zeroizing<String> {
    let mut digits = to_digits(secret);
    digits.extend(check_digits(tag, secret));
    let mut out = Zeroizing::new(String::new());
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            out.push('-');
        }
        out.push(char::from(ALPHABET.get(usize::from(*digit)).copied().unwrap_or(b'0')));
    }
    out
}

/// The secret of a code, `N` bytes.
pub(crate) fn read<const N: usize>(tag: &str, typed: &str) -> Result<Zeroizing<[u8; N]>, CodeError> {
    let mut digits: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::new());
    for c in typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '—' | '.')) {
        let position = u8::try_from(digits.len() + 1).unwrap_or(u8::MAX);
        digits.push(digit(c).ok_or(CodeError::Character { position })?);
    }
    let length = (N * 8).div_ceil(5);
    if digits.len() != length + CHECK_LEN {
        return Err(CodeError::Length);
    }
    let (body, check) = digits.split_at(length);
    let mut secret = Zeroizing::new([0; N]);
    from_digits(body, secret.as_mut_slice()).ok_or(CodeError::Mistyped)?;
    if check_digits(tag, secret.as_slice()) == check { Ok(secret) } else { Err(CodeError::Mistyped) }
}

fn digit(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|a| char::from(*a) == c).and_then(|at| u8::try_from(at).ok())
}

fn to_digits(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut digits = Zeroizing::new(Vec::new());
    let (mut held, mut bits) = (0_u16, 0);
    for byte in bytes {
        held = held << 8 | u16::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            digits.push(u8::try_from(held >> bits & 31).unwrap_or(0));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        digits.push(u8::try_from(held << (5 - bits) & 31).unwrap_or(0));
    }
    digits
}

/// `None` when the bits that fill up the last digit are not zero.
fn from_digits(digits: &[u8], out: &mut [u8]) -> Option<()> {
    let (mut held, mut bits) = (0_u16, 0);
    let mut bytes = out.iter_mut();
    for digit in digits {
        held = held << 5 | u16::from(*digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *bytes.next()? = u8::try_from(held >> bits & 255).ok()?;
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(())
}

fn check_digits(tag: &str, secret: &[u8]) -> Vec<u8> {
    let hash = Sha256::new().chain_update(tag).chain_update(secret).finalize();
    to_digits(&hash).iter().take(CHECK_LEN).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_code_can_be_read_however_it_is_copied(secret in any::<[u8; 20]>(), lower in any::<bool>()) {
            let written = write("kit", &secret);
            let mut code = written.replace('-', " ");
            if lower {
                code = code.to_lowercase().replace('0', "o").replace('1', "l");
            }
            prop_assert!(read::<20>("kit", &code).is_ok_and(|read| *read == secret));
            prop_assert_eq!(read::<20>("other", &code).err(), Some(CodeError::Mistyped));
        }

        #[test]
        fn one_wrong_character_is_noticed(secret in any::<[u8; 32]>(), at in 0_usize..56, to in 0_usize..32) {
            let written = write("invitation", &secret);
            let code = written.replace('-', "");
            let mut typed: Vec<char> = code.chars().collect();
            typed[at] = char::from(ALPHABET[to]);
            let typed: String = typed.into_iter().collect();
            prop_assume!(typed != code);
            prop_assert_eq!(read::<32>("invitation", &typed).err(), Some(CodeError::Mistyped));
        }
    }

    #[test]
    fn what_is_no_code_is_told_apart() {
        let code = write("kit", &[7; 20]);
        assert_eq!(code.len(), 36 + 8);
        assert_eq!(read::<20>("kit", &code[..43]).err(), Some(CodeError::Length));
        assert_eq!(read::<20>("kit", "").err(), Some(CodeError::Length));
        assert_eq!(read::<20>("kit", "01-U").err(), Some(CodeError::Character { position: 3 }));
    }
}
