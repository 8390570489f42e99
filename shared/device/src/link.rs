//! The connection to the relay: when to try, when to give up, when to ask whether anybody is there.

use cairn_wire::frame::DeviceFrame;
use cairn_wire::{Incarnation, PROTOCOL_VERSION};

use crate::Entropy;
use crate::io::Effect;

/// A connection that has not come up by then is given up.
const GREETING_MS: u64 = 10_000;
/// Silence after which the device asks whether anybody is there.
const QUIET_MS: u64 = 25_000;
/// Silence after which nobody is.
const DEAD_MS: u64 = 45_000;
const RETRY_FIRST_MS: u64 = 200;
const RETRY_LONGEST_MS: u64 = 30_000;

/// The relay's question at the beginning of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Challenge {
    pub(crate) nonce: [u8; 32],
    pub(crate) incarnation: Incarnation,
}

#[derive(Debug, Default, Clone, Copy)]
enum Stage {
    /// No connection is wanted.
    #[default]
    Unwanted,
    /// None now; the next attempt is at this time.
    Waiting { until: u64 },
    /// The driver is connecting.
    Connecting { since: u64 },
    /// Connected; the relay's challenge is awaited.
    Greeting { since: u64 },
    /// Challenged, not logged in.
    Challenged { since: u64 },
    /// Logged in.
    In,
}

/// The connection.
#[derive(Debug, Default)]
pub(crate) struct Link {
    stage: Stage,
    challenge: Option<Challenge>,
    heard: u64,
    pinged: bool,
    failures: u32,
    requests: u32,
}

impl Link {
    /// A connection is wanted from now on.
    pub(crate) fn want(&mut self, now_ms: u64) {
        if matches!(self.stage, Stage::Unwanted) {
            self.failures = 0;
            self.stage = Stage::Waiting { until: now_ms };
        }
    }

    /// No connection is wanted any more.
    pub(crate) fn unwant(&mut self) -> Option<Effect> {
        let connected = !matches!(self.stage, Stage::Unwanted | Stage::Waiting { .. });
        *self = Self::default();
        connected.then_some(Effect::Disconnect)
    }

    /// Forgets the pause before the next attempt.
    pub(crate) fn hurry(&mut self, now_ms: u64) {
        if matches!(self.stage, Stage::Waiting { .. }) {
            self.stage = Stage::Waiting { until: now_ms };
        }
    }

    /// Whether the relay has accepted a login on this connection.
    pub(crate) fn is_in(&self) -> bool {
        matches!(self.stage, Stage::In)
    }

    /// The challenge of this connection.
    pub(crate) fn challenge(&self) -> Option<Challenge> {
        self.challenge
    }

    /// A number for the next request on this connection; never 0.
    pub(crate) fn request(&mut self) -> u32 {
        self.requests = self.requests.wrapping_add(1).max(1);
        self.requests
    }

    /// The connection is open: the first frame.
    pub(crate) fn connected(&mut self, now_ms: u64) -> Option<DeviceFrame> {
        if !matches!(self.stage, Stage::Connecting { .. }) {
            return None;
        }
        self.stage = Stage::Greeting { since: now_ms };
        self.heard = now_ms;
        self.pinged = false;
        Some(DeviceFrame::Hello { lowest: PROTOCOL_VERSION, highest: PROTOCOL_VERSION })
    }

    /// The relay's challenge has come.
    pub(crate) fn challenged(&mut self, challenge: Challenge, now_ms: u64) {
        self.challenge = Some(challenge);
        self.stage = Stage::Challenged { since: now_ms };
    }

    /// The relay has accepted the login.
    pub(crate) fn logged_in(&mut self) {
        self.stage = Stage::In;
        self.failures = 0;
    }

    /// Something came from the relay.
    pub(crate) fn heard(&mut self, now_ms: u64) {
        self.heard = now_ms;
        self.pinged = false;
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, now_ms: u64, rng: &mut dyn Entropy) {
        if matches!(self.stage, Stage::Unwanted | Stage::Waiting { .. }) {
            return;
        }
        // Full jitter: many devices that lose one relay must not come back in one instant.
        let ceiling = RETRY_FIRST_MS.saturating_mul(1 << self.failures.min(12)).min(RETRY_LONGEST_MS);
        let mut random = [0; 8];
        rng.fill(&mut random);
        let wait = RETRY_FIRST_MS / 2 + u64::from_be_bytes(random) % ceiling;
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Waiting { until: now_ms + wait };
        self.challenge = None;
    }

    /// Waits this long before the next attempt: the relay has refused, and asking again soon is no use.
    pub(crate) fn refused(&mut self, now_ms: u64) -> Effect {
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Waiting { until: now_ms + RETRY_LONGEST_MS };
        self.challenge = None;
        Effect::Disconnect
    }

    /// What the passing of time asks for.
    pub(crate) fn tick(&mut self, now_ms: u64, rng: &mut dyn Entropy) -> Option<Effect> {
        match self.stage {
            Stage::Unwanted => None,
            Stage::Waiting { until } => (now_ms >= until).then(|| {
                self.stage = Stage::Connecting { since: now_ms };
                Effect::Connect
            }),
            Stage::Connecting { since } | Stage::Greeting { since } | Stage::Challenged { since } => {
                (now_ms >= since + GREETING_MS).then(|| {
                    self.disconnected(now_ms, rng);
                    Effect::Disconnect
                })
            }
            Stage::In if now_ms >= self.heard + DEAD_MS => {
                self.disconnected(now_ms, rng);
                Some(Effect::Disconnect)
            }
            Stage::In if !self.pinged && now_ms >= self.heard + QUIET_MS => {
                self.pinged = true;
                Some(Effect::Send(DeviceFrame::Ping.encode()))
            }
            Stage::In => None,
        }
    }

    /// A joining device stays challenged while somebody types six digits elsewhere: that is not silence.
    pub(crate) fn patience(&mut self, now_ms: u64) {
        if let Stage::Challenged { since } = &mut self.stage {
            *since = now_ms;
        }
    }

    /// When [`Link::tick`] has something to do.
    pub(crate) fn timeout(&self) -> Option<u64> {
        match self.stage {
            Stage::Unwanted => None,
            Stage::Waiting { until } => Some(until),
            Stage::Connecting { since } | Stage::Greeting { since } | Stage::Challenged { since } => {
                Some(since + GREETING_MS)
            }
            Stage::In if self.pinged => Some(self.heard + DEAD_MS),
            Stage::In => Some(self.heard + QUIET_MS),
        }
    }
}
