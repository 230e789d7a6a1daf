//! How a server executes jobs, and how long they are kept.

use std::time::Duration;

/// How a server executes the jobs of its durable methods; see [`ServerBuilder::jobs`](crate::ServerBuilder::jobs).
///
/// What concerns the streams, the consumers and the bucket counts when they are created, by the first server that starts; later it is
/// theirs, and changed with NATS tools. Workers that run learn of another `ack_wait` when they start again.
///
/// ```
/// use std::time::Duration;
/// use nats_rpc::jobs::JobSettings;
///
/// let settings = JobSettings::new().concurrency(4).attempts(10).backoff(Duration::from_secs(5), Duration::from_secs(600));
/// # let _ = settings;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    pub(crate) concurrency: usize,
    pub(crate) attempts: u32,
    pub(crate) shortest: Duration,
    pub(crate) longest: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) ack_wait: Duration,
    pub(crate) keep: Duration,
    pub(crate) replicas: usize,
}

impl JobSettings {
    /// Sixteen jobs of each method at a time, five attempts with pauses from one second to a minute, an hour for each attempt, a worker is
    /// taken for dead after 30 s, results are kept for seven days, one replica.
    pub const fn new() -> Self {
        JobSettings {
            concurrency: 16,
            attempts: 5,
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            timeout: Some(Duration::from_secs(3600)),
            ack_wait: Duration::from_secs(30),
            keep: Duration::from_secs(7 * 24 * 3600),
            replicas: 1,
        }
    }

    /// How many jobs of each durable method this instance executes at a time; at least 1, and no more than the server and the method
    /// [may](crate::ServerBuilder::max_in_flight) run handlers. It asks for a job when there is a place for its handler, and not before, so that
    /// they are spread over the instances.
    #[must_use]
    pub const fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = if jobs == 0 { 1 } else { jobs };
        self
    }

    /// How often a job is begun before it counts as failed; at least once.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The pause after the first attempt, which doubles with each further one, and the longest.
    #[must_use]
    pub const fn backoff(mut self, shortest: Duration, longest: Duration) -> Self {
        self.shortest = shortest;
        self.longest = longest;
        self
    }

    /// How long one attempt may take; an hour at most.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// An attempt may take as long as it likes: as long as its worker lives, nobody else begins the job.
    #[must_use]
    pub const fn without_timeout(mut self) -> Self {
        self.timeout = None;
        self
    }

    /// How long nothing may be heard of a worker that has a job, before the job is given to another; at least a second. It counts when
    /// the first server makes the consumer of the method. A worker says three times as often that it is there. When it cannot, since its connection is lost for longer than this, another one executes the job as well.
    #[must_use]
    pub const fn ack_wait(mut self, wait: Duration) -> Self {
        self.ack_wait = wait;
        self
    }

    /// How long the status and the result of a job are kept after their last change, and so how long its key is not used for another one. A job
    /// that waits for longer is executed all the same.
    #[must_use]
    pub const fn keep(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }

    /// On how many servers of a NATS cluster everything is stored: 1, 3 or 5.
    #[must_use]
    pub const fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// How long to wait after so many attempts.
    pub(crate) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1).min(31)).unwrap_or(u32::MAX);
        self.shortest.saturating_mul(doubled).min(self.longest.max(self.shortest))
    }

    /// How often a worker says that it is there.
    pub(crate) fn heartbeat(ack_wait: Duration) -> Duration {
        (ack_wait / 3).max(Duration::from_millis(100))
    }
}

impl Default for JobSettings {
    fn default() -> Self {
        JobSettings::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let settings = JobSettings::new().backoff(Duration::from_secs(1), Duration::from_secs(5));
        let pauses = [1, 2, 3, 4, 40, u32::MAX].map(|attempts| settings.pause(attempts).as_secs());
        assert_eq!(pauses, [1, 2, 4, 5, 5, 5]);
    }
}
