//! The two tasks of an inbox: one pairs replies with calls, one expires calls.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::Shared;
use crate::connection::slots::Token;
use crate::connection::{Answer, Message, Subscription, status_code};
use crate::wire::dialect::header;
use crate::wire::frame::{Frame, Frames, MAGIC};

/// The sweeper rests for so long at least: deadlines that lie closer together share one pass over the calls.
const SWEEP_INTERVAL: Duration = Duration::from_millis(5);

/// Pairs what arrives with who waits for it, until the connection closes.
pub(super) async fn receive(mut subscription: Subscription, shared: Arc<Shared>) {
    let mut wake = Vec::new();
    while let Some(message) = subscription.next().await {
        deliver(&message, &shared, &mut wake);
        wake.drain(..).for_each(Waker::wake);
    }
    shared.lock().waiters.answer_all(|| Answer::Closed, &mut wake);
    wake.drain(..).for_each(Waker::wake);
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
        tracing::warn!(subject = %message.subject, "dropped a reply of another protocol version");
        return;
    };
    for frame in frames {
        match frame {
            Ok(Frame::Success(id, success)) => {
                if let Some(id) = id.own() {
                    let answer = Answer::Success(success);
                    wake.extend(shared.lock().waiters.answer(id, answer));
                }
            }
            Ok(Frame::Error(id, error)) => {
                let mut state = shared.lock();
                let calls = match id.own() {
                    _ if error.flags.is_whole() => state.waiters.slots.calls_of(token, None),
                    Some(id) => vec![id],
                    None => Vec::new(),
                };
                for id in calls {
                    wake.extend(state.waiters.answer(id, Answer::Error(Box::new(error.clone()))));
                }
            }
            Ok(Frame::Call(_) | Frame::Unknown) => {}
            Err(_) => tracing::warn!(subject = %message.subject, "dropped the rest of a malformed reply"),
        }
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
