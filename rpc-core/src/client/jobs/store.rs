//! The buckets that a client has found.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::jobs::Names;
use crate::jobs::jetstream::JetStream;
use crate::jobs::setup::find_bucket;
use crate::jobs::store::Store;

/// The buckets of services whose jobs a client has submitted or come back to: no more than it has services.
#[derive(Default)]
pub(in crate::client) struct Stores(Mutex<HashMap<Box<str>, Store>>);

impl Stores {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Store>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// The bucket of a service's jobs.
    pub(crate) async fn job_store(&self, service: &str) -> Result<Store, Error> {
        let jetstream = JetStream::of(self.connection())?;
        let names = Names::new(self.prefix(), service)?;
        if let Some(store) = self.job_stores().lock().get(&*names.bucket) {
            return Ok(store.clone());
        }
        let Some(bucket) = find_bucket(&jetstream, &names).await? else {
            let message = format!(
                "there is no bucket {}, which the first server makes that executes jobs of {service}",
                names.bucket
            );
            return Err(Error::not_executed(ErrorKind::NoResponders, message));
        };
        let store = Store::new(jetstream, bucket);
        self.job_stores().lock().insert(names.bucket.into(), store.clone());
        Ok(store)
    }
}
