//! What goes into a device and what comes out: the whole of its contact with the world.

use cairn_port::{Envelope, Message};

/// One open tab, as the driver numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabId(pub u32);

/// Matches the end of a storage operation to its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The time, as the driver has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back; its zero means nothing. All decisions use this one.
    pub steady_ms: u64,
    /// Milliseconds since 1970-01-01 UTC. May be wrong; only ever written down and shown.
    pub wall_ms: i64,
    /// Local time minus UTC.
    pub utc_offset_minutes: i16,
}

/// What happens to a device.
#[derive(Debug)]
pub enum Input {
    /// A tab asks.
    FromTab {
        /// Which.
        tab: TabId,
        /// What.
        envelope: Envelope,
    },
    /// A tab was closed.
    TabGone {
        /// Which.
        tab: TabId,
    },
    /// [`Effect::Persist`] is on disk.
    Persisted {
        /// Which.
        token: Token,
    },
    /// [`Effect::Persist`] changed nothing.
    PersistFailed {
        /// Which.
        token: Token,
        /// Why.
        why: StoreError,
    },
    /// [`Effect::Load`] found these rows, in key order.
    Loaded {
        /// Which.
        token: Token,
        /// Key and value.
        rows: Vec<(Vec<u8>, Vec<u8>)>,
    },
    /// [`Effect::Load`] failed.
    LoadFailed {
        /// Which.
        token: Token,
        /// Why.
        why: StoreError,
    },
    /// The connection asked for by [`Effect::Connect`] is open.
    Connected,
    /// There is no connection any more, or it could not be made.
    Disconnected,
    /// A frame from the relay.
    Frame(Vec<u8>),
    /// Time has passed; also how a device that asked for a timeout is woken.
    Tick,
}

/// Why storage failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room left.
    #[error("no room left")]
    Full,
    /// The storage cannot be reached; trying again may help.
    #[error("the storage cannot be reached")]
    Unreachable,
}

/// What a device wants done. Effects are to be carried out in order.
#[derive(Debug)]
pub enum Effect {
    /// All writes in one transaction that is on disk (strict durability) before
    /// [`Input::Persisted`]. Transactions take effect in the order asked.
    Persist {
        /// Echoed.
        token: Token,
        /// The writes.
        writes: Vec<Write>,
    },
    /// Rows to read. Sees every transaction asked for before it.
    Load {
        /// Echoed.
        token: Token,
        /// From which table.
        table: Table,
        /// Which rows.
        query: Query,
    },
    /// A message for a tab.
    ToTab {
        /// Which.
        tab: TabId,
        /// The message.
        message: Message,
    },
    /// A connection to the relay, please; the driver answers [`Input::Connected`] or
    /// [`Input::Disconnected`].
    Connect,
    /// No connection any more.
    Disconnect,
    /// A frame for the relay.
    Send(Vec<u8>),
    /// The device has locked and holds no key any more: end the process that held it.
    Ended,
}

/// Where rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// A few named rows: the envelope, the roster, where the logs stand.
    Meta,
    /// Records as on the wire, by device and number.
    Records,
    /// One sealed document each, by document id.
    Documents,
    /// One sealed line of the lists each, by document id.
    Index,
    /// What was typed since the last change, by document id.
    Journal,
    /// Records that could not be applied, by device and number.
    Aside,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 6] =
        [Self::Meta, Self::Records, Self::Documents, Self::Index, Self::Journal, Self::Aside];

    /// Its name in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Records => "records",
            Self::Documents => "documents",
            Self::Index => "index",
            Self::Journal => "journal",
            Self::Aside => "aside",
        }
    }
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a row.
    Put {
        /// Where.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// Removes a row.
    Delete {
        /// Where.
        table: Table,
        /// Its key.
        key: Vec<u8>,
    },
    /// Removes every row of every table.
    EraseAll,
}

/// Which rows to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Every row.
    All,
    /// The row with this key, if there is one.
    Key(Vec<u8>),
    /// The rows whose keys lie between these two, both included.
    Range {
        /// Lowest.
        from: Vec<u8>,
        /// Highest.
        to: Vec<u8>,
    },
}
