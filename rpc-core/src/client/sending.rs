//! How a call is sent, the first time and again, and how one asks whether anybody serves it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::InFlight;
use super::exchange::Exchange;
use super::outgoing::{FIRST, Outgoing};
use super::written::Written;
use crate::connection::{Verdict, one_reply_only, too_late};
use crate::deadline::{Deadline, budget_as_wire_ms};
use crate::error::Error;
use crate::service::Method;
use crate::wire::frame::{CallBuffer, Times};
use crate::wire::headers::Headers;

/// A call that is out.
pub(super) struct Sent {
    pub(super) exchange: Exchange,
    /// The encoded arguments, to send them again.
    pub(super) args: Bytes,
    pub(super) expiry: Expiry,
}

/// A call that has begun: its time runs, and it is counted.
pub(super) struct Begun {
    pub(super) now: Instant,
    pub(super) deadline: Deadline,
    pub(super) in_flight: InFlight,
}

/// Whether a call was sent with its moment of expiry, or without, since the clocks differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Stated,
    LeftOut,
}

impl Outgoing {
    /// Starts the call's time, and counts it.
    #[inline(always)] // on the way of every call
    pub(super) fn begin(&self) -> Result<Begun, Error> {
        let now = Instant::now();
        let deadline = self.deadline(now);
        if deadline.was_expired(now) {
            return Err(too_late());
        }
        let in_flight = self.target.client.enter()?;
        self.history().deposit();
        Ok(Begun { now, deadline, in_flight })
    }

    /// Checks everything that can be known before the message leaves, and starts the exchange. The connection is there, as far
    /// as the caller knows.
    pub(super) fn send(
        &self,
        mut buffer: CallBuffer,
        now: Instant,
        deadline: Deadline,
    ) -> Result<Sent, Error> {
        if self.is_plain() {
            let (_, args) = buffer.into_parts();
            return self.send_plain(args, now, deadline);
        }
        let expiry = self.expiry();
        if expiry == Expiry::LeftOut {
            let times = Times::Budget { ms: budget_as_wire_ms(deadline.since(now)) };
            buffer = self.rewrite(times, FIRST, buffer.args())?;
        } else if self.is_stale() {
            buffer = self.rewrite(Times::Later, FIRST, buffer.args())?;
        }
        self.exchange(buffer, now, deadline, expiry)
    }

    /// Sends the call once more: with an id of its own, so that a late answer to an earlier attempt is not taken for one to
    /// this.
    pub(super) fn send_again(
        &mut self,
        args: &Bytes,
        attempt: u8,
        deadline: Deadline,
    ) -> Result<Sent, Error> {
        let now = Instant::now();
        if deadline.was_expired(now) {
            return Err(too_late());
        }
        self.connection().check_connected()?;
        self.id = self.connection().random().u64();
        if self.is_plain() {
            return self.send_plain(args.clone(), now, deadline);
        }
        let expiry = self.expiry();
        let times = match expiry {
            Expiry::Stated => Times::Later,
            Expiry::LeftOut => Times::Budget { ms: budget_as_wire_ms(deadline.since(now)) },
        };
        let buffer = self.rewrite(times, attempt, args)?;
        self.exchange(buffer, now, deadline, expiry)
    }

    /// Writes the message of a call that is sent once, and in no message with others.
    pub(super) fn write_once(&self, args: Bytes, now: Instant, deadline: Deadline) -> Result<Written, Error> {
        if self.is_plain() {
            return self.write_plain(args, Some(deadline.since(now)));
        }
        let budget_ms = budget_as_wire_ms(deadline.since(now));
        let expiry = self.expiry();
        let times = match expiry {
            Expiry::Stated => Times::Later,
            Expiry::LeftOut => Times::Budget { ms: budget_ms },
        };
        let mut buffer = self.rewrite(times, FIRST, &args)?;
        if expiry == Expiry::Stated {
            buffer.set_times(budget_ms, self.connection().clock().unix_ms() + u64::from(budget_ms));
        }
        self.allow_several_replies(&mut buffer)?;
        let (payload, _) = buffer.into_parts();
        Ok(Written::Framed(payload))
    }

