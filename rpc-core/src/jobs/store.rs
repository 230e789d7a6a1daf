//! The status records of a service's jobs: a bucket, in which whoever knows the last revision of a record may replace it.

use std::future::ready;
use std::time::Duration;

use async_nats::jetstream::kv::{self, CreateErrorKind, Operation, UpdateErrorKind};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::sleep;

use super::jetstream::{JetStream, api, failed};
use super::record::Record;
use crate::error::{Error, ErrorKind, Execution};

/// The prefix of the keys that tell whoever executes a job that it is to be cancelled.
const CANCELS: &str = "cancel.";

/// The bucket of one service.
#[derive(Clone)]
pub(crate) struct Store {
    jetstream: JetStream,
    bucket: kv::Store,
}

/// A record with its revision.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) record: Record,
    pub(crate) revision: u64,
}

/// How far a NATS server of a cluster may be behind the others.
const BEHIND: Duration = Duration::from_millis(500);

/// How long to wait before what watches a record looks for itself: news of a change can be lost with its connection.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(10);

impl Store {
    pub(crate) fn new(jetstream: JetStream, bucket: kv::Store) -> Self {
        Store { jetstream, bucket }
    }

    /// Where a value is put.
    fn putting(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket.name)
    }

    /// Where a value is asked for.
    fn getting(&self, key: &str) -> String {
        api("DIRECT.GET", &format!("{}.{}", self.bucket.stream_name, self.putting(key)))
    }

    /// Where news of values are asked for.
    fn watching(&self) -> String {
        api("CONSUMER.CREATE", &self.bucket.stream_name)
    }

    pub(crate) fn jetstream(&self) -> &JetStream {
        &self.jetstream
    }

    /// The record of a job that somebody knows of. Where any NATS server of a cluster may answer, one that is behind is given some time.
    pub(crate) async fn find(&self, job: &str) -> Result<Option<Known>, Error> {
        let found = self.load(job).await?;
        if found.is_some() || self.bucket.stream.cached_info().config.num_replicas <= 1 {
            return Ok(found);
        }
        sleep(BEHIND).await;
        self.load(job).await
    }

    /// The record of a job, if there is one.
    pub(crate) async fn load(&self, job: &str) -> Result<Option<Known>, Error> {
        let found = self.jetstream.ask(&[&self.getting(job)], self.bucket.entry(job)).await?;
        match found.map_err(|error| failed("the status of a job cannot be looked up", error))? {
            Some(entry) if entry.operation == Operation::Put => {
                Ok(Some(Known { record: Record::read(&entry.value)?, revision: entry.revision }))
            }
            _ => Ok(None),
        }
    }

    /// Adds the record of a job. `None` if there is one already, which may be our own: an answer can be lost.
    pub(crate) async fn create(&self, job: &str, record: &Record) -> Result<Option<u64>, Error> {
        // What is there is looked at where there is something.
        let subjects = [&*self.putting(job), &*self.getting(job)];
        let created = self.jetstream.ask(&subjects, self.bucket.create(job, record.write()?)).await?;
        match created {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(failed("the status of a job cannot be stored", error)),
        }
    }

    /// Replaces the record of a job if it still is the one that is known. `None` if it is not; that may be our own doing, since an answer can
    /// be lost.
    pub(crate) async fn replace(
        &self,
        job: &str,
        record: &Record,
        revision: u64,
    ) -> Result<Option<u64>, Error> {
        let update = self.bucket.update(job, record.write()?, revision);
        let updated = self.jetstream.ask(&[&self.putting(job)], update).await?;
        match updated {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(failed("the status of a job cannot be stored", error)),
        }
    }

    /// Changes the record of a job, however often others do so meanwhile. `change` says whether there is something to change.
    pub(crate) async fn change(
        &self,
        job: &str,
        change: impl Fn(&mut Record) -> bool,
    ) -> Result<Option<Record>, Error> {
        loop {
            let Some(Known { mut record, revision }) = self.find(job).await? else { return Ok(None) };
            if !change(&mut record) || self.replace(job, &record, revision).await?.is_some() {
                return Ok(Some(record));
            }
        }
    }

    /// What becomes of the record of a job, from what it is now. Ends when the news do.
    pub(crate) async fn watch(&self, job: &str) -> Result<BoxStream<'static, Result<Record, Error>>, Error> {
        let watched = self.jetstream.ask(&[&self.watching()], self.bucket.watch_with_history(job)).await?;
        let watched = watched.map_err(|error| failed("the status of a job cannot be watched", error))?;
        let records = watched.filter_map(async |entry| match entry {
            Ok(entry) if entry.operation == Operation::Put => Some(Record::read(&entry.value)),
            Ok(_) => None,
            Err(error) => Some(Err(failed("the status of a job cannot be watched", error))),
        });
        Ok(records.boxed())
    }

    /// Tells whoever executes a job that it is to be cancelled. The record says so as well: it counts where nobody hears this.
    pub(crate) async fn announce_cancel(&self, job: &str) -> Result<(), Error> {
        let key = format!("{CANCELS}{job}");
        let put = self.jetstream.ask(&[&self.putting(&key)], self.bucket.put(&key, "1".into())).await?;
        put.map(drop).map_err(|error| failed("a job cannot be cancelled", error))
    }

    /// The jobs that are to be cancelled, from now on.
    pub(crate) async fn cancels(&self) -> Result<BoxStream<'static, String>, Error> {
        let watch = self.bucket.watch(format!("{CANCELS}>"));
        let watched = self.jetstream.ask(&[&self.watching()], watch).await?;
        let watched = watched.map_err(|error| failed("cancelled jobs cannot be watched", error))?;
        let cancelled = watched.take_while(|entry| ready(entry.is_ok())).filter_map(async |entry| {
            let entry = entry.ok().filter(|entry| entry.operation == Operation::Put)?;
            entry.key.strip_prefix(CANCELS).map(str::to_owned)
        });
        Ok(cancelled.boxed())
    }
}

/// That nothing is known of a job.
pub(crate) fn unknown(job: &impl std::fmt::Display) -> Error {
    let message =
        format!("no job {job} is known: it was never submitted, or what became of it is not kept any more");
    Error::new(ErrorKind::InvalidArgument, message).with_execution(Execution::MaybeExecuted)
}
