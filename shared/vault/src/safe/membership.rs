//! Founding a vault, and changing who belongs to it.

use cairn_wire::roster::{Action, Body, Entry, Member, Removal, Roster, RosterError, Wrap};
use cairn_wire::{DeviceId, EntryId, Epoch, RosterSequence, limits};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, aead, hpke, kdf, random, random_secret};
use crate::safe::identity::Identity;
use crate::safe::keyring::{Key, Keyring, context};
use crate::safe::recovery::RecoveryKit;

const NONCE_LEN: usize = 12;
/// Longer names are cut, so that a sealed name always fits its limit.
const MAX_NAME: usize = 120;

/// Why the roster cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MembershipError {
    /// The vault has as many devices as it can.
    #[error("the vault has as many devices as it can")]
    TooManyDevices,
    /// The current epoch's key is not here, or the epoch does not fit the roster.
    #[error("the current key is not on this device")]
    NoKey,
    /// A public key is not one.
    #[error("a key is not well formed")]
    BadKey,
    /// The entry would not be accepted.
    #[error("the roster does not allow it: {0}")]
    Roster(#[from] RosterError),
}

/// A device that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Ed25519 public key.
    pub sign_key: [u8; 32],
    /// X25519 public key.
    pub wrap_key: [u8; 32],
    /// What it calls itself.
    pub name: String,
}

/// A new vault with one device: the roster's first entry and the first epoch's key.
pub fn found(
    identity: &Identity,
    device_name: &str,
    recovery: &RecoveryKit,
    rng: &mut dyn Entropy,
) -> Result<(Entry, Keyring), MembershipError> {
    let mut keys = Keyring::default();
    keys.add_epoch(Epoch(1), random_secret(rng));
    let (epoch, key) = keys.current().ok_or(MembershipError::NoKey)?;
    let recovery_keys = recovery.keys();
    let recipients =
        [(identity.id(), identity.wrap_key()), (recovery.id(), recovery_keys.wrap_key)];
    let member = Member {
        sign_key: identity.sign_key(),
        wrap_key: identity.wrap_key(),
        sealed_name: seal_name(device_name, epoch, key, rng),
    };
    let body = Body {
        action: Action::Found,
        min_suite: cairn_wire::record::SUITE_1,
        sequence: RosterSequence(0),
        previous: EntryId([0; 32]),
        author: identity.id(),
        epoch,
        recovery: recovery_keys,
        members: vec![member],
        removed: Vec::new(),
        wraps: wraps(&recipients, identity.id(), epoch, key, rng)?,
        previous_key: Vec::new(),
    };
    Ok((Entry::assemble(body, |message| identity.sign(message)), keys))
}

/// Adds a device, wrapping the current epoch's key to it.
pub fn add_device(
    roster: &Roster,
    author: &Identity,
    keys: &Keyring,
    newcomer: &Newcomer,
    rng: &mut dyn Entropy,
) -> Result<Entry, MembershipError> {
    if roster.members().len() >= limits::MAX_DEVICES {
        return Err(MembershipError::TooManyDevices);
    }
    let key = current_key(roster, keys)?;
    let id = DeviceId::of_key(&newcomer.sign_key);
    let mut body = next(roster, author, Action::Add);
    body.members.push(Member {
        sign_key: newcomer.sign_key,
        wrap_key: newcomer.wrap_key,
        sealed_name: seal_name(&newcomer.name, body.epoch, key, rng),
    });
    body.wraps = wraps(&[(id, newcomer.wrap_key)], author.id(), body.epoch, key, rng)?;
    finish(roster, body, author)
}

/// Removes devices. The same entry starts a new epoch, so there is no moment in which a removed device
/// could read what is written next.
pub fn remove_devices(
    roster: &Roster,
    author: &Identity,
    keys: &mut Keyring,
    removals: &[Removal],
    rng: &mut dyn Entropy,
) -> Result<Entry, MembershipError> {
    let mut body = next(roster, author, Action::Remove);
    body.members.retain(|m| removals.iter().all(|r| r.device != m.id()));
    body.removed = removals.to_vec();
    new_epoch(roster, author, keys, body, rng)
}

