//! When a call must be over: the only clock arithmetic of the project.

use std::num::NonZero;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};
use tokio::time::Instant;

/// The longest budget that a call can have; longer ones are cut to it.
pub(crate) const MAX_BUDGET: Duration = Duration::from_secs(3600);

/// How far away a deadline is that does not come: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// How far the clocks of client and server may differ before an absolute expiry is believed.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_millis(500);

/// Date and time with milliseconds. Of what ISO 8601 allows, this is what RFC 3339 does as well.
const MILLISECONDS: EncodedConfig =
    Config::DEFAULT.set_time_precision(TimePrecision::Second { decimal_digits: NonZero::new(3) }).encode();

/// The moment by which a call must be resolved, on this process' monotonic clock.
///
/// ```
/// use std::time::Duration;
///
/// let deadline = nats_rpc::Deadline::after(Duration::from_secs(2));
/// assert!(!deadline.is_expired());
/// assert!(deadline.remaining() <= Duration::from_secs(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline of a call that starts now with this budget, which is cut to an hour.
    pub fn after(budget: Duration) -> Self {
        Deadline::of(Instant::now(), budget)
    }

    /// The time left, zero if it has passed.
    pub fn remaining(self) -> Duration {
        self.since(Instant::now())
    }

    /// Whether it has passed.
    pub fn is_expired(self) -> bool {
        self.0 <= Instant::now()
    }

    /// The moment itself, for timers.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// The deadline of a call that started at this moment.
    pub(crate) fn of(start: Instant, budget: Duration) -> Self {
        Deadline(start + budget.min(MAX_BUDGET))
    }

    /// One that does not come: the clock cannot tell of a later one for sure.
    pub(crate) fn never() -> Self {
        Deadline(Instant::now() + NEVER)
    }

    /// Whether it had passed at a moment.
    pub(crate) fn was_expired(self, moment: Instant) -> bool {
        self.0 <= moment
    }

    /// The time from a moment until the deadline, zero if it had passed.
    pub(crate) fn since(self, moment: Instant) -> Duration {
        self.0.saturating_duration_since(moment)
    }
}

/// The wall clock of a connection, in milliseconds since the Unix epoch.
///
/// On a broker in this process it goes as tokio's clock goes, which a test can stop, and a simulation gives each
/// connection a skew of its own. Everywhere else it is the system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WallClock {
    /// What it said at a moment, if it is not the system's.
    start: Option<(Instant, u64)>,
    skew_ms: i64,
}

impl WallClock {
    /// A clock that goes as tokio's does, and is right now.
    pub(crate) fn of_tokio() -> Self {
        WallClock::of_tokio_at(WallClock::default().unix_ms())
    }

    /// A clock that goes as tokio's does, and says this now.
    pub(crate) fn of_tokio_at(unix_ms: u64) -> Self {
        WallClock { start: Some((Instant::now(), unix_ms)), skew_ms: 0 }
    }

    /// A clock that is ahead of this one by so many milliseconds, or behind it.
    pub(crate) fn skewed(self, skew_ms: i64) -> Self {
        WallClock { skew_ms: self.skew_ms.saturating_add(skew_ms), ..self }
    }

    /// The date and the time now, in UTC, after RFC 3339; with three decimal digits even if they are zeros, since there are readers that
    /// expect a fraction.
    pub(crate) fn rfc3339(self) -> String {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_millis(self.unix_ms());
        // It fails in no year of four digits.
        now.format(&Iso8601::<MILLISECONDS>).unwrap_or_default()
    }

    /// The time now.
    pub(crate) fn unix_ms(self) -> u64 {
        let now = match self.start {
            Some((start, unix_ms)) => unix_ms.saturating_add(whole_ms(start.elapsed())),
            None => whole_ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        };
        now.saturating_add_signed(self.skew_ms)
    }
}

/// Whole milliseconds of a duration, as the wire carries them.
pub(crate) fn as_wire_ms(duration: Duration) -> u32 {
    u32::try_from(whole_ms(duration)).unwrap_or(u32::MAX)
}

/// A budget as the wire carries it: never less than it is, or a server would find a call expired that is not.
pub(crate) fn budget_as_wire_ms(budget: Duration) -> u32 {
    as_wire_ms(budget.saturating_add(Duration::from_nanos(999_999))).max(1)
}

/// Whole microseconds of a duration, as the wire carries them.
pub(crate) fn as_wire_us(duration: Duration) -> u32 {
    let micros =
        duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()));
    u32::try_from(micros).unwrap_or(u32::MAX)
}

/// In 64 bits, which the standard library's own conversion does not trust to be enough.
fn whole_ms(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(u64::from(duration.subsec_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_cut_to_an_hour_and_runs_out() {
        let deadline = Deadline::after(Duration::MAX);
        assert_eq!(deadline.remaining(), MAX_BUDGET);
        tokio::time::advance(MAX_BUDGET).await;
        assert!(deadline.is_expired());
        assert_eq!(deadline.remaining(), Duration::ZERO);
    }

    #[test]
    fn a_skewed_clock_is_off_by_its_skew() {
        let system = WallClock::default().unix_ms();
        let behind = WallClock::default().skewed(-60_000).unix_ms();
        assert!((59_000..=60_000).contains(&(system - behind)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_date_has_milliseconds_in_every_one_of_them() {
        let date = |unix_ms| WallClock::of_tokio_at(unix_ms).rfc3339();
        assert_eq!(date(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date(951_782_400_120), "2000-02-29T00:00:00.120Z");
        assert_eq!(date(1_800_000_000_007), "2027-01-15T08:00:00.007Z");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_of_tokio_stands_still_with_it() {
        let clock = WallClock::of_tokio_at(1_000_000);
        let ahead = clock.skewed(60_000);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!((clock.unix_ms(), ahead.unix_ms()), (1_000_000, 1_060_000));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!((clock.unix_ms(), ahead.unix_ms()), (1_000_250, 1_060_250));
        let difference = WallClock::of_tokio().unix_ms().abs_diff(WallClock::default().unix_ms());
        assert!(difference < 1000, "it begins as the system's: {difference}");
    }
}
