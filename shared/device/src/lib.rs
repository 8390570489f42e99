//! A whole device without a browser: what it does with requests, rows, frames and time.
//!
//! Nothing here reads a clock, makes randomness or waits. A driver hands in [`Input`]s with the time
//! and a source of randomness, carries out the [`Effect`]s in order and calls again at the timeout.

pub mod io;

pub use cairn_vault::Entropy;
pub use io::{Effect, Input, Now, Query, StoreError, Table, TabId, Token, Write};

/// What the driver configures.
#[derive(Debug, Clone)]
pub struct Config {
    /// Passphrase hardening for new envelopes.
    pub kdf: cairn_vault::KdfParams,
}

/// A device. Begin with [`Device::new`], then call [`Device::handle`] for everything that happens and
/// [`Device::poll_effect`] until it has no more to say.
pub struct Device {}

impl Device {
    /// A device that has not looked at its storage yet; its first effect is a read.
    pub fn new(_config: Config) -> Self {
        Self {}
    }

    /// Takes in something that happened.
    pub fn handle(&mut self, _input: Input, _now: Now, _rng: &mut dyn Entropy) {}

    /// The next thing to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        None
    }

    /// When to call [`Device::handle`] with [`Input::Tick`] at the latest, in steady milliseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        None
    }
}
