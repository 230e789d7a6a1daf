//! What every broker does: one suite that runs on `memory::Broker` and on both versions of `nats-server`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod bed;
mod delivery;
mod limits;
mod mappings;
mod no_responders;
mod queue_groups;
mod subjects;

/// Makes a test of each case for each broker.
macro_rules! on_every_broker {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_memory() {
                super::$case(crate::bed::Bed::memory()).await;
            }

            #[tokio::test]
            async fn on_memory_over_a_network() {
                super::$case(crate::bed::Bed::memory_over_a_network()).await;
            }

            #[tokio::test]
            async fn on_nats_server() {
                super::$case(crate::bed::Bed::nats(tests::Version::Current)).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(crate::bed::Bed::nats(tests::Version::Oldest)).await;
            }
        })+
    };
}
use on_every_broker;
