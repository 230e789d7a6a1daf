//! The inbox of a connection: one subscription that all replies come to.

mod pool;
mod subjects;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::pool::Pool;
pub(crate) use self::pool::SlotPool;
pub(super) use self::subjects::ReplySubjects;
use super::outbox::{Batch, MAX_BYTES, Outbox};
use super::random::Random;
use super::sender::Sender;
use super::slots::Token;
use super::transport::Transport;
use super::waiters::{Answer, Departure, Expected, News, Waiters};
use super::{Connection, OutboundMessage, Subject};
use crate::error::{Error, ErrorKind, Execution};

/// How long a message to oneself may take.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(5);

/// Replies come to `<prefix>.<slot>`, below a prefix that is unique to the connection.
pub(crate) struct Inbox {
    subjects: Arc<ReplySubjects>,
    shared: Arc<Shared>,
    tasks: tokio::sync::Mutex<Option<Tasks>>,
}

/// What the tasks of a connection share with it.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) outbox: Outbox,
    sweep: Notify,
    /// Whether the tasks run. They end with the connection, and with the runtime that they were spawned in.
    running: AtomicBool,
}

#[derive(Default)]
struct State {
    waiters: Waiters,
    pools: HashMap<Box<str>, Pool>,
    barriers: HashMap<Token, oneshot::Sender<Result<(), Error>>>,
    /// The subject that the inbox subscribes to.
    inbox: Box<str>,
    /// The subjects that the broker did not let us subscribe to.
    denied: HashSet<Box<str>>,
}

/// How many refused subscriptions are remembered.
const MAX_DENIED: usize = 1024;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits and what is out, then tells the tasks what they must know of it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let News { sweeper, flusher } = std::mem::take(&mut state.waiters.news);
        drop(state);
        if sweeper {
            self.sweep.notify_one();
        }
        if flusher {
            self.outbox.wake.notify_one();
        }
        result
    }

    /// The same, and wakes whom it says.
    fn change_and_wake(&self, change: impl FnOnce(&mut State, &mut Vec<Waker>)) {
        let mut wake = Vec::new();
        self.change(|state| change(state, &mut wake));
        wake.into_iter().for_each(Waker::wake);
    }

    /// The broker refused a message to this subject.
    pub(super) fn deny_publish(&self, subject: &str) {
        self.change_and_wake(|state, wake| {
            state.waiters.deny(subject, wake);
            let token = last_token(subject);
            if let Some(barrier) = token.and_then(|token| state.barriers.remove(&token)) {
                let _ = barrier.send(Err(denied("publish", subject)));
            }
        });
    }

    /// The broker refused a subscription to this subject.
    pub(super) fn deny_subscription(&self, subject: &str) {
        self.change_and_wake(|state, wake| {
            if state.denied.len() < MAX_DENIED {
                state.denied.insert(subject.into());
            }
            if *state.inbox == *subject {
                // Nothing will come back. The calls themselves may have arrived.
                for (_, barrier) in state.barriers.drain() {
                    let _ = barrier.send(Err(denied("subscribe", subject)));
                }
                state.waiters.answer_all(|| Answer::Denied(Execution::MaybeExecuted), wake);
            }
        });
    }

    /// Makes messages of the calls that may leave now; see [`Waiters::form_due`].
    pub(super) fn form_due(
        &self,
        most: usize,
        subjects: &ReplySubjects,
        batches: &mut VecDeque<Batch>,
    ) -> Option<Instant> {
        self.lock().waiters.form_due(most, || subjects.fresh(), batches)
    }

    /// The connection did not take a message: fails the calls in it. Says whether there were any.
    pub(super) fn refuse(&self, reply: Option<&Subject>, error: &Error) -> bool {
        let mut any = false;
        self.change_and_wake(|state, wake| {
            let token = reply.and_then(|reply| last_token(reply)).unwrap_or_default();
            let now = Instant::now();
            for id in state.waiters.calls_of(&token, None) {
                any = true;
                wake.extend(state.waiters.answer(id, Answer::NotSent(error.clone()), now));
            }
        });
        any
    }
}

fn last_token(subject: &str) -> Option<Token> {
    Token::try_from(subject.rsplit('.').next()?.as_bytes()).ok()
}

