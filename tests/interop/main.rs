//! Programs that do not know this library: they find and call its services, and it calls theirs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod bed;
mod framed_client;
mod golden;
mod javascript;
mod nats_py;
mod patterns;
mod their_clients;
mod their_services;

/// Makes a test of each case for each language.
macro_rules! in_every_language {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn in_python() {
                super::$case(crate::bed::Language::Python).await;
            }

            #[tokio::test]
            async fn in_javascript() {
                super::$case(crate::bed::Language::JavaScript).await;
            }
        })+
    };
}
use in_every_language;
