//! How a job goes to the dead letters.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;

use super::delivery::Delivery;
use super::worker::Worker;
use crate::connection::{first_values, header_map};
use crate::error::{Error, ErrorKind};
use crate::jobs::header;
use crate::jobs::jetstream::failed;
use crate::jobs::record::{Failure, Record};
use crate::reply::{one_line, shortened};
use crate::wire::dialect::header::{ERROR, ERROR_CODE, EXECUTION};

impl Worker {
    /// Has the dead letters keep a job, with why it is there, for as long as that takes. Another time the same letter is kept once.
    ///
    /// # Errors
    /// If the letter may not be published: the job is to stay where it is.
    pub(super) async fn bury(
        &self,
        delivery: &Delivery,
        record: &Record,
        failure: &Failure,
    ) -> Result<(), Error> {
        let mut with_headers = true;
        loop {
            match self.publish_letter(delivery, record, failure, with_headers).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::PayloadTooLarge => {
                    self.wait(delivery, error).await?;
                }
                // Who submits leaves room for the letter's own headers.
                Err(_) if with_headers => with_headers = false,
                Err(error) => {
                    // It never can be. The status tells why the job has failed, at least.
                    tracing::error!(job = %self.id(delivery), %error, "a job cannot be kept as a dead letter");
                    return Ok(());
                }
            }
        }
    }

    async fn publish_letter(
        &self,
        delivery: &Delivery,
        record: &Record,
        failure: &Failure,
        with_headers: bool,
    ) -> Result<(), Error> {
        let subject = delivery.message.subject.replacen("._job.", "._dead.", 1);
        let (code, execution) = (failure.code.to_string(), failure.execution.to_string());
        let (attempts, sequence) = (record.attempts.to_string(), delivery.sequence.to_string());
        let reason = one_line(shortened(&failure.message));
        let own = [
            (header::JOB_ID, &*delivery.job),
            (header::SUBJECT, &*delivery.message.subject),
            (header::SEQUENCE, &sequence),
            (header::ATTEMPTS, &attempts),
            (ERROR_CODE, &code),
            (ERROR, &reason),
            (EXECUTION, &execution),
        ];
        // What said to JetStream how the job was to be stored is not about this.
        let original = delivery.message.headers.as_ref().into_iter().flat_map(first_values);
        let original = original.filter(|(name, _)| with_headers && !name.starts_with("Nats-"));
        let headers = header_map(original.chain(own))
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a header of a dead letter may not travel"))?;
        let message = PublishMessage::build()
            .payload(delivery.message.payload.clone())
            .headers(headers)
            .message_id(format!("{}-{}", delivery.job, delivery.sequence));
        match self.store.jetstream().publish(&subject, message).await? {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(Error::new(ErrorKind::PayloadTooLarge, error.to_string()))
            }
            Err(error) => Err(failed("a dead letter cannot be stored", error)),
        }
    }
}
