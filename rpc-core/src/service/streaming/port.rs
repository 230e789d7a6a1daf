//! The server's end of a stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::connection::OutboundMessage;
use crate::connection::streams::{Flows, Link};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Execution};
use crate::reply::{Replier, shortened};
use crate::wire::frame::{
    Acceptance, Credit, End, Flags, SERVICE_ERROR, begin_message, put_end, write_accepted,
};
use crate::wire::headers::Headers;

/// The server's end of the stream of one call, from the time that the call is taken on.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) flows: Arc<Flows>,
    pub(crate) link: Link,
    replier: Arc<Replier>,
    settings: PortSettings,
    /// How often the connection had been lost before.
    losses: u64,
    stage: Mutex<Stage>,
}

/// What a stream is like.
#[derive(Debug, Clone)]
pub(crate) struct PortSettings {
    /// Where its caller sends to, if the reply subjects of messages do not say it.
    pub(crate) control: Option<Box<str>>,
    /// Whether its caller sends items.
    pub(crate) takes_items: bool,
    /// Whether it has to be told that others got the call as well.
    pub(crate) flags: Flags,
    /// Until when it must be open.
    pub(crate) opening: Deadline,
    /// How long its caller may take nothing.
    pub(crate) idle: Duration,
}

/// What its caller was told.
#[derive(Debug, Default)]
struct Stage {
    is_announced: bool,
    wants_items: bool,
    is_open: bool,
    has_ended: bool,
}

impl Port {
    pub(crate) fn new(flows: Arc<Flows>, link: Link, replier: Arc<Replier>, settings: PortSettings) -> Self {
        let losses = link.connection.inbox().losses();
        Port { flows, link, replier, settings, losses, stage: Mutex::default() }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long its caller may take nothing.
    pub(crate) fn idle(&self) -> Duration {
        self.settings.idle
    }

    /// Waits until the connection is lost: then nobody knows what has come, and the stream cannot go on.
    pub(crate) async fn lost(&self) -> Error {
        self.link.connection.inbox().lost_since(self.losses).await;
        Error::new(ErrorKind::Unavailable, "the instance lost its connection, and with it the stream")
    }

    /// Tells the caller which instance has the call, unless it knows.
    pub(crate) fn announce(&self) {
        let mut stage = self.stage();
        if !std::mem::replace(&mut stage.is_announced, true) {
            self.accept(&stage, None, &Headers::new());
        }
    }

    /// Lets the caller send items, unless it may already.
    pub(crate) fn want_items(&self) {
        let mut stage = self.stage();
        if self.settings.takes_items && !stage.wants_items && !stage.has_ended {
            (stage.is_announced, stage.wants_items) = (true, true);
            self.accept(&stage, Some(self.flows.inflow.first_credit()), &Headers::new());
        }
    }

    /// Opens the stream of results, and lets the caller send items.
    ///
    /// # Errors
    /// If it is too late: its caller does not wait any more. If it was opened before.
    pub(crate) fn open(&self, headers: &Headers) -> Result<(), Error> {
        let mut stage = self.stage();
        if stage.is_open {
            return Err(Error::new(ErrorKind::Internal, "the handler has opened its stream twice"));
        }
        // One that takes items has begun in time, and its caller waits for as long as it likes.
        if self.settings.opening.is_expired() && !stage.wants_items {
            let message = "the time for opening the stream has passed";
            return Err(Error::new(ErrorKind::DeadlineExceeded, message));
        }
        let grants = self.settings.takes_items && !stage.wants_items;
        (stage.is_announced, stage.is_open) = (true, true);
        stage.wants_items |= grants;
        self.accept(&stage, grants.then(|| self.flows.inflow.first_credit()), headers);
        Ok(())
    }

    /// Ready when the time for opening has passed, if neither the stream of results is open nor items are wanted then.
    pub(crate) async fn overdue(&self) {
        tokio::time::sleep_until(self.settings.opening.instant()).await;
        let has_begun = {
            let stage = self.stage();
            stage.is_open || stage.wants_items
        };
        if has_begun {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the caller has the stream of results: then all that is said goes there.
    pub(crate) fn is_open(&self) -> bool {
        self.stage().is_open
    }

    fn accept(&self, stage: &Stage, credit: Option<Credit>, headers: &Headers) {
        let flags = if stage.is_open { self.settings.flags.with_open() } else { self.settings.flags };
        let mut bytes = BytesMut::new();
        let control = self.settings.control.as_deref();
        let acceptance = Acceptance { credit, headers, flags, control };
        write_accepted(&mut bytes, &self.link.id, &self.replier.instance, &acceptance);
        self.link.tell(bytes.freeze());
    }

    /// Ends the stream of results: all of so many items were sent.
    pub(crate) async fn complete(&self, items: u64) -> Result<(), Error> {
        self.end(&End { seq: items, code: 0, execution: Execution::Executed, message: None, body: None })
            .await
    }

    /// Ends it with the service's own error.
    pub(crate) async fn fail_with_own(&self, items: u64, message: &str, body: &[u8]) -> Result<(), Error> {
        let (message, body) = (Some(shortened(message)), Some(body));
        self.end(&End { seq: items, code: SERVICE_ERROR, execution: Execution::Executed, message, body })
            .await
    }

    async fn end(&self, end: &End<'_>) -> Result<(), Error> {
        self.stage().has_ended = true;
        self.link.send(self.written(end), 1).await
    }

    /// The message that ends it with an error, unless it has ended. It does not say how many items there were: some may be on their way.
    pub(crate) fn failure(&self, error: &Error) -> Option<OutboundMessage> {
        if std::mem::replace(&mut self.stage().has_ended, true) {
            return None;
        }
        let message = Some(shortened(error.message()));
        let (code, execution) = (error.code(), error.execution());
        Some(self.link.message(self.written(&End { seq: 0, code, execution, message, body: None })))
    }

    fn written(&self, end: &End<'_>) -> Bytes {
        let mut bytes = BytesMut::new();
        begin_message(&mut bytes);
        put_end(&mut bytes, &self.link.id, end);
        bytes.freeze()
    }

    /// Tells the caller that no more of its items are wanted, if it was sending some.
    pub(crate) fn refuse_items(&self) {
        let is_sending = {
            let stage = self.stage();
            stage.wants_items && !stage.has_ended
        };
        if is_sending && !self.flows.inflow.has_ended() {
            self.link.cancel();
        }
    }
}