/// Replaces the recovery kit; the old one does not open what is written from now on.
pub fn replace_recovery(
    roster: &Roster,
    author: &Identity,
    keys: &mut Keyring,
    recovery: &RecoveryKit,
    rng: &mut dyn Entropy,
) -> Result<Entry, MembershipError> {
    let mut body = next(roster, author, Action::ReplaceRecovery);
    body.recovery = recovery.keys();
    new_epoch(roster, author, keys, body, rng)
}

/// Gives a device another name.
pub fn rename_device(
    roster: &Roster,
    author: &Identity,
    keys: &Keyring,
    device: DeviceId,
    name: &str,
    rng: &mut dyn Entropy,
) -> Result<Entry, MembershipError> {
    let key = current_key(roster, keys)?;
    let mut body = next(roster, author, Action::Rename);
    let epoch = body.epoch;
    for member in body.members.iter_mut().filter(|m| m.id() == device) {
        member.sealed_name = seal_name(name, epoch, key, rng);
    }
    finish(roster, body, author)
}

/// Takes every epoch's key out of a verified chain that was wrapped to this device: the newest wrap, then
/// back from each epoch to the one before. `entries` ascend from the first.
pub fn learn_epochs(entries: &[Entry], who: &Identity, keys: &mut Keyring) -> Result<(), MembershipError> {
    for entry in entries.iter().rev() {
        let body = entry.body();
        if !keys.has_epoch(body.epoch) {
            let wrapped = body.wraps.iter().find(|wrap| wrap.recipient == who.id());
            let opened = wrapped.and_then(|wrap| {
                hpke::open(who.wrap_seed(), None, &wrap_info(body.author, who.id(), body.epoch), &wrap.sealed)
            });
            if let Some(key) = opened {
                let key = Zeroizing::new(key);
                let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| MembershipError::BadKey)?;
                keys.add_epoch(body.epoch, Zeroizing::new(key));
            }
        }
        let before = Epoch(body.epoch.0.saturating_sub(1));
        if !body.previous_key.is_empty() && !keys.has_epoch(before) {
            if let Some(key) = keys.epoch(body.epoch).and_then(|key| open_previous(key, before, &body.previous_key)) {
                keys.add_epoch(before, key);
            }
        }
    }
    let newest = entries.last().map(|entry| entry.body().epoch);
    if newest.is_some_and(|epoch| keys.has_epoch(epoch)) { Ok(()) } else { Err(MembershipError::NoKey) }
}

/// What a device is called, if the key is here.
pub fn device_name(member: &Member, keys: &Keyring) -> Option<String> {
    let (epoch, rest) = member.sealed_name.split_first_chunk::<4>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    let epoch = Epoch(u32::from_be_bytes(*epoch));
    let key = name_key(keys.epoch(epoch)?);
    let name = aead::open(&key, nonce, &context("cairn/1/name", b"", &epoch.0.to_be_bytes()), sealed)?;
    String::from_utf8(name).ok()
}

fn next(roster: &Roster, author: &Identity, action: Action) -> Body {
    Body {
        action,
        min_suite: roster.min_suite(),
        sequence: roster.sequence().next(),
        previous: roster.head(),
        author: author.id(),
        epoch: roster.epoch(),
        recovery: roster.recovery().clone(),
        members: roster.members().values().cloned().collect(),
        removed: Vec::new(),
        wraps: Vec::new(),
        previous_key: Vec::new(),
    }
}

fn finish(roster: &Roster, body: Body, author: &Identity) -> Result<Entry, MembershipError> {
    let entry = Entry::assemble(body, |message| author.sign(message));
    // What the relay and the other devices would refuse is not handed out.
    roster.clone().append(entry.clone())?;
    Ok(entry)
}

fn new_epoch(
    roster: &Roster,
    author: &Identity,
    keys: &mut Keyring,
    mut body: Body,
    rng: &mut dyn Entropy,
) -> Result<Entry, MembershipError> {
    let old_key = current_key(roster, keys)?;
    let key = random_secret(rng);
    body.previous_key = seal_previous(&key, roster.epoch(), old_key, rng);
    body.epoch = roster.epoch().next();
    let mut recipients: Vec<_> = body.members.iter().map(|m| (m.id(), m.wrap_key)).collect();
    recipients.push((DeviceId::of_key(&body.recovery.sign_key), body.recovery.wrap_key));
    body.wraps = wraps(&recipients, author.id(), body.epoch, &key, rng)?;
    let epoch = body.epoch;
    let entry = finish(roster, body, author)?;
    keys.add_epoch(epoch, key);
    Ok(entry)
}

