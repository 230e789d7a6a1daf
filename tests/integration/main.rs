//! Calls from end to end, on a real nats-server: what a caller sees, and what ran.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod accounts;
mod addressed;
mod around;
mod bed;
mod busy_shutdown;
mod by_hand;
mod by_message;
mod caller;
mod callers;
mod calls;
mod cancelled_calls;
mod checks;
mod client_layer_failures;
mod client_layers;
mod coalescing;
mod compatibility;
mod deadlines;
mod delivery;
mod discovery;
mod dropped_calls;
mod events;
mod fairness;
mod foreign;
mod foreign_replies;
mod foreign_services;
mod full_connection;
mod gather;
mod hedging;
mod hostile_input;
mod import_by_hand;
mod jobs;
mod lab;
mod long_calls;
mod losses;
mod mappings;
mod monitor;
mod moves;
mod oneway;
mod other_clients;
mod outages;
mod overload;
mod pace;
mod peer;
mod permissions;
mod plain;
mod plain_clients;
mod published_contracts;
mod replies;
mod restarts_in_shutdown;
mod retries;
mod runtimes;
mod scale;
mod server_layer_failures;
mod server_layers;
mod shared_messages;
mod shutdown;
mod streams;
mod signals;
mod sizes;
mod statistics;
mod stream_openings;
mod subject_parameters;
mod subjects;
mod unanswered;
mod unreachable;
mod unsent;
mod wire;
mod wires;

/// Makes three tests of each case: on both versions of nats-server, and on the broker in this process.
macro_rules! on_every_broker {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_memory() {
                super::$case(crate::bed::Bed::memory()).await;
            }

            #[tokio::test]
            async fn on_nats_server() {
                super::$case(crate::bed::Bed::nats()).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(crate::bed::Bed::oldest_nats()).await;
            }
        })+
    };
}
use on_every_broker;

/// Makes two tests of each case, which starts a nats-server itself.
macro_rules! on_both_versions {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_nats_server() {
                super::$case(tests::Version::Current).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(tests::Version::Oldest).await;
            }
        })+
    };
}
use on_both_versions;
