//! Connecting to NATS with what an RPC client wants: errors that the server only tells by an event reach the calls
//! that they concern.

use std::sync::Arc;
use std::time::Duration;

use super::Connection;
use super::inbox::Shared;
use super::nats::{ConnectOptions, NatsTransport, ServerEvent, ToServerAddrs, on_event};
use crate::error::Error;

/// How often the server is asked whether it is there. With async-nats' own minute, a connection that a firewall has
/// cut is noticed after two to three.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// Connects to NATS with the settings that an RPC client wants: it pings the server every second, and a permission that
/// is missing fails the calls that it concerns at once instead of at their deadlines.
///
/// ```no_run
/// # async fn run() -> Result<(), nats_rpc::Error> {
/// let nats = nats_rpc::connect("nats://127.0.0.1:4222").await?;
/// # drop(nats);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable) when no server can be reached,
/// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) when it does not accept the credentials.
pub async fn connect(address: impl ToServerAddrs) -> Result<Connection, Error> {
    connect_with(ConnectOptions::new(), address).await
}

/// The same with options of one's own: credentials, TLS, an inbox prefix. Two of them are set here: the ping interval,
/// and the event callback.
///
/// # Errors
/// Those of [`connect`].
pub async fn connect_with(options: ConnectOptions, address: impl ToServerAddrs) -> Result<Connection, Error> {
    let shared = Arc::new(Shared::default());
    let events = Arc::clone(&shared);
    let options = on_event(options.ping_interval(PING_INTERVAL), move |event| match event {
        ServerEvent::PublishDenied(subject) => {
            tracing::warn!(subject, "the NATS server refused a message");
            events.deny_publish(&subject);
        }
        ServerEvent::SubscriptionDenied(subject) => {
            tracing::error!(subject, "the NATS server refused a subscription");
            events.deny_subscription(&subject);
        }
    });
    let transport = NatsTransport::connect(options, address).await?;
    Ok(Connection::nats_with(transport, shared))
}
