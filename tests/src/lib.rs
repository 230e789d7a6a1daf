//! The test bed: a real `nats-server` for each test that wants one, and clients in other languages.
//!
//! ```no_run
//! let server = tests::NatsServer::start();
//! println!("listening on {}", server.url());
//! // Stopped when it goes out of scope.
//! ```
//!
//! What a test needs and the machine does not have is installed into cargo's target directory, once. A test
//! never skips: what cannot be had ends it, with the lines that install it by hand.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken precondition has to end the test, loudly and at once"
)]

mod binary;
mod cluster;
mod feeds;
mod install;
mod instance;
mod jobs;
mod ledger;
mod node;
mod port;
mod process;
mod program;
mod proxy;
mod python;
mod schemas;
mod server;
mod work;

pub use binary::Version;
pub use cluster::Cluster;
pub use feeds::{BLOCK, Feeder, Feeds, FeedsClient, FeedsServer, Lag, block};
pub use instance::Instance;
pub use jobs::{ACK_WAIT, ATTEMPTS, Chores, ChoresClient, ChoresServer, job_settings};
pub use ledger::{Clock, Ledger, Start};
pub use node::Node;
pub use port::ReservedPort;
pub use program::{Ended, Program};
pub use proxy::{Direction, Fate, Proxy};
pub use python::Python;
pub use schemas::schema_mistakes;
pub use server::{NatsServer, NatsServerBuilder};
pub use work::{SLOW, Work, WorkClient, WorkServer, Worker};
