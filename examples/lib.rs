//! What the examples share: the way to a broker, the end of a program, and the service of the request-reply pair.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::io;

use nats_rpc::{Connection, memory};

/// Connects to NATS where `NATS_URL` says that it is, and else to a broker in this process.
///
/// # Errors
/// If nothing listens there.
pub async fn connect() -> Result<Connection, Box<dyn Error>> {
    match std::env::var("NATS_URL").ok().filter(|url| !url.is_empty()) {
        Some(url) => connect_to(&url).await,
        None => {
            println!("NATS_URL is not set: using the broker in this process\n");
            Ok(memory::Broker::new().connect())
        }
    }
}

/// Connects to NATS.
///
/// # Errors
/// If nothing listens there.
pub async fn connect_to(url: &str) -> Result<Connection, Box<dyn Error>> {
    let connected = nats_rpc::connect(url).await;
    connected.map_err(|error| format!("{url}: {error}").into())
}

/// Takes SIGINT and SIGTERM over from the system, and returns what waits for the first of them.
///
/// # Errors
/// If the system does not let them be taken.
#[cfg(unix)]
pub fn end_of_program() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
///
/// # Errors
/// None here; on Unix signals may be refused.
#[cfg(not(unix))]
pub fn end_of_program() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// What `request_reply_server` serves and `request_reply_client` calls.
pub mod receipts {
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    /// Takes messages in.
    #[nats_rpc::service]
    pub trait Receipts {
        /// Takes a message in and confirms it.
        async fn submit(&self, message: &Message) -> Receipt;
    }

    /// A message that can be told from all others.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Message {
        /// Chosen by the sender.
        pub id: Uuid,
        /// What it says.
        pub text: String,
    }

    /// Who took which message in.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Receipt {
        /// The id of the message.
        pub id: Uuid,
        /// The server program.
        pub server: String,
        /// One of its workers.
        pub worker: String,
    }
}

/// The README's example is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
