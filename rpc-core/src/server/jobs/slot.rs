//! A place for one job at a time: it asks for a job when it can execute one, and not before.

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
    let mut asking = None;
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stopping => break,
            next = next(&worker, &mut asking) => next,
        };
        match next {
            Ok(message) => worker.execute(message).await,
            Err(error) => {
                tracing::debug!(%error, "no jobs can be had at the moment");
                asking = None;
                tokio::select! {
                    biased;
                    () = &mut stopping => break,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
    if let Some(asking) = asking {
        asking.end(&worker).await;
    }
}

async fn next(worker: &Worker, asking: &mut Option<Asking>) -> Result<Message, Error> {
    let asking = match asking {
        Some(asking) => asking,
        None => asking.insert(Asking::begin(worker).await?),
    };
    asking.next(worker).await
}
