//! The messages of one subscription, whatever the broker.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Message;
use super::memory::MemorySubscription;
use super::nats::NatsSubscription;
use crate::error::Error;

/// The messages of one subscription, as a stream; dropping it unsubscribes. See [`Connection::publish`](crate::Connection::publish) for an example.
pub struct Subscription(Source);

enum Source {
    Nats(NatsSubscription),
    Memory(MemorySubscription),
}

impl From<NatsSubscription> for Subscription {
    fn from(subscription: NatsSubscription) -> Self {
        Subscription(Source::Nats(subscription))
    }
}

impl From<MemorySubscription> for Subscription {
    fn from(subscription: MemorySubscription) -> Self {
        Subscription(Source::Memory(subscription))
    }
}

impl Subscription {
    /// Asks the broker for no more messages; those that it sent before stay readable, and the stream does not end
    /// by itself until they have been read (see [`Inbox::barrier`](super::inbox::Inbox::barrier)).
    pub(crate) async fn stop_intake(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Source::Nats(nats) => nats.stop_intake().await,
            Source::Memory(memory) => {
                memory.stop_intake();
                Ok(())
            }
        }
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        match &mut self.0 {
            Source::Nats(nats) => nats.poll_next(cx),
            Source::Memory(memory) => Pin::new(memory).poll_next(cx),
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
