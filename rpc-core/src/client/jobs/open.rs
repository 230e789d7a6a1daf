//! How the result of a job is read, by its types alone.

use std::convert::Infallible;

use serde::de::DeserializeOwned;

use crate::client::returns::Returns;

/// Types of a result and of an error that can be read: what [`Job::open`](super::Job::open) needs to know. `M` tells the methods that
/// cannot fail from the others, and is always found by the compiler.
#[diagnostic::on_unimplemented(
    message = "what a job returns is not known, or cannot be read",
    label = "say what its method returns, as in `Job::<u64, MyError>::open`",
    note = "the error is `std::convert::Infallible` if the method does not return a `Result`; for bytes there is `open_bytes`"
)]
pub trait ReadAs<M>: Sized {
    /// The type of the result.
    type Value;
    /// The type of the error.
    type Error;
    /// How they are read.
    fn returns() -> Returns<Self::Value, Self::Error>;
}

/// A method that cannot fail.
#[derive(Debug)]
pub enum CannotFail {}

/// A method that returns a `Result`.
#[derive(Debug)]
pub enum CanFail {}

impl<T: DeserializeOwned> ReadAs<CannotFail> for (T, Infallible) {
    type Value = T;
    type Error = Infallible;

    fn returns() -> Returns<T, Infallible> {
        Returns::infallible()
    }
}

impl<T: DeserializeOwned, E: DeserializeOwned> ReadAs<CanFail> for (T, E) {
    type Value = T;
    type Error = E;

    fn returns() -> Returns<T, E> {
        Returns::fallible()
    }
}
