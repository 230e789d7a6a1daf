//! What goes wrong with messages on their way.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What goes wrong with messages between connections and a broker: nothing, unless it is said here.
///
/// ```
/// use std::time::Duration;
/// use nats_rpc::memory::Faults;
///
/// let faults = Faults::none().drop(0.01).duplicate(0.01).delay(Duration::ZERO..=Duration::from_millis(20));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Faults {
    pub(super) drop: f64,
    pub(super) duplicate: f64,
    pub(super) delay: RangeInclusive<Duration>,
}

impl Faults {
    /// A network that loses nothing and takes no time.
    pub fn none() -> Self {
        Faults { drop: 0.0, duplicate: 0.0, delay: Duration::ZERO..=Duration::ZERO }
    }

    /// How likely a message is lost on its way from the broker to one who gets it, from 0 to 1: as one that a
    /// subscription has no room for.
    pub fn drop(mut self, probability: f64) -> Self {
        self.drop = probability;
        self
    }

    /// How likely a message to an inbox or to a control subject comes twice, from 0 to 1. Calls are not duplicated: NATS
    /// sends each once, if at all.
    pub fn duplicate(mut self, probability: f64) -> Self {
        self.duplicate = probability;
        self
    }

    /// How long a message takes from a connection to the broker, and again from there to a connection: each time
    /// something within these bounds. A message never overtakes another one on the same connection.
    pub fn delay(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.delay = delay;
        self
    }
}

impl Default for Faults {
    fn default() -> Self {
        Faults::none()
    }
}
