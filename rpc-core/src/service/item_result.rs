//! What the items of a stream are whose opening can fail, as they can.

/// An item of a stream that fails with `E`, whether while it is opened or later: a caller knows one error for both.
#[diagnostic::on_unimplemented(
    message = "the stream cannot be opened with `{E}`, and its items are `{Self}`",
    label = "the error of an item must be `{E}`, like that of opening the stream",
    note = "a caller knows one error of a method: let both be one type, such as an enum"
)]
pub trait ItemResult<E> {
    /// What it succeeds with.
    type Ok;
}

impl<T, E> ItemResult<E> for Result<T, E> {
    type Ok = T;
}
