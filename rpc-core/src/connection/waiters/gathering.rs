//! Calls that gather the answers of many instances: what has come for them, until it is taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::{Answer, Waiters};
use crate::connection::outbox::DestinationId;
use crate::connection::{Message, Subject};
use crate::error::{Error, ErrorKind};

/// How many answers of one call may wait to be taken, and how many bytes they may have together.
const MAX_PARTS: usize = 64 * 1024;
const MAX_PART_BYTES: usize = 64 * 1024 * 1024;

/// What has come for a call and was not taken yet.
#[derive(Debug, Default)]
pub(in crate::connection) struct Gathered {
    parts: VecDeque<Part>,
    bytes: usize,
    /// Whether an instance has answered: the broker has let the message through.
    pub(super) is_heard: bool,
    /// Whether the call went out in frames: an empty message is none of its answers then.
    is_framed: bool,
}

impl Gathered {
    /// What has come and will not be read.
    pub(super) fn take(&mut self) -> Self {
        let left = Gathered { is_heard: self.is_heard, is_framed: self.is_framed, ..Gathered::default() };
        std::mem::replace(self, left)
    }
}

/// What comes of one instance.
#[derive(Debug)]
pub(crate) enum Part {
    /// A message with its answer, which only the caller can read.
    Reply(Box<Message>),
    /// The instance is gone that had the call.
    Lost { instance: Box<str>, error: Error },
}

/// What a call that gathers gets next.
#[derive(Debug)]
pub(crate) enum Next {
    Part(Part),
    /// Nothing more comes.
    End(Answer),
}

impl Waiters {
    /// Adds a call that leaves at once and gathers what is answered. Returns the subject that it goes to; `None` if it is out
    /// already.
    pub(in crate::connection) fn add_gathering(
        &mut self,
        id: u64,
        destination: DestinationId,
        deadline: Instant,
        is_framed: bool,
    ) -> Option<(Subject, Arc<str>)> {
        if self.calls.contains_key(&id) {
            return None;
        }
        let added = self.add_plain(id, destination, deadline, Waker::noop().clone())?;
        if let Some(waiter) = self.calls.get_mut(&id) {
            waiter.gathered = Some(Box::new(Gathered { is_framed, ..Gathered::default() }));
        }
        Some(added)
    }

    /// Whether this is a call that gathers, and went out in frames.
    pub(in crate::connection) fn gathers_frames(&self, id: u64) -> bool {
        let gathered = self.calls.get(&id).and_then(|waiter| waiter.gathered.as_ref());
        gathered.is_some_and(|gathered| gathered.is_framed)
    }

    /// Whether this is a call that gathers, also one that nobody waits for any more.
    pub(in crate::connection) fn gathers(&self, id: u64) -> bool {
        self.calls.get(&id).is_some_and(|waiter| waiter.gathered.is_some())
    }

    /// Keeps what has come for a call. If there is too much, the call ends with what there is.
    pub(in crate::connection) fn gather(&mut self, id: u64, part: Part) -> Option<Waker> {
        let waiter = self.calls.get_mut(&id).filter(|waiter| waiter.answer.is_none() && !waiter.given_up)?;
        let gathered = waiter.gathered.as_mut()?;
        let size = match &part {
            Part::Reply(message) => message.length,
            Part::Lost { .. } => 0,
        };
        if gathered.parts.len() >= MAX_PARTS || gathered.bytes.saturating_add(size) > MAX_PART_BYTES {
            let message = "more answers have come than can be kept until they are taken";
            return self.answer(id, Answer::Lost(Error::new(ErrorKind::Overloaded, message)), Instant::now());
        }
        gathered.is_heard = true;
        gathered.bytes += size;
        gathered.parts.push_back(part);
        waiter.waker.take()
    }

    /// Takes what has come for a call, or leaves a waker for it. `replaced` gets the one that was there: it must not be dropped
    /// under a lock.
    pub(in crate::connection) fn poll_gathering(
        &mut self,
        id: u64,
        cx: &Context<'_>,
        replaced: &mut Option<Waker>,
    ) -> Poll<Next> {
        if let Some(gathered) = self.calls.get_mut(&id).and_then(|waiter| waiter.gathered.as_mut())
            && let Some(part) = gathered.parts.pop_front()
        {
            if let Part::Reply(message) = &part {
                gathered.bytes -= message.length;
            }
            return Poll::Ready(Next::Part(part));
        }
        self.poll(id, cx, replaced).map(Next::End)
    }
}
