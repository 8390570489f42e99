//! Admitting a device: a secret carried by eye, two sealed messages, six digits carried by hand.
//!
//! The secret (256 bits, once, five minutes) is shown by a device of the practice and taken in by the new
//! one. The new one leaves its public keys in a mailbox, sealed under the secret; a thief who photographed
//! the secret could do so too, so the new device shows six digits that depend on exactly this request, and
//! they are typed on the trusted device before it admits anybody.

use cairn_wire::codec::{Reader, Writer};
use cairn_wire::roster::Roster;
use cairn_wire::{DecodeError, MailboxId, VaultId, limits};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, aead, hpke, kdf, random, random_secret};
use crate::safe::identity::Identity;
use crate::safe::keyring::Key;
use crate::safe::membership::Newcomer;
use crate::safe::typed_code::{self, CodeError};

const TAG: &str = "cairn/1/invitation";
const NONCE_LEN: usize = 12;
const VERSION: u8 = 1;
const MAX_NAME: usize = 256;

/// Why a message in a mailbox is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PairError {
    /// It was not made with this invitation, or was changed.
    #[error("not made with this invitation")]
    Sealed,
    /// It is not well formed.
    #[error("not well formed")]
    Malformed,
    /// The roster in it is not sound, or this device is not in it.
    #[error("the roster does not hold")]
    Roster,
}

/// The secret that is shown.
pub struct Invitation(Zeroizing<[u8; 32]>);

/// Six decimal digits.
#[derive(Clone)]
pub struct Digits(Zeroizing<String>);

impl Digits {
    /// As shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody typed these, spaces aside.
    pub fn are(&self, typed: &str) -> bool {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        self.0.as_bytes().ct_eq(typed.as_bytes()).into()
    }
}

impl Invitation {
    /// A new secret.
    pub fn generate(rng: &mut dyn Entropy) -> Self {
        Self(random_secret(rng))
    }

    /// As shown, and as in the QR code: 56 characters in groups of four.
    pub fn code(&self) -> Zeroizing<String> {
        typed_code::write(TAG, self.0.as_slice())
    }

    /// As typed or scanned.
    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        typed_code::read(TAG, typed).map(Self)
    }

    /// Where the new device leaves its request.
    pub fn request_mailbox(&self) -> MailboxId {
        MailboxId(*self.derive(b"request-mailbox"))
    }

    /// Where the trusted device leaves its answer.
    pub fn reply_mailbox(&self) -> MailboxId {
        MailboxId(*self.derive(b"reply-mailbox"))
    }

    fn derive<const N: usize>(&self, purpose: &[u8]) -> Zeroizing<[u8; N]> {
        kdf::derive(self.0.as_slice(), b"", &[TAG.as_bytes(), purpose])
    }

    fn digits(&self, sealed_request: &[u8]) -> Digits {
        let hash = Sha256::digest(sealed_request);
        let random = kdf::derive::<8>(self.0.as_slice(), &hash, &[TAG.as_bytes(), b"digits"]);
        let number = u64::from_be_bytes(*random) % 1_000_000;
        Digits(Zeroizing::new(format!("{number:06}")))
    }
}

/// The new device's request, and the digits it shows.
pub fn ask_to_join(
    invitation: &Invitation,
    identity: &Identity,
    name: &str,
    rng: &mut dyn Entropy,
) -> (Vec<u8>, Digits) {
    let mut w = Writer::new();
    w.u8(VERSION).put(&identity.sign_key()).put(&identity.wrap_key()).bytes(name.as_bytes());
    let nonce: [u8; NONCE_LEN] = random(rng);
    let key: Key = invitation.derive(b"request");
    let sealed = [nonce.as_slice(), &aead::seal(&key, &nonce, TAG.as_bytes(), w.as_slice())].concat();
    let digits = invitation.digits(&sealed);
    (sealed, digits)
}

/// Reads a request on the trusted device; the digits are what the new device must be showing.
pub fn read_request(invitation: &Invitation, sealed: &[u8]) -> Result<(Newcomer, Digits), PairError> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(PairError::Malformed)?;
    let key: Key = invitation.derive(b"request");
    let plain = aead::open(&key, nonce, TAG.as_bytes(), rest).ok_or(PairError::Sealed)?;
    let newcomer = decode_request(&plain).map_err(|_| PairError::Malformed)?;
    Ok((newcomer, invitation.digits(sealed)))
}

fn decode_request(plain: &[u8]) -> Result<Newcomer, DecodeError> {
    let mut r = Reader::new(plain);
    if r.u8()? != VERSION {
        return Err(DecodeError::Invalid);
    }
    let (sign_key, wrap_key) = (r.array()?, r.array()?);
    let name = core::str::from_utf8(r.bytes(MAX_NAME)?).map_err(|_| DecodeError::Invalid)?.to_owned();
    r.finish()?;
    Ok(Newcomer { sign_key, wrap_key, name })
}

