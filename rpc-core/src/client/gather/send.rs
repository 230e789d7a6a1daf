//! How a call to all instances leaves.

use std::task::Waker;

use bytes::Bytes;
use tokio::time::Instant;

use super::Sending;
use crate::client::handover::until;
use crate::client::layers::Passage;
use crate::client::outgoing::Outgoing;
use crate::client::written::Written;
use crate::connection::{Expected, Verdict, too_late};
use crate::deadline::Deadline;
use crate::error::Error;

/// Hands the call over, through the layers of its client if there are any.
pub(super) fn begin(outgoing: &Outgoing, args: Bytes, deadline: Deadline) -> Sending {
    if outgoing.layers().is_some() {
        let mut passage = Passage::gathered(outgoing, args, deadline);
        return Box::pin(async move { std::future::poll_fn(|cx| passage.poll(cx)).await.map(drop) });
    }
    let outgoing = outgoing.clone();
    until(deadline, async move { send_to_all(&outgoing, args, deadline).await })
}

/// Sends the call. When it is there, answers are kept for it from before it has left. Waits for the connection, but nothing is sent twice.
pub(in crate::client) async fn send_to_all(
    outgoing: &Outgoing,
    args: Bytes,
    deadline: Deadline,
) -> Result<(), Error> {
    let connection = outgoing.connection();
    connection.inbox().connected(connection).await?;
    connection.inbox().start(connection).await?;
    if !outgoing.is_plain() && outgoing.verdict(deadline).await? == Verdict::One && !outgoing.takes_one_answer
    {
        return Err(outgoing.one_reply_only("a call to all instances"));
    }
    let now = Instant::now();
    if deadline.was_expired(now) {
        return Err(too_late());
    }
    let written = outgoing.write_once(args, now, deadline)?;
    written.check_size(connection)?;
    let (payload, headers) = match written {
        Written::Framed(payload) => (payload, None),
        Written::Plain(payload, headers) => (payload, Some(*headers)),
    };
    let (id, destination) = (outgoing.id, outgoing.route()?.destination);
    // Who waits is known when it is polled.
    let waker = Waker::noop().clone();
    let expected = Expected { id, destination, payload, now, deadline: deadline.instant(), waker };
    let message = connection.take_on_many(expected, headers)?;
    connection.publish(message).await
}
