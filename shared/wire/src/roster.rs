//! The roster: which devices belong to a vault, as a strict hash chain of signed entries.
//!
//! Each entry states the whole result, so the rules that an entry must obey are a comparison of two
//! states. The names and keys inside are sealed; the relay sees only public keys.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::{DeviceId, EntryId, Epoch, Number, RecordId, RosterSequence, VaultId};
use crate::limits::{MAX_DEVICES, MAX_ROSTER_ENTRY, MAX_SEALED_NAME, MAX_WRAP};
use crate::record::{signing_message, verify_signature};

const MAGIC: &[u8; 4] = b"CRR1";
/// The tag under which entries are signed.
pub const SIGNATURE_CONTEXT: &[u8] = b"cairn/1/roster";

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Founds the vault with one device.
    Found = 1,
    /// Adds one device.
    Add = 2,
    /// Removes devices and starts a new epoch.
    Remove = 3,
    /// Replaces the recovery kit and starts a new epoch.
    ReplaceRecovery = 4,
    /// Changes devices' names.
    Rename = 5,
}

impl Action {
    fn decode(byte: u8) -> Result<Self, DecodeError> {
        Ok(match byte {
            1 => Self::Found,
            2 => Self::Add,
            3 => Self::Remove,
            4 => Self::ReplaceRecovery,
            5 => Self::Rename,
            _ => return Err(DecodeError::Invalid),
        })
    }
}

/// A device as the roster lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Ed25519 public key; the device's id is its hash.
    pub sign_key: [u8; 32],
    /// X25519 public key to which epoch keys are wrapped.
    pub wrap_key: [u8; 32],
    /// The device's name, sealed.
    pub sealed_name: Vec<u8>,
}

impl Member {
    /// The device's id.
    pub fn id(&self) -> DeviceId {
        DeviceId::of_key(&self.sign_key)
    }
}

/// The public halves of the recovery kit's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryKeys {
    /// Ed25519 public key that may add a device.
    pub sign_key: [u8; 32],
    /// X25519 public key to which epoch keys are wrapped.
    pub wrap_key: [u8; 32],
}

/// A device that was removed, and the last record of its log that still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// The device.
    pub device: DeviceId,
    /// Its last good record's number; 0 when it never wrote.
    pub last_number: Number,
    /// Its last good record.
    pub last_record: RecordId,
}

/// An epoch key, HPKE-sealed to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrap {
    /// The device, or [`DeviceId::of_key`] of the recovery signing key.
    pub recipient: DeviceId,
    /// HPKE encapsulated key and ciphertext.
    pub sealed: Vec<u8>,
}

/// The content of an entry, before or after its signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What the entry does.
    pub action: Action,
    /// The lowest suite still accepted; never falls.
    pub min_suite: u8,
    /// Its place in the chain.
    pub sequence: RosterSequence,
    /// The entry before it; all zero for the first.
    pub previous: EntryId,
    /// Who signed: a live device, or the recovery key's id.
    pub author: DeviceId,
    /// The current epoch after this entry.
    pub epoch: Epoch,
    /// The recovery kit's keys after this entry.
    pub recovery: RecoveryKeys,
    /// All live devices after this entry, by id.
    pub members: Vec<Member>,
    /// The devices removed by this entry.
    pub removed: Vec<Removal>,
    /// The current epoch's key for those who do not have it yet.
    pub wraps: Vec<Wrap>,
    /// The previous epoch's key sealed under the current one; empty when the epoch is unchanged.
    pub previous_key: Vec<u8>,
}

