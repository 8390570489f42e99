//! How the relay is started: flags, or variables of the same name with `CAIRN_` in front.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// A relay for Cairn: stores and passes on what it cannot read, and serves the app.
#[derive(Debug, Clone, Parser)]
#[command(name = "cairn-server", version)]
pub struct Config {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "CAIRN_LISTEN", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// Folder for the database.
    #[arg(long, env = "CAIRN_DATA", default_value = "./data")]
    pub data: PathBuf,
    /// Folder of the built app; without it only the relay is served.
    #[arg(long, env = "CAIRN_APP")]
    pub app: Option<PathBuf>,
    /// Whether strangers may found vaults.
    #[arg(long, env = "CAIRN_REGISTRATION", value_enum, default_value_t = Registration::Open)]
    pub registration: Registration,
    /// Bytes that one vault may hold.
    #[arg(long, env = "CAIRN_VAULT_BYTES", default_value_t = 1_000_000_000)]
    pub vault_bytes: u64,
    /// Connections that one address may have open.
    #[arg(long, env = "CAIRN_CONNECTIONS_PER_ADDRESS", default_value_t = 200)]
    pub connections_per_address: u32,
}

/// Whether strangers may found vaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Anybody may.
    Open,
    /// Nobody may; vaults that exist go on.
    Closed,
}
