//! What a server makes sure of before it executes jobs: that streams, consumers and the bucket are there, and are what they must be.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config as ConsumerConfig;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, FromConsumer};
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::kv::Config as BucketConfig;
use async_nats::jetstream::stream::{Config, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, Stream};
use async_nats::jetstream::{ErrorCode, kv};

use super::jetstream::{JetStream, api, failed, is_missing, not_enabled, says_not_enabled};
use super::{JobSettings, Names};
use crate::error::{Error, ErrorKind};

/// How long JetStream remembers the ids of messages that were stored.
const DUPLICATES: Duration = Duration::from_secs(120);

/// How many pull requests may wait at a consumer, and how many messages may be out: enough for hundreds of instances, and for all that wait
/// for another attempt.
const MOST_WAITING: i64 = 16 * 1024;
const MOST_OUT: i64 = 64 * 1024;

/// The stream of jobs, and the consumer of one method's.
pub(crate) type Worklist = Consumer<ConsumerConfig>;

/// Finds the stream of a service's jobs, or makes it: each message is for one consumer, and removed when that has done with it.
pub(crate) async fn jobs_stream(
    jetstream: &JetStream,
    names: &Names,
    subjects: String,
    settings: &JobSettings,
) -> Result<Stream, Error> {
    let config = Config {
        name: names.jobs.clone(),
        description: Some("jobs that are to be executed".to_owned()),
        retention: RetentionPolicy::WorkQueue,
        ..common(subjects, settings)
    };
    stream(jetstream, config).await
}

/// Finds the stream of a service's dead letters, or makes it.
pub(crate) async fn dead_stream(
    jetstream: &JetStream,
    names: &Names,
    subjects: String,
    settings: &JobSettings,
) -> Result<Stream, Error> {
    let config = Config {
        name: names.dead.clone(),
        description: Some("jobs that have failed for good".to_owned()),
        retention: RetentionPolicy::Limits,
        allow_direct: true,
        ..common(subjects, settings)
    };
    stream(jetstream, config).await
}

fn common(subjects: String, settings: &JobSettings) -> Config {
    Config {
        subjects: vec![subjects],
        // Who submits too many is told so. Nothing that was acknowledged is given up.
        discard: DiscardPolicy::New,
        duplicate_window: DUPLICATES,
        num_replicas: settings.replicas,
        ..Config::default()
    }
}

async fn stream(jetstream: &JetStream, config: Config) -> Result<Stream, Error> {
    let name = config.name.clone();
    let stream = match look_up(jetstream, &name, &format!("the stream {name}")).await? {
        Some(stream) => stream,
        None => create(jetstream, config.clone()).await?,
    };
    check(&stream.cached_info().config, &config)?;
    Ok(stream)
}

/// Finds a stream, which may be that of a bucket; `None` if there is none of this name.
pub(crate) async fn look_up(jetstream: &JetStream, name: &str, what: &str) -> Result<Option<Stream>, Error> {
    match jetstream.ask(&[&api("STREAM.INFO", name)], jetstream.context.get_stream(name)).await? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            GetStreamErrorKind::JetStream(cause) if says_not_enabled(cause.error_code()) => {
                Err(not_enabled())
            }
            GetStreamErrorKind::Request if is_missing(&error) => Err(not_enabled()),
            _ => Err(failed(&format!("{what} cannot be looked up"), error)),
        },
    }
}

async fn create(jetstream: &JetStream, config: Config) -> Result<Stream, Error> {
    let (name, subjects) = (config.name.clone(), config.subjects.join(", "));
    let created =
        jetstream.ask(&[&api("STREAM.CREATE", &name)], jetstream.context.create_stream(config)).await?;
    match created {
        Ok(stream) => Ok(stream),
        Err(error) => match error.kind() {
            // Another instance was quicker, with other settings.
            CreateStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                let found = look_up(jetstream, &name, &format!("the stream {name}")).await?;
                found.ok_or_else(|| failed(&format!("the stream {name} cannot be made"), error))
            }
            CreateStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP =>
            {
                let message = format!(
                    "the stream {name} cannot be made: another stream takes the subjects {subjects}, or some of them"
                );
                Err(Error::not_executed(ErrorKind::InvalidArgument, message))
            }
            CreateStreamErrorKind::JetStream(cause) => {
                let message = format!("the stream {name} cannot be made: {cause}");
                Err(Error::not_executed(ErrorKind::Unavailable, message))
            }
            _ => Err(failed(&format!("the stream {name} cannot be made"), error)),
        },
    }
}

/// Operators may limit a stream and move it; what the execution of jobs stands on has to be as it was made.
fn check(there: &Config, wanted: &Config) -> Result<(), Error> {
    let name = format!("the stream {}", wanted.name);
    let differences = [
        ("subjects", format!("{:?}", there.subjects), format!("{:?}", wanted.subjects)),
        ("retention", format!("{:?}", there.retention), format!("{:?}", wanted.retention)),
        ("discard", format!("{:?}", there.discard), format!("{:?}", wanted.discard)),
        ("no_ack", there.no_ack.to_string(), wanted.no_ack.to_string()),
        ("sealed", there.sealed.to_string(), wanted.sealed.to_string()),
    ];
    match differences.into_iter().find(|(_, there, wanted)| there != wanted) {
        None => Ok(()),
        Some((what, there, wanted)) => Err(different(&name, what, &there, &wanted)),
    }
}

