//! Who is connected, and handing things on to them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cairn_wire::frame::RelayFrame;
use cairn_wire::{DeviceId, VaultId};
use tokio::sync::mpsc;

/// Frames that may wait for a slow reader. A reader slower than this is disconnected; it comes back and
/// pulls, and the relay's memory stays bounded.
pub const WAITING_FRAMES: usize = 64;

/// Where a connection's frames go.
pub type Outgoing = mpsc::Sender<Bytes>;

/// One connection.
pub type ConnectionId = u64;

struct Listener {
    connection: ConnectionId,
    device: DeviceId,
    outgoing: Outgoing,
}

/// The connected devices of every vault.
#[derive(Default)]
pub struct Hub {
    vaults: Mutex<HashMap<VaultId, Vec<Listener>>>,
}

impl Hub {
    /// A device has logged in. Everybody in its vault is told who is there.
    pub fn join(&self, vault: VaultId, device: DeviceId, connection: ConnectionId, outgoing: Outgoing) {
        let mut vaults = self.lock();
        let listeners = vaults.entry(vault).or_default();
        listeners.push(Listener { connection, device, outgoing });
        tell_peers(listeners);
    }

    /// A connection is gone.
    pub fn leave(&self, vault: VaultId, connection: ConnectionId) {
        let mut vaults = self.lock();
        if let Some(listeners) = vaults.get_mut(&vault) {
            listeners.retain(|listener| listener.connection != connection);
            tell_peers(listeners);
            if listeners.is_empty() {
                vaults.remove(&vault);
            }
        }
    }

    /// Hands a frame to every connection of a vault but one. Returns how many got it.
    pub fn pass_on(&self, vault: VaultId, from: ConnectionId, frame: &Bytes) -> usize {
        let mut vaults = self.lock();
        let Some(listeners) = vaults.get_mut(&vault) else { return 0 };
        // Dropping the sender ends the slow connection's task.
        listeners.retain(|l| l.connection == from || l.outgoing.try_send(frame.clone()).is_ok());
        listeners.iter().filter(|listener| listener.connection != from).count()
    }

    /// Whether anybody but this connection would get a frame.
    pub fn has_others(&self, vault: VaultId, from: ConnectionId) -> bool {
        self.lock().get(&vault).is_some_and(|listeners| listeners.iter().any(|l| l.connection != from))
    }

    /// Sends a last frame to every connection of a device and lets it go.
    pub fn dismiss(&self, vault: VaultId, device: DeviceId, last: &Bytes) {
        if let Some(listeners) = self.lock().get_mut(&vault) {
            for listener in listeners.iter().filter(|listener| listener.device == device) {
                // A full queue is no reason to keep the connection.
                let _ = listener.outgoing.try_send(last.clone());
            }
            listeners.retain(|listener| listener.device != device);
            tell_peers(listeners);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VaultId, Vec<Listener>>> {
        // The map is whole between any two statements: a panic elsewhere cannot leave it half changed.
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_peers(listeners: &[Listener]) {
    for listener in listeners {
        let mut devices: Vec<DeviceId> =
            listeners.iter().map(|other| other.device).filter(|other| *other != listener.device).collect();
        devices.sort_unstable();
        devices.dedup();
        devices.truncate(cairn_wire::limits::MAX_DEVICES);
        let frame = Bytes::from(RelayFrame::Peers { devices }.encode());
        // Who cannot take it now is told at the next change, or is too slow and goes.
        let _ = listener.outgoing.try_send(frame);
    }
}
