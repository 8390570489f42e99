//! `cairn-server`: starts the relay and stops it in order.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use cairn_server::app::App;
use cairn_server::config::Config;
use cairn_server::{Relay, routes};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("CAIRN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Config::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the relay cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), Failure> {
    let app = config.app.as_deref().map(App::read).transpose()?;
    let hub = Arc::new(cairn_server::hub::Hub::default());
    let metrics = Arc::new(cairn_server::metrics::Metrics::default());
    let store = cairn_server::store::Store::open(
        &config.data,
        config.vault_bytes,
        Arc::clone(&hub),
        Arc::clone(&metrics),
    )?;
    let listener = TcpListener::bind(config.listen).await?;
    // Scripts read this line to learn the port.
    println!("listening on http://{}", listener.local_addr()?);
    let relay = Relay { store, hub, mailboxes: cairn_server::mailbox::Mailboxes::default(), metrics, config };
    let service = routes::router(Arc::new(relay), app).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Connections need no farewell: what was answered is on disk, and devices come back by themselves.
    tokio::select! {
        served = serving => served?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("the relay has stopped");
    Ok(())
}
