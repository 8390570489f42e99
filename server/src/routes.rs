//! Everything that is answered over HTTP.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use cairn_wire::limits::MAX_FRAME;

use crate::app::App;
use crate::{Relay, connection};

/// Bytes of the read buffer of each connection. The default, 128 KiB, would be most of a relay's memory.
const READ_BUFFER: usize = 4 * 1024;

/// What the routes share.
#[derive(Clone)]
struct Shared {
    relay: Arc<Relay>,
    app: Option<Arc<App>>,
    addresses: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// All routes.
pub fn router(relay: Arc<Relay>, app: Option<App>) -> Router {
    let shared = Shared { relay, app: app.map(Arc::new), addresses: Arc::default() };
    Router::new()
        .route("/v1/sync", get(sync))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(get(page))
        .layer(middleware::map_response(harden))
        .with_state(shared)
}

async fn sync(
    State(shared): State<Shared>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    if !same_origin(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(seat) = Seat::take(&shared, address.ip()) else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let relay = shared.relay;
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move {
            connection::serve(socket, relay).await;
            drop(seat);
        })
}

/// Browsers name the page that connects; only this relay's own page may. Programs name none.
fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == host
}

/// One of the connections that an address may have.
struct Seat {
    addresses: Arc<Mutex<HashMap<IpAddr, u32>>>,
    address: IpAddr,
}

impl Seat {
    fn take(shared: &Shared, address: IpAddr) -> Option<Self> {
        let mut addresses = shared.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = addresses.entry(address).or_default();
        if *taken >= shared.relay.config.connections_per_address {
            return None;
        }
        *taken += 1;
        Some(Self { addresses: Arc::clone(&shared.addresses), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = addresses.get_mut(&self.address) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

async fn ready(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if shared.relay.store.is_well().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store takes no records")
    }
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], shared.relay.metrics.text())
}

async fn page(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    match &shared.app {
        Some(app) => app.serve(if uri.path() == "/" { "/index.html" } else { uri.path() }, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn harden(mut response: Response<Body>) -> Response<Body> {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
        ),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
