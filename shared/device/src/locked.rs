//! A practice that lies on this device, locked.

use std::collections::BTreeMap;

use cairn_port::Problem;
use cairn_vault::{Identity, Keyring, open_envelope};
use cairn_wire::roster::Roster;

use crate::context::Context;
use crate::io::Table;
use crate::join::problem_of_unlock;
use crate::practice::{Parts, Practice};
use crate::rows::{self, PracticeRow, RelayRow};

/// Bytes of an [`Identity`] in front of the keyring.
const IDENTITY_LEN: usize = 64;

/// The named rows, as they lie in storage.
pub(crate) struct Locked {
    pub(crate) row: PracticeRow,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Locked {
    /// The practice that the rows describe; `None` when there is none.
    pub(crate) fn find(rows: Vec<(Vec<u8>, Vec<u8>)>) -> Option<Self> {
        let rows: BTreeMap<_, _> = rows.into_iter().collect();
        let row = PracticeRow::decode(rows.get(rows::PRACTICE)?).ok()?;
        Some(Self { row, rows })
    }

    /// Opens it.
    pub(crate) fn unlock(
        &self,
        passphrase: &str,
        window: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Result<Practice, Problem> {
        let row = |name: &[u8]| self.rows.get(name).ok_or(Problem::StorageDamaged);
        let key = open_envelope(passphrase, row(rows::ENVELOPE)?).map_err(problem_of_unlock)?;
        let damaged = |_| Problem::StorageDamaged;
        let secrets = key.open_row(Table::Meta.name(), rows::SECRETS, row(rows::SECRETS)?).map_err(damaged)?;
        let (identity, keys) = secrets.split_at_checked(IDENTITY_LEN).ok_or(Problem::StorageDamaged)?;
        let identity = Identity::from_bytes(identity).map_err(damaged)?;
        let keys = Keyring::from_bytes(keys).map_err(damaged)?;
        let decoded = |_| Problem::StorageDamaged;
        let entries = rows::decode_roster(row(rows::ROSTER)?).map_err(decoded)?;
        let roster = Roster::verify_chain(self.row.vault, entries.iter().map(Vec::as_slice))
            .map_err(|_| Problem::StorageDamaged)?;
        let logs = rows::decode_logs(row(rows::LOGS)?).map_err(decoded)?;
        // Where the relay stood can be asked again.
        let relay = self.rows.get(rows::RELAY).and_then(|row| RelayRow::decode(row).ok()).unwrap_or_default();
        let row = self.row;
        Ok(Practice::new(Parts { row, key, identity, keys, roster, entries, logs, relay, window }, cx))
    }
}
