//! Calls that are submitted, and what becomes of them.

mod changes;
mod dead_letters;
mod job;
mod open;
mod store;
mod submission;
mod submit;

pub use self::dead_letters::{DeadLetter, DeadLetters};
pub use self::job::{Job, JobStatus};
pub use self::open::ReadAs;
pub(super) use self::store::Stores;
pub use self::submission::Submission;
pub(super) use self::submit::{Order, submit};
