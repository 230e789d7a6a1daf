//! Jobs: calls that JetStream keeps until they have been executed.
//!
//! A method that is marked `#[rpc(durable)]` can be called as any other, and [submitted](crate::Call::submit): then the call is stored by JetStream, whose acknowledgement is the
//! receipt, and executed later by one of the instances. What has become of it is kept in a key-value bucket, where the [`Job`] reads it: in the same process, or by its id in another.
//!
//! # What is promised
//!
//! A job with a receipt is executed **at least once**, and ends with a result or among the [dead letters](DeadLetters), whatever restarts meanwhile. Not exactly once: a worker can die after its work and before that is stored,
//! and then another one does the work again. A handler whose work must not be done twice writes down [`Context::job_id`](crate::Context::job_id), which is the same in all attempts, where it does the work.
//!
//! A submission without a receipt may have been stored; its error tells ([`Execution`](crate::Execution)). With a [key](Submission::key), it can be made again: all submissions with one key are one job, as long as its status is
//! [kept](JobSettings::keep).
//!
//! As long as a worker lives and reaches JetStream, its job is given to nobody else, however long it takes. A worker that has died or is cut off loses it after the
//! [acknowledgement time](JobSettings::ack_wait).
//!
//! # Attempts
//!
//! | the handler | what follows |
//! |---|---|
//! | returns a value | the job is done |
//! | returns the service's own error | the job has failed with it: that is its result |
//! | has asked for another attempt ([`Context::retry_job`](crate::Context::retry_job)), whatever it returns | another attempt; in the last one, what it returns counts |
//! | panics, or runs out of [time](JobSettings::timeout) | another attempt |
//! | fails with an error that may pass: overloaded, unavailable, internal … | another attempt |
//! | fails with one that does not: arguments that do not decode, a refusal of a layer, a result that is too large … | the dead letters |
//! | dies with its process | another attempt, after the acknowledgement time |
//! | is aborted by the end of its server | it begins elsewhere, at once, and that costs no attempt |
//! | is cancelled | the job is cancelled |
//!
//! After the last attempt, it goes to the dead letters, with the reason. A handler that is marked `#[rpc(no_cancel)]` has no time limit, and is not dropped when its job is cancelled.
//!
//! # Where it is kept
//!
//! A server makes what it needs when it starts, and checks what is there: the streams `RPC_JOBS_<service>` and `RPC_DEAD_<service>`, a consumer for each durable method, and the bucket `rpc_jobs_<service>`, behind the prefix of the
//! deployment if there is one. A server without JetStream has to be told so: [`ServerBuilder::without_jobs`](crate::ServerBuilder::without_jobs). On a [`memory::Broker`](crate::memory::Broker), durable methods can be called and not submitted. Arguments, and a result in base64, have to fit into one message of the NATS server
//! each, with 2 KiB to spare.
//!
//! Other programs submit jobs by publishing plain JSON to `<subject>._job.<method>`, and read their status as JSON from the bucket; `docs/protocol.md` has the details.

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
