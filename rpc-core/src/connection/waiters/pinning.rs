//! Destinations that calls have chosen: they come and go with the calls.

use super::{Place, Waiters};
use crate::connection::outbox::{self, DestinationId};

impl Waiters {
    /// The destination of calls that have chosen a subject. There is no end of subjects: those are forgotten first that no call
    /// is at any more, if there are many.
    pub(in crate::connection) fn pin(&mut self, place: outbox::Place) -> DestinationId {
        if self.destinations.has_too_many() {
            self.forget_unused_destinations();
        }
        self.destinations.pin(place)
    }

    fn forget_unused_destinations(&mut self) {
        let of_calls = self.calls.values().filter_map(|waiter| match waiter.place {
            Place::Waiting(destination) | Place::Plain(destination) => Some(destination),
            Place::Out(_) => None,
        });
        let used = of_calls.chain(self.slots.out().map(|(_, sent)| sent.destination)).collect();
        self.destinations.forget_unused(&used);
    }
}
