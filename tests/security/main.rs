//! What docs/security.md says: the permissions that it prints, and the attacks that they refuse; credentials and TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod addressed;
mod bed;
mod connecting;
mod control;
mod discovering;
mod document;
mod expiry;
mod forging;
mod jobs;
mod keys;
mod leaks;
mod listening;
mod methods;
mod neighbours;
mod reflection;
mod regions;
mod secrets;
mod streams;
mod tls;

/// Makes four tests of each case: with both lists of permissions that the document prints, on both versions of nats-server.
macro_rules! on_every_template {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use tests::Version::{Current, Oldest};

            use crate::bed::Estate;

            #[tokio::test]
            async fn on_nats_server() {
                super::$case(Estate::plain(Current)).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(Estate::plain(Oldest)).await;
            }

            #[tokio::test]
            async fn with_a_prefix() {
                super::$case(Estate::staging(Current)).await;
            }

            #[tokio::test]
            async fn with_a_prefix_on_the_oldest_nats_server() {
                super::$case(Estate::staging(Oldest)).await;
            }
        })+
    };
}
use on_every_template;