impl Body {
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.put(MAGIC)
            .u8(self.action as u8)
            .u8(self.min_suite)
            .u32(self.sequence.0)
            .put(&self.previous.0)
            .put(&self.author.0)
            .u32(self.epoch.0)
            .put(&self.recovery.sign_key)
            .put(&self.recovery.wrap_key)
            .list(&self.members, |w, m| {
                w.put(&m.sign_key).put(&m.wrap_key).bytes(&m.sealed_name);
            })
            .list(&self.removed, |w, r| {
                w.put(&r.device.0).u64(r.last_number.0).put(&r.last_record.0);
            })
            .list(&self.wraps, |w, wrap| {
                w.put(&wrap.recipient.0).bytes(&wrap.sealed);
            })
            .bytes(&self.previous_key);
        w.into_vec()
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let magic = r.array::<4>()?;
        if magic != *MAGIC {
            return Err(match magic {
                [b'C', b'R', b'R', version] => DecodeError::UnknownVersion(version),
                _ => DecodeError::WrongMagic,
            });
        }
        Ok(Self {
            action: Action::decode(r.u8()?)?,
            min_suite: r.u8()?,
            sequence: RosterSequence(r.u32()?),
            previous: EntryId(r.array()?),
            author: DeviceId(r.array()?),
            epoch: Epoch(r.u32()?),
            recovery: RecoveryKeys { sign_key: r.array()?, wrap_key: r.array()? },
            members: r.list(MAX_DEVICES, |r| {
                Ok(Member {
                    sign_key: r.array()?,
                    wrap_key: r.array()?,
                    sealed_name: r.bytes(MAX_SEALED_NAME)?.to_vec(),
                })
            })?,
            removed: r.list(MAX_DEVICES, |r| {
                Ok(Removal {
                    device: DeviceId(r.array()?),
                    last_number: Number(r.u64()?),
                    last_record: RecordId(r.array()?),
                })
            })?,
            wraps: r.list(MAX_DEVICES + 2, |r| {
                Ok(Wrap { recipient: DeviceId(r.array()?), sealed: r.bytes(MAX_WRAP)?.to_vec() })
            })?,
            previous_key: r.bytes(MAX_WRAP)?.to_vec(),
        })
    }
}

/// A well-formed entry. Whether it may follow the chain is for [`Roster`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    body: Body,
    id: EntryId,
    signature: [u8; 64],
}

impl Entry {
    /// Puts an entry together, with `sign` making the Ed25519 signature over the message it is given.
    pub fn assemble(body: Body, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Self {
        let id = EntryId(Sha256::digest(body.encode()).into());
        let signature = sign(&signing_message(SIGNATURE_CONTEXT, &id.0));
        Self { body, id, signature }
    }

    /// Reads an entry; every byte must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ROSTER_ENTRY {
            return Err(DecodeError::TooLong);
        }
        let mut r = Reader::new(bytes);
        let body = Body::decode(&mut r)?;
        let signature = r.array()?;
        r.finish()?;
        let id = EntryId(Sha256::digest(body.encode()).into());
        Ok(Self { body, id, signature })
    }

    /// The entry as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body.encode();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// What the entry says.
    pub fn body(&self) -> &Body {
        &self.body
    }

    fn signed_by(&self, public_key: &[u8; 32]) -> bool {
        verify_signature(public_key, SIGNATURE_CONTEXT, &self.id.0, &self.signature)
    }
}

/// Why an entry may not follow the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RosterError {
    /// It is not well formed.
    #[error("the entry is not well formed: {0}")]
    Decode(#[from] DecodeError),
    /// It does not follow the last entry.
    #[error("the entry does not follow the last one")]
    NotNext,
    /// Its author is not a live device of the vault, nor its recovery key.
    #[error("the author may not write to this roster")]
    NotAMember,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    BadSignature,
    /// It does something that its action does not allow.
    #[error("the entry breaks the rules of its action")]
    AgainstTheRules,
    /// The first entry founds another vault.
    #[error("the entry founds another vault")]
    OtherVault,
}

/// A former device's key and where its log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Ed25519 public key.
    pub sign_key: [u8; 32],
    /// The last record that counts.
    pub removal: Removal,
}

/// A verified chain of entries, folded into the state it describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    vault: VaultId,
    head: Entry,
    members: BTreeMap<DeviceId, Member>,
    former: BTreeMap<DeviceId, Former>,
}

impl Roster {
    /// Starts a chain with its first entry.
    pub fn found(entry: Entry) -> Result<Self, RosterError> {
        let body = entry.body();
        let [member] = body.members.as_slice() else {
            return Err(RosterError::AgainstTheRules);
        };
        let lawful = body.action == Action::Found
            && body.sequence == RosterSequence(0)
            && body.previous == EntryId([0; 32])
            && body.epoch == Epoch(1)
            && body.removed.is_empty()
            && body.previous_key.is_empty()
            && body.min_suite >= 1
            && body.author == member.id();
        if !lawful {
            return Err(RosterError::AgainstTheRules);
        }
        if !entry.signed_by(&member.sign_key) {
            return Err(RosterError::BadSignature);
        }
        let members = BTreeMap::from([(member.id(), member.clone())]);
        Ok(Self { vault: VaultId::of_genesis(&entry.id()), head: entry, members, former: BTreeMap::new() })
    }

