//! One attempt: the handler, and what it says about the job while it runs.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::delivery::{Delivery, JobCall};
use super::settle::{Ending, is_same_attempt};
use super::worker::Worker;
use crate::connection::Joining;
use crate::context::{Arrival, Bond, Context, JobAttempt, Progress};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::jobs::record::State;
use crate::jobs::store::Known;
use crate::reply::{Audience, Reply};
use crate::server::admitted::Held;
use crate::server::dispatch;
use crate::server::taken::{JobCallbacks, Taken};
use crate::telemetry::CallSpan;

/// How often progress is stored at most.
const REPORTS: Duration = Duration::from_millis(250);

/// What a handler has returned; nothing if it was cancelled.
pub(super) type Settled = Result<Result<Reply, Error>, oneshot::error::RecvError>;

impl Worker {
    /// Runs the handler to its end. Returns what the record is then, as far as is known.
    pub(super) async fn attempt(
        &self,
        delivery: &Delivery,
        call: JobCall,
        mut known: Known,
        held: Option<Held>,
        cancellation: CancellationToken,
    ) -> (Known, Ending) {
        let attempt = JobAttempt::new(self.id(delivery).to_string());
        let progress = attempt.progress.subscribe();
        let context = self.context(delivery, &call, known.record.attempts);
        context.set_extension(attempt);
        let (sender, receiver) = oneshot::channel();
        let now = Instant::now();
        let callbacks = JobCallbacks { settled: sender, cancellation: cancellation.clone() };
        let taken =
            Taken::new(Arc::clone(&self.endpoint), context.clone(), now, Deadline::never().instant(), held);
        self.endpoint.stats.counters.received.add();
        dispatch::spawn(taken.of_job(callbacks), call.body);
        let settled = tokio::select! {
            biased;
            never = tell(&cancellation, &context) => match never {},
            settled = self.accompany(delivery, &mut known, progress, receiver, &cancellation) => settled,
        };
        let again = context.extension::<JobAttempt>().and_then(|attempt| attempt.again());
        let ending = self.ending(settled, again, known.record.attempts);
        (known, ending)
    }

    fn context(&self, delivery: &Delivery, call: &JobCall, attempt: u32) -> Context {
        let endpoint = &self.endpoint;
        let (service, method) = (endpoint.service.name(), endpoint.method.name());
        // One that is not to be cancelled would run on behind its deadline, next to another attempt.
        let timeout = self.settings.timeout.filter(|_| !endpoint.method.is_no_cancel());
        let calls = if endpoint.method.is_no_cancel() { Bond::Detached } else { Bond::Bound };
        let span = CallSpan::of_server(service, method, &self.shared.replier.instance, &call.headers);
        Context::new(Arrival {
            subject: delivery.message.subject.clone(),
            places: endpoint.places.clone(),
            service,
            method,
            deadline: timeout.map_or_else(Deadline::never, Deadline::after),
            attempt,
            headers: call.headers.clone(),
            reply: self.shared.reply_path(None, Joining::Lone, call.format, Audience::One),
            calls,
            span,
        })
    }

    /// Stores what the handler says, and looks whether somebody wants the job no more, until the handler has ended.
    async fn accompany(
        &self,
        delivery: &Delivery,
        known: &mut Known,
        mut progress: watch::Receiver<Option<Progress>>,
        mut receiver: oneshot::Receiver<Result<Reply, Error>>,
        cancellation: &CancellationToken,
    ) -> Settled {
        let mut looks = interval_at(Instant::now() + self.heartbeat, self.heartbeat);
        let mut next_report = Instant::now();
        loop {
            tokio::select! {
                biased;
                settled = &mut receiver => return settled,
                _ = looks.tick() => {
                    if matches!(self.store.load(&delivery.job).await, Ok(Some(there)) if there.record.cancel) {
                        cancellation.cancel();
                    }
                }
                () = reported(&mut progress, next_report) => {
                    next_report = Instant::now() + REPORTS;
                    let report = progress.borrow_and_update().clone();
                    // The handler's end does not wait for what only tells how far it is.
                    let stored = self.report(delivery, known, report, cancellation);
                    tokio::select! {
                        biased;
                        settled = &mut receiver => return settled,
                        () = stored => {}
                    }
                }
            }
        }
    }

    /// Stores how far the job is. It is not worth a second try.
    async fn report(
        &self,
        delivery: &Delivery,
        known: &mut Known,
        progress: Option<Progress>,
        cancellation: &CancellationToken,
    ) {
        let State::Running(run) = &mut known.record.state else { return };
        run.progress = progress;
        match self.store.replace(&delivery.job, &known.record, known.revision).await {
            Ok(Some(revision)) => known.revision = revision,
            Ok(None) => {
                if let Ok(Some(there)) = self.store.load(&delivery.job).await {
                    if there.record.cancel {
                        cancellation.cancel();
                    }
                    if is_same_attempt(&there.record, &known.record) {
                        *known = there;
                    }
                }
            }
            Err(error) => {
                tracing::debug!(job = %self.id(delivery), %error, "the progress of a job cannot be stored");
            }
        }
    }
}

/// Tells the handler, and the calls that it makes, once its job is cancelled.
async fn tell(cancellation: &CancellationToken, context: &Context) -> Infallible {
    cancellation.cancelled().await;
    context.cancel();
    std::future::pending().await
}

/// Ready when there is progress that has not been stored, but not before it may be.
async fn reported(progress: &mut watch::Receiver<Option<Progress>>, not_before: Instant) {
    if progress.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    // Should this be dropped before it is ready, the change is still one.
    progress.mark_changed();
    sleep_until(not_before).await;
}
