//! The tasks that execute jobs: each asks for a job when it can execute one, and not before.

use std::fmt::Display;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Stream;
use futures_util::StreamExt;
use tokio::time::sleep;

use super::worker::Worker;
use crate::error::Error;
use crate::jobs::jetstream::failed;
use crate::server::phase::{Phase, Phases};

/// How long JetStream keeps a question for a job, and how often it says that it does.
const EXPIRES: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long to wait before JetStream is asked again that has not answered.
const PAUSE: Duration = Duration::from_millis(500);

/// Executes one job after the other until the server ends. What it has then, it brings to its end.
pub(super) async fn serve(worker: Arc<Worker>, phase: Phases) {
    let mut stopping = pin!(phase.reached(Phase::Stopping));
    let mut failures = Failures::default();
    loop {
        let opened = tokio::select! {
            biased;
            () = &mut stopping => return,
            opened = open(&worker) => opened,
        };
        let mut messages = match opened {
            Ok(messages) => Some(messages),
            Err(error) => {
                failures.add(&worker, &error);
                None
            }
        };
        while let Some(stream) = &mut messages {
            let next = tokio::select! {
                biased;
                () = &mut stopping => return,
                next = stream.next() => next,
            };
            match next {
                Some(Ok(message)) => {
                    failures = Failures::default();
                    worker.execute(message).await;
                }
                Some(Err(error)) => {
                    failures.add(&worker, &error);
                    messages = None;
                }
                None => messages = None,
            }
        }
        tokio::select! {
            biased;
            () = &mut stopping => return,
            () = sleep(PAUSE) => {}
        }
    }
}

/// How often JetStream has not answered since the last job.
#[derive(Default)]
struct Failures(u32);

impl Failures {
    /// Counts one. That a connection is lost, or was, is told elsewhere; if it is there and JetStream is silent again, that is
    /// told once.
    fn add(&mut self, worker: &Worker, error: &dyn Display) {
        if !worker.shared.connection().is_connected() {
            self.0 = 0;
            return;
        }
        self.0 = self.0.saturating_add(1);
        if self.0 == 2 {
            let (service, method) = (worker.endpoint.service.name(), worker.endpoint.method.name());
            tracing::warn!(%error, service, method, "JetStream gives this instance no jobs: may its user ask for them?");
        } else {
            tracing::debug!(%error, "no jobs can be had at the moment");
        }
    }
}

/// Begins to ask for jobs, one at a time.
async fn open(worker: &Worker) -> Result<Stream, Error> {
    let messages =
        worker.worklist.stream().max_messages_per_batch(1).expires(EXPIRES).heartbeat(HEARTBEAT).messages();
    messages.await.map_err(|error| failed("no jobs can be had", error))
}
