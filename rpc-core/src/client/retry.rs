//! When a call is sent again.

use std::time::Duration;

use crate::connection::random::Random;
use crate::connection::{Answer, History};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::ErrorFrame;

/// When a call that failed is sent again, and how long to wait before.
///
/// A second attempt is made by itself only if it is safe: if the handler certainly did not run
/// ([`NotExecuted`](Execution::NotExecuted)), or if the method is marked `#[rpc(idempotent)]`. Two kinds of failure are
/// told apart:
///
/// - The call **reached nobody**: there is no connection, or nobody serves the method at the moment. If the service has
///   answered on this connection before, the call is sent again, with random pauses of a quarter of a second at most,
///   until its deadline or for two seconds: it bridges the restart of a server. A service that never answered fails at
///   once, so that a wrong subject shows at once.
/// - An **attempt failed**: the server was overloaded or is shutting down, or, for an idempotent method, the instance or
///   the connection was lost. The call is sent again up to [`attempts`](Self::attempts) times, with random pauses that
///   double, no sooner than the server asks for. Each service has a budget, of which calls fill a tenth of a retry each:
///   in a bad time retries add no more than a tenth to the load.
///
/// All of it is within the call's deadline. A call that is made in a handler which serves a second attempt makes no second
/// attempts of its own: retries do not multiply.
///
/// ```
/// use std::time::Duration;
/// use nats_rpc::Retry;
///
/// let patient = Retry::new().attempts(5).backoff(Duration::from_millis(100), Duration::from_secs(2));
/// let never = Retry::off();
/// let impatient = Retry::new().hedge_after(Duration::from_millis(50));
/// # let _ = (patient, never, impatient);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    attempts: u8,
    shortest: Duration,
    longest: Duration,
    bridge: Duration,
    hedge_after: Option<Duration>,
}

/// For how long a call is sent again that reached nobody.
const BRIDGE: Duration = Duration::from_secs(2);

/// How long one waits at most until it is sent again, and before the second time.
const LONGEST_BRIDGE_PAUSE: Duration = Duration::from_millis(250);
const SHORTEST_BRIDGE_PAUSE: Duration = Duration::from_millis(10);

impl Default for Retry {
    fn default() -> Self {
        Retry::new()
    }
}

impl Retry {
    /// What holds unless something else is chosen: three attempts, pauses between 20 ms and a second.
    pub const fn new() -> Self {
        Retry {
            attempts: 3,
            shortest: Duration::from_millis(20),
            longest: Duration::from_secs(1),
            bridge: BRIDGE,
            hedge_after: None,
        }
    }

    /// No second attempt of any kind: every failure is returned at once.
    pub const fn off() -> Self {
        Retry { attempts: 1, bridge: Duration::ZERO, ..Retry::new() }
    }

    /// How many attempts are made at most, the first one included; at least one. With one, only what reached nobody is sent
    /// again.
    #[must_use]
    pub const fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The pause before the second attempt, and the longest one: it doubles from attempt to attempt, and the actual pause is
    /// random between nothing and that.
    #[must_use]
    pub const fn backoff(mut self, shortest: Duration, longest: Duration) -> Self {
        self.shortest = shortest;
        self.longest = longest;
        self
    }

    /// Sends a call of an idempotent method a second time if its answer takes longer than this; the first answer counts, and
    /// the other attempt is cancelled. It counts as an attempt, and against the budget. Methods that are not idempotent are
    /// never hedged.
    #[must_use]
    pub const fn hedge_after(mut self, delay: Duration) -> Self {
        self.hedge_after = Some(delay);
        self
    }

    /// The same for a call that opens a stream.
    pub(super) fn without_hedge(self) -> Self {
        Retry { hedge_after: None, ..self }
    }

    /// The same for a call below a call that is a second attempt itself.
    pub(super) fn without_attempts(self) -> Self {
        Retry { attempts: 1, hedge_after: None, ..self }
    }

    /// Whether nothing is sent twice.
    pub(super) fn is_off(&self) -> bool {
        self.attempts == 1 && self.bridge.is_zero()
    }

    /// After how long a second attempt is sent beside the first, if it may be.
    pub(super) fn hedge(&self, idempotent: bool) -> Option<Duration> {
        self.hedge_after.filter(|_| idempotent && self.attempts > 1)
    }

    /// For how long a call is sent again that reached nobody.
    pub(super) fn bridge(&self) -> Duration {
        self.bridge
    }

    /// How long to wait before it is sent again for the so many-th time, counted from 0.
    pub(super) fn bridge_pause(random: &Random, times: u32) -> Duration {
        random.below(doubled(SHORTEST_BRIDGE_PAUSE, times, LONGEST_BRIDGE_PAUSE))
    }

    /// How long to wait before the attempt after this one, counted from 1; `None` if there is to be no other.
    pub(super) fn pause(
        &self,
        failure: Failure,
        attempt: u8,
        random: &Random,
        history: &History,
    ) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        match failure {
            Failure::ReachedNobody | Failure::Final => None,
            Failure::Draining => Some(Duration::ZERO),
            Failure::Attempt(at_least) => history.withdraw().then(|| {
                let times = u32::from(attempt).saturating_sub(1);
                at_least + random.below(doubled(self.shortest, times, self.longest))
            }),
        }
    }
}

fn doubled(shortest: Duration, times: u32, longest: Duration) -> Duration {
    shortest.saturating_mul(1 << times.min(16)).min(longest)
}

