//! A call that the server has taken on, up to its answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::admitted::Held;
use super::dispatch::Endpoint;
use super::peers::OpenCall;
use super::replies::{Dispatch, end_replies, send, send_message, send_none};
use crate::connection::Joining;
use crate::context::Context;
use crate::error::{BeforeWork, Error, ErrorKind, Execution};
use crate::reply::Reply;
use crate::telemetry::Outcome;

/// After so long without an answer, a caller is told which instance has its call.
const NOTICE: Duration = Duration::from_millis(250);

/// A call that the server has taken on. It is answered once, at the latest when this is dropped, unless nobody waits for it.
pub(super) struct Taken {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) context: Context,
    /// When it came, and when it must have begun at the latest.
    pub(super) arrived: Instant,
    pub(super) begin_by: Instant,
    /// The memory that it keeps; `None` as long as it is not counted among those that run or wait.
    pub(super) counted: Option<Held>,
    /// When its handler was started, if it was.
    pub(super) begun: Option<Instant>,
    /// Its caller was told that it is here.
    pub(super) open: Option<Box<OpenCall>>,
    /// Who is told of its end, if it is a job.
    job: Option<Box<JobCallbacks>>,
    answered: bool,
}

/// Who executes a job: nobody waits for its reply but the task that has taken it.
pub(super) struct JobCallbacks {
    /// Gets what the handler returns. Dropped without that if the job was cancelled.
    pub(super) settled: oneshot::Sender<Result<Reply, Error>>,
    /// Cancels the job.
    pub(super) cancellation: CancellationToken,
}

/// What ends the wait for a call before there is a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Deadline,
    Cancelled,
    /// The server ends before there is a place.
    TurnedAway,
    /// The server ends, and the stream with it.
    Drained,
}

