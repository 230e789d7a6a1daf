//! The inbox of a connection: one subscription that all replies come to.

mod tasks;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

use super::random::Random;
use super::slots::Token;
use super::waiters::{Answer, Expected, Waiters};
use super::{Connection, OutboundMessage, Subject};
use crate::error::{Error, ErrorKind, Execution};

/// How long a message to oneself may take.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(5);

/// Replies come to `<prefix>.<slot>`, below a prefix that is unique to the connection.
pub(crate) struct Inbox {
    prefix: String,
    shared: Arc<Shared>,
    tasks: tokio::sync::Mutex<Option<Tasks>>,
}

/// What the tasks of an inbox and its connection share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    sweep: Notify,
    /// Whether the tasks run. They end with the connection, and with the runtime that they were spawned in.
    running: AtomicBool,
}

#[derive(Default)]
struct State {
    waiters: Waiters,
    pools: HashMap<Box<str>, Weak<SlotPool>>,
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

    /// The broker refused a message to this subject.
    pub(super) fn deny_publish(&self, subject: &str) {
        let mut wake = Vec::new();
        let mut state = self.lock();
        state.waiters.deny(subject, &mut wake);
        let token = subject.rsplit('.').next().and_then(|token| Token::try_from(token.as_bytes()).ok());
        if let Some(barrier) = token.and_then(|token| state.barriers.remove(&token)) {
            let _ = barrier.send(Err(denied("publish", subject)));
        }
        drop(state);
        wake.into_iter().for_each(Waker::wake);
    }

    /// The broker refused a subscription to this subject.
    pub(super) fn deny_subscription(&self, subject: &str) {
        let mut wake = Vec::new();
        let mut state = self.lock();
        if state.denied.len() < MAX_DENIED {
            state.denied.insert(subject.into());
        }
        if *state.inbox == *subject {
            // Nothing will come back. The calls themselves may have arrived.
            for (_, barrier) in state.barriers.drain() {
                let _ = barrier.send(Err(denied("subscribe", subject)));
            }
            state.waiters.answer_all(|| Answer::Denied(Execution::MaybeExecuted), &mut wake);
        }
        drop(state);
        wake.into_iter().for_each(Waker::wake);
    }
}

/// Whether a call is the only one that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    Alone,
    Others,
}

/// The slots of one service; dropping it retires them.
pub(crate) struct SlotPool {
    index: usize,
    service: Box<str>,
    shared: Arc<Shared>,
}

impl Drop for SlotPool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.waiters.slots.remove_pool(self.index);
        if state.pools.get(&self.service).is_some_and(|pool| pool.strong_count() == 0) {
            state.pools.remove(&self.service);
        }
    }
}

impl fmt::Debug for SlotPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotPool").field("service", &self.service).finish_non_exhaustive()
    }
}

/// The receiving task, the sweeper and the connection's flusher; they end with the connection.
struct Tasks([AbortHandle; 3]);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Inbox {
    pub(super) fn new(prefix: &str, random: &Random, shared: Arc<Shared>) -> Self {
        let prefix = format!("{prefix}.{}", random.token_string::<12>());
        shared.lock().inbox = format!("{prefix}.*").into();
        Inbox { prefix, shared, tasks: tokio::sync::Mutex::default() }
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
        let subscription = connection.subscribe(format!("{}.*", self.prefix), None).await?;
        let running = tasks::Running::new(Arc::clone(&self.shared));
        let receiver = tokio::spawn(tasks::receive(subscription, running));
        let sweeper = tokio::spawn(tasks::sweep(Arc::clone(&self.shared)));
        let flusher = tokio::spawn(connection.flusher());
        // What an earlier flusher has left, whose runtime ended before it could send it.
        connection.flush_posted();
        *tasks = Some(Tasks([receiver, sweeper, flusher].map(|task| task.abort_handle())));
        Ok(())
    }

    /// The slots for one service, shared by all stubs of it.
    pub(crate) fn pool(&self, service: &str) -> Arc<SlotPool> {
        let mut state = self.shared.lock();
        if let Some(pool) = state.pools.get(service).and_then(Weak::upgrade) {
            return pool;
        }
        let index = state.waiters.slots.add_pool();
        let pool = Arc::new(SlotPool { index, service: service.into(), shared: Arc::clone(&self.shared) });
        state.pools.insert(service.into(), Arc::downgrade(&pool));
        pool
    }

    /// Notes that a call is about to be sent to `sent`; returns its reply subject, and whether it is the only one out. An
    /// error if its reply could not be received.
    pub(crate) fn expect(
        &self,
        expected: Expected,
        pool: &SlotPool,
        sent: &Subject,
        random: &Random,
    ) -> Result<(Subject, Company), Error> {
        let fresh = || {
            let token = random.token();
            (token, self.subject(token))
        };
        let mut state = self.shared.lock();
        if !state.denied.is_empty() && state.denied.contains(&*state.inbox) {
            return Err(denied("subscribe", &state.inbox));
        }
        let (reply, is_earliest) = state.waiters.add(expected, pool.index, sent, fresh);
        let company = if state.waiters.len() > 1 { Company::Others } else { Company::Alone };
        drop(state);
        if is_earliest {
            self.shared.sweep.notify_one();
        }
        Ok((reply, company))
    }

    /// Waits for the answer to a call that was expected.
    pub(crate) fn poll_answer(&self, id: u64, cx: &Context<'_>) -> Poll<Answer> {
        let mut replaced = None;
        self.shared.lock().waiters.poll(id, cx, &mut replaced)
    }

    /// Forgets a call that nobody waits for any more.
    pub(crate) fn forget(&self, id: u64) {
        let forgotten = self.shared.lock().waiters.forget(id);
        drop(forgotten);
    }

    /// Sends a message to oneself and waits for it. When it is back, the broker has taken everything that this
    /// connection sent before, subscriptions among it, and everything that it sent here before has arrived.
    pub(crate) async fn barrier(&self, connection: &Connection) -> Result<(), Error> {
        self.start(connection).await?;
        let token = connection.random().token();
        let (sender, receiver) = oneshot::channel();
        self.shared.lock().barriers.insert(token, sender);
        let forget = Forget { shared: &self.shared, token };
        let message = OutboundMessage {
            subject: self.subject(token),
            reply: None,
            payload: bytes::Bytes::new(),
            headers: None,
        };
        let round_trip = async {
            connection.publish(message).await?;
            receiver.await.unwrap_or_else(|_| Err(super::closed()))
        };
        let result = tokio::time::timeout(BARRIER_TIMEOUT, round_trip).await;
        drop(forget);
        result.unwrap_or_else(|_| {
            let message = format!(
                "a message to the connection's own inbox {}.* did not come back within {} s: is the broker there, and \
                 may this user publish and subscribe there?",
                self.prefix,
                BARRIER_TIMEOUT.as_secs()
            );
            Err(Error::not_executed(ErrorKind::Unavailable, message))
        })
    }

    fn subject(&self, token: Token) -> Subject {
        let mut subject = String::with_capacity(self.prefix.len() + 1 + token.len());
        subject.push_str(&self.prefix);
        subject.push('.');
        subject.extend(token.iter().copied().map(char::from));
        // Shrunk to its length, it becomes shared memory without being copied again.
        Subject::from(subject)
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