/// What an answer means for further attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody got the call, which does not count as an attempt.
    ReachedNobody,
    /// The instance that got it is going away: others are there.
    Draining,
    /// Another attempt may succeed, no sooner than after this.
    Attempt(Duration),
    /// It is a result, or another attempt is not safe, or of no use.
    Final,
}

impl Failure {
    pub(super) fn of(answer: &Answer, idempotent: bool) -> Self {
        match answer {
            Answer::NoResponders => Failure::ReachedNobody,
            Answer::NotSent(error) if error.is_retryable() && error.kind() == ErrorKind::Unavailable => {
                Failure::ReachedNobody
            }
            Answer::Lost(error) if idempotent && error.kind() == ErrorKind::Unavailable => {
                Failure::Attempt(Duration::ZERO)
            }
            Answer::Error(error) => Failure::of_error(error, idempotent),
            _ => Failure::Final,
        }
    }

    fn of_error(error: &ErrorFrame, idempotent: bool) -> Self {
        if error.flags.is_one_of_many() {
            return Failure::Final;
        }
        let at_least = error.retry_after.unwrap_or_default();
        match (ErrorKind::from_code(error.code), error.execution) {
            (ErrorKind::Unavailable, Execution::NotExecuted) if at_least.is_zero() => Failure::Draining,
            (ErrorKind::Unavailable | ErrorKind::Overloaded, Execution::NotExecuted) => {
                Failure::Attempt(at_least)
            }
            (ErrorKind::Unavailable | ErrorKind::Internal, Execution::MaybeExecuted) if idempotent => {
                Failure::Attempt(at_least)
            }
            _ => Failure::Final,
        }
    }
}

/// What may be concluded about the handler from a failed attempt.
pub(super) fn may_have_run(answer: &Answer) -> bool {
    match answer {
        Answer::NoResponders | Answer::Denied(Execution::NotExecuted) => false,
        Answer::NotSent(error) | Answer::Lost(error) => error.execution() != Execution::NotExecuted,
        Answer::Error(error) => error.execution != Execution::NotExecuted,
        _ => true,
    }
}

/// The error of the last attempt, as the caller of all of them gets it.
pub(super) fn after_attempts(error: Error, may_have_run: bool) -> Error {
    if may_have_run && error.execution() == Execution::NotExecuted {
        // An earlier attempt may have been executed, whatever is known of the last one.
        return error.with_execution(Execution::MaybeExecuted);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::Flags;

    fn error(kind: ErrorKind, execution: Execution) -> Answer {
        Answer::Error(Box::new(ErrorFrame {
            code: kind.code(),
            execution,
            flags: Flags::default(),
            message: "".into(),
            handler_time: Duration::ZERO,
            retry_after: None,
            body: None,
            instance: None,
            is_across_accounts: false,
        }))
    }

    #[test]
    fn only_what_is_safe_and_may_help_is_sent_again() {
        use ErrorKind::{DeadlineExceeded, Internal, InvalidArgument, Overloaded, Unavailable};
        use Execution::{Executed, MaybeExecuted, NotExecuted};
        let attempt = Failure::Attempt(Duration::ZERO);
        for (kind, execution, once, idempotent) in [
            (Overloaded, NotExecuted, attempt, attempt),
            (Unavailable, NotExecuted, Failure::Draining, Failure::Draining),
            (Unavailable, MaybeExecuted, Failure::Final, attempt),
            (Internal, MaybeExecuted, Failure::Final, attempt),
            (Internal, Executed, Failure::Final, Failure::Final),
            (InvalidArgument, NotExecuted, Failure::Final, Failure::Final),
            (DeadlineExceeded, MaybeExecuted, Failure::Final, Failure::Final),
        ] {
            let answer = error(kind, execution);
            assert_eq!(Failure::of(&answer, false), once, "{kind}, {execution}");
            assert_eq!(Failure::of(&answer, true), idempotent, "{kind}, {execution}, idempotent");
        }
        let lost = Answer::Lost(Error::new(Unavailable, ""));
        assert_eq!((Failure::of(&lost, false), Failure::of(&lost, true)), (Failure::Final, attempt));
        let closed = Answer::NotSent(Error::not_executed(Unavailable, "").for_good());
        assert_eq!(Failure::of(&closed, true), Failure::Final);
    }

    #[test]
    fn attempts_end_and_the_budget_does_too() {
        let (random, history) = (Random::system(), History::default());
        let retry = Retry::new().backoff(Duration::from_millis(10), Duration::from_millis(15));
        let attempt = Failure::Attempt(Duration::from_millis(100));
        let longest = |attempt_number| {
            (0..50).filter_map(|_| retry.pause(attempt, attempt_number, &random, &History::default())).max()
        };
        assert!(longest(1).is_some_and(|pause| pause <= Duration::from_millis(110)));
        assert!(longest(2).is_some_and(|pause| pause <= Duration::from_millis(115)));
        assert_eq!(longest(3), None, "three attempts are all");
        while retry.pause(attempt, 1, &random, &history).is_some() {}
        assert_eq!(retry.pause(Failure::Draining, 1, &random, &history), Some(Duration::ZERO));
        (0..10).for_each(|_| history.deposit());
        assert!(retry.pause(attempt, 1, &random, &history).is_some(), "ten calls pay for one retry");
        assert_eq!(retry.pause(attempt, 1, &random, &history), None);
        assert_eq!(Retry::off().pause(Failure::Draining, 1, &random, &history), None);
    }
}
