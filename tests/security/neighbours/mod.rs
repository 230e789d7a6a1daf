//! Callers and services that do harm to nobody but themselves: each attacks with a user or an
//! account of its own, beside honest callers who notice nothing.

mod accounts;
mod bed;
mod credit;
mod listed;
mod places;
mod raw;
mod services;
mod silence;
mod streams;

/// Makes two tests of each case: on both versions of nats-server.
macro_rules! on_both_versions {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_nats_server() {
                super::$case(tests::Version::Current).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_the_oldest_nats_server() {
                super::$case(tests::Version::Oldest).await;
            }
        })+
    };
}
use on_both_versions;
