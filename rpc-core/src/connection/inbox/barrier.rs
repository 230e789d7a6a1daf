//! What a round trip proves, and how the connection is waited for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Inbox, Shared};
use crate::connection::slots::Token;
use crate::connection::{Connection, OutboundMessage, closed};
use crate::error::{Error, ErrorKind};

/// How long a message to oneself may take.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a message that needs no reply waits for the connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// How often one looks for the connection where its events are not heard.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Inbox {
    /// Waits until the connection is there again, as far as that is told.
    pub(crate) async fn regained(&self) {
        self.shared.regained.notified().await;
    }

    /// How often the connection was lost.
    pub(crate) fn losses(&self) -> u64 {
        self.shared.losses.load(Ordering::Acquire)
    }

    /// Waits until it has been lost again since it had been so often.
    pub(crate) async fn lost_since(&self, losses: u64) {
        loop {
            // From here on no loss is overlooked.
            let lost = self.shared.lost.notified();
            if self.losses() != losses {
                return;
            }
            lost.await;
        }
    }

    /// Waits for the connection, two seconds at most.
    pub(crate) async fn connected(&self, connection: &Connection) -> Result<(), Error> {
        let connected = async {
            while !connection.is_connected() {
                let _ = timeout(LOOK_AGAIN, self.regained()).await;
            }
        };
        timeout(CONNECTION_TIMEOUT, connected).await.map_err(|_| self.shared.unavailable())
    }

    /// Subscribes, and proves by a round trip that replies can be received.
    pub(in crate::connection) async fn prove(&self, connection: &Connection) -> Result<(), Error> {
        let proven = self.barrier(connection).await;
        if let Some(denied) = self.denied_subscription([&*self.subjects.all()]) {
            return Err(denied);
        }
        match proven {
            // Who only calls need not be allowed to publish here. That the broker said so was a round trip as well.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
            proven => proven,
        }
    }

    /// Sends a message to oneself and waits for it. When it is back, the broker has taken everything that this
    /// connection sent before, subscriptions among it, and everything that it sent here before has arrived.
    pub(crate) async fn barrier(&self, connection: &Connection) -> Result<(), Error> {
        self.start(connection).await?;
        let (token, subject) = self.subjects.own();
        let (sender, receiver) = oneshot::channel();
        self.shared.lock().barriers.insert(token, sender);
        let forget = Forget { shared: &self.shared, token };
        // With itself as its reply subject: on a connection that gets no echo of its own messages, a 503 comes there.
        let reply = Some(subject.clone());
        let message = OutboundMessage { subject, reply, payload: Bytes::new(), headers: None };
        let round_trip = async {
            connection.publish(message).await?;
            receiver.await.unwrap_or_else(|_| Err(closed()))
        };
        let result = timeout(BARRIER_TIMEOUT, round_trip).await;
        drop(forget);
        result.unwrap_or_else(|_| {
            let message = format!(
                "a message to the connection's own inbox {} did not come back within {} s: is the broker there, and \
                 may this user publish and subscribe there?",
                self.subjects.all(),
                BARRIER_TIMEOUT.as_secs()
            );
            Err(Error::not_executed(ErrorKind::Unavailable, message))
        })
    }
}

/// Forgets a barrier, also when its future is dropped.
struct Forget<'a> {
    shared: &'a Shared,
    token: Token,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.lock().barriers.remove(&self.token);
    }
}
