//! Those who submit jobs, and what they are told.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tests::ChoresClient;
use futures::StreamExt;
use nats_rpc::Error;
use nats_rpc::jobs::{Job, Submission as Submitting};
use tokio::time::timeout;

use super::record::{Receipt, Submission};
use crate::numbers::Numbers;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chore {
    Quick,
    /// For so many milliseconds.
    Long(u64),
    /// Panics after so many milliseconds.
    Panic(u64),
    Abort,
}

/// One submission to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) id: u64,
    pub(super) chore: Chore,
    /// Whether its job has a key: that of all submissions with its id.
    pub(super) has_key: bool,
    /// How long it may take.
    pub(super) budget: Duration,
    /// When its submitter ends, if it does.
    pub(super) gone_after: Option<Duration>,
}

impl Plan {
    /// A submission that waits for JetStream as long as a test may.
    pub(super) fn patient(id: u64, chore: Chore) -> Self {
        Plan { id, chore, has_key: false, budget: Duration::from_secs(60), gone_after: None }
    }

    pub(super) fn with_key(self) -> Self {
        Plan { has_key: true, ..self }
    }

    /// Quick jobs and slower ones, each third with a key and some of those submitted several times; a few submitters have
    /// little time, and a few are gone at a random moment.
    pub(super) fn mixed(id: u64, numbers: &mut Numbers) -> Vec<Self> {
        let chore = if numbers.once_in(10) { Chore::Long(numbers.between(1, 300)) } else { Chore::Quick };
        let plan = Plan { has_key: numbers.once_in(3), ..Plan::patient(id, chore) };
        let times = if plan.has_key { numbers.between(1, 3) } else { 1 };
        (0..times).map(|_| plan.hurried(numbers)).collect()
    }

    fn hurried(self, numbers: &mut Numbers) -> Self {
        match numbers.below(20) {
            0 => Plan { budget: Duration::from_millis(numbers.between(1, 500)), ..self },
            1 => Plan { gone_after: Some(Duration::from_micros(numbers.below(20_000))), ..self },
            _ => self,
        }
    }

    fn submission(self, client: &ChoresClient) -> Submitting<u64, Infallible> {
        let call = match self.chore {
            Chore::Quick => client.quick(self.id),
            Chore::Long(ms) => client.long(self.id, ms),
            Chore::Panic(ms) => client.panic(self.id, ms),
            Chore::Abort => client.abort(self.id),
        };
        let submission = call.timeout(self.budget).submit();
        if self.has_key { submission.key(format!("chore {}", self.id)) } else { submission }
    }
}

/// What was submitted, and what its submitters were told.
#[derive(Debug, Clone, Default)]
pub(super) struct Submitters {
    next_id: Arc<AtomicU64>,
    log: Arc<Mutex<Vec<Submission>>>,
}

impl Submitters {
    /// An id that nothing has.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Submits.
    pub(super) async fn submit(&self, client: &ChoresClient, plan: Plan) -> Option<Job<u64, Infallible>> {
        let submitting = plan.submission(client).into_future();
        let submitted = match plan.gone_after {
            Some(time) => timeout(time, submitting).await.ok(),
            None => Some(submitting.await),
        };
        self.note(plan.id, submitted)
    }

    fn note(
        &self,
        id: u64,
        submitted: Option<Result<Job<u64, Infallible>, Error>>,
    ) -> Option<Job<u64, Infallible>> {
        let (receipt, job) = match submitted {
            Some(Ok(job)) => (Receipt::Stored(job.id().to_string()), Some(job)),
            Some(Err(error)) => {
                let (kind, execution, text) = (error.kind(), error.execution(), error.to_string());
                (Receipt::Refused { kind, execution, text }, None)
            }
            None => (Receipt::Gone, None),
        };
        self.log.lock().unwrap().push(Submission { id, receipt });
        job
    }

    /// Submits something that has time.
    ///
    /// # Panics
    /// If it is not stored.
    pub(super) async fn stored(&self, client: &ChoresClient, chore: Chore) -> (u64, Job<u64, Infallible>) {
        let id = self.next_id();
        let job = self.submit(client, Plan::patient(id, chore)).await;
        (id, job.unwrap_or_else(|| panic!("{id} is not stored: {:?}", self.log.lock().unwrap().last())))
    }

    /// Submits so many, through each client in turn, so many at a time.
    pub(super) async fn run(&self, clients: &[ChoresClient], count: u64, at_once: usize, seed: u64) {
        let mut numbers = Numbers::new(seed);
        let plans = (0..count).flat_map(|_| Plan::mixed(self.next_id(), &mut numbers));
        let submissions = plans.zip(clients.iter().cloned().cycle()).map(|(plan, client)| {
            let submitters = self.clone();
            async move { drop(submitters.submit(&client, plan).await) }
        });
        let submissions: Vec<_> = submissions.collect();
        futures::stream::iter(submissions).buffer_unordered(at_once).collect::<Vec<()>>().await;
    }

    /// How many submissions have ended.
    pub(super) fn ended(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// All that have ended.
    pub(super) fn log(&self) -> Vec<Submission> {
        self.log.lock().unwrap().clone()
    }
}
