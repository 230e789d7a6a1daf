//! The layers of a client: what its calls pass through before they are sent.

mod innermost;
mod passage;
mod progress;
mod request;
mod response;
mod service;

pub(super) use self::passage::{Passage, Passed};
use self::progress::Progress;
pub use self::request::ClientRequest;
pub use self::response::ClientResponse;
pub use self::service::ClientService;
