//! How a plain call is written: the arguments, and NATS headers.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::client::outgoing::Outgoing;
use crate::client::sending::{Expiry, Sent};
use crate::client::written::Written;
use crate::connection::header_map;
use crate::deadline::{Deadline, budget_as_wire_ms};
use crate::error::{Error, ErrorKind};
use crate::wire::dialect::{content_type, header};

/// What the headers say that the call itself sets.
const OWN: [&str; 2] = [header::CONTENT_TYPE, header::TIMEOUT_MS];

impl Outgoing {
    /// Sends the call in a message of its own, which is made of the arguments alone.
    pub(in crate::client) fn send_plain(
        &self,
        args: Bytes,
        now: Instant,
        deadline: Deadline,
    ) -> Result<Sent, Error> {
        let written = self.write_plain(args.clone(), Some(deadline.since(now)))?;
        let exchange = self.exchange_of(written, now, deadline)?;
        // It states a budget only, about which clocks cannot differ.
        Ok(Sent { exchange, args, expiry: Expiry::LeftOut })
    }

    /// Writes the call around arguments that have been encoded. Without a budget, the service's own limit bounds it.
    pub(in crate::client) fn write_plain(
        &self,
        args: Bytes,
        budget: Option<Duration>,
    ) -> Result<Written, Error> {
        let budget_ms = budget.map(|budget| budget_as_wire_ms(budget).to_string());
        let mut own = vec![(header::CONTENT_TYPE, content_type(self.codec()))];
        own.extend(budget_ms.as_deref().map(|ms| (header::TIMEOUT_MS, ms)));
        let headers = self.headers().beside(&own);
        headers.check()?;
        let others = headers.iter().filter(|(name, _)| !OWN.contains(name));
        let headers = header_map(others.chain(own)).ok_or_else(|| {
            Error::not_executed(ErrorKind::InvalidArgument, "a header of the call may not travel")
        })?;
        Ok(Written::Plain(args, Box::new(headers)))
    }
}