fn current_key<'k>(roster: &Roster, keys: &'k Keyring) -> Result<&'k Key, MembershipError> {
    keys.epoch(roster.epoch()).ok_or(MembershipError::NoKey)
}

/// The first entry wraps before its vault has an id, so the context is author, recipient and epoch; the
/// entry's signature binds the wrap to its vault.
fn wrap_info(author: DeviceId, recipient: DeviceId, epoch: Epoch) -> Vec<u8> {
    [b"cairn/1/epoch".as_slice(), &author.0, &recipient.0, &epoch.0.to_be_bytes()].concat()
}

fn wraps(
    recipients: &[(DeviceId, [u8; 32])],
    author: DeviceId,
    epoch: Epoch,
    key: &Key,
    rng: &mut dyn Entropy,
) -> Result<Vec<Wrap>, MembershipError> {
    recipients
        .iter()
        .map(|(recipient, public)| {
            let info = wrap_info(author, *recipient, epoch);
            let sealed =
                hpke::seal(public, None, &info, key.as_slice(), rng).ok_or(MembershipError::BadKey)?;
            Ok(Wrap { recipient: *recipient, sealed })
        })
        .collect()
}

fn seal_previous(key: &Key, old_epoch: Epoch, old_key: &Key, rng: &mut dyn Entropy) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random(rng);
    let sealed = aead::seal(&previous_key(key), &nonce, &previous_context(old_epoch), old_key.as_slice());
    [nonce.as_slice(), &sealed].concat()
}

fn open_previous(key: &Key, old_epoch: Epoch, sealed: &[u8]) -> Option<Key> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let opened = aead::open(&previous_key(key), nonce, &previous_context(old_epoch), sealed)?;
    let opened = Zeroizing::new(opened);
    <[u8; 32]>::try_from(opened.as_slice()).ok().map(Zeroizing::new)
}

fn previous_key(key: &Key) -> Key {
    kdf::derive(key.as_slice(), b"", &[b"cairn/1/previous-epoch"])
}

fn previous_context(old_epoch: Epoch) -> Vec<u8> {
    context("cairn/1/previous-epoch", b"", &old_epoch.0.to_be_bytes())
}

fn name_key(key: &Key) -> Key {
    kdf::derive(key.as_slice(), b"", &[b"cairn/1/name"])
}

