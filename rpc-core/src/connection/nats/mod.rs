//! A connection through async-nats: the only folder, besides the jobs, that names it.

mod dialer;
mod events;
mod headers;
mod relocation;
mod subscription;
mod watch;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::task::{Context, Poll, Waker};

use async_nats::client::traits::Publisher;
use async_nats::connection::State;
use async_nats::{Client, PublishErrorKind, ServerAddr};
use tokio::task::unconstrained;

pub(crate) use async_nats::message::OutboundMessage;
pub(crate) use async_nats::{ConnectOptions, HeaderMap, Message, Subject, ToServerAddrs};

pub(super) use self::dialer::Dialer;
pub(crate) use self::headers::{
    Unserved, first_values, header_map, header_of, header_size, is_nothing, no_responders,
};
use self::subscription::{Link, Move, Wanted};
pub(super) use self::subscription::{NatsSubscription, Overlap};
use super::{TryPublishError, closed, too_large};
use crate::error::{Error, ErrorKind};
use crate::wire::subject::{check_framing, check_pattern};

/// The client underneath. It is never cloned on the way of a call, since that allocates; it is another one after a move.
pub(super) struct NatsTransport {
    client: RwLock<Client>,
    /// Where the client came from, if we made it. One that was made elsewhere has an event callback of its own.
    dialer: Option<Arc<Dialer>>,
    /// The subscriptions that move along.
    links: Mutex<Vec<Weak<Link>>>,
}

impl NatsTransport {
    /// A client that was made elsewhere.
    pub(super) fn new(client: Client) -> Self {
        NatsTransport { client: RwLock::new(client), dialer: None, links: Mutex::default() }
    }

    fn dialled(client: Client, dialer: Arc<Dialer>) -> Self {
        NatsTransport { dialer: Some(dialer), ..NatsTransport::new(client) }
    }

    fn current(&self) -> RwLockReadGuard<'_, Client> {
        self.client.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn client(&self) -> Client {
        self.current().clone()
    }

    fn use_client(&self, client: Client) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
    }

    fn dialer(&self) -> Option<&Arc<Dialer>> {
        self.dialer.as_ref()
    }

    /// The subscriptions that are there.
    fn links(&self) -> Vec<Arc<Link>> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter_map(Weak::upgrade).collect()
    }

    /// Ends the subscriptions to a subject that the server does not allow. Those of the connection itself stay: without them
    /// calls fail as [`PermissionDenied`](ErrorKind::PermissionDenied), not as if the connection were closed.
    fn refuse(&self, subject: &str) {
        let refused = |link: &Arc<Link>| *link.wanted.subject == *subject && link.wanted.is_for_work();
        self.links().iter().filter(|link| refused(link)).for_each(|link| link.tell(Move::Refused));
    }

    pub(super) fn hears_events(&self) -> bool {
        self.dialer.is_some()
    }

    pub(super) fn max_payload(&self) -> usize {
        self.current().max_payload()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.current().connection_state() == State::Connected
    }

    /// How often the connection was lost since the client was made, and whether it is there.
    fn losses(&self) -> (u64, bool) {
        let client = self.current();
        let is_connected = client.connection_state() == State::Connected;
        let connects = client.statistics().connects.load(Ordering::Relaxed);
        (connects.saturating_sub(u64::from(is_connected)), is_connected)
    }

    /// The prefix that the client's own inboxes have, without their unique last token.
    pub(super) fn inbox_prefix(&self) -> String {
        let inbox = self.current().new_inbox();
        inbox.rsplit_once('.').map_or_else(|| "_INBOX".to_owned(), |(prefix, _)| prefix.to_owned())
    }

    pub(super) async fn publish(&self, message: OutboundMessage) -> Result<(), Error> {
        // async-nats checks the subject only: a line break in the reply subject would be a command of its own.
        if let Some(reply) = &message.reply {
            check_framing("reply subject", reply)?;
        }
        let size = size(&message);
        self.client().publish_message(message).await.map_err(|error| self.refused(&error, size))
    }

    pub(super) async fn flush(&self) -> Result<(), Error> {
        self.client().flush().await.map_err(|error| closed().with_source(error))
    }

    /// The client's queue is tried once. Its `publish_message` is polled and dropped: what it had not handed over by
    /// then, it never will. Unconstrained: a task that has done much without a pause is told to wait, which is not to
    /// be taken for a full queue.
    pub(super) fn try_publish(&self, message: OutboundMessage) -> Result<(), TryPublishError> {
        let size = size(&message);
        // Pinned where it is: this future is large, and moving it costs more than what it does.
        let client = self.current();
        let publish = pin!(client.publish_message(message));
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
        group: Option<&str>,
        overlap: Overlap,
    ) -> Result<NatsSubscription, Error> {
        check_pattern(&subject)?;
        let wanted = Wanted { subject, group: group.map(str::to_owned), overlap };
        loop {
            let number = self.number();
            let subscription = NatsSubscription::new(&self.client(), number, wanted.clone()).await?;
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.retain(|link| link.strong_count() > 0);
            links.push(subscription.link());
            // If the connection has moved meanwhile, it is perhaps at the server that was left.
            if self.number() == number {
                return Ok(subscription);
            }
        }
    }

    /// The number of the client that is in use.
    fn number(&self) -> u64 {
        self.dialer.as_ref().map_or(0, |dialer| dialer.number())
    }
}

/// Reads addresses of servers.
pub(super) fn server_addresses(address: impl ToServerAddrs) -> Result<Vec<ServerAddr>, Error> {
    address.to_server_addrs().map(Iterator::collect).map_err(|error| {
        Error::not_executed(ErrorKind::InvalidArgument, "the address is malformed").with_source(error)
    })
}

/// What counts against the broker's limit.
fn size(message: &OutboundMessage) -> usize {
    message.payload.len() + message.headers.as_ref().map_or(0, header_size)
}
