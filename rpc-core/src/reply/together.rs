//! The answers to the calls of one message from another account.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use super::{Reply, ReplyPath, shortened};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{HEAD, begin_message};

/// How many bytes are kept free for each call that was not answered yet: for an error, in place of
/// an answer that does not fit.
const ROOM_FOR_AN_ERROR: usize = 192;

/// Knows which answer is the last one to the calls of one message from another account. Where the
/// NATS server may let one reply through, it collects them, and the last one takes all of them
/// along.
#[derive(Debug)]
pub(crate) struct Together(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The message of all answers, if there is to be one.
    message: Option<BytesMut>,
    /// How many calls were not answered yet, and of how many something may still be sent: an answer
    /// that was added leaves a moment later.
    unanswered: usize,
    open: usize,
}

impl Together {
    /// Of so many calls whose answers leave in one message.
    pub(crate) fn collecting(calls: usize) -> Self {
        let mut message = BytesMut::new();
        begin_message(&mut message);
        Together(Mutex::new(State { message: Some(message), unanswered: calls, open: calls }))
    }

    /// Of so many calls whose answers leave as they are there.
    pub(crate) fn counting(calls: usize) -> Self {
        Together(Mutex::new(State { message: None, unanswered: calls, open: calls }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the answers leave in one message.
    pub(crate) fn is_collecting(&self) -> bool {
        self.lock().message.is_some()
    }

    /// Adds the answer to one of the calls. Returns what is to be sent: nothing as long as others
    /// are waited for, if they leave together.
    pub(super) fn add(&self, path: &ReplyPath, reply: Reply) -> Option<Bytes> {
        let mut state = self.lock();
        let others = state.unanswered.saturating_sub(1);
        let Some(message) = &mut state.message else { return Some(reply.payload) };
        let limit = path.replier.connection.max_payload();
        let room = limit.saturating_sub(others * ROOM_FOR_AN_ERROR);
        if message.len() + frames(&reply.payload).len() <= room {
            message.extend_from_slice(frames(&reply.payload));
        } else {
            let error = path.error(&too_large(&reply, limit), reply.handler_time);
            if message.len() + frames(&error.payload).len() <= limit {
                message.extend_from_slice(frames(&error.payload));
            }
        }
        state.complete()
    }

    /// Notes that one of the calls gets no answer. Returns the message of the others if they leave
    /// together and wait for nothing else.
    pub(super) fn skip(&self) -> Option<Bytes> {
        self.lock().complete()
    }

    /// Notes that nothing more is said of one of the calls. Whether that was the last one.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        state.open == 0
    }
}

impl State {
    /// Counts an answer. Returns the message of all of them, if it is the last one.
    fn complete(&mut self) -> Option<Bytes> {
        self.unanswered = self.unanswered.saturating_sub(1);
        let message = self.message.as_mut().filter(|_| self.unanswered == 0)?;
        Some(std::mem::take(message).freeze())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::connection::Joining;
    use crate::connection::memory::Broker;
    use crate::reply::{Audience, Format, Replier};
    use crate::wire::frame::{Flags, Frame, Frames, Id};
    use crate::wire::headers::Headers;

    /// The ways back to so many callers of one message, in their order.
    fn paths(together: Together, calls: u64) -> Vec<ReplyPath> {
        let replier = Arc::new(Replier {
            connection: Broker::builder().max_payload(2000).build().connect(),
            instance: "i7".into(),
        });
        let together = Arc::new(together);
        let path = |id| ReplyPath {
            replier: Arc::clone(&replier),
            to: Some("_R_.a.1".into()),
            joining: Joining::Several,
            together: Some(Arc::clone(&together)),
            format: Format::Framed { id: Id::new(id), flags: Flags::default() },
            audience: Audience::One,
        };
        (1..=calls).map(path).collect()
    }

    fn answer(path: &ReplyPath, bytes: usize) -> Option<Vec<Frame>> {
        let reply = path.success(&Headers::new(), Duration::ZERO, |_, to| {
            to.extend_from_slice(&vec![7; bytes]);
            Ok(())
        });
        let message = path.message(reply.unwrap())?;
        assert!(message.payload.len() <= 2000);
        Some(Frames::new(&message.payload).unwrap().map(Result::unwrap).collect())
    }

    #[test]
    fn the_last_answer_takes_the_others_along_and_is_followed_by_the_end() {
        let paths = paths(Together::collecting(3), 3);
        assert!(answer(&paths[1], 10).is_none() && paths[1].end_of_replies().is_none());
        assert!(paths[2].message_without().is_none() && paths[2].end_of_replies().is_none());
        let frames = answer(&paths[0], 10).unwrap();
        let ids = frames.iter().map(|frame| match frame {
            Frame::Success(id, success) => (id.own(), success.is_across_accounts),
            other => panic!("{other:?}"),
        });
        assert!(ids.eq([(Some(2), true), (Some(1), true)]));
        let end = paths[0].end_of_replies().unwrap();
        assert!(end.payload.is_empty() && end.headers.is_none());
    }

    /// Two threads answer at the same time: both add their answer before one of them sends.
    #[test]
    fn the_end_comes_behind_what_was_added_by_another() {
        let paths = paths(Together::collecting(2), 2);
        assert!(answer(&paths[0], 10).is_none());
        assert!(answer(&paths[1], 10).is_some());
        assert!(paths[0].end_of_replies().is_none(), "the other has not sent yet");
        assert!(paths[1].end_of_replies().is_some());
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_says_that_the_handler_ran() {
        let paths = paths(Together::collecting(3), 3);
        for path in &paths[..2] {
            assert!(answer(path, 1000).is_none());
        }
        let frames = answer(&paths[2], 100).unwrap();
        let [Frame::Success(..), Frame::Error(_, error), Frame::Success(..)] = &frames[..] else {
            panic!("{frames:?}")
        };
        let code = (error.code, error.execution);
        assert_eq!(code, (ErrorKind::PayloadTooLarge.code(), Execution::Executed));
    }

    #[test]
    fn answers_that_need_not_leave_together_leave_as_they_are_there() {
        let paths = paths(Together::counting(2), 2);
        assert!(answer(&paths[0], 10).is_some() && paths[0].end_of_replies().is_none());
        assert!(answer(&paths[1], 10).is_some() && paths[1].end_of_replies().is_some());
    }
}