fn different(whose: &str, what: &str, there: &str, wanted: &str) -> Error {
    let message = format!(
        "{whose} is there with {what} {there}, and has to have {wanted}: change it, or remove it when it is empty"
    );
    Error::not_executed(ErrorKind::InvalidArgument, message)
}

/// Finds the bucket of a service's status records, or makes it.
pub(crate) async fn bucket(
    jetstream: &JetStream,
    names: &Names,
    settings: &JobSettings,
) -> Result<kv::Store, Error> {
    if let Some(store) = find_bucket(jetstream, names).await? {
        return Ok(store);
    }
    let config = BucketConfig {
        bucket: names.bucket.clone(),
        description: "what has become of jobs".to_owned(),
        history: 1,
        max_age: settings.keep,
        num_replicas: settings.replicas,
        ..BucketConfig::default()
    };
    // What the account may do is asked for first.
    let subjects = ["$JS.API.INFO", &*api("STREAM.CREATE", &format!("KV_{}", names.bucket))];
    let created = jetstream.ask(&subjects, jetstream.context.create_key_value(config)).await?;
    match created {
        Ok(store) => Ok(store),
        // Another instance may have been quicker, with other settings.
        Err(error) => find_bucket(jetstream, names)
            .await?
            .ok_or_else(|| failed(&format!("the bucket {} cannot be made", names.bucket), error)),
    }
}

/// Finds the bucket of a service's status records; `None` if no server has made it yet.
pub(crate) async fn find_bucket(jetstream: &JetStream, names: &Names) -> Result<Option<kv::Store>, Error> {
    // Its stream tells more about why it cannot be found than looking for the bucket does.
    let name = format!("KV_{}", names.bucket);
    if look_up(jetstream, &name, &format!("the bucket {}", names.bucket)).await?.is_none() {
        return Ok(None);
    }
    let subject = api("STREAM.INFO", &name);
    let found = jetstream.ask(&[&subject], jetstream.context.get_key_value(&names.bucket)).await?;
    found.map(Some).map_err(|error| {
        let message = format!("the stream {name} is no bucket: {error}");
        Error::not_executed(ErrorKind::InvalidArgument, message).with_source(error)
    })
}

/// Finds the consumer of the jobs of one method, which all its instances share, or makes it.
pub(crate) async fn worklist(
    jetstream: &JetStream,
    stream: &Stream,
    name: &str,
    subject: &str,
    settings: &JobSettings,
) -> Result<Worklist, Error> {
    let wanted = ConsumerConfig {
        durable_name: Some(name.to_owned()),
        name: Some(name.to_owned()),
        description: Some(format!("jobs for whoever executes {subject}")),
        filter_subject: subject.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait.max(Duration::from_secs(1)),
        max_deliver: -1,
        max_ack_pending: MOST_OUT,
        max_waiting: MOST_WAITING,
        num_replicas: 0,
        ..ConsumerConfig::default()
    };
    let about = format!("{}.{name}", stream.cached_info().config.name);
    let found: Result<Worklist, _> =
        jetstream.ask(&[&api("CONSUMER.INFO", &about)], stream.get_consumer(name)).await?;
    if let Ok(found) = found {
        let there =
            ConsumerConfig::try_from_consumer_config(found.cached_info().config.clone()).unwrap_or_default();
        if there.filter_subject != subject {
            let whose = format!("the consumer {name} of the stream {}", stream.cached_info().config.name);
            return Err(different(&whose, "filter_subject", &there.filter_subject, subject));
        }
        // Whoever serves already says that it is there as often as this needs, and goes on to do so: it stays as it is.
        if there.ack_wait != wanted.ack_wait {
            let (there, wanted) = (there.ack_wait, wanted.ack_wait);
            tracing::warn!(
                consumer = name,
                ?there,
                ?wanted,
                "the consumer is there with another ack_wait, which it keeps"
            );
        }
        return Ok(found);
    }
    let asked = api("CONSUMER.CREATE", &format!("{about}.{subject}"));
    let created = jetstream.ask(&[&asked], stream.create_consumer(wanted)).await?;
    created.map_err(|error| match error.kind() {
        ConsumerErrorKind::JetStream(cause)
            if cause.error_code() == ErrorCode::CONSUMER_WQ_CONSUMER_NOT_UNIQUE =>
        {
            let message = format!(
                "another consumer of the stream {0} takes some of the jobs on {subject}: servers of one service execute jobs of all \
                 values of a parameter in its subject, or each of a single one. Remove the consumers that are not wanted any more \
                 (`nats consumer rm {0}`), or serve without jobs (`ServerBuilder::without_jobs`)",
                stream.cached_info().config.name
            );
            Error::not_executed(ErrorKind::InvalidArgument, message)
        }
        _ => failed(&format!("the consumer {name} cannot be made"), error),
    })
}
