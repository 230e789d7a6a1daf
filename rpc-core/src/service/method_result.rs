//! What a fallible method returns, by whatever alias of `Result`.

/// The value and the error of a method that returns a `Result`, whatever alias it is written with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is called a `Result`, but is not `std::result::Result` or an alias of it",
    note = "a method whose return type ends in `Result` is taken to return its service's own error: give your type another name"
)]
pub trait MethodResult {
    /// What it succeeds with.
    type Ok;
    /// What it fails with.
    type Err;
    /// The `Result` itself.
    ///
    /// # Errors
    /// Those that it holds.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> MethodResult for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Self {
        self
    }
}
