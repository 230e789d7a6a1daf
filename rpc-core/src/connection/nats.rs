//! A connection through async-nats: the only file, besides the jobs, that names it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use async_nats::client::traits::Publisher;
use async_nats::connection::State;
use async_nats::{
    Client, ClientError, ConnectErrorKind, Event, HeaderName, HeaderValue, PublishErrorKind, ServerAddr,
    ServerError, Subscriber,
};
use futures_core::Stream;
use tokio::task::unconstrained;

pub(crate) use async_nats::message::OutboundMessage;
pub(crate) use async_nats::{ConnectOptions, HeaderMap, Message, Subject, ToServerAddrs};

use super::events::ConnectionEvent;
use super::{TryPublishError, closed, too_large};
use crate::error::{Error, ErrorKind};
use crate::wire::subject::{check_framing, check_pattern};

/// The client underneath; it is never cloned on the way of a call, since that allocates.
pub(super) struct NatsTransport {
    client: Client,
    /// Whether the client's events reach us: a client that was made elsewhere has a callback of its own.
    hears_events: bool,
}

impl NatsTransport {
    pub(super) fn new(client: Client) -> Self {
        NatsTransport { client, hears_events: false }
    }

    pub(super) async fn connect(options: ConnectOptions, servers: &[ServerAddr]) -> Result<Self, Error> {
        // async-nats leaves a user in the address out.
        let user = servers.iter().find_map(|server| Some((server.username()?, server.password()?)));
        let options = match user {
            Some((user, password)) => options.user_and_password(user.to_owned(), password.to_owned()),
            None => options,
        };
        let connected = options.connect(servers).await;
        connected.map(|client| NatsTransport { client, hears_events: true }).map_err(|error| {
            let kind = match error.kind() {
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    ErrorKind::Unauthenticated
                }
                ConnectErrorKind::ServerParse => ErrorKind::InvalidArgument,
                _ => ErrorKind::Unavailable,
            };
            let message = match kind {
                ErrorKind::Unauthenticated => "these credentials are not accepted by NATS",
                _ => "no connection to NATS",
            };
            // Host and port only: an address may have a password in it.
            let names: Vec<_> =
                servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
            Error::not_executed(kind, format!("{message} at {}", names.join(", "))).with_source(error)
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn hears_events(&self) -> bool {
        self.hears_events
    }

    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The prefix that the client's own inboxes have, without their unique last token.
    pub(super) fn inbox_prefix(&self) -> String {
        let inbox = self.client.new_inbox();
        inbox.rsplit_once('.').map_or_else(|| "_INBOX".to_owned(), |(prefix, _)| prefix.to_owned())
    }

    pub(super) async fn publish(&self, message: OutboundMessage) -> Result<(), Error> {
        // async-nats checks the subject only: a line break in the reply subject would be a command of its own.
        if let Some(reply) = &message.reply {
            check_framing("reply subject", reply)?;
        }
        let size = size(&message);
        self.client.publish_message(message).await.map_err(|error| self.refused(&error, size))
    }

    pub(super) async fn flush(&self) -> Result<(), Error> {
        self.client.flush().await.map_err(|error| closed().with_source(error))
    }

    /// The client's queue is tried once. Its `publish_message` is polled and dropped: what it had not handed over by
    /// then, it never will. Unconstrained: a task that has done much without a pause is told to wait, which is not to
    /// be taken for a full queue.
    pub(super) fn try_publish(&self, message: OutboundMessage) -> Result<(), TryPublishError> {
        let size = size(&message);
        // Pinned where it is: this future is large, and moving it costs more than what it does.
        let publish = pin!(self.client.publish_message(message));
        match pin!(unconstrained(publish)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => Err(TryPublishError::Refused(self.refused(&error, size))),
            Poll::Pending => Err(TryPublishError::Full),
        }
    }

    fn refused(&self, error: &async_nats::PublishError, size: usize) -> Error {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => too_large(size, self.max_payload()),
            PublishErrorKind::InvalidSubject => {
                Error::not_executed(ErrorKind::InvalidArgument, "the subject is malformed")
            }
            PublishErrorKind::Send => closed(),
        }
    }

    pub(super) async fn subscribe(
        &self,
        subject: Subject,
        queue_group: Option<&str>,
    ) -> Result<NatsSubscription, Error> {
        check_pattern(&subject)?;
        let subscriber = match queue_group {
            Some(group) => self.client.queue_subscribe(subject, group.to_owned()).await,
            None => self.client.subscribe(subject).await,
        };
        subscriber.map(NatsSubscription).map_err(|error| {
            let kind = match error.kind() {
                async_nats::SubscribeErrorKind::InvalidSubject
                | async_nats::SubscribeErrorKind::InvalidQueueName => ErrorKind::InvalidArgument,
                async_nats::SubscribeErrorKind::Other => ErrorKind::Unavailable,
            };
            Error::not_executed(kind, "the subscription was refused").with_source(error)
        })
    }
}

/// Reads addresses of servers.
pub(super) fn server_addresses(address: impl ToServerAddrs) -> Result<Vec<ServerAddr>, Error> {
    address.to_server_addrs().map(Iterator::collect).map_err(|error| {
        Error::not_executed(ErrorKind::InvalidArgument, "the address is malformed").with_source(error)
    })
}

/// Has a function called with what happens to the connection. It must not block.
pub(super) fn on_event(
    options: ConnectOptions,
    call: impl Fn(ConnectionEvent) + Send + Sync + 'static,
) -> ConnectOptions {
    options.event_callback(move |event| {
        call(read_event(&event));
        std::future::ready(())
    })
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

/// What counts against the broker's limit.
fn size(message: &OutboundMessage) -> usize {
    message.payload.len() + message.headers.as_ref().map_or(0, header_size)
}

/// A subscription of async-nats.
pub(super) struct NatsSubscription(Subscriber);

impl NatsSubscription {
    /// `Subscriber::drain` forgets the subscription before the server has stopped sending, and loses what is on its
    /// way. With an unreachable maximum the server stops at once, since it compares the maximum with what it has
    /// sent so far as it takes the command, while the client goes on delivering.
    pub(super) async fn stop_intake(&mut self) -> Result<(), Error> {
        self.0.unsubscribe_after(u64::MAX).await.map_err(|error| closed().with_source(error))
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

/// Headers for a message; `None` if a name or a value may not travel (async-nats' own `insert` would panic).
pub(crate) fn header_map<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in entries {
        let name = name.parse::<HeaderName>().ok()?;
        let value = value.parse::<HeaderValue>().ok()?;
        map.append(name, value);
    }
    Some(map)
}

/// How many bytes the headers of a message are on the wire.
pub(crate) fn header_size(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + ": ".len() + value.as_str().len() + "\r\n".len())
    });
    "NATS/1.0\r\n".len() + lines.sum::<usize>() + "\r\n".len()
}

/// The status of a message that the broker made itself, such as 503 for "no responders".
pub(crate) fn status_code(message: &Message) -> Option<u16> {
    message.status.map(|status| status.as_u16())
}
