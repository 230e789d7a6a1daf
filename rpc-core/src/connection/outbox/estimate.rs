//! What the replies from a destination have taught: how long its handlers work, how long a round trip takes.

use std::time::Duration;

use super::batch::MAX_FRAMES;

/// How much work one message may bring to the instance that gets it. More would be spread less well over the instances
/// than messages of one call each.
const WORK: Duration = Duration::from_micros(500);

/// One reply counts for no more than this: a process that lost its processor for a moment is not a heavy handler.
const LONGEST: Duration = Duration::from_millis(2);

/// How much one reply, and one round trip, weighs in a mean.
const HANDLER_WEIGHT: u32 = 16;
const ROUND_TRIP_WEIGHT: u32 = 8;

/// The shortest and the longest time that a message waits to be filled. Timers are no finer than a millisecond, which may
/// come on top. Round trips of seconds are queues, not networks: waiting does not make those shorter.
const SHORTEST_HOLD: Duration = Duration::from_millis(1);
const LONGEST_HOLD: Duration = Duration::from_millis(250);

/// Smoothed measurements.
#[derive(Debug, Default)]
pub(in crate::connection) struct Estimate {
    /// The mean time of a handler.
    handler: Duration,
    /// How many replies it is made of, as far as that matters.
    replies: usize,
    round_trip: Option<Duration>,
}

impl Estimate {
    /// Notes how long the handlers took whose replies came in one message.
    pub(in crate::connection) fn handlers(&mut self, times: HandlerTimes) {
        let Some(mean) = times.total.checked_div(times.replies) else { return };
        self.handler = if self.replies == 0 {
            mean
        } else {
            smoothed(self.handler, mean, times.replies.min(HANDLER_WEIGHT), HANDLER_WEIGHT)
        };
        let replies = usize::try_from(times.replies).unwrap_or(MAX_FRAMES);
        self.replies = MAX_FRAMES.min(self.replies.saturating_add(replies));
    }

    /// Notes how long the first answer to a message took.
    pub(in crate::connection) fn round_trip(&mut self, time: Duration) {
        let smoothed = self.round_trip.map(|mean| smoothed(mean, time, 1, ROUND_TRIP_WEIGHT));
        self.round_trip = Some(smoothed.unwrap_or(time));
    }

    /// How many calls a message may carry: one until a handler has been measured, and never more than the measurement
    /// is made of, so that a first quick reply proves little.
    pub(super) fn calls_per_message(&self) -> usize {
        let handler = self.handler.as_nanos().max(1);
        let by_work = usize::try_from(WORK.as_nanos() / handler).unwrap_or(usize::MAX);
        by_work.min(self.replies).max(1)
    }

    /// How long a message that is not full may wait.
    pub(super) fn hold(&self) -> Duration {
        let two_round_trips = 2 * self.round_trip.unwrap_or_default();
        two_round_trips.clamp(SHORTEST_HOLD, LONGEST_HOLD)
    }
}

/// The mean moved towards a new value by a share of their difference.
fn smoothed(mean: Duration, value: Duration, share: u32, of: u32) -> Duration {
    if value > mean { mean + (value - mean) * share / of } else { mean - (mean - value) * share / of }
}

/// How long handlers took, as replies say that came in one message.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::connection) struct HandlerTimes {
    total: Duration,
    replies: u32,
}

impl HandlerTimes {
    /// Adds the time of one handler.
    pub(in crate::connection) fn add(&mut self, time: Duration) {
        self.total += time.min(LONGEST);
        self.replies += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(micros: u64, replies: usize) -> Estimate {
        let mut estimate = Estimate::default();
        (0..replies).for_each(|_| hear(&mut estimate, micros, 1));
        estimate
    }

    /// Replies of one message.
    fn hear(estimate: &mut Estimate, micros: u64, replies: usize) {
        let mut times = HandlerTimes::default();
        (0..replies).for_each(|_| times.add(Duration::from_micros(micros)));
        estimate.handlers(times);
    }

    #[test]
    fn a_message_brings_half_a_millisecond_of_work() {
        assert_eq!(Estimate::default().calls_per_message(), 1);
        assert_eq!(measured(0, 1).calls_per_message(), 1);
        assert_eq!(measured(0, 10).calls_per_message(), 10, "trust grows with what is known");
        assert_eq!(measured(0, 10_000).calls_per_message(), 512);
        assert_eq!(measured(100, 100).calls_per_message(), 5);
        assert_eq!(measured(20_000, 100).calls_per_message(), 1);
    }

    #[test]
    fn a_handler_that_turns_heavy_is_noticed_soon_and_one_pause_is_forgiven() {
        let mut estimate = measured(1, 1000);
        hear(&mut estimate, 20_000, 1);
        assert!(estimate.calls_per_message() > 1);
        hear(&mut estimate, 20_000, 20);
        assert_eq!(estimate.calls_per_message(), 1, "one message of them is enough");
        hear(&mut estimate, 1, 512);
        assert!(estimate.calls_per_message() > 100, "and one back");
    }

    #[test]
    fn nothing_is_held_longer_than_a_millisecond_or_two_round_trips() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.hold(), Duration::from_millis(1));
        estimate.round_trip(Duration::from_millis(10));
        assert_eq!(estimate.hold(), Duration::from_millis(20));
        (0..100).for_each(|_| estimate.round_trip(Duration::from_micros(100)));
        assert_eq!(estimate.hold(), Duration::from_millis(1));
    }
}
