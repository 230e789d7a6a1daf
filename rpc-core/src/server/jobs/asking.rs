//! How a place asks for jobs: for one at a time, and for none while it has one.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::{AckKind, Message};
use async_nats::{StatusCode, Subject};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::worker::Worker;
use crate::connection::{self, Subscription};
use crate::error::{Error, ErrorKind};
use crate::jobs::jetstream::{api, failed};

/// How long JetStream keeps a question for a job at most, and how often it says that it does at least. It is never kept for longer than a silent
/// worker is waited for: as long as it is there, one that is frozen is given jobs.
const LONGEST: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How late a word of JetStream may be.
const LATE: Duration = Duration::from_secs(1);

/// Where the answers to one question after the other arrive. Once a question may be lost, this is dropped: nobody knows whether JetStream has it,
/// and a job that it brought would come to a place that has got another one since.
pub(super) struct Asking {
    inbox: Subject,
    answers: Subscription,
}

impl Asking {
    /// Waits for the connection: what is asked without one leaves when it is back, and by then whoever asked may have given it up.
    pub(super) async fn begin(worker: &Worker) -> Result<Self, Error> {
        let connection = worker.shared.connection();
        connection.inbox().connected(connection).await?;
        let client = connection.nats().ok_or_else(connection::closed)?;
        let inbox = Subject::from(client.new_inbox());
        // A job that comes twice while the connection moves is told from another one by its status.
        let answers = connection.subscribe_by_id(inbox.clone()).await?;
        Ok(Asking { inbox, answers })
    }

    /// The next job. After an error, nothing more may be asked here.
    pub(super) async fn next(&mut self, worker: &Worker) -> Result<Message, Error> {
        let info = worker.worklist.cached_info();
        let subject = api("CONSUMER.MSG.NEXT", &format!("{}.{}", info.stream_name, info.name));
        worker.store.jetstream().ask(&[&subject], self.answer(worker)).await?
    }

    async fn answer(&mut self, worker: &Worker) -> Result<Message, Error> {
        let expires = worker.worklist.cached_info().config.ack_wait.min(LONGEST);
        let heartbeat = (expires / 3).min(HEARTBEAT);
        let question = BatchConfig {
            batch: 1,
            expires: Some(expires),
            idle_heartbeat: heartbeat,
            ..BatchConfig::default()
        };
        loop {
            let asked = worker.worklist.request_batch(question.clone(), self.inbox.clone()).await;
            asked.map_err(|error| failed("no jobs can be had", error))?;
            if let Some(message) = self.job(2 * heartbeat + LATE).await? {
                return Ok(Message { message, context: worker.store.jetstream().context.clone() });
            }
        }
    }

    /// The answer to a question; `None` if there was no job until it expired. An error once nothing is heard of it for so long.
    async fn job(&mut self, silence: Duration) -> Result<Option<connection::Message>, Error> {
        loop {
            let Ok(answer) = timeout(silence, self.answers.next()).await else {
                return Err(Error::new(ErrorKind::Unavailable, "JetStream says nothing any more"));
            };
            let message = answer.ok_or_else(connection::closed)?;
            match message.status {
                None | Some(StatusCode::OK) => return Ok(Some(message)),
                Some(StatusCode::IDLE_HEARTBEAT) => {}
                Some(StatusCode::NOT_FOUND | StatusCode::TIMEOUT) => return Ok(None),
                Some(status) => {
                    let why = message.description.as_deref().unwrap_or_default();
                    return Err(Error::new(ErrorKind::Unavailable, format!("JetStream says {status} {why}")));
                }
            }
        }
    }

    /// Asks for no more. A job that was on its way is given back: it would else be waited for as if it were executed here.
    pub(super) async fn end(mut self, worker: &Worker) {
        if self.answers.stop_intake().await.is_err() {
            return;
        }
        worker.shared.barrier().await;
        while let Some(Some(message)) = self.answers.next().now_or_never() {
            let is_job = matches!(message.status, None | Some(StatusCode::OK));
            let message = Message { message, context: worker.store.jetstream().context.clone() };
            if is_job && let Err(error) = message.ack_with(AckKind::Nak(None)).await {
                tracing::debug!(%error, "a job cannot be given back");
            }
        }
    }
}
