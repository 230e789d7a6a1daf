//! What becomes of the record of a job.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::jobs::JobId;
use crate::jobs::record::Record;
use crate::jobs::store::{LOOK_AGAIN, unknown};

/// How long to wait before JetStream is asked again that has not answered.
const PAUSE: Duration = Duration::from_millis(250);

/// How long to wait between two looks, where one may look and not listen.
const LOOK: Duration = Duration::from_secs(1);

/// What becomes of a record, from what it is now to its end; through all that passes.
pub(super) fn changes(client: Client, id: JobId) -> BoxStream<'static, Result<Record, Error>> {
    let changes = Changes { client, id, may_watch: true, watch: None, last: None };
    unfold(Some(changes), |changes| async move {
        let mut changes = changes?;
        let next = changes.next().await;
        let goes_on = next.as_ref().is_ok_and(|record| !record.is_final());
        Some((next, goes_on.then_some(changes)))
    })
    .boxed()
}

/// What is heard of a record.
struct Changes {
    client: Client,
    id: JobId,
    /// Until the NATS server says otherwise.
    may_watch: bool,
    watch: Option<BoxStream<'static, Result<Record, Error>>>,
    last: Option<Record>,
}

impl Changes {
    /// The next change. Waits for JetStream to come back.
    async fn next(&mut self) -> Result<Record, Error> {
        loop {
            match self.try_next().await {
                Ok(Some(record)) if self.last.as_ref() != Some(&record) => {
                    self.last = Some(record.clone());
                    return Ok(record);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    self.watch = None;
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Record>, Error> {
        let store = self.client.job_store(self.id.service()).await?;
        let Some(watch) = &mut self.watch else {
            if !self.may_watch {
                sleep(LOOK).await;
            }
            let known = store.find(self.id.token()).await?.ok_or_else(|| unknown(&self.id))?;
            if self.may_watch && !known.record.is_final() {
                // It tells what has changed since, too.
                match store.watch(self.id.token()).await {
                    Ok(watch) => self.watch = Some(watch),
                    Err(error) if error.kind() == ErrorKind::PermissionDenied => self.may_watch = false,
                    Err(error) => return Err(error),
                }
            }
            return Ok(Some(known.record));
        };
        match timeout(LOOK_AGAIN, watch.next()).await {
            Ok(Some(Ok(record))) => Ok(Some(record)),
            Ok(Some(Err(error))) if error.kind() == ErrorKind::Protocol => Err(error),
            _ => {
                self.watch = None;
                Ok(None)
            }
        }
    }
}
