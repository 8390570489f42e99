//! Bounds on everything a stranger can send. Sizes in bytes.

/// Ciphertext of one record.
pub const MAX_CIPHERTEXT: usize = 256 * 1024;
/// One whole record.
pub const MAX_RECORD: usize = MAX_CIPHERTEXT + crate::record::OVERHEAD;
/// One frame on the connection.
pub const MAX_FRAME: usize = 1024 * 1024;
/// Records in one push or page.
pub const MAX_BATCH: usize = 512;
/// Bytes of records a page holds before it ends (it always holds at least one record).
pub const MAX_PAGE: usize = 512 * 1024;
/// Roster entries from the first on in one frame, which bounds their bytes.
pub const MAX_CHAIN: usize = 512;
/// Live devices in a vault.
pub const MAX_DEVICES: usize = 16;
/// Devices that ever wrote in a vault, as a vector lists them.
pub const MAX_VECTOR: usize = 256;
/// One roster entry.
pub const MAX_ROSTER_ENTRY: usize = 16 * 1024;
/// Roster entries in one frame.
pub const MAX_ROSTER_ENTRIES: usize = 48;
/// A device's sealed name inside a roster entry.
pub const MAX_SEALED_NAME: usize = 256;
/// A wrapped key inside a roster entry.
pub const MAX_WRAP: usize = 256;
/// A message passed to the other connected devices and never stored.
pub const MAX_WHISPER: usize = 1024;
/// A message left in a mailbox.
pub const MAX_MAIL: usize = 32 * 1024;

const _: () = assert!(MAX_RECORD + 1024 < MAX_FRAME, "a record fits a frame");
const _: () = assert!(MAX_PAGE + MAX_RECORD + MAX_BATCH * 16 < MAX_FRAME, "a page fits a frame");
const _: () = assert!(MAX_ROSTER_ENTRIES * (MAX_ROSTER_ENTRY + 4) < MAX_FRAME, "a roster page fits");
const _: () = assert!(MAX_MAIL < MAX_FRAME, "a mailbox message fits a frame");
const _: () = assert!(
    MAX_DEVICES * (64 + 4 + MAX_SEALED_NAME) + (MAX_DEVICES + 2) * (MAX_WRAP + 20) + 1024
        < MAX_ROSTER_ENTRY,
    "a full roster fits an entry"
);
