//! The tasks of a connection: one pairs replies with calls, one expires calls, one sends what waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Shared, State};
use crate::connection::sender::Sender;
use crate::connection::slots::Token;
use crate::connection::{Answer, Message, Subscription, status_code};
use crate::wire::dialect::header;
use crate::wire::frame::{ErrorFrame, Frame, Frames, Id, MAGIC};

/// The sweeper rests for so long at least: deadlines that lie closer together share one pass over the calls.
const SWEEP_INTERVAL: Duration = Duration::from_millis(5);

/// Says that the inbox is received. However that ends — with the connection, or with the runtime — nobody waits in
/// vain afterwards, and the next call starts it anew.
pub(super) struct Running(Arc<Shared>);

impl Running {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.running.store(true, Ordering::Release);
        Running(shared)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change_and_wake(|state, wake| {
            self.0.running.store(false, Ordering::Release);
            state.waiters.answer_all(|| Answer::Closed, wake);
        });
    }
}

/// Pairs what arrives with who waits for it, until the connection closes.
pub(super) async fn receive(mut subscription: Subscription, running: Running) {
    let shared = &running.0;
    let (mut answers, mut wake) = (Vec::new(), Vec::new());
    while let Some(message) = subscription.next().await {
        let token = message.subject.rsplit('.').next().unwrap_or_default().as_bytes();
        read(&message, &mut answers);
        shared.change(|state| deliver(state, &message, token, &mut answers, &mut wake));
        wake.drain(..).for_each(Waker::wake);
    }
}

/// What a message answers.
enum Answered {
    Call(Id, Answer),
    /// What it was a reply to, whatever that is.
    Message,
}

/// Reads what a message holds, before any lock is taken.
fn read(message: &Message, answers: &mut Vec<Answered>) {
    let Ok(frames) = Frames::new(&message.payload) else {
        answers.push(Answered::Message);
        return;
    };
    for frame in frames {
        match frame {
            Ok(Frame::Success(id, success)) => answers.push(Answered::Call(id, Answer::Success(success))),
            Ok(Frame::Error(id, error)) => answers.push(Answered::Call(id, Answer::Error(Box::new(error)))),
            Ok(
                Frame::Call(_) | Frame::Cancel(_) | Frame::Accepted(..) | Frame::Heartbeat | Frame::Unknown,
            ) => {}
            Err(_) => answers.push(Answered::Message),
        }
    }
}

fn deliver(
    state: &mut State,
    message: &Message,
    token: &[u8],
    answers: &mut Vec<Answered>,
    wake: &mut Vec<Waker>,
) {
    let now = Instant::now();
    for answer in answers.drain(..) {
        match answer {
            Answered::Call(id, Answer::Error(error)) if error.flags.is_whole() => {
                deliver_whole(state, id, &error, token, now, wake);
            }
            Answered::Call(id, answer) => {
                let Some(id) = id.own() else { continue };
                wake.extend(state.waiters.answer(id, answer, now));
            }
            Answered::Message => deliver_message(state, message, token, now, wake),
        }
    }
    state.waiters.learn();
}

/// An error about all calls of a message. The slot may be that of another message by now: then the id is none of its
/// calls.
fn deliver_whole(
    state: &mut State,
    id: Id,
    error: &ErrorFrame,
    token: &[u8],
    now: Instant,
    wake: &mut Vec<Waker>,
) {
    let Some(id) = id.own() else { return };
    let calls = state.waiters.calls_of(token, None);
    if id == Id::UNREADABLE || calls.contains(&id) {
        for call in calls {
            wake.extend(state.waiters.answer(call, Answer::Error(Box::new(error.clone())), now));
        }
    }
}

/// A message that is not made of frames: one to ourselves, one that the broker made, or one that cannot be read. Whose
/// it is, its slot says.
fn deliver_message(state: &mut State, message: &Message, token: &[u8], now: Instant, wake: &mut Vec<Waker>) {
    if let Ok(token) = Token::try_from(token)
        && let Some(barrier) = state.barriers.remove(&token)
    {
        let _ = barrier.send(Ok(()));
        return;
    }
    if message.payload.first() == Some(&MAGIC) {
        tracing::warn!(subject = %message.subject, "a reply, or the rest of it, is not made of frames of this version");
    }
    let no_responders = status_code(message) == Some(503) && message.payload.is_empty();
    let about = message.headers.as_ref().and_then(|headers| headers.get(header::NATS_SUBJECT));
    let about = about.filter(|_| no_responders).map(|subject| subject.as_str());
    for id in state.waiters.calls_of(token, about) {
        let answer = if no_responders { Answer::NoResponders } else { Answer::Foreign };
        wake.extend(state.waiters.answer(id, answer, now));
    }
}

/// Expires calls. It sleeps until the earliest deadline; a call with an earlier one wakes it.
pub(super) async fn sweep(shared: Arc<Shared>) {
    let mut wake = Vec::new();
    loop {
        let now = Instant::now();
        let next = shared.change(|state| state.waiters.sweep(now, &mut wake));
        wake.drain(..).for_each(Waker::wake);
        let earlier = shared.sweep.notified();
        match next {
            Some(next) => {
                let _ = tokio::time::timeout_at(next.max(now + SWEEP_INTERVAL), earlier).await;
            }
            None => earlier.await,
        }
    }
}

/// Sends what was posted and the calls that wait, whenever it is asked to, and as the time of those comes that are held
/// back. It lets every task that is ready run first: what those have to send leaves in the same write.
pub(super) async fn flush(sender: Sender) {
    let mut held = None;
    loop {
        let asked = sender.asked();
        match held {
            Some(until) => _ = tokio::time::timeout_at(until, asked).await,
            None => asked.await,
        }
        yield_now().await;
        held = sender.send_due().await;
    }
}
