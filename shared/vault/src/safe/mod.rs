//! Whole jobs with keys.

pub(crate) mod identity;
pub(crate) mod keyring;
pub(crate) mod membership;
pub(crate) mod pairing;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod storage;
pub(crate) mod typed_code;
pub(crate) mod unlock;
pub(crate) mod whisper;

#[cfg(test)]
pub(crate) mod testing {
    //! Randomness for tests: the same every time, never the same twice.
    use sha2::{Digest, Sha256};

    use crate::Entropy;

    pub(crate) struct TestEntropy(pub(crate) u64);

    impl Entropy for TestEntropy {
        fn fill(&mut self, out: &mut [u8]) {
            for chunk in out.chunks_mut(32) {
                self.0 += 1;
                let block = Sha256::digest(self.0.to_be_bytes());
                chunk.iter_mut().zip(block).for_each(|(to, from)| *to = from);
            }
        }
    }
}
