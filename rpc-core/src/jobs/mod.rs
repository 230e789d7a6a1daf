//! Jobs: calls that JetStream keeps until they have been executed.

mod id;
pub(crate) mod jetstream;
mod names;
pub(crate) mod record;
mod settings;
pub(crate) mod setup;
pub(crate) mod store;

pub use self::id::JobId;
pub(crate) use self::names::{Names, header};
pub use self::settings::JobSettings;
pub use crate::client::jobs::{DeadLetter, DeadLetters, Job, JobStatus, ReadAs, Submission};
