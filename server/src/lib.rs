//! The relay: keeps ciphertext in order, hands it on, and can read none of it.
//!
//! It links [`cairn_wire`] and nothing else of Cairn, so the code to decrypt is not in it.

pub mod app;
pub mod config;
pub mod connection;
pub mod hub;
pub mod log;
pub mod mailbox;
pub mod metrics;
pub mod routes;
pub mod store;

use std::sync::Arc;

use hub::Hub;
use mailbox::Mailboxes;
use metrics::Metrics;
use store::Store;

/// What every connection works with.
pub struct Relay {
    /// Records and rosters on disk.
    pub store: Store,
    /// Who is connected.
    pub hub: Arc<Hub>,
    /// Messages between devices that are pairing.
    pub mailboxes: Mailboxes,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How it was started.
    pub config: config::Config,
}