    /// Lets an instance of another account say more than the answer, where it was verified that it
    /// arrives.
    #[inline(always)] // on the way of every call
    fn allow_several_replies(&self, buffer: &mut CallBuffer) -> Result<(), Error> {
        let inbox = self.connection().inbox();
        if inbox.has_imports() && inbox.several_were_verified(self.route()?.destination) {
            buffer.set_flags(self.flags().with_several_replies());
        }
        Ok(())
    }

    /// Whether it may have to be learned before the call is sent if several replies get through.
    #[inline(always)] // on the way of every call
    pub(super) fn must_verify(&self) -> bool {
        self.connection().inbox().has_imports() && !self.is_plain() && self.is_unverified()
    }

    /// Whether it is not known that several replies get through.
    #[cold]
    fn is_unverified(&self) -> bool {
        self.route().is_ok_and(|route| !self.connection().inbox().is_verified(route.destination))
    }

    /// Waits for a trial, as long as it is of use for the call: a stream is not sent without what
    /// it shows.
    pub(super) async fn verify(&self, deadline: Deadline) -> Result<(), Error> {
        if self.stream.is_none() {
            let destination = self.route()?.destination;
            self.connection().inbox().trial(destination, deadline.instant()).await;
            return Ok(());
        }
        match self.verdict(deadline).await? {
            Verdict::One => Err(self.one_reply_only("a stream")),
            Verdict::Several | Verdict::Unknown => Ok(()),
        }
    }

    /// Learns whether several replies get through, unless that is known.
    pub(super) async fn verdict(&self, deadline: Deadline) -> Result<Verdict, Error> {
        let destination = self.route()?.destination;
        Ok(self.connection().inbox().verdict(destination, deadline.instant()).await)
    }

    /// The error of what needs several replies, where one of them gets through.
    pub(super) fn one_reply_only(&self, what: &str) -> Error {
        one_reply_only(what, self.subject())
    }

    fn expiry(&self) -> Expiry {
        let differ = self.history().clocks_differ(self.connection().clock());
        if differ { Expiry::LeftOut } else { Expiry::Stated }
    }

    fn exchange(
        &self,
        mut buffer: CallBuffer,
        now: Instant,
        deadline: Deadline,
        expiry: Expiry,
    ) -> Result<Sent, Error> {
        if expiry == Expiry::Stated {
            let budget_ms = budget_as_wire_ms(deadline.since(now));
            buffer.set_times(budget_ms, self.connection().clock().unix_ms() + u64::from(budget_ms));
        }
        self.allow_several_replies(&mut buffer)?;
        let (payload, args) = buffer.into_parts();
        let exchange = self.exchange_of(Written::Framed(payload), now, deadline)?;
        Ok(Sent { exchange, args, expiry })
    }

    /// Starts the exchange of a message, if the broker takes one of its size.
    #[inline(always)] // on the way of every call
    pub(super) fn exchange_of(
        &self,
        written: Written,
        now: Instant,
        deadline: Deadline,
    ) -> Result<Exchange, Error> {
        written.check_size(self.connection())?;
        let destination = self.route()?.destination;
        if let Some(stream) = &self.stream {
            self.connection().inbox().expect_stream(self.id, stream);
        }
        Ok(Exchange::new(Arc::clone(&self.target), self.id, now, deadline, destination, written))
    }

    /// Nobody serves the method: asks whether anybody serves the service.
    pub(super) fn probe(&mut self, deadline: Deadline) -> Result<Exchange, Error> {
        self.connection().check_connected()?;
        let destination = self.target.probe()?.destination;
        self.id = self.connection().random().u64();
        let name = self.target.method(self.method).map(Method::name);
        let now = Instant::now();
        let times = Times::Budget { ms: budget_as_wire_ms(deadline.since(now)) };
        let codec = self.codec();
        let (payload, _) =
            self.write(times, FIRST, &Headers::new(), |bytes| codec.encode(&name, bytes))?.into_parts();
        let written = Written::Framed(payload);
        written.check_size(self.connection())?;
        Ok(Exchange::new(Arc::clone(&self.target), self.id, now, deadline, destination, written))
    }
}
