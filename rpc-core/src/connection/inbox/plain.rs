//! Plain calls: how they leave, and how their answers find them.

use std::task::Waker;

use tokio::time::Instant;

use super::{Inbox, State};
use crate::connection::{Answer, Expected, HeaderMap, Message, OutboundMessage, closed, no_responders};
use crate::error::Error;

impl Inbox {
    /// Takes a plain call on. Returns its message, which the caller publishes at once. An error if its reply could not be
    /// received.
    pub(in crate::connection) fn expect_plain(
        &self,
        expected: Expected,
        headers: HeaderMap,
    ) -> Result<OutboundMessage, Error> {
        let Expected { id, address, payload, now: _, deadline, waker } = expected;
        let reply = self.subjects.plain(id);
        let subject = self.shared.change(|state| {
            self.check_receiving(state)?;
            state.waiters.add_plain(id, address, deadline, waker).ok_or_else(closed)
        })?;
        Ok(OutboundMessage { subject, reply: Some(reply), payload, headers: Some(headers) })
    }
}

/// Gives a plain call its answer. There is no id in that: whatever comes to the subject is it, and what comes later is for
/// nobody, since no other call has the same.
pub(super) fn deliver(state: &mut State, id: u64, message: Message, wake: &mut Vec<Waker>) {
    let unserved = no_responders(&message);
    let about = unserved.as_ref().and_then(|unserved| unserved.subject);
    if !state.waiters.expects_plain(id, about) {
        return;
    }
    let answer = match unserved {
        Some(_) => Answer::NoResponders,
        // Another status than that of a service.
        None if message.status.is_some() => Answer::Foreign,
        None => Answer::Plain(Box::new(message)),
    };
    wake.extend(state.waiters.answer(id, answer, Instant::now()));
}
