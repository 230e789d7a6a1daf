//! Plain calls: how they leave, and how their answers find them.

use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::subjects::of_plain_call;
use super::{Inbox, State};
use crate::connection::waiters::{Next, Part};
use crate::connection::{
    Answer, Expected, HeaderMap, Message, OutboundMessage, closed, is_nothing, no_responders,
};
use crate::error::{Error, ErrorKind};

impl Inbox {
    /// Takes a plain call on. Returns its message, which the caller publishes at once. An error if its reply could not be
    /// received.
    pub(in crate::connection) fn expect_plain(
        &self,
        expected: Expected,
        headers: HeaderMap,
    ) -> Result<OutboundMessage, Error> {
        let Expected { id, destination, payload, now: _, deadline, waker } = expected;
        let (subject, prefix) = self.shared.change(|state| {
            self.check_receiving(state)?;
            state.waiters.add_plain(id, destination, deadline, waker).ok_or_else(closed)
        })?;
        let reply = Some(of_plain_call(&prefix, id));
        Ok(OutboundMessage { subject, reply, payload, headers: Some(headers) })
    }
}

impl Inbox {
    /// Takes a call on that gathers what is answered. Returns its message, which the caller publishes at once.
    pub(in crate::connection) fn expect_many(
        &self,
        expected: Expected,
        headers: Option<HeaderMap>,
    ) -> Result<OutboundMessage, Error> {
        let Expected { id, destination, payload, deadline, .. } = expected;
        let is_framed = headers.is_none();
        let (subject, prefix) = self.shared.change(|state| {
            self.check_receiving(state)?;
            state.waiters.add_gathering(id, destination, deadline, is_framed).ok_or_else(|| {
                Error::not_executed(ErrorKind::InvalidArgument, "a call that gathers answers is sent once")
            })
        })?;
        let reply = Some(of_plain_call(&prefix, id));
        Ok(OutboundMessage { subject, reply, payload, headers })
    }

    /// Waits for what comes next for a call that gathers.
    pub(crate) fn poll_gathering(&self, id: u64, cx: &Context<'_>) -> Poll<Next> {
        let mut replaced = None;
        self.shared.lock().waiters.poll_gathering(id, cx, &mut replaced)
    }
}

/// Gives a plain call its answer. There is no id in that: whatever comes to the subject is it, and what comes later is for
/// nobody, since no other call has the same.
pub(super) fn deliver(state: &mut State, id: u64, message: Message, wake: &mut Vec<Waker>) {
    let now = Instant::now();
    if state.waiters.take_trial(id, &message, now) || !state.waiters.expects_plain(id) {
        return;
    }
    let unserved = no_responders(&message);
    if is_nothing(&message) && state.waiters.gathers_frames(id) {
        return;
    }
    if state.waiters.gathers(id) && unserved.is_none() {
        return wake.extend(state.waiters.gather(id, Part::Reply(Box::new(message))));
    }
    let answer = match unserved {
        Some(_) => Answer::NoResponders,
        // Another status than that of a service.
        None if message.status.is_some() => Answer::Foreign,
        None => Answer::Plain(Box::new(message)),
    };
    wake.extend(state.waiters.answer(id, answer, now));
}
