//! The inbox of a connection: one subscription that all replies come to.

mod barrier;
mod events;
mod history;
mod plain;
mod pool;
mod pulse;
mod receive;
#[cfg(feature = "jetstream")]
mod refusals;
#[cfg(feature = "jetstream")]
mod returns;
mod streams;
mod subjects;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::history::History;
use self::pool::Pool;
pub(crate) use self::pool::SlotPool;
#[cfg(feature = "jetstream")]
use self::refusals::Refusals;
pub(super) use self::subjects::{ReplySubjects, of_plain_call};
use super::events::Listeners;
use super::outbox::{Batch, DestinationId, InHand, MAX_BYTES, Outbox};
use super::random::Random;
use super::sender::Sender;
use super::slots::Token;
use super::streams::Windows;
use super::transport::Transport;
use super::waiters::{Answer, ClientStream, Departure, Expected, News, Verdict, Waiters};
use super::{Connection, Subject};
use crate::error::{Error, ErrorKind};

/// Replies come to `<prefix>.<slot>`, below a prefix that is unique to the connection.
pub(crate) struct Inbox {
    subjects: Arc<ReplySubjects>,
    shared: Arc<Shared>,
    windows: Windows,
    tasks: tokio::sync::Mutex<Option<Tasks>>,
}

/// What the tasks of a connection share with it.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) outbox: Outbox,
    sweep: Notify,
    pulse: Notify,
    /// Told when something has come of a trial.
    trials: Notify,
    /// Whether an answer has ever come from another account: then any destination may be there.
    has_imports: AtomicBool,
    /// Whether the tasks run. They end with the connection, and with the runtime that they were spawned in.
    running: AtomicBool,
    /// Whether the broker does not accept our credentials, or not any more.
    unauthenticated: AtomicBool,
    /// How often the connection was lost: what was made into messages before is not to be sent after.
    pub(super) losses: AtomicU64,
    pub(super) lost: Notify,
    pub(super) regained: Notify,
    pub(super) listeners: Listeners,
    #[cfg(feature = "jetstream")]
    refusals: Refusals,
    /// Since when the connection is back, if it was lost.
    #[cfg(feature = "jetstream")]
    back: Mutex<Option<Instant>>,
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits and what is out, then tells the tasks what they must know of it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let News { sweeper, flusher, pulse, trials, imports } = std::mem::take(&mut state.waiters.news);
        let control = std::mem::take(&mut state.waiters.control);
        let max_bytes = state.waiters.destinations.max_bytes;
        drop(state);
        if sweeper {
            self.sweep.notify_one();
        }
        if pulse {
            self.pulse.notify_one();
        }
        if imports {
            self.has_imports.store(true, Ordering::Release);
        }
        if trials {
            self.trials.notify_waiters();
        }
        if flusher || !control.is_empty() {
            // What there is no room for is lost with the rest: cancels and heartbeats help, nothing stands on them.
            control
                .into_iter()
                .for_each(|(message, joining)| _ = self.outbox.push(message, joining, max_bytes));
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

    /// How many calls are out or wait to leave.
    pub(super) fn pending_calls(&self) -> usize {
        self.lock().waiters.len()
    }

    /// Makes messages of the calls that may leave now; see [`Waiters::form_due`].
    pub(super) fn form_due(
        &self,
        most: usize,
        subjects: &ReplySubjects,
        batches: &mut VecDeque<Batch>,
    ) -> Option<Instant> {
        self.lock().waiters.form_due(most, |prefix| subjects.fresh(prefix), batches)
    }

    /// Drops the messages of calls that had been made when the connection was lost: those calls have failed.
    pub(super) fn give_up_lost(&self, subjects: &ReplySubjects, in_hand: &mut InHand) {
        let losses = self.losses.load(Ordering::Acquire);
        if in_hand.losses == losses {
            return;
        }
        in_hand.losses = losses;
        self.outbox.take_into(&mut in_hand.batches);
        let state = self.lock();
        let is_wanted = |reply: &Subject| {
            let slot = subjects.slot(reply);
            slot.is_none_or(|token| state.waiters.slots.find(token.as_bytes()).is_some())
        };
        in_hand.batches.retain(|batch| batch.reply().is_none_or(is_wanted));
    }

    /// The connection did not take a message: fails the calls in it. Says whether there were any.
    pub(super) fn refuse(&self, reply: Option<&Subject>, error: &Error) -> bool {
        let mut any = false;
        self.change_and_wake(|state, wake| {
            let token = reply.and_then(|reply| last_token(reply)).unwrap_or_default();
            let now = Instant::now();
            for id in state.waiters.calls_of(&token) {
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

/// The receiving task, the sweeper, the pulse and the connection's flusher; they end with the connection.
struct Tasks([AbortHandle; 4]);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Inbox {
    pub(super) fn new(prefix: &str, random: Random, shared: Arc<Shared>) -> Self {
        let subjects = ReplySubjects::new(prefix, random);
        shared.lock().inbox = subjects.all().into();
        let (windows, tasks) = (Windows::default(), tokio::sync::Mutex::default());
        Inbox { subjects: Arc::new(subjects), shared, windows, tasks }
    }

    /// The sending half of the connection that this is the receiving half of.
    pub(super) fn sender(&self, transport: Arc<Transport>) -> Sender {
        Sender::new(Arc::clone(&self.shared), Arc::clone(&self.subjects), transport)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
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

    /// A fresh subject for messages that are not replies to calls, to be subscribed to apart from the inbox.
    pub(crate) fn subject_apart(&self) -> String {
        self.subjects.apart()
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
        let subscription = connection.subscribe_by_id(self.subjects.all()).await?;
        let running = receive::Running::new(Arc::clone(&self.shared));
        let receiver = tokio::spawn(receive::receive(subscription, Arc::clone(&self.subjects), running));
        let pulse = tokio::spawn(pulse::pulse(Arc::clone(&self.shared)));
        let sweeper = tokio::spawn(tasks::sweep(Arc::clone(&self.shared)));
        let flusher = tokio::spawn(tasks::flush(connection.sender()));
        // What an earlier flusher has left, whose runtime ended before it could send it.
        self.shared.outbox.wake.notify_one();
        *tasks = Some(Tasks([receiver, sweeper, pulse, flusher].map(|task| task.abort_handle())));
        Ok(())
    }

    /// Takes a call on, and says how it leaves. An error if its reply could not be received.
    pub(super) fn expect(&self, expected: Expected, max_payload: usize) -> Result<Departure, Error> {
        self.shared.change(|state| {
            self.check_receiving(state)?;
            let fresh = |prefix: &str| self.subjects.fresh(prefix);
            Ok(state.waiters.add(expected, MAX_BYTES.min(max_payload), fresh))
        })
    }

    /// Under the lock: once the tasks have ended, nobody would answer a call.
    #[inline(always)] // on the way of every call
    fn check_receiving(&self, state: &State) -> Result<(), Error> {
        if !self.is_started() {
            let message = "the connection's runtime has just ended";
            return Err(Error::not_executed(ErrorKind::Unavailable, message));
        }
        if !state.denied.is_empty() && state.denied.contains(&*state.inbox) {
            return Err(denied("subscribe", &state.inbox));
        }
        Ok(())
    }

    /// Waits for the answer to a call that was expected.
    pub(crate) fn poll_answer(&self, id: u64, cx: &Context<'_>) -> Poll<Answer> {
        let mut replaced = None;
        self.shared.lock().waiters.poll(id, cx, &mut replaced)
    }

    /// Notes that a call, which is about to be sent, opens this stream.
    pub(crate) fn expect_stream(&self, id: u64, stream: &Arc<ClientStream>) {
        self.shared.lock().waiters.expect_stream(id, Arc::clone(stream));
    }

    /// Ends a stream that nobody takes from any more.
    pub(crate) fn close_stream(&self, stream: &ClientStream) {
        if let Some(id) = stream.opened.get() {
            self.shared.change(|state| state.waiters.close_stream(*id));
        }
    }

    /// Fails a stream whose items cannot be sent.
    pub(crate) fn fail_stream(&self, stream: &ClientStream, error: Error) {
        self.shared.change_and_wake(|state, wake| state.waiters.fail_stream(stream, error, wake));
    }

    /// What may be on its way on all streams of the connection.
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Learns whether several replies to what is sent to a destination get through: by a trial, if
    /// they may come from another account and it is not known yet. It takes no longer than until
    /// this moment.
    pub(crate) async fn verdict(&self, destination: DestinationId, deadline: Instant) -> Verdict {
        let look = |waiters: &mut Waiters, now| waiters.verdict(destination, self.random(), now);
        self.until_known(deadline, look).await.unwrap_or(Verdict::Unknown)
    }

    /// Waits for the answers to a trial that is out, or goes out now: where nothing is known of a
    /// destination, and others are in another account. It takes little longer than the answers do,
    /// so that one of them may be missing.
    pub(crate) async fn trial(&self, destination: DestinationId, deadline: Instant) {
        let look = |waiters: &mut Waiters, now| match waiters.trial_until(destination, self.random(), now) {
            Some(until) if now < until => Err(until),
            _ => Ok(()),
        };
        self.until_known(deadline, look).await;
    }

    /// Looks what has come of a trial each time that something has, and when that is to be done
    /// again. `None` if it is not known by the deadline.
    async fn until_known<T>(
        &self,
        deadline: Instant,
        look: impl Fn(&mut Waiters, Instant) -> Result<T, Instant>,
    ) -> Option<T> {
        loop {
            // From here on no news is overlooked.
            let news = self.shared.trials.notified();
            let now = Instant::now();
            match self.shared.change(|state| look(&mut state.waiters, now)) {
                Ok(known) => return Some(known),
                Err(_) if now >= deadline => return None,
                Err(until) => _ = timeout_at(until.min(deadline), news).await,
            }
        }
    }

    /// Whether a destination may be in another account.
    #[inline(always)] // on the way of every call
    pub(crate) fn has_imports(&self) -> bool {
        self.shared.has_imports.load(Ordering::Acquire)
    }

    /// Whether there is nothing to learn of the replies to what is sent to a destination: all of
    /// them get through, or one does.
    pub(crate) fn is_verified(&self, destination: DestinationId) -> bool {
        let now = Instant::now();
        self.shared.lock().waiters.is_verified(destination, now)
    }

    /// Whether it was verified that several replies from another account get through.
    pub(crate) fn several_were_verified(&self, destination: DestinationId) -> bool {
        self.shared.lock().waiters.several_were_verified(destination)
    }

    /// Forgets a call that nobody waits for any more.
    pub(crate) fn forget(&self, id: u64) {
        let forgotten = self.shared.change(|state| state.waiters.forget(id));
        drop(forgotten);
    }
}

fn denied(what: &str, subject: &str) -> Error {
    let message = format!("the NATS server does not let this user {what} to {subject:?}");
    Error::not_executed(ErrorKind::PermissionDenied, message)
}
