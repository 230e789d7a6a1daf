//! The answers to the calls of one message that have to leave in one message.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use super::{Format, Reply, ReplyPath, shortened};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{HEAD, begin_message};

/// How many bytes are kept free for each call that was not answered yet: for an error, in place of an
/// answer that does not fit.
const ROOM_FOR_AN_ERROR: usize = 192;

/// Collects the answers to the calls of one message from another account, where the NATS server may let
/// one reply through. The answer that comes last takes all of them along.
#[derive(Debug)]
pub(crate) struct Together(Mutex<State>);

#[derive(Debug)]
struct State {
    message: BytesMut,
    /// How many calls were not answered yet.
    waiting: usize,
}

impl Together {
    pub(crate) fn new(calls: usize) -> Self {
        let mut message = BytesMut::new();
        begin_message(&mut message);
        Together(Mutex::new(State { message, waiting: calls }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the answer to one of the calls. Returns the message of all answers if it is the last one.
    pub(super) fn add(&self, path: &ReplyPath, reply: &Reply) -> Option<Bytes> {
        let mut state = self.lock();
        state.waiting = state.waiting.saturating_sub(1);
        let limit = path.replier.connection.max_payload();
        let room = limit.saturating_sub(state.waiting * ROOM_FOR_AN_ERROR);
        if state.message.len() + frames(&reply.payload).len() <= room {
            state.message.extend_from_slice(frames(&reply.payload));
        } else {
            let error = path.error(&too_large(reply, limit), reply.handler_time);
            if state.message.len() + frames(&error.payload).len() <= limit {
                state.message.extend_from_slice(frames(&error.payload));
            }
        }
        state.leave()
    }

    /// Notes that one of the calls gets no answer. Returns the message of the others if they wait for
    /// nothing else.
    pub(super) fn skip(&self) -> Option<Bytes> {
        let mut state = self.lock();
        state.waiting = state.waiting.saturating_sub(1);
        state.leave()
    }
}

impl State {
    fn leave(&mut self) -> Option<Bytes> {
        (self.waiting == 0).then(|| std::mem::take(&mut self.message).freeze())
    }
}

/// The frames of a framed message.
fn frames(message: &Bytes) -> &[u8] {
    message.get(HEAD..).unwrap_or_default()
}

fn too_large(reply: &Reply, limit: usize) -> Error {
    let text = format!(
        "the answer has {} bytes, and those to the other calls of its message leave less than that of the \
         {limit} that the broker takes",
        reply.payload.len()
    );
    Error::new(ErrorKind::PayloadTooLarge, shortened(&text).to_owned()).with_execution(Execution::Executed)
}

impl ReplyPath {
    /// Whether the reply goes to another account, whose caller reads frames.
    pub(crate) fn is_across_accounts(&self) -> bool {
        matches!(self.format, Format::Framed { .. })
            && self.to.as_deref().is_some_and(super::is_across_accounts)
    }
}
