//! The task that pairs what arrives with who waits for it.

use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::subjects::plain_call;
use super::{ReplySubjects, Shared, State, plain, streams};
use crate::connection::peers::Origin;
use crate::connection::random::Random;
use crate::connection::slots::Token;
use crate::connection::waiters::{Heard, Waiters};
use crate::connection::{
    Answer, MAX_FRAMES, Message, Subject, Subscription, Unserved, is_nothing, no_responders,
};
use crate::wire::frame::{
    AcceptedFrame, Credit, EndFrame, ErrorFrame, Frame, Frames, HeartbeatFrame, Id, ItemFrame, MAGIC,
};

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
pub(super) async fn receive(mut subscription: Subscription, subjects: Arc<ReplySubjects>, running: Running) {
    let shared = &running.0;
    let mut wake = Vec::new();
    let mut answers = Vec::new();
    while let Some(message) = subscription.next().await {
        if let Some(id) = plain_call(last_token(&message))
            && !is_about_a_call(&message)
        {
            shared.change(|state| plain::deliver(state, id, message, &mut wake));
        } else {
            read(shared, &message, &mut answers, &mut wake);
            if !answers.is_empty() {
                shared.change(|state| deliver(state, subjects.random(), &message, &mut answers, &mut wake));
            }
        }
        wake.drain(..).for_each(Waker::wake);
        // One message that was unusual shall not cost memory for good.
        answers.shrink_to(MAX_FRAMES);
        wake.shrink_to(MAX_FRAMES);
    }
}

/// What a reply subject ends with. It is short, and looked for in every message: byte by byte, that
/// takes less than a search in a text.
fn last_token(message: &Message) -> &[u8] {
    message.subject.as_bytes().rsplit(|byte| *byte == b'.').next().unwrap_or_default()
}

/// Whether an instance of another account says something about a call that it has: there, that
/// comes where the answer comes.
fn is_about_a_call(message: &Message) -> bool {
    let first = Frames::new(&message.payload).ok().and_then(|mut frames| frames.next());
    matches!(first, Some(Ok(Frame::Accepted(..) | Frame::Heartbeat(_))))
}

/// What a message answers.
enum Answered {
    Call(Id, Answer),
    /// An instance has a call.
    Accepted(Id, Box<AcceptedFrame>),
    Item(Id, ItemFrame),
    End(Id, Box<EndFrame>),
    Credit(Id, Credit),
    /// The instance wants no more items.
    Cancel(Id),
    /// An instance is there.
    Heartbeat(HeartbeatFrame),
    /// What it was a reply to, whatever that is.
    Message,
}

/// Reads what a message holds, before the lock is taken. The items that it begins with go to their streams.
fn read(shared: &Shared, message: &Message, answers: &mut Vec<Answered>, wake: &mut Vec<Waker>) {
    let Ok(mut frames) = Frames::new(&message.payload) else {
        answers.push(Answered::Message);
        return;
    };
    let items = streams::take_items(shared, &mut frames, origin(message), wake);
    for frame in frames.by_ref().take(MAX_FRAMES.saturating_sub(items)) {
        match frame {
            Ok(Frame::Success(id, success)) => answers.push(Answered::Call(id, Answer::Success(success))),
            Ok(Frame::Error(id, error)) => answers.push(Answered::Call(id, Answer::Error(error))),
            Ok(Frame::Accepted(id, accepted)) => answers.push(Answered::Accepted(id, accepted)),
            Ok(Frame::Item(id, item)) => answers.push(Answered::Item(id, item)),
            Ok(Frame::End(id, end)) => answers.push(Answered::End(id, end)),
            Ok(Frame::Credit(id, credit)) => answers.push(Answered::Credit(id, credit)),
            Ok(Frame::Cancel(id)) => answers.push(Answered::Cancel(id)),
            Ok(Frame::Heartbeat(heartbeat)) => answers.push(Answered::Heartbeat(heartbeat)),
            Ok(Frame::Call(_) | Frame::Unknown) => {}
            Err(_) => answers.push(Answered::Message),
        }
    }
    if !frames.is_empty() {
        // No more of it is read: that could be any number of frames, each of which takes memory.
        answers.push(Answered::Message);
    }
}

/// Who has sent a message, if it is about a call.
fn origin(message: &Message) -> Origin<'_> {
    match &message.reply {
        Some(control) => Origin::Control(control),
        None => Origin::Across(&message.subject),
    }
}