/// The trusted device's answer: the roster that now lists the new device, sealed to it (HPKE, mode PSK).
pub fn welcome(
    invitation: &Invitation,
    newcomer: &Newcomer,
    sealed_request: &[u8],
    vault: VaultId,
    roster: &[Vec<u8>],
    rng: &mut dyn Entropy,
) -> Result<Vec<u8>, PairError> {
    let mut w = Writer::new();
    w.u8(VERSION).put(&vault.0).list(roster, |w, entry| {
        w.bytes(entry);
    });
    let psk: Key = invitation.derive(b"psk");
    hpke::seal(&newcomer.wrap_key, Some(&psk), &welcome_info(sealed_request), w.as_slice(), rng)
        .ok_or(PairError::Malformed)
}

/// Reads the answer on the new device: the vault and its roster, verified from the first entry, with this
/// device in it.
pub fn read_welcome(
    invitation: &Invitation,
    identity: &Identity,
    sealed_request: &[u8],
    sealed: &[u8],
) -> Result<(Roster, Vec<Vec<u8>>), PairError> {
    let psk: Key = invitation.derive(b"psk");
    let plain = hpke::open(identity.wrap_seed(), Some(&psk), &welcome_info(sealed_request), sealed)
        .ok_or(PairError::Sealed)?;
    let mut r = Reader::new(&plain);
    let mut read = || {
        if r.u8()? != VERSION {
            return Err(DecodeError::Invalid);
        }
        let vault = VaultId(r.array()?);
        let entries =
            r.list(limits::MAX_CHAIN, |r| Ok(r.bytes(limits::MAX_ROSTER_ENTRY)?.to_vec()))?;
        Ok((vault, entries))
    };
    let (vault, entries) = read().map_err(|_| PairError::Malformed)?;
    r.finish().map_err(|_| PairError::Malformed)?;
    let roster =
        Roster::verify_chain(vault, entries.iter().map(Vec::as_slice)).map_err(|_| PairError::Roster)?;
    let listed = roster.members().get(&identity.id()).is_some_and(|m| m.wrap_key == identity.wrap_key());
    if listed { Ok((roster, entries)) } else { Err(PairError::Roster) }
}

fn welcome_info(sealed_request: &[u8]) -> Vec<u8> {
    [b"cairn/1/welcome".as_slice(), Sha256::digest(sealed_request).as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::roster::Entry;

    use crate::safe::membership::{add_device, found, learn_epochs};
    use crate::safe::recovery::RecoveryKit;
    use crate::safe::testing::TestEntropy;
    use crate::Keyring;

    #[test]
    fn a_device_is_admitted_and_can_read() {
        let mut rng = TestEntropy(0);
        let tablet = Identity::generate(&mut rng);
        let (genesis, keys) = found(&tablet, "Tablet", &RecoveryKit::generate(&mut rng), &mut rng).unwrap();
        let mut roster = Roster::found(genesis.clone()).unwrap();

        let invitation = Invitation::generate(&mut rng);
        let scanned = Invitation::parse(&invitation.code()).unwrap();
        assert_eq!(scanned.request_mailbox(), invitation.request_mailbox());
        assert_ne!(scanned.request_mailbox(), invitation.reply_mailbox());

        let laptop = Identity::generate(&mut rng);
        let (request, shown) = ask_to_join(&scanned, &laptop, "Laptop", &mut rng);
        let (newcomer, expected) = read_request(&invitation, &request).unwrap();
        let (front, back) = shown.as_str().split_at(3);
        assert!(expected.are(&format!(" {front} {back}")));
        assert!(!expected.are("") && !expected.are(front));
        assert_eq!(newcomer.name, "Laptop");

        let entry = add_device(&roster, &tablet, &keys, &newcomer, &mut rng).unwrap();
        roster.append(entry.clone()).unwrap();
        let entries = [genesis.encode(), entry.encode()];
        let sealed = welcome(&invitation, &newcomer, &request, roster.vault(), &entries, &mut rng).unwrap();
        let (seen, seen_entries) = read_welcome(&scanned, &laptop, &request, &sealed).unwrap();
        assert_eq!(seen, roster);
        let chain: Vec<_> = seen_entries.iter().map(|e| Entry::decode(e).unwrap()).collect();
        let mut learned = Keyring::default();
        learn_epochs(&chain, &laptop, &mut learned).unwrap();
        assert_eq!(learned.to_bytes(), keys.to_bytes());

        let mut other_request = request.clone();
        other_request[0] ^= 1;
        assert!(read_request(&invitation, &other_request).is_err());
        assert!(read_welcome(&scanned, &laptop, &other_request, &sealed).is_err());
        let other = Invitation::generate(&mut rng);
        assert!(read_welcome(&other, &laptop, &request, &sealed).is_err());
        let thief = Identity::generate(&mut rng);
        assert!(read_welcome(&scanned, &thief, &request, &sealed).is_err());
    }

    #[test]
    fn somebody_elses_request_has_other_digits() {
        let mut rng = TestEntropy(0);
        let invitation = Invitation::generate(&mut rng);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let (_, digits) = ask_to_join(&invitation, &Identity::generate(&mut rng), "Laptop", &mut rng);
            assert_eq!(digits.as_str().len(), 6);
            seen.insert(digits.as_str().to_owned());
        }
        assert!(seen.len() > 48);
    }
}
