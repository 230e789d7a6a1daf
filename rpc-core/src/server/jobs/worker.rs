//! What executes the jobs of one method.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use super::cancels::Cancels;
use super::claim::{Claim, Claimant, claim};
use super::delivery::Delivery;
use super::settle::Ending;
use crate::codec::Codec;
use crate::error::Error;
use crate::jobs::record::Failure;
use crate::jobs::setup::Worklist;
use crate::jobs::store::Store;
use crate::jobs::{JobId, JobSettings};
use crate::server::Shared;
use crate::server::admitted::Held;
use crate::server::dispatch::Endpoint;

/// How long a job waits that comes when the server has too much to do, or JetStream does not answer.
const LATER: Duration = Duration::from_secs(1);

/// How much later than when it is due it may be heard that another worker is there, once NATS is back.
const HEARD: Duration = Duration::from_secs(1);

/// What the tasks that execute the jobs of one method share.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) settings: JobSettings,
    pub(super) store: Store,
    pub(super) worklist: Worklist,
    pub(super) cancels: Arc<Cancels>,
    /// How often JetStream is told that a job is still being executed.
    pub(super) heartbeat: Duration,
}

impl Worker {
    pub(super) fn new(
        shared: &Arc<Shared>,
        endpoint: Arc<Endpoint>,
        settings: JobSettings,
        store: Store,
        worklist: Worklist,
        cancels: Arc<Cancels>,
    ) -> Self {
        let heartbeat = JobSettings::heartbeat(worklist.cached_info().config.ack_wait);
        Worker { shared: Arc::clone(shared), endpoint, settings, store, worklist, cancels, heartbeat }
    }

    /// The id of a job, as its submitter knows it.
    pub(super) fn id(&self, delivery: &Delivery) -> JobId {
        JobId::new(self.endpoint.service.name(), &delivery.job)
    }

    /// Executes a job, or finds out that it is not to be executed, and says so. Returns how long to wait before the next one.
    pub(super) async fn execute(&self, message: Message) -> Option<Duration> {
        let delivery = Delivery::new(message)?;
        let held = Held::own(self.endpoint.quota.as_ref(), delivery.message.payload.len());
        if self.shared.admitted.enter(&held).is_err() {
            self.later(&delivery, LATER).await;
            return Some(LATER);
        }
        // Given back when the call is dropped, or here.
        let entered = Entered { shared: &self.shared, held: Some(held) };
        let executed = tokio::select! {
            biased;
            executed = self.admitted(&delivery, entered) => executed,
            never = self.keep(&delivery) => match never {},
        };
        if let Err(error) = executed {
            let times = u32::try_from(delivery.times).unwrap_or(u32::MAX);
            let again_in = self.settings.pause(times).max(LATER);
            tracing::warn!(job = %self.id(&delivery), %error, ?again_in, "a job can be neither executed nor given up, and is delivered again");
            self.later(&delivery, again_in).await;
        }
        None
    }

    /// Tells JetStream as long as the job is here, so that it is given to nobody else: also while its status is slow to be had.
    async fn keep(&self, delivery: &Delivery) -> Infallible {
        let mut heartbeat = interval_at(Instant::now() + self.heartbeat, self.heartbeat);
        loop {
            heartbeat.tick().await;
            self.acknowledge(delivery, AckKind::Progress).await;
        }
    }

    async fn admitted(&self, delivery: &Delivery, entered: Entered<'_>) -> Result<(), Error> {
        let cancellation = CancellationToken::new();
        // Before the record says that it runs: from then on, its submitter announces that it is cancelled.
        let Some(_cancellable) = self.cancels.add(&delivery.job, cancellation.clone()) else {
            // It was not heard of here for a while. Who has it says again that it is executed, and what comes of it.
            return Ok(());
        };
        let call = delivery.call(&self.endpoint);
        let codec = call.as_ref().map_or(Codec::default(), |call| call.format.codec());
        match self.claim(delivery, codec).await? {
            Claim::Drop => self.done(delivery).await,
            Claim::Leave => {}
            Claim::Misnamed(record, failure) => {
                tracing::warn!(subject = %delivery.message.subject, reason = failure.message, "a job cannot be executed");
                self.bury(delivery, &record, &failure).await?;
                self.done(delivery).await;
            }
            Claim::Exhausted(known, failure) => {
                drop(entered);
                self.settle(delivery, known, Ending::Dead(failure)).await?;
            }
            Claim::Run(known) => {
                let (known, ending) = match call {
                    Ok(call) => self.attempt(delivery, call, known, entered.keep(), cancellation).await,
                    Err(error) => (known, Ending::Dead(Failure::of(&error))),
                };
                self.settle(delivery, known, ending).await?;
            }
        }
        Ok(())
    }

    /// Claims a job, for as long as that takes: given up halfway, it would count as begun by a worker that has died.
    async fn claim(&self, delivery: &Delivery, codec: Codec) -> Result<Claim, Error> {
        let connection = self.shared.connection();
        let mut tried = false;
        loop {
            let by = Claimant {
                method: self.endpoint.method.name(),
                codec,
                instance: &self.shared.replier.instance,
                attempts: self.settings.attempts,
                unix_ms: connection.clock().unix_ms(),
                after_loss: connection.inbox().is_back_for_less_than(self.heartbeat + HEARD),
            };
            match claim(&self.store, delivery, &by, &mut tried).await {
                Err(error) => self.wait(delivery, error).await?,
                claimed => return claimed,
            }
        }
    }

    /// Has JetStream remove a job.
    pub(super) async fn done(&self, delivery: &Delivery) {
        self.acknowledge(delivery, AckKind::Ack).await;
    }

    /// Has JetStream deliver a job again.
    pub(super) async fn later(&self, delivery: &Delivery, after: Duration) {
        self.acknowledge(delivery, AckKind::Nak(Some(after))).await;
    }

    /// An acknowledgement that is lost has the job delivered again, and then its record tells what came of it.
    pub(super) async fn acknowledge(&self, delivery: &Delivery, kind: AckKind) {
        if let Err(error) = delivery.message.ack_with(kind).await {
            tracing::debug!(job = %self.id(delivery), %error, "a job cannot be acknowledged");
        }
    }
}

/// A job that is counted among those that the server has taken on, until this is dropped.
pub(super) struct Entered<'a> {
    shared: &'a Arc<Shared>,
    held: Option<Held>,
}

impl Entered<'_> {
    /// What the call gives back itself.
    fn keep(mut self) -> Option<Held> {
        self.held.take()
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            self.shared.leave(&self.shared.admitted, held);
        }
    }
}
