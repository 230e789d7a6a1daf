//! The jobs of a server: those of its durable methods, which JetStream keeps until they have been executed.

mod asking;
mod attempt;
mod cancels;
mod claim;
mod dead_letter;
mod delivery;
mod pull;
mod settle;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use self::cancels::Cancels;
use self::worker::Worker;
use super::Shared;
use super::dispatch::Endpoint;
use super::phase::{Phase, Phases};
use crate::error::Error;
use crate::jobs::jetstream::JetStream;
use crate::jobs::store::Store;
use crate::jobs::{JobSettings, Names, setup};
use crate::wire::subject::ServiceSubject;

/// How long jobs may take to be given back when a server is dropped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The tasks that execute jobs. They end with the server, and not before they have said what came of what they have.
pub(super) struct Jobs {
    tasks: JoinSet<()>,
    /// Tell of cancelled jobs, as long as there may be any.
    listeners: JoinSet<()>,
    phase: Phases,
}

/// A service with durable methods.
pub(super) struct DurableService {
    /// What this server takes calls of.
    pub(super) subject: ServiceSubject,
    /// The same for all values of its parameters.
    pub(super) all: ServiceSubject,
    /// The values of parameters that it is bound to.
    pub(super) values: Vec<(&'static str, String)>,
    /// Its durable methods, with what they have behind the subject of the service.
    pub(super) methods: Vec<(Arc<Endpoint>, String)>,
}

impl Jobs {
    /// No jobs.
    pub(super) fn none() -> Self {
        Jobs { tasks: JoinSet::new(), listeners: JoinSet::new(), phase: Phases::default() }
    }

    /// Makes sure that all is there that jobs need, and begins to execute them.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        prefix: Option<&str>,
        services: Vec<DurableService>,
        settings: &JobSettings,
    ) -> Result<Self, Error> {
        let mut jobs = Jobs::none();
        if services.is_empty() || shared.connection().nats().is_none() {
            // A broker in this process has no JetStream; who submits a job to it is told so.
            return Ok(jobs);
        }
        let jetstream = JetStream::of(shared.connection())?;
        let mut workers = Vec::new();
        for service in services {
            workers.extend(jobs.prepare(shared, &jetstream, prefix, service, settings).await?);
        }
        for worker in workers {
            // Those that no handler could run for would hold jobs up that others can execute.
            for _ in 0..settings.concurrency.min(worker.endpoint.most_at_once()) {
                jobs.tasks.spawn(pull::serve(Arc::clone(&worker), jobs.phase.clone()));
            }
        }
        Ok(jobs)
    }

    async fn prepare(
        &mut self,
        shared: &Arc<Shared>,
        jetstream: &JetStream,
        prefix: Option<&str>,
        service: DurableService,
        settings: &JobSettings,
    ) -> Result<Vec<Arc<Worker>>, Error> {
        let DurableService { subject, all, values, methods } = service;
        let Some(name) = methods.first().map(|(endpoint, _)| endpoint.service.name()) else {
            return Ok(Vec::new());
        };
        let names = Names::new(prefix, name)?;
        let stream = setup::jobs_stream(jetstream, &names, all.job(">")?, settings).await?;
        setup::dead_stream(jetstream, &names, all.dead_letter(">")?, settings).await?;
        let bucket = setup::bucket(jetstream, &names, settings).await?;
        let store = Store::new(jetstream.clone(), bucket);
        let cancels = Arc::<Cancels>::default();
        let mut workers = Vec::new();
        for (endpoint, tail) in methods {
            let consumer = consumer_name(endpoint.method.name(), &values);
            let filter = subject.job(&tail)?;
            let worklist = setup::worklist(jetstream, &stream, &consumer, &filter, settings).await?;
            let (store, cancels) = (store.clone(), Arc::clone(&cancels));
            workers.push(Arc::new(Worker::new(shared, endpoint, settings.clone(), store, worklist, cancels)));
        }
        self.listeners.spawn(cancels::listen(store, cancels));
        Ok(workers)
    }

    /// Takes no more jobs.
    pub(super) fn stop(&self) {
        self.phase.advance(Phase::Stopping);
    }

    /// Waits until what came of all jobs is stored that were taken.
    pub(super) async fn finished(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Gives back what was taken, in a task of its own, or as much of it as can be done without one: its handlers are being aborted.
    pub(super) fn end_by_itself(mut self) {
        self.stop();
        if let (false, Ok(runtime)) = (self.tasks.is_empty(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(LAST_WORDS, self.finished()).await;
            });
        }
    }
}

/// The name of what tells the jobs of a method apart from others, if it is served for these values only. A value may have a `-` in it, but no
/// `=`, and a name neither.
fn consumer_name(method: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(method.to_owned(), |name, (parameter, value)| format!("{name}-{parameter}={value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_of_other_values_have_other_names() {
        let name = |values: &[(&str, &str)]| {
            let values: Vec<_> = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            consumer_name("cut", &values)
        };
        assert_eq!(name(&[]), "cut");
        assert_eq!(name(&[("region", "eu")]), "cut-region=eu");
        assert_ne!(
            name(&[("region", "eu-west"), ("zone", "1")]),
            name(&[("region", "eu"), ("zone", "west-1")])
        );
        assert_ne!(name(&[("region", "eu")]), name(&[("zone", "eu")]));
    }
}
