//! What carries the messages of a connection: async-nats, or the broker in this process.

use std::sync::Arc;

use super::memory::MemoryTransport;
use super::nats::{NatsTransport, Overlap};
use super::{OutboundMessage, Subject, Subscription};
use crate::error::Error;

/// One of the two.
pub(super) enum Transport {
    Nats(Arc<NatsTransport>),
    Memory(MemoryTransport),
}

/// Why a message was not taken at once.
#[derive(Debug)]
pub(crate) enum TryPublishError {
    /// The connection's queue is full: [`Connection::publish`](super::Connection::publish) waits for room.
    Full,
    /// It will never be taken.
    Refused(Error),
}

impl Transport {
    pub(super) fn nats(&self) -> Option<&NatsTransport> {
        match self {
            Transport::Nats(nats) => Some(nats),
            Transport::Memory(_) => None,
        }
    }

    pub(super) fn memory(&self) -> Option<&MemoryTransport> {
        match self {
            Transport::Nats(_) => None,
            Transport::Memory(memory) => Some(memory),
        }
    }

    pub(super) fn max_payload(&self) -> usize {
        match self {
            Transport::Nats(nats) => nats.max_payload(),
            Transport::Memory(memory) => memory.max_payload(),
        }
    }

    /// Whether messages can leave now.
    pub(super) fn is_connected(&self) -> bool {
        match self {
            Transport::Nats(nats) => nats.is_connected(),
            Transport::Memory(memory) => memory.is_connected(),
        }
    }

    pub(super) async fn publish(&self, message: OutboundMessage) -> Result<(), Error> {
        match self {
            Transport::Nats(nats) => nats.publish(message).await,
            Transport::Memory(memory) => memory.publish(message),
        }
    }

    pub(super) fn try_publish(&self, message: OutboundMessage) -> Result<(), TryPublishError> {
        match self {
            Transport::Nats(nats) => nats.try_publish(message),
            Transport::Memory(memory) => memory.publish(message).map_err(TryPublishError::Refused),
        }
    }

    pub(super) async fn subscribe(
        &self,
        subject: Subject,
        queue_group: Option<&str>,
        overlap: Overlap,
    ) -> Result<Subscription, Error> {
        match self {
            Transport::Nats(nats) => nats.subscribe(subject, queue_group, overlap).await.map(Into::into),
            Transport::Memory(memory) => memory.subscribe(subject, queue_group).map(Into::into),
        }
    }
}
