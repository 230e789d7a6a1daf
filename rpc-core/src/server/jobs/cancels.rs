//! The jobs that run here, for whoever hears that one is to be cancelled.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::error::ErrorKind;
use crate::jobs::store::Store;

/// How long to wait before one listens again.
const PAUSE: Duration = Duration::from_secs(1);

/// Those that run here, of one service.
#[derive(Default)]
pub(super) struct Cancels(Mutex<HashMap<String, CancellationToken>>);

/// A job that can be cancelled until this is dropped.
pub(super) struct Cancellable<'a> {
    cancels: &'a Cancels,
    job: &'a str,
}

impl Cancels {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if it runs here already.
    pub(super) fn add<'a>(&'a self, job: &'a str, token: CancellationToken) -> Option<Cancellable<'a>> {
        match self.lock().entry(job.to_owned()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(token);
                Some(Cancellable { cancels: self, job })
            }
        }
    }

    fn cancel(&self, job: &str) {
        let token = self.lock().get(job).cloned();
        // Not under the lock: it wakes the handler.
        token.iter().for_each(CancellationToken::cancel);
    }
}

impl Drop for Cancellable<'_> {
    fn drop(&mut self) {
        self.cancels.lock().remove(self.job);
    }
}

/// Hears which jobs are to be cancelled, until the server ends. What is missed while nobody hears it, the record of the job says as well.
pub(super) async fn listen(store: Store, cancels: Arc<Cancels>) {
    loop {
        match store.cancels().await {
            Ok(mut cancelled) => {
                while let Some(job) = cancelled.next().await {
                    cancels.cancel(&job);
                }
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(%error, "cancelled jobs are not heard of, but found when their records are looked at");
                return;
            }
            Err(error) => tracing::debug!(%error, "cancelled jobs are not heard of at the moment"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