fn deliver(
    state: &mut State,
    random: &Random,
    message: &Message,
    answers: &mut Vec<Answered>,
    wake: &mut Vec<Waker>,
) {
    let now = Instant::now();
    let origin = origin(message);
    let mut answers = answers.drain(..).peekable();
    while let Some(answer) = answers.next() {
        match answer {
            Answered::Item(id, item) => {
                let more = std::iter::from_fn(|| next_item(&mut answers, id));
                deliver_items(&mut state.waiters, id, std::iter::once(item).chain(more), origin, wake);
            }
            Answered::Call(id, Answer::Error(error)) if error.flags.is_whole() => {
                deliver_whole(state, id, &error, last_token(message), now, wake);
            }
            Answered::Call(id, answer) => {
                let Some(id) = id.own() else { continue };
                wake.extend(state.waiters.answer(id, answer, now));
            }
            Answered::Accepted(id, accepted) => {
                deliver_accepted(state, id, &accepted, message, now, wake);
            }
            Answered::End(id, end) => {
                let Some(id) = id.own() else { continue };
                state.waiters.take_end(id, end, origin, wake);
            }
            Answered::Credit(id, credit) => {
                let Some(id) = id.own() else { continue };
                state.waiters.take_credit(id, credit, origin, wake);
            }
            Answered::Cancel(id) => {
                let Some(id) = id.own() else { continue };
                state.waiters.take_cancel(id, origin, wake);
            }
            Answered::Heartbeat(heartbeat) => {
                let control = heartbeat.control.as_deref();
                if let Some(declared) = message.reply.as_deref().or(control) {
                    state.waiters.peers.hear(declared, now);
                }
                if let Some(number) = heartbeat.number {
                    state.waiters.confirm(&message.subject, number, now, wake);
                }
            }
            Answered::Message => deliver_message(state, message, now, wake),
        }
    }
    state.waiters.learn(random);
}

/// An instance has a call.
fn deliver_accepted(
    state: &mut State,
    id: Id,
    accepted: &AcceptedFrame,
    message: &Message,
    now: Instant,
    wake: &mut Vec<Waker>,
) {
    let of_frame = accepted.control.as_deref().filter(|_| message.reply.is_none()).map(Subject::from);
    let declared = message.reply.as_ref().or(of_frame.as_ref());
    let (Some(id), Some(declared)) = (id.own(), declared) else { return };
    let heard = Heard { declared, at: of_frame.as_ref().map(|_| &message.subject) };
    state.waiters.accept(id, accepted, &heard, now, wake);
    state.waiters.peers.hear(declared, now);
}

/// The next frame, if it is another item of the same stream.
fn next_item(answers: &mut Peekable<impl Iterator<Item = Answered>>, id: Id) -> Option<ItemFrame> {
    match answers.next_if(|answer| matches!(answer, Answered::Item(of, _) if *of == id)) {
        Some(Answered::Item(_, item)) => Some(item),
        _ => None,
    }
}

/// Items of a stream, one after the other.
fn deliver_items(
    waiters: &mut Waiters,
    id: Id,
    items: impl Iterator<Item = ItemFrame>,
    origin: Origin<'_>,
    wake: &mut Vec<Waker>,
) {
    let stream = id.own().and_then(|id| Some((id, waiters.open_stream(id, origin)?)));
    if let Some((id, stream)) = stream {
        if stream.flows.take_items(items, wake).is_err() {
            waiters.close_stream(id);
        }
        return;
    }
    items.for_each(drop);
    if let Some(id) = id.own() {
        waiters.refuse_items(id, origin);
    }
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
    let calls = state.waiters.calls_of(token);
    if id == Id::UNREADABLE || calls.contains(&id) {
        for call in calls {
            wake.extend(state.waiters.answer(call, Answer::Error(Box::new(error.clone())), now));
        }
    }
}

/// A message that is not made of frames: one to ourselves, one that the broker made, or one that cannot be read. Whose
/// it is, its slot says.
fn deliver_message(state: &mut State, message: &Message, now: Instant, wake: &mut Vec<Waker>) {
    let token = last_token(message);
    if let Ok(token) = Token::try_from(token)
        && let Some(barrier) = state.barriers.remove(&token)
    {
        let _ = barrier.send(Ok(()));
        return;
    }
    if is_nothing(message) {
        return;
    }
    if message.payload.first() == Some(&MAGIC) {
        tracing::warn!(subject = %message.subject, "a reply, or the rest of it, is not made of frames of this version, or of too many");
    }
    let unserved = no_responders(message);
    if let Some(Unserved { subject }) = unserved
        && state.waiters.unreached(&message.subject, subject, now, wake)
    {
        return;
    }
    for id in state.waiters.calls_of(token) {
        let answer = if unserved.is_some() { Answer::NoResponders } else { Answer::Foreign };
        wake.extend(state.waiters.answer(id, answer, now));
    }
}
