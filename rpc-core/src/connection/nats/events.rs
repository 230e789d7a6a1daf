//! What async-nats reports, in the words of this project.

use std::pin::Pin;

use async_nats::{ClientError, ConnectOptions, Event, ServerError};

use crate::connection::events::ConnectionEvent;

/// What is done with an event before the next one comes.
pub(super) type Heard = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// Has a function called with what happens to the connection, one event after the other.
pub(super) fn on_event(
    options: ConnectOptions,
    call: impl Fn(ConnectionEvent) -> Heard + Send + Sync + 'static,
) -> ConnectOptions {
    options.event_callback(move |event| call(read_event(&event)))
}

fn read_event(event: &Event) -> ConnectionEvent {
    match event {
        Event::Connected => ConnectionEvent::Connected,
        Event::Disconnected => ConnectionEvent::Disconnected,
        Event::LameDuckMode => ConnectionEvent::LameDuck,
        Event::Closed => ConnectionEvent::Closed,
        Event::SlowConsumer(_) => ConnectionEvent::SlowConsumer,
        Event::ServerError(ServerError::AuthorizationViolation) => ConnectionEvent::Unauthenticated,
        Event::ServerError(ServerError::Other(text)) => read_server_error(text),
        Event::ClientError(ClientError::Other(text)) if is_about_credentials(text) => {
            ConnectionEvent::Unauthenticated
        }
        other => ConnectionEvent::Other(other.to_string()),
    }
}

/// Reads what a server says in `-ERR`; of refusals, `Permissions Violation for Publish to "subject"` is the only form.
fn read_server_error(text: &str) -> ConnectionEvent {
    if let Some(rest) = text.strip_prefix("Permissions Violation for ")
        && let Some(subject) = rest.split('"').nth(1)
    {
        if rest.starts_with("Publish to ") {
            return ConnectionEvent::PublishDenied(subject.to_owned());
        }
        if rest.starts_with("Subscription to ") {
            return ConnectionEvent::SubscriptionDenied(subject.to_owned());
        }
    }
    if is_about_credentials(text) {
        return ConnectionEvent::Unauthenticated;
    }
    ConnectionEvent::Other(text.to_owned())
}

/// Whether an error says that the credentials are wrong, revoked or expired; the texts are those of the server and of
/// async-nats, which has no kinds for them.
fn is_about_credentials(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["authorization violation", "authentication expired", "authentication revoked", "failed signing nonce"]
        .iter()
        .any(|known| text.contains(known))
}