fn seal_name(name: &str, epoch: Epoch, key: &Key, rng: &mut dyn Entropy) -> Vec<u8> {
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    let (name, _) = name.split_at(end);
    let nonce: [u8; NONCE_LEN] = random(rng);
    let aad = context("cairn/1/name", b"", &epoch.0.to_be_bytes());
    let sealed = aead::seal(&name_key(key), &nonce, &aad, name.as_bytes());
    [epoch.0.to_be_bytes().as_slice(), &nonce, &sealed].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::{Number, RecordId};

    use crate::safe::testing::TestEntropy;

    struct Vault {
        rng: TestEntropy,
        first: Identity,
        kit: RecoveryKit,
        keys: Keyring,
        entries: Vec<Entry>,
        roster: Roster,
    }

    fn vault() -> Vault {
        let mut rng = TestEntropy(0);
        let (first, kit) = (Identity::generate(&mut rng), RecoveryKit::generate(&mut rng));
        let (entry, keys) = found(&first, "Tablet", &kit, &mut rng).unwrap();
        let roster = Roster::found(entry.clone()).unwrap();
        Vault { rng, first, kit, keys, entries: vec![entry], roster }
    }

    impl Vault {
        fn take(&mut self, entry: Entry) {
            self.roster.append(entry.clone()).unwrap();
            self.entries.push(entry);
        }

        fn join(&mut self, name: &str) -> Identity {
            let identity = Identity::generate(&mut self.rng);
            let newcomer =
                Newcomer { sign_key: identity.sign_key(), wrap_key: identity.wrap_key(), name: name.into() };
            let entry = add_device(&self.roster, &self.first, &self.keys, &newcomer, &mut self.rng).unwrap();
            self.take(entry);
            identity
        }

        fn remove(&mut self, device: DeviceId) {
            let removal = Removal { device, last_number: Number(0), last_record: RecordId::NONE };
            let entry =
                remove_devices(&self.roster, &self.first, &mut self.keys, &[removal], &mut self.rng).unwrap();
            self.take(entry);
        }
    }

    fn learned(entries: &[Entry], who: &Identity) -> Keyring {
        let mut keys = Keyring::default();
        learn_epochs(entries, who, &mut keys).unwrap();
        keys
    }

    #[test]
    fn a_newcomer_reads_the_past_and_knows_the_others_by_name() {
        let mut v = vault();
        let phone = v.join("Phone");
        v.remove(phone.id());
        let laptop = v.join("Laptop – Dr. Ó Súilleabháin");
        let keys = learned(&v.entries, &laptop);
        assert_eq!(keys.to_bytes(), v.keys.to_bytes());
        let names: Vec<_> = v.roster.members().values().filter_map(|m| device_name(m, &keys)).collect();
        assert_eq!(names.len(), 2);
        assert!(names.contains(&"Tablet".to_owned()) && names.contains(&"Laptop – Dr. Ó Súilleabháin".to_owned()));
    }

    #[test]
    fn a_removed_device_does_not_learn_the_next_key_and_the_kit_does() {
        let mut v = vault();
        let phone = v.join("Phone");
        v.remove(phone.id());
        let mut keys = Keyring::default();
        assert_eq!(learn_epochs(&v.entries, &phone, &mut keys), Err(MembershipError::NoKey));
        assert!(keys.has_epoch(Epoch(1)) && !keys.has_epoch(Epoch(2)));
        assert_eq!(learned(&v.entries, &v.kit.identity()).to_bytes(), v.keys.to_bytes());
    }

    #[test]
    fn a_replaced_kit_does_not_open_what_comes_after() {
        let mut v = vault();
        let new_kit = RecoveryKit::generate(&mut v.rng);
        let entry = replace_recovery(&v.roster, &v.first, &mut v.keys, &new_kit, &mut v.rng).unwrap();
        v.take(entry);
        assert_eq!(
            learn_epochs(&v.entries, &v.kit.identity(), &mut Keyring::default()),
            Err(MembershipError::NoKey)
        );
        assert_eq!(learned(&v.entries, &new_kit.identity()).to_bytes(), v.keys.to_bytes());
    }

    #[test]
    fn strangers_and_removed_devices_cannot_change_the_roster() {
        let mut v = vault();
        let phone = v.join("Phone");
        v.remove(phone.id());
        let newcomer = Newcomer { sign_key: [1; 32], wrap_key: [2; 32], name: String::new() };
        for author in [&phone, &Identity::generate(&mut TestEntropy(99))] {
            let refused = add_device(&v.roster, author, &v.keys, &newcomer, &mut v.rng);
            assert_eq!(refused, Err(MembershipError::Roster(RosterError::NotAMember)));
        }
    }

    #[test]
    fn a_full_vault_says_so_and_its_entry_still_fits() {
        let mut v = vault();
        for n in 1..limits::MAX_DEVICES {
            v.join(&"long name ".repeat(n));
        }
        assert!(v.entries.iter().all(|e| e.encode().len() <= limits::MAX_ROSTER_ENTRY));
        let newcomer = Newcomer { sign_key: [1; 32], wrap_key: [2; 32], name: String::new() };
        let refused = add_device(&v.roster, &v.first, &v.keys, &newcomer, &mut v.rng);
        assert_eq!(refused, Err(MembershipError::TooManyDevices));
        let bytes: Vec<_> = v.entries.iter().map(Entry::encode).collect();
        let chain = Roster::verify_chain(v.roster.vault(), bytes.iter().map(Vec::as_slice));
        assert_eq!(chain.as_ref(), Ok(&v.roster));
    }

    #[test]
    fn every_changed_byte_of_an_entry_is_noticed() {
        let mut v = vault();
        v.join("Phone");
        let bytes = v.entries[1].encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let refused = Entry::decode(&changed).map_err(RosterError::from).and_then(|entry| {
                let mut roster = Roster::found(v.entries[0].clone())?;
                roster.append(entry)
            });
            assert!(refused.is_err(), "byte {at}");
        }
    }
}
