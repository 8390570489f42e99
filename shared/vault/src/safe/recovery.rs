//! The recovery kit: 160 bits on paper from which the practice can be opened again.

use cairn_wire::DeviceId;
use cairn_wire::roster::RecoveryKeys;
use zeroize::Zeroizing;

use crate::hazmat::{Entropy, hpke, kdf};
use crate::safe::identity::Identity;
use crate::safe::typed_code::{self, CodeError};

const TAG: &str = "cairn/1/recovery-kit";
const CANARY: &[u8] = b"cairn/1/canary";

/// The kit's secret.
pub struct RecoveryKit(Zeroizing<[u8; 20]>);

impl RecoveryKit {
    /// A new kit.
    pub fn generate(rng: &mut dyn Entropy) -> Self {
        let mut secret = Zeroizing::new([0; 20]);
        rng.fill(secret.as_mut_slice());
        Self(secret)
    }

    /// What is printed: 36 characters in groups of four.
    pub fn code(&self) -> Zeroizing<String> {
        typed_code::write(TAG, self.0.as_slice())
    }

    /// What was typed back.
    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        typed_code::read(TAG, typed).map(Self)
    }

    /// The public keys that the roster carries.
    pub fn keys(&self) -> RecoveryKeys {
        let identity = self.identity();
        RecoveryKeys { sign_key: identity.sign_key(), wrap_key: identity.wrap_key() }
    }

    /// The id under which the roster lists it.
    pub fn id(&self) -> DeviceId {
        self.identity().id()
    }

    pub(crate) fn identity(&self) -> Identity {
        let seed = |purpose: &[u8]| kdf::derive::<32>(self.0.as_slice(), b"", &[TAG.as_bytes(), purpose]);
        Identity::from_seeds(&seed(b"sign"), &seed(b"wrap"))
    }

    /// Something that only the kit behind these keys can open: the proof that a kit works.
    pub fn seal_canary(keys: &RecoveryKeys, rng: &mut dyn Entropy) -> Vec<u8> {
        hpke::seal(&keys.wrap_key, None, CANARY, CANARY, rng).unwrap_or_default()
    }

    /// Whether this kit opens the canary.
    pub fn opens_canary(&self, canary: &[u8]) -> bool {
        hpke::open(self.identity().wrap_seed(), None, CANARY, canary).is_some_and(|opened| opened == CANARY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe::testing::TestEntropy;

    #[test]
    fn the_kit_typed_back_opens_the_canary_and_another_does_not() {
        let mut rng = TestEntropy(0);
        let kit = RecoveryKit::generate(&mut rng);
        let canary = RecoveryKit::seal_canary(&kit.keys(), &mut rng);
        let typed = RecoveryKit::parse(&kit.code().to_lowercase()).unwrap();
        assert!(typed.opens_canary(&canary));
        assert_eq!(typed.id(), DeviceId::of_key(&kit.keys().sign_key));
        assert!(!RecoveryKit::generate(&mut rng).opens_canary(&canary));
    }
}