impl Taken {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        context: Context,
        arrived: Instant,
        begin_by: Instant,
        counted: Option<Held>,
    ) -> Self {
        Taken {
            endpoint,
            context,
            arrived,
            begin_by,
            counted,
            begun: None,
            open: None,
            job: None,
            answered: false,
        }
    }

    /// The same for a job.
    #[cfg(feature = "jetstream")]
    pub(super) fn of_job(mut self, callbacks: JobCallbacks) -> Self {
        self.job = Some(Box::new(callbacks));
        self
    }

    /// The server that has it.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.endpoint.shared
    }

    /// Waits for the call's turn. One whose caller waits is turned away when its server ends: another instance can take it
    /// now. One that nobody waits for has no other chance.
    pub(super) async fn wait_for<T>(&mut self, turn: impl Future<Output = T>) -> Result<T, End> {
        let turn_away = self.shared().turn_away.clone();
        let can_move = self.context.reply_path().to.is_some() || self.job.is_some();
        let mut turn = pin!(async {
            tokio::select! {
                biased;
                turn = turn => Ok(turn),
                () = turn_away.cancelled(), if can_move => Err(End::TurnedAway),
            }
        });
        if let Ok(turn) = tokio::time::timeout_at(self.quiet_until(), &mut turn).await {
            return turn;
        }
        self.open();
        let cancellation = self.cancellation();
        until_end(turn, cancellation.as_ref(), self.begin_by).await?
    }

    /// Until when the call needs no notice: it may be answered before that, or expire.
    pub(super) fn quiet_until(&self) -> Instant {
        (self.arrived + NOTICE).min(self.context.deadline().instant())
    }

    /// Tells the caller which instance has its call, if that is of use, so that it can cancel the call and learns when the
    /// instance is gone.
    pub(super) fn open(&mut self) {
        if let Some(open) = &self.open {
            open.port.iter().for_each(|port| port.announce());
            return;
        }
        if self.context.deadline().is_expired() {
            return;
        }
        let Endpoint { shared, peers, stats, .. } = &*self.endpoint;
        let (path, allowed) = (self.context.reply_path(), &shared.reply_prefixes);
        let cancellation = self.context.cancellation();
        let opened = cancellation
            .and_then(|cancellation| peers.open(self.context.subject(), path, allowed, cancellation, stats));
        if let Some((open, accepted)) = opened {
            self.open = Some(Box::new(open));
            send_message(shared, accepted, Joining::Several, Dispatch::Soon);
        }
    }

    /// What tells that the caller has cancelled the call, if it can.
    pub(super) fn cancellation(&self) -> Option<CancellationToken> {
        let of_job = || self.job.as_ref().map(|job| job.cancellation.clone());
        self.open.as_ref().map(|open| open.cancellation.clone()).or_else(of_job)
    }

    pub(super) fn answer(&mut self, result: Result<Reply, Error>, dispatch: Dispatch) {
        if std::mem::replace(&mut self.answered, true) {
            return;
        }
        let open = self.open.take();
        if let Some(job) = self.job.take() {
            return self.settle(*job, result);
        }
        // When the server has ended, its connection may be gone before the next flush.
        let dispatch = if self.shared().is_closed() { Dispatch::Now } else { dispatch };
        if let Some(port) = open.as_ref().and_then(|open| open.port.as_ref()).filter(|port| port.is_open()) {
            self.end_stream(port, result, dispatch);
            return end_replies(self.shared(), self.context.reply_path(), dispatch);
        }
        let path = self.context.reply_path();
        let result = match result {
            Ok(reply) if path.is_missing(&reply) => Err(no_reply()),
            result => result,
        };
        let reply = match result {
            Ok(reply) => {
                self.note(&reply);
                reply
            }
            Err(error) => {
                let (error, time) = self.failed(error);
                path.error(&error, time)
            }
        };
        if self.begun.is_some() {
            self.endpoint.stats.end(reply.handler_time);
        }
        send(self.shared(), path, reply, dispatch);
    }

    /// Tells whoever executes a job what came of it: nobody waits for a reply.
    #[cold]
    fn settle(&self, job: JobCallbacks, result: Result<Reply, Error>) {
        let (result, time) = match result {
            Ok(reply) => {
                self.note(&reply);
                let time = reply.handler_time;
                (Ok(reply), time)
            }
            Err(error) => {
                let (error, time) = self.failed(error);
                (Err(error), time)
            }
        };
        if self.begun.is_some() {
            self.endpoint.stats.end(time);
        }
        // It may have been given up.
        let _ = job.settled.send(result);
    }

    /// Counts a call whose handler has returned.
    pub(super) fn note(&self, reply: &Reply) {
        match &reply.own_error {
            Some(message) => self.endpoint.stats.fail_with_own(message),
            None => self.endpoint.stats.succeed(),
        }
        self.observe(reply.own_error.as_ref().map_or(Outcome::Ok, |_| Outcome::ServiceError));
    }

    /// Counts a call that has failed. Returns what is said of that, and how long its handler ran.
    pub(super) fn failed(&self, error: Error) -> (Error, Duration) {
        let stats = &self.endpoint.stats;
        match error.before_work_reason() {
            Some(BeforeWork::Undecodable) => _ = stats.counters.malformed.add(),
            Some(BeforeWork::Refused) => _ = stats.counters.refused.add(),
            None => {}
        }
        let time = self.begun.map(|begun| begun.elapsed());
        // What a handler returns may be the error of a call of its own, whose "not executed" is not about this one.
        let error = if time.is_some() { error.of_started_handler() } else { error };
        stats.fail(&error);
        self.observe(Outcome::Failed(error.kind()));
        (error, time.unwrap_or_default())
    }

    /// Tells those who observe the call how it has ended.
    fn observe(&self, outcome: Outcome) {
        if let Some(span) = self.context.span() {
            span.conclude(outcome);
        }
    }

    /// Ends a call without its result.
    pub(super) fn end(&mut self, end: End) {
        match end {
            End::Deadline => self.expire(),
            // Nobody waits for an answer.
            End::Cancelled => {
                self.open = None;
                if self.job.take().is_none() {
                    send_none(self.shared(), self.context.reply_path());
                }
                self.answered = true;
                self.endpoint.stats.give_up();
                self.observe(Outcome::Dropped);
                if let Some(begun) = self.begun {
                    self.endpoint.stats.end(begun.elapsed());
                }
            }
            End::Drained => {
                let message = "the server is being shut down: what comes now on the stream comes from others";
                self.answer(Err(Error::new(ErrorKind::Unavailable, message)), Dispatch::Soon);
            }
            End::TurnedAway => {
                self.endpoint.stats.counters.turned_away.add();
                self.answer(Err(stopped_before()), Dispatch::Soon);
            }
        }
    }

    /// Answers a call whose time has run out.
    pub(super) fn expire(&mut self) {
        let error = if self.begun.is_some() {
            self.endpoint.stats.counters.timed_out.add();
            if self.context.reply_path().to.is_none() {
                // Nobody else learns of it.
                tracing::warn!(
                    subject = self.context.subject(),
                    "the time of a oneway call has run out while its handler ran"
                );
            }
            Error::new(ErrorKind::DeadlineExceeded, "the call's deadline passed while the handler ran")
        } else {
            self.endpoint.stats.counters.expired.add();
            Error::not_executed(ErrorKind::DeadlineExceeded, "the call expired in the server's queue")
        };
        self.answer(Err(error), Dispatch::Soon);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.answered {
            self.context.cancel();
            let error = if self.begun.is_some() {
                Error::new(ErrorKind::Unavailable, "the server stopped while the handler ran")
            } else {
                stopped_before()
            };
            self.answer(Err(error), Dispatch::Now);
        }
        if let Some(held) = &self.counted {
            self.shared().leave(self.endpoint.admitted(), held);
        }
    }
}

/// Waits for work as long as anybody waits for the call that it belongs to.
pub(super) async fn until_end<T>(
    work: impl Future<Output = T>,
    cancellation: Option<&CancellationToken>,
    deadline: Instant,
) -> Result<T, End> {
    let cancelled = async {
        match cancellation {
            Some(cancellation) => cancellation.cancelled().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = cancelled => Err(End::Cancelled),
        done = work => Ok(done),
        () = tokio::time::sleep_until(deadline) => Err(End::Deadline),
    }
}

/// What the caller of a call gets that was not begun.
fn stopped_before() -> Error {
    Error::not_executed(ErrorKind::Unavailable, "the server stopped before the handler ran")
}

/// What the caller of a handler gets that ended a call without its result.
fn no_reply() -> Error {
    Error::new(ErrorKind::Internal, "the handler gave no reply").with_execution(Execution::Executed)
}
