//! What a server has done, and what it dropped on purpose.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// What has happened on a server since it started; see [`Server::counters`](crate::Server::counters).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct ServerCounters {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        /// The counters themselves, without a lock.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)+
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> ServerCounters {
                ServerCounters { $($name: self.$name.get(),)+ }
            }
        }
    };
}

counters! {
    /// Calls whose handler was started.
    started,
    /// Calls that were refused with `Overloaded`.
    overloaded,
    /// Calls that had expired before their handler could start.
    expired,
    /// Calls whose deadline passed while their handler ran.
    timed_out,
    /// Calls that their caller has cancelled, or whose caller has gone away.
    cancelled,
    /// Calls that waited for a place when the server was shut down, and were sent elsewhere with `Unavailable`.
    turned_away,
    /// Handlers that panicked.
    panicked,
    /// Messages and arguments that were refused because they could not be read.
    malformed,
    /// Messages that were dropped because their reply subject is not allowed.
    reply_refused,
    /// Calls that were dropped because they had no reply subject.
    reply_missing,
    /// Replies that could not be handed to the connection.
    reply_lost,
}

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Counts one; returns how many there were before.
    pub(super) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts several.
    pub(super) fn add_many(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
