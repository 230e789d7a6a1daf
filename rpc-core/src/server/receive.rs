//! The task that takes in the messages of one subscription.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::{SemaphorePermit, mpsc};
use tokio::task::{unconstrained, yield_now};
use tokio::time::Instant;

use super::Shared;
use super::intake::Work;
use super::phase::{Phase, Phases};
use crate::connection::{Message, Subscription};

/// Takes in the messages of one subscription until the server ends.
pub(super) async fn receive(
    mut subscription: Subscription,
    work: Work,
    shared: Arc<Shared>,
    phase: Phases,
    stopped: mpsc::Sender<Infallible>,
) {
    let broken = {
        // Asked for each turn, so that a busy receiver sees the end of its work without waiting for a pause.
        let serving = phase.clone();
        let mut stopping = pin!(phase.reached(Phase::Stopping));
        loop {
            if !serving.is_serving() {
                break false;
            }
            let message = tokio::select! {
                biased;
                message = subscription.next() => message,
                () = &mut stopping => break false,
            };
            match message {
                Some(message) => take_turn(message, &mut subscription, &work, &shared).await,
                None => break true,
            }
        }
    };
    if broken {
        tracing::error!("a subscription ended: the connection is closed");
        return;
    }
    if let Err(error) = subscription.stop_intake().await {
        tracing::warn!(%error, "a subscription could not be stopped");
    }
    drop(stopped);
    loop {
        let message = tokio::select! {
            biased;
            message = subscription.next() => message,
            () = phase.reached(Phase::Draining) => break,
        };
        match message {
            Some(message) => take_turn(message, &mut subscription, &work, &shared).await,
            None => return,
        }
    }
    while let Some(message) = arrived(&mut subscription) {
        take_turn(message, &mut subscription, &work, &shared).await;
    }
}

/// How many messages a turn has, and how long the first reply may wait for its end.
const MESSAGES: usize = 16;
const FLUSH_AFTER: Duration = Duration::from_micros(200);

/// How long a turn may run handlers itself. A message may bring hundreds of calls, each of which is cheap.
const LONGEST: Duration = Duration::from_millis(2);

/// Takes a message and those that have arrived with it, then sends the replies that are there, in one go.
///
/// Pauses after a turn that was long: each message counts as one for the runtime, however many calls it has.
async fn take_turn(first: Message, subscription: &mut Subscription, work: &Work, shared: &Arc<Shared>) {
    let mut turn = Turn::new(shared);
    let end = turn.now + FLUSH_AFTER;
    work.take(first, &mut turn);
    for _ in 1..MESSAGES {
        if turn.now > end {
            break;
        }
        match arrived(subscription) {
            Some(message) => work.take(message, &mut turn),
            None => break,
        }
    }
    shared.connection().flush_posted();
    if turn.now > end {
        yield_now().await;
    }
}

/// The next message, if it is there. Unconstrained: else the runtime would make the task pause after 128 messages, which
/// looks as if there were no more.
fn arrived(subscription: &mut Subscription) -> Option<Message> {
    unconstrained(subscription.next()).now_or_never().flatten()
}

/// What the calls of one turn share: the clock, and a place for the handler that is run in it.
pub(super) struct Turn<'a> {
    shared: &'a Arc<Shared>,
    /// When the last call was done with: the clock is asked once for each.
    pub(super) now: Instant,
    flush_at: Instant,
    ends_at: Instant,
    place: Option<SemaphorePermit<'a>>,
}

impl<'a> Turn<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        let now = Instant::now();
        Turn { shared, now, flush_at: now + FLUSH_AFTER, ends_at: now + LONGEST, place: None }
    }

    /// Whether there is time, and a place, for a handler that is begun here. The place is kept for the next ones.
    pub(super) fn has_place(&mut self) -> bool {
        if self.now > self.ends_at {
            return false;
        }
        if self.place.is_none() {
            self.place = self.shared.running.try_acquire().ok();
        }
        self.place.is_some()
    }

    /// Gives the place away, along with the handler that was begun here and is not done.
    pub(super) fn give_place(&mut self) -> Option<SemaphorePermit<'a>> {
        self.place.take()
    }

    /// Notes that a call is done with. Replies that are there leave before they wait long for others of their message.
    pub(super) fn proceed(&mut self) {
        self.now = Instant::now();
        if self.now > self.flush_at {
            self.shared.connection().flush_posted();
            // What sending took is not the next handler's time.
            self.now = Instant::now();
            self.flush_at = self.now + FLUSH_AFTER;
        }
    }
}
