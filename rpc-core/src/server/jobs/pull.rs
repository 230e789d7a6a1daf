//! The tasks that execute jobs: each asks for a job when it can execute one, and not before.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use tokio::time::sleep;

use super::asking::Asking;
use super::worker::Worker;
use crate::error::Error;
use crate::server::phase::{Phase, Phases};

/// How long to wait before JetStream is asked again that has not answered.
const PAUSE: Duration = Duration::from_millis(250);

/// Executes one job after the other until the server ends. What it has then, it brings to its end.
pub(super) async fn serve(worker: Arc<Worker>, phase: Phases) {
    let mut stopping = pin!(phase.reached(Phase::Stopping));
    let (mut asking, mut failures) = (None, Failures::default());
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stopping => break,
            next = next(&worker, &mut asking) => next,
        };
        let pause = match next {
            Ok(message) => {
                failures = Failures::default();
                worker.execute(message).await
            }
            Err(error) => {
                failures.add(&worker, &error);
                asking = None;
                Some(PAUSE)
            }
        };
        let Some(pause) = pause else { continue };
        tokio::select! {
            biased;
            () = &mut stopping => break,
            () = sleep(pause) => {}
        }
    }
    if let Some(asking) = asking {
        asking.end(&worker).await;
    }
}

async fn next(worker: &Worker, asking: &mut Option<Asking>) -> Result<Message, Error> {
    // Not kept: calls may have it until there is a job.
    drop(worker.endpoint.place(None).await);
    let asking = match asking {
        Some(asking) => asking,
        None => asking.insert(Asking::begin(worker).await?),
    };
    asking.next(worker).await
}

/// How often JetStream has not answered since the last job.
#[derive(Default)]
struct Failures(u32);

impl Failures {
    /// Counts one. That a connection is lost, or was, is told elsewhere; if it is there and JetStream is silent again, that is
    /// told once.
    fn add(&mut self, worker: &Worker, error: &Error) {
        if !worker.shared.connection().is_connected() {
            self.0 = 0;
            return;
        }
        self.0 = self.0.saturating_add(1);
        if self.0 == 2 {
            let (service, method) = (worker.endpoint.service.name(), worker.endpoint.method.name());
            tracing::warn!(%error, service, method, "JetStream gives this instance no jobs");
        } else {
            tracing::debug!(%error, "no jobs can be had at the moment");
        }
    }
}
