//! How a call becomes a job: its status first, which decides whether there is one already, then the call itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout_at};

use crate::client::outgoing::{FIRST, Outgoing};
use crate::connection::too_large;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Execution};
use crate::jobs::jetstream::failed;
use crate::jobs::record::{Record, State};
use crate::jobs::store::Store;
use crate::jobs::{JobId, Names, header};
use crate::wire::frame::Times;

/// How long to wait before JetStream is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is left for headers: those of the submission, and those of the dead letter that it may become, with its reason and a subject.
const MOST_HEADER_BYTES: usize = 2048;

/// What is submitted, however often that takes.
#[derive(Debug)]
pub(in crate::client) struct Order {
    pub(super) id: JobId,
    /// Where it goes.
    subject: String,
    /// The stream that is to have it.
    stream: String,
    /// Whether it may have been stored.
    is_out: AtomicBool,
}

impl Order {
    pub(super) fn new(outgoing: &Outgoing, key: Option<&str>) -> Result<Self, Error> {
        let (service, _) = outgoing.names();
        let subject = outgoing.job_subject()?;
        let id = match key {
            Some("") => {
                return Err(Error::not_executed(ErrorKind::InvalidArgument, "the key of a job is empty"));
            }
            Some(key) => JobId::of_key(service, &subject, key),
            None => JobId::new(service, &outgoing.connection().random().token_string::<22>()),
        };
        let stream = Names::new(outgoing.target.client.prefix(), service)?.jobs;
        Ok(Order { id, subject, stream, is_out: AtomicBool::new(false) })
    }
}

/// Submits a call, and tries again as long as there is time and JetStream may come back.
pub(in crate::client) async fn submit(
    outgoing: &Outgoing,
    args: Bytes,
    deadline: Deadline,
) -> Result<(), Error> {
    let Some(order) = outgoing.order() else {
        return Err(Error::not_executed(ErrorKind::Internal, "nothing was ordered"));
    };
    let mut last = None;
    let attempts = async {
        loop {
            match attempt(outgoing, order, &args).await {
                Err(error) if error.kind() == ErrorKind::Unavailable => last = Some(error),
                other => return other,
            }
            sleep(PAUSE).await;
        }
    };
    let result = timeout_at(deadline.instant(), attempts).await.unwrap_or_else(|_| {
        let message = "JetStream has not confirmed the job in time".to_owned();
        let message = last.map_or(message.clone(), |error| format!("{message}: {}", error.message()));
        Err(Error::new(ErrorKind::DeadlineExceeded, message))
    });
    result.map_err(|error| {
        let is_out = order.is_out.load(Ordering::Relaxed);
        error.with_execution(if is_out { Execution::MaybeExecuted } else { Execution::NotExecuted })
    })
}

async fn attempt(outgoing: &Outgoing, order: &Order, args: &Bytes) -> Result<(), Error> {
    let connection = outgoing.connection();
    connection.inbox().connected(connection).await?;
    let (service, method) = outgoing.names();
    let store = outgoing.target.client.job_store(service).await?;
    let mut record = Record::new(method, &order.subject, outgoing.codec(), connection.clock().unix_ms());
    record.arguments = Some(hash(args));
    // What cannot be sent is not to use up its key.
    let payload = payload(outgoing, args)?;
    let is_new = store.create(order.id.token(), &record).await?.is_some();
    if !is_new {
        match half_submitted(&store, order, &record).await? {
            Some(there) => record = there,
            None => return Ok(()),
        }
    }
    publish(&store, order, &record, payload).await?;
    if !is_new {
        // It was found half submitted: those who find it after us need not do it again.
        let note = |record: &mut Record| {
            let is_submitting = record.state == State::Submitting;
            if is_submitting {
                record.state = State::Queued;
            }
            is_submitting
        };
        store.change(order.id.token(), note).await?;
    }
    Ok(())
}

/// The record that is there already, if the stream may not have its job yet.
async fn half_submitted(store: &Store, order: &Order, wanted: &Record) -> Result<Option<Record>, Error> {
    let Some(known) = store.load(order.id.token()).await? else {
        return Err(Error::new(ErrorKind::Unavailable, "the status of the job was removed meanwhile"));
    };
    let there = known.record;
    if there.codec == wanted.codec && there.arguments.is_some() && there.arguments != wanted.arguments {
        let message = format!("the key of the job {} was given to a call with other arguments", order.id);
        return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
    }
    Ok(Some(there).filter(|there| there.state == State::Submitting))
}

/// The message without its headers, if it fits with them.
fn payload(outgoing: &Outgoing, args: &Bytes) -> Result<Bytes, Error> {
    let (payload, _) = outgoing.rewrite(Times::Unlimited, FIRST, args)?.into_parts();
    let limit = outgoing.connection().max_payload();
    let length = payload.len() + MOST_HEADER_BYTES;
    if length > limit { Err(too_large(length, limit)) } else { Ok(payload) }
}

/// Has the stream store the call. The message of a record is stored once, for as long as the stream remembers it; later, whoever executes it
/// finds that it is a duplicate. When a record is not kept any more, and its key stands for another job, that is another message.
async fn publish(store: &Store, order: &Order, record: &Record, payload: Bytes) -> Result<(), Error> {
    let message = PublishMessage::build()
        .payload(payload)
        .message_id(format!("{}.{}", order.id.token(), record.submitted_unix_ms))
        .header(header::JOB_ID, order.id.token())
        .expected_stream(&order.stream);
    let was_out = order.is_out.swap(true, Ordering::Relaxed);
    match store.jetstream().publish(&order.subject, message).await? {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
            order.is_out.store(was_out, Ordering::Relaxed);
            Err(Error::not_executed(ErrorKind::PayloadTooLarge, error.to_string()))
        }
        Err(error) => Err(failed("the job cannot be stored", error)),
    }
}

fn hash(args: &[u8]) -> String {
    Sha256::digest(args).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