    /// Verifies a whole chain, from the first entry, of the vault with a known id.
    pub fn verify_chain<'a>(
        vault: VaultId,
        entries: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, RosterError> {
        let mut entries = entries.into_iter();
        let first = Entry::decode(entries.next().ok_or(RosterError::NotNext)?)?;
        let mut roster = Self::found(first)?;
        if roster.vault != vault {
            return Err(RosterError::OtherVault);
        }
        for bytes in entries {
            roster.append(Entry::decode(bytes)?)?;
        }
        Ok(roster)
    }

    /// Adds the next entry, or leaves everything as it was.
    pub fn append(&mut self, entry: Entry) -> Result<(), RosterError> {
        let (old, new) = (self.head.body(), entry.body());
        if new.sequence != old.sequence.next() || new.previous != self.head.id() {
            return Err(RosterError::NotNext);
        }
        let recovery_id = DeviceId::of_key(&old.recovery.sign_key);
        let author_key = if new.author == recovery_id {
            old.recovery.sign_key
        } else {
            self.members.get(&new.author).ok_or(RosterError::NotAMember)?.sign_key
        };
        if !entry.signed_by(&author_key) {
            return Err(RosterError::BadSignature);
        }
        let members: BTreeMap<_, _> = new.members.iter().map(|m| (m.id(), m.clone())).collect();
        if !self.lawful(new, &members) {
            return Err(RosterError::AgainstTheRules);
        }
        for removal in &new.removed {
            if let Some(member) = self.members.get(&removal.device) {
                let former = Former { sign_key: member.sign_key, removal: *removal };
                self.former.insert(removal.device, former);
            }
        }
        self.members = members;
        self.head = entry;
        Ok(())
    }

    fn lawful(&self, new: &Body, members: &BTreeMap<DeviceId, Member>) -> bool {
        let old = self.head.body();
        let added: Vec<_> = members.keys().filter(|id| !self.members.contains_key(id)).collect();
        let gone = self.members.keys().filter(|id| !members.contains_key(id)).count();
        let keys_kept = members.iter().all(|(id, m)| {
            self.members.get(id).is_none_or(|was| was.wrap_key == m.wrap_key)
        });
        let removed_listed = new.removed.len() == gone
            && new
                .removed
                .iter()
                .all(|r| self.members.contains_key(&r.device) && !members.contains_key(&r.device));
        let same_epoch = new.epoch == old.epoch && new.previous_key.is_empty();
        let next_epoch = new.epoch == old.epoch.next() && !new.previous_key.is_empty();
        let always = members.len() == new.members.len()
            && !members.is_empty()
            && keys_kept
            && removed_listed
            && new.min_suite >= old.min_suite
            && added.iter().all(|id| !self.former.contains_key(*id));
        let same_recovery = new.recovery == old.recovery;
        always
            && match new.action {
                Action::Found => false,
                Action::Add => added.len() == 1 && gone == 0 && same_epoch && same_recovery,
                Action::Remove => added.is_empty() && gone >= 1 && next_epoch && same_recovery,
                Action::ReplaceRecovery => {
                    added.is_empty() && gone == 0 && next_epoch && !same_recovery
                }
                Action::Rename => added.is_empty() && gone == 0 && same_epoch && same_recovery,
            }
    }

    /// The vault.
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// The last entry's id.
    pub fn head(&self) -> EntryId {
        self.head.id()
    }

    /// The last entry's place.
    pub fn sequence(&self) -> RosterSequence {
        self.head.body().sequence
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.head.body().epoch
    }

    /// The lowest suite accepted.
    pub fn min_suite(&self) -> u8 {
        self.head.body().min_suite
    }

    /// The recovery kit's public keys.
    pub fn recovery(&self) -> &RecoveryKeys {
        &self.head.body().recovery
    }

    /// The live devices.
    pub fn members(&self) -> &BTreeMap<DeviceId, Member> {
        &self.members
    }

    /// The devices that were removed.
    pub fn former(&self) -> &BTreeMap<DeviceId, Former> {
        &self.former
    }

    /// The signing key of a live device, or of a removed one for records up to its last good one.
    pub fn signing_key(&self, device: DeviceId, number: Number) -> Option<&[u8; 32]> {
        self.members.get(&device).map(|m| &m.sign_key).or_else(|| {
            self.former
                .get(&device)
                .filter(|f| number <= f.removal.last_number)
                .map(|f| &f.sign_key)
        })
    }
}
