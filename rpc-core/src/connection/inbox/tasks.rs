//! The two tasks of an inbox: one pairs replies with calls, one expires calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::Shared;
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
        let mut wake = Vec::new();
        let mut state = self.0.lock();
        self.0.running.store(false, Ordering::Release);
        state.waiters.answer_all(|| Answer::Closed, &mut wake);
        drop(state);
        wake.into_iter().for_each(Waker::wake);
    }
}

/// Pairs what arrives with who waits for it, until the connection closes.
pub(super) async fn receive(mut subscription: Subscription, running: Running) {
    let shared = &running.0;
    let mut wake = Vec::new();
    while let Some(message) = subscription.next().await {
        deliver(&message, shared, &mut wake);
        wake.drain(..).for_each(Waker::wake);
    }
}

fn deliver(message: &Message, shared: &Shared, wake: &mut Vec<Waker>) {
    let token = message.subject.rsplit('.').next().unwrap_or_default().as_bytes();
    if message.payload.first() == Some(&MAGIC) {
        deliver_frames(message, token, shared, wake);
        return;
    }
    let mut state = shared.lock();
    if let Ok(token) = Token::try_from(token)
        && let Some(barrier) = state.barriers.remove(&token)
    {
        let _ = barrier.send(Ok(()));
        return;
    }
    let no_responders = status_code(message) == Some(503) && message.payload.is_empty();
    let about = message.headers.as_ref().and_then(|headers| headers.get(header::NATS_SUBJECT));
    let about = about.filter(|_| no_responders).map(|subject| subject.as_str());
    for id in state.waiters.slots.calls_of(token, about) {
        let answer = if no_responders { Answer::NoResponders } else { Answer::Foreign };
        wake.extend(state.waiters.answer(id, answer));
    }
}

fn deliver_frames(message: &Message, token: &[u8], shared: &Shared, wake: &mut Vec<Waker>) {
    let Ok(frames) = Frames::new(&message.payload) else {
        return deliver_unreadable(message, token, shared, wake);
    };
    for frame in frames {
        match frame {
            Ok(Frame::Success(id, success)) => {
                if let Some(id) = id.own() {
                    let answer = Answer::Success(success);
                    wake.extend(shared.lock().waiters.answer(id, answer));
                }
            }
            Ok(Frame::Error(id, error)) => deliver_error(id, error, token, shared, wake),
            Ok(Frame::Call(_) | Frame::Unknown) => {}
            Err(_) => deliver_unreadable(message, token, shared, wake),
        }
    }
}

/// An error is about one call, or about all of its message. The slot may be that of another message by now: then the
/// id is none of its calls.
fn deliver_error(id: Id, error: ErrorFrame, token: &[u8], shared: &Shared, wake: &mut Vec<Waker>) {
    let Some(id) = id.own() else { return };
    let mut state = shared.lock();
    if !error.flags.is_whole() {
        wake.extend(state.waiters.answer(id, Answer::Error(Box::new(error))));
        return;
    }
    let calls = state.waiters.slots.calls_of(token, None);
    if id == Id::UNREADABLE || calls.contains(&id) {
        for call in calls {
            wake.extend(state.waiters.answer(call, Answer::Error(Box::new(error.clone()))));
        }
    }
}

/// A reply that cannot be read is a reply all the same: whose it is, its slot says.
fn deliver_unreadable(message: &Message, token: &[u8], shared: &Shared, wake: &mut Vec<Waker>) {
    tracing::warn!(subject = %message.subject, "a reply, or the rest of it, is not made of frames of this version");
    let mut state = shared.lock();
    for id in state.waiters.slots.calls_of(token, None) {
        wake.extend(state.waiters.answer(id, Answer::Foreign));
    }
}

/// Expires calls. It sleeps until the earliest deadline; a call with an earlier one wakes it.
pub(super) async fn sweep(shared: Arc<Shared>) {
    let mut wake = Vec::new();
    loop {
        let now = Instant::now();
        let next = shared.lock().waiters.sweep(now, &mut wake);
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
