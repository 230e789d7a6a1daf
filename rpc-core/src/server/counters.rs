//! What a server has done, and what it dropped on purpose.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    (
        methods: { $($(#[doc = $method_doc:literal])+ $method:ident,)+ }
        server: { $($(#[doc = $doc:literal])+ $name:ident,)+ }
    ) => {
        /// What has happened on a server since it started; see [`Server::counters`](crate::Server::counters).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct ServerCounters {
            $($(#[doc = $method_doc])+ pub $method: u64,)+
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        /// What is counted for each method, without a lock.
        #[derive(Debug, Default)]
        pub(super) struct MethodCounters {
            $(pub(super) $method: Counter,)+
        }

        /// What is counted for the server as a whole.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)+
        }

        impl Counters {
            /// All counters, those of the methods as their sums.
            pub(super) fn snapshot<'a>(
                &self,
                methods: impl Iterator<Item = &'a MethodCounters>,
            ) -> ServerCounters {
                let own = ServerCounters { $($name: self.$name.get(),)+ ..ServerCounters::default() };
                methods.fold(own, |sum, method| ServerCounters {
                    $($method: sum.$method + method.$method.get(),)+
                    ..sum
                })
            }
        }
    };
}

counters! {
    methods: {
        /// Calls that came, and messages that were refused as a whole.
        received,
        /// Those that were answered with an error, of whatever kind.
        failed,
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
        /// Calls that a layer did not let pass to their handlers.
        refused,
        /// Messages and arguments that were refused because they could not be read.
        malformed,
    }
    server: {
        /// Control messages that could not be read.
        control_malformed,
        /// Messages that were dropped because their reply subject is not allowed.
        reply_refused,
        /// Calls and questions that were dropped because they had no reply subject.
        reply_missing,
        /// Replies that could not be handed to the connection.
        reply_lost,
    }
}

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Counts one; returns how many there were before.
    pub(super) fn add(&self) -> u64 {
        self.add_many(1)
    }

    /// Counts several; returns how many there were before.
    pub(super) fn add_many(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed)
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
