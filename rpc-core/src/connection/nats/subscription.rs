//! A subscription through async-nats, which moves along when its connection moves to another NATS server.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use async_nats::{Client, Message, Subject, SubscribeErrorKind, Subscriber};
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use futures_util::stream::{self, poll_fn};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::connection::closed;
use crate::error::{Error, ErrorKind};

/// Whether a message may come twice while the connection moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connection) enum Overlap {
    /// It is known which messages were seen, or they go to one member of a queue group anyway.
    Harmless,
    /// None may: in between, those are missed that come in the moment of the move.
    Harmful,
}

/// What was subscribed to, to do it again at another server.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) subject: Subject,
    pub(super) group: Option<String>,
    pub(super) overlap: Overlap,
}

impl Wanted {
    /// Whether it brings calls, or what a user of the connection has subscribed to.
    pub(super) fn is_for_work(&self) -> bool {
        self.group.is_some() || self.overlap == Overlap::Harmful
    }
}

/// How a subscription is told to move.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) wanted: Wanted,
    /// That of the client at which it was made.
    pub(super) number: u64,
    moves: mpsc::UnboundedSender<Move>,
}

/// One step of a move.
#[derive(Debug)]
pub(super) enum Move {
    /// From the first server to the other, where this is the subscription.
    Over(Subscriber, Leave),
    /// Away from the first one.
    Off(Leave),
    /// On to the other.
    On(Subscriber),
    /// Nowhere: the server does not allow it, or not any more.
    Refused,
}

/// The end of a subscription whose messages are all wanted.
#[derive(Debug, Clone)]
pub(super) struct Leave {
    /// Dropped once the server has been asked for no more.
    pub(super) stopping: mpsc::Sender<Infallible>,
    /// Fires when all that the server had sent has arrived.
    pub(super) drained: CancellationToken,
}

impl Link {
    pub(super) fn tell(&self, step: Move) {
        // Who is not there any more need not move.
        let _ = self.moves.send(step);
    }
}

/// A subscription of async-nats.
pub(in crate::connection) struct NatsSubscription {
    current: Option<Subscriber>,
    /// Those at servers that the connection has left. The lock is never taken: it is what makes them `Sync`.
    leaving: Mutex<Vec<BoxStream<'static, Message>>>,
    moves: mpsc::UnboundedReceiver<Move>,
    link: Arc<Link>,
    /// Whether no more messages are wanted than have been sent.
    stopped: bool,
    refused: bool,
}

impl NatsSubscription {
    /// Subscribes through the client with this number.
    pub(super) async fn new(client: &Client, number: u64, wanted: Wanted) -> Result<Self, Error> {
        let current = Some(subscribe(client, &wanted).await?);
        let (sender, moves) = mpsc::unbounded_channel();
        let link = Arc::new(Link { wanted, number, moves: sender });
        Ok(NatsSubscription {
            current,
            leaving: Mutex::default(),
            moves,
            link,
            stopped: false,
            refused: false,
        })
    }

    pub(super) fn link(&self) -> Weak<Link> {
        Arc::downgrade(&self.link)
    }

    /// `Subscriber::drain` forgets the subscription before the server has stopped sending, and loses what is on its
    /// way. With an unreachable maximum the server stops at once, since it compares the maximum with what it has
    /// sent so far as it takes the command, while the client goes on delivering.
    pub(in crate::connection) async fn stop_intake(&mut self) -> Result<(), Error> {
        self.stopped = true;
        match &mut self.current {
            Some(current) => {
                current.unsubscribe_after(u64::MAX).await.map_err(|error| closed().with_source(error))
            }
            None => Ok(()),
        }
    }

    pub(in crate::connection) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            if !self.leaving().is_empty()
                && let Poll::Ready(message) = self.poll_leaving(cx)
            {
                return Poll::Ready(Some(message));
            }
            if let Some(current) = &mut self.current
                && let Poll::Ready(message) = Pin::new(current).poll_next(cx)
            {
                return Poll::Ready(message);
            }
            if self.refused {
                return Poll::Ready(None);
            }
            match self.moves.poll_recv(cx) {
                Poll::Ready(Some(step)) => self.make(step),
                // `None` never comes: its sender is our own.
                _ => return Poll::Pending,
            }
        }
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<Message> {
        let mut next = Poll::Pending;
        self.leaving().retain_mut(|old| {
            if next.is_ready() {
                return true;
            }
            match old.poll_next_unpin(cx) {
                Poll::Ready(Some(message)) => {
                    next = Poll::Ready(message);
                    true
                }
                Poll::Ready(None) => false,
                Poll::Pending => true,
            }
        });
        next
    }

    fn leaving(&mut self) -> &mut Vec<BoxStream<'static, Message>> {
        self.leaving.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&mut self, step: Move) {
        match step {
            Move::Over(new, how) if self.stopped => {
                // It has been there for a moment, and may have got messages.
                let old = self.current.take().into_iter().chain([new]);
                self.leaving().extend(old.map(|old| leave(old, how.clone())));
            }
            Move::Over(new, how) => {
                let old = self.current.replace(new).map(|old| leave(old, how));
                self.leaving().extend(old);
            }
            Move::Off(how) => {
                let old = self.current.take().map(|old| leave(old, how));
                self.leaving().extend(old);
            }
            Move::On(new) => self.current = Some(new).filter(|_| !self.stopped),
            Move::Refused => self.refused = true,
        }
    }
}

/// The rest of a subscription's messages.
fn leave(mut old: Subscriber, how: Leave) -> BoxStream<'static, Message> {
    let Leave { stopping, drained } = how;
    let stop = async move {
        // An error is that of a connection which has ended by itself.
        let _ = old.unsubscribe_after(u64::MAX).await;
        drop(stopping);
        let mut drained = Box::pin(drained.cancelled_owned());
        poll_fn(move |cx| match old.poll_next_unpin(cx) {
            Poll::Pending => drained.as_mut().poll(cx).map(|()| None),
            ready => ready,
        })
    };
    stream::once(stop).flatten().boxed()
}

/// Subscribes at the server that a client is connected to.
pub(super) async fn subscribe(client: &Client, wanted: &Wanted) -> Result<Subscriber, Error> {
    let subject = wanted.subject.clone();
    let subscriber = match &wanted.group {
        Some(group) => client.queue_subscribe(subject, group.clone()).await,
        None => client.subscribe(subject).await,
    };
    subscriber.map_err(|error| {
        let kind = match error.kind() {
            SubscribeErrorKind::InvalidSubject | SubscribeErrorKind::InvalidQueueName => {
                ErrorKind::InvalidArgument
            }
            SubscribeErrorKind::Other => ErrorKind::Unavailable,
        };
        Error::not_executed(kind, "the subscription was refused").with_source(error)
    })
}
