//! The jobs that fault tests submit: each of their executions is written down before anything else happens.

use std::time::Duration;

use nats_rpc::jobs::JobSettings;

use crate::work::Worker;

/// How long a worker of jobs may be silent before it is taken for dead.
pub const ACK_WAIT: Duration = Duration::from_secs(2);

/// How often a job is begun at most.
pub const ATTEMPTS: u32 = 3;

/// Jobs that differ in how they end. Each returns the id that it was submitted with.
#[nats_rpc::service]
pub trait Chores {
    /// Takes no time.
    #[rpc(durable)]
    async fn quick(&self, id: u64) -> u64;
    /// Takes so many milliseconds.
    #[rpc(durable)]
    async fn long(&self, id: u64, ms: u64) -> u64;
    /// Panics after so many milliseconds, each time.
    #[rpc(durable)]
    async fn panic(&self, id: u64, ms: u64) -> u64;
    /// Ends the process of its worker at once, each time.
    #[rpc(durable)]
    async fn abort(&self, id: u64) -> u64;
}

/// How fault tests have jobs executed: a loss is noticed soon, and another attempt follows soon.
pub fn job_settings() -> JobSettings {
    JobSettings::new()
        .ack_wait(ACK_WAIT)
        .attempts(ATTEMPTS)
        .backoff(Duration::from_millis(50), Duration::from_millis(200))
}

impl Chores for Worker {
    async fn quick(&self, id: u64) -> u64 {
        self.work(id, Duration::ZERO).await
    }

    async fn long(&self, id: u64, ms: u64) -> u64 {
        self.work(id, Duration::from_millis(ms)).await
    }

    async fn panic(&self, id: u64, ms: u64) -> u64 {
        self.work(id, Duration::from_millis(ms)).await;
        panic!("job {id} is poison")
    }

    async fn abort(&self, id: u64) -> u64 {
        self.work(id, Duration::ZERO).await;
        std::process::abort()
    }
}