/// The receiving task, the sweeper and the connection's flusher; they end with the connection.
struct Tasks([AbortHandle; 3]);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Inbox {
    pub(super) fn new(prefix: &str, random: Random, shared: Arc<Shared>) -> Self {
        let subjects = ReplySubjects::new(prefix, random);
        shared.lock().inbox = subjects.all().into();
        Inbox { subjects: Arc::new(subjects), shared, tasks: tokio::sync::Mutex::default() }
    }

    /// The sending half of the connection that this is the receiving half of.
    pub(super) fn sender(&self, transport: Arc<Transport>) -> Sender {
        Sender::new(Arc::clone(&self.shared), Arc::clone(&self.subjects), transport)
    }

    pub(super) fn random(&self) -> &Random {
        self.subjects.random()
    }

    /// Forgets that the broker refused a subscription, before it is asked again.
    pub(crate) fn forget_denial(&self, subject: &str) {
        self.shared.lock().denied.remove(subject);
    }

    /// The first of these subjects that the broker did not let us subscribe to, as far as it has said so.
    pub(crate) fn denied_subscription<'a>(
        &self,
        subjects: impl IntoIterator<Item = &'a str>,
    ) -> Option<Error> {
        let state = self.shared.lock();
        let first = subjects.into_iter().find(|subject| state.denied.contains(*subject));
        first.map(|subject| denied("subscribe", subject))
    }

    /// Whether replies can be received.
    pub(crate) fn is_started(&self) -> bool {
        self.shared.running.load(Ordering::Acquire)
    }

    /// Subscribes, unless that has been done. What is published after it cannot overtake the subscription.
    pub(crate) async fn start(&self, connection: &Connection) -> Result<(), Error> {
        let mut tasks = self.tasks.lock().await;
        if self.is_started() {
            return Ok(());
        }
        let subscription = connection.subscribe(self.subjects.all(), None).await?;
        let running = tasks::Running::new(Arc::clone(&self.shared));
        let receiver = tokio::spawn(tasks::receive(subscription, running));
        let sweeper = tokio::spawn(tasks::sweep(Arc::clone(&self.shared)));
        let flusher = tokio::spawn(tasks::flush(connection.sender()));
        // What an earlier flusher has left, whose runtime ended before it could send it.
        self.shared.outbox.wake.notify_one();
        *tasks = Some(Tasks([receiver, sweeper, flusher].map(|task| task.abort_handle())));
        Ok(())
    }

    /// Takes a call on, and says how it leaves. An error if its reply could not be received.
    pub(super) fn expect(&self, expected: Expected, max_payload: usize) -> Result<Departure, Error> {
        self.shared.change(|state| {
            // Under the lock: once the tasks have ended, nobody would answer the call.
            if !self.is_started() {
                return Err(Error::not_executed(
                    ErrorKind::Unavailable,
                    "the connection's runtime has just ended",
                ));
            }
            if !state.denied.is_empty() && state.denied.contains(&*state.inbox) {
                return Err(denied("subscribe", &state.inbox));
            }
            Ok(state.waiters.add(expected, MAX_BYTES.min(max_payload), || self.subjects.fresh()))
        })
    }

    /// Waits for the answer to a call that was expected.
    pub(crate) fn poll_answer(&self, id: u64, cx: &Context<'_>) -> Poll<Answer> {
        let mut replaced = None;
        self.shared.lock().waiters.poll(id, cx, &mut replaced)
    }

    /// Forgets a call that nobody waits for any more.
    pub(crate) fn forget(&self, id: u64) {
        let forgotten = self.shared.change(|state| state.waiters.forget(id));
        drop(forgotten);
    }

    /// Sends a message to oneself and waits for it. When it is back, the broker has taken everything that this
    /// connection sent before, subscriptions among it, and everything that it sent here before has arrived.
    pub(crate) async fn barrier(&self, connection: &Connection) -> Result<(), Error> {
        self.start(connection).await?;
        let (token, subject) = self.subjects.fresh();
        let (sender, receiver) = oneshot::channel();
        self.shared.lock().barriers.insert(token, sender);
        let forget = Forget { shared: &self.shared, token };
        let message = OutboundMessage { subject, reply: None, payload: bytes::Bytes::new(), headers: None };
        let round_trip = async {
            connection.publish(message).await?;
            receiver.await.unwrap_or_else(|_| Err(super::closed()))
        };
        let result = tokio::time::timeout(BARRIER_TIMEOUT, round_trip).await;
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

fn denied(what: &str, subject: &str) -> Error {
    let message = format!("the NATS server does not let this user {what} to {subject:?}");
    Error::not_executed(ErrorKind::PermissionDenied, message)
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
