//! Instances that have been heard, and of which is not known yet where they can be told something.
//!
//! A call may have got to its instance by a mapping, or from another account. Then the instance says that
//! it hears below a subject which is not the caller's own, and at which a caller must not publish what
//! somebody else names. So the caller tries what it may publish to, and the instance confirms what has
//! arrived. Until then, the messages of the instance wait here.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::peers::Origin;
use super::{Message, OutboundMessage, Subject};
use crate::wire::frame::{Frame, Frames, HeartbeatFrame, write_heartbeat};

/// How long a confirmation may take, which is a round trip.
const LONGEST: Duration = Duration::from_secs(1);

/// How many instances may be asked at a time, and how much may have come from one until it has answered:
/// the first window of a stream, and no more.
const MAX_ASKED: usize = 1024;
const MAX_MESSAGES: usize = 1024;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// All that are being asked.
#[derive(Default)]
pub(super) struct Asks {
    all: Vec<Ask>,
    /// How many questions were asked.
    numbers: u64,
}

/// An instance that is being asked.
struct Ask {
    /// Where it hears, as it says.
    declared: Subject,
    /// Where its messages arrive, if they come from another account.
    at: Option<Subject>,
    /// What is tried now, and what is tried after that; each has a reply subject of its own.
    tried: Option<Try>,
    others: VecDeque<Try>,
    messages: Vec<Message>,
    bytes: usize,
}

/// A subject at which it may hear.
pub(super) struct Try {
    pub(super) control: Subject,
    pub(super) reply: Subject,
    number: u64,
    asked: Instant,
}

impl Try {
    pub(super) fn new(control: Subject, reply: Subject) -> Self {
        Try { control, reply, number: 0, asked: Instant::now() }
    }
}

/// Where an instance can be told something, if it can, and what it has said meanwhile.
pub(super) struct Settled {
    pub(super) control: Option<Subject>,
    pub(super) messages: Vec<Message>,
}

impl Asks {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Begins to ask an instance, which has sent this message. Returns the question; nothing if too many
    /// are asked: then it is as if it could not be told anything.
    pub(super) fn begin(
        &mut self,
        declared: &Subject,
        at: Option<Subject>,
        tries: VecDeque<Try>,
        message: Message,
    ) -> Option<OutboundMessage> {
        if self.all.len() >= MAX_ASKED || tries.is_empty() {
            return None;
        }
        let (declared, bytes) = (declared.clone(), message.length);
        let ask = Ask { declared, at, tried: None, others: tries, messages: vec![message], bytes };
        self.all.push(ask);
        self.try_next(self.all.len() - 1).ok()
    }

    /// Keeps a message of an instance that is being asked. Gives it back if it is from another, or if it
    /// is the answer.
    pub(super) fn keep(&mut self, message: Message) -> Result<(), Message> {
        if is_answer(&message) {
            return Err(message);
        }
        let origin = match &message.reply {
            Some(control) => Origin::Control(control),
            None => Origin::Across(&message.subject),
        };
        let is_from = |ask: &Ask| match origin {
            Origin::Control(control) => ask.declared == *control,
            Origin::Across(at) => ask.at.as_ref() == Some(at),
        };
        let Some(ask) = self.all.iter_mut().find(|ask| is_from(ask)) else { return Err(message) };
        // What is too much shows as a gap, or the deadline does.
        if ask.messages.len() < MAX_MESSAGES && ask.bytes + message.length <= MAX_BYTES {
            ask.bytes += message.length;
            ask.messages.push(message);
        }
        Ok(())
    }

    /// An instance has confirmed that it hears where it was asked.
    pub(super) fn confirm(&mut self, declared: &str, number: u64) -> Option<Settled> {
        let is_it = |ask: &Ask| {
            *ask.declared == *declared && ask.tried.as_ref().is_some_and(|tried| tried.number == number)
        };
        let ask = self.all.iter().position(is_it)?;
        Some(self.settle(ask, true))
    }

    /// The broker says at this reply subject that a question reached nobody.
    pub(super) fn unreached(&mut self, reply: &str) -> Option<Result<OutboundMessage, Settled>> {
        self.fail(|tried| *tried.reply == *reply)
    }

    /// The broker does not let us publish to this subject.
    pub(super) fn deny(&mut self, control: &str) -> Option<Result<OutboundMessage, Settled>> {
        self.fail(|tried| *tried.control == *control)
    }

    /// Gives up on a question that was not answered in time.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Result<OutboundMessage, Settled>> {
        self.fail(|tried| now.duration_since(tried.asked) >= LONGEST)
    }

    /// Forgets all of them: the connection is lost.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// Goes on to the next subject, where an attempt has failed.
    fn fail(&mut self, has_failed: impl Fn(&Try) -> bool) -> Option<Result<OutboundMessage, Settled>> {
        let failed = |ask: &Ask| ask.tried.as_ref().is_some_and(&has_failed);
        let ask = self.all.iter().position(failed)?;
        Some(self.try_next(ask).map_err(|()| self.settle(ask, false)))
    }

    /// Asks at the next subject; an error if there is none.
    fn try_next(&mut self, ask: usize) -> Result<OutboundMessage, ()> {
        self.numbers += 1;
        let ask = self.all.get_mut(ask).ok_or(())?;
        let next = ask.others.pop_front().ok_or(())?;
        let tried = ask.tried.insert(Try { number: self.numbers, asked: Instant::now(), ..next });
        let mut bytes = BytesMut::new();
        write_heartbeat(&mut bytes, Some(tried.number), None);
        let (subject, reply) = (tried.control.clone(), Some(tried.reply.clone()));
        Ok(OutboundMessage { subject, reply, payload: bytes.freeze(), headers: None })
    }

    fn settle(&mut self, ask: usize, is_confirmed: bool) -> Settled {
        let Ask { tried, messages, .. } = self.all.swap_remove(ask);
        let control = tried.filter(|_| is_confirmed).map(|tried| tried.control);
        Settled { control, messages }
    }
}

/// Whether a message confirms that a heartbeat came: that is all that it says.
fn is_answer(message: &Message) -> bool {
    let first = Frames::new(&message.payload).ok().and_then(|mut frames| frames.next());
    matches!(first, Some(Ok(Frame::Heartbeat(HeartbeatFrame { number: Some(_), .. }))))
}
