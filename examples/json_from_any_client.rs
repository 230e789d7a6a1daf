//! Any NATS client can call a service: it sends the arguments as JSON and gets the result as JSON.
//!
//! On the broker in this process, where it ends by itself, or on NATS, where it goes on serving so that you can try:
//! `NATS_URL=nats://127.0.0.1:4222 cargo run --example json_from_any_client`. In the other dialect, of frames, `framed_calls.py` calls it.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::async_nats::message::OutboundMessage;
use nats_rpc::{Connection, Server};
use serde::{Deserialize, Serialize};

#[nats_rpc::service]
trait Greeter {
    /// Says hello.
    async fn hello(&self, name: &str) -> Result<String, GreetError>;
    /// Remembers somebody; nobody waits for it.
    #[rpc(oneway)]
    async fn remember(&self, name: &str);
    /// Ends when it is cancelled, or its time is over.
    async fn wait(&self);
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
enum GreetError {
    #[error("{name} is not in")]
    NotIn { name: String },
}

struct English;

impl Greeter for English {
    async fn hello(&self, name: &str) -> Result<String, GreetError> {
        match name {
            "Godot" => Err(GreetError::NotIn { name: name.to_owned() }),
            _ => Ok(format!("Hello, {name}!")),
        }
    }

    async fn remember(&self, _name: &str) {}

    async fn wait(&self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let end = examples::end_of_program()?;
    let nats = examples::connect().await?;
    let server = Server::builder(&nats).add(GreeterServer::new(English)).start().await?;

    request(&nats, "greeter.hello", r#"{"name":"Ann"}"#).await?;
    request(&nats, "greeter.hello", r#"["Ann"]"#).await?;
    request(&nats, "greeter.hello", r#"{"name":"Godot"}"#).await?;
    request(&nats, "greeter.hello", r#"{"nom":"Ann"}"#).await?;

    println!("The same from a shell, with the NATS command line:");
    println!("    nats req greeter.hello '{{\"name\":\"Ann\"}}'");
    if nats.nats().is_some() {
        println!("Serving until Ctrl-C ...");
        end.await;
    }
    server.shutdown().await;
    Ok(())
}

/// A request as any NATS client makes it, without this crate's clients: a message with a reply subject.
async fn request(nats: &Connection, subject: &str, body: &'static str) -> Result<(), Box<dyn Error>> {
    let inbox = format!("_INBOX.{}", uuid::Uuid::new_v4().simple());
    let mut replies = nats.subscribe(inbox.as_str(), None).await?;
    let message = OutboundMessage {
        subject: subject.into(),
        reply: Some(inbox.into()),
        payload: body.into(),
        headers: None,
    };
    nats.publish(message).await?;
    let reply = tokio::time::timeout(Duration::from_secs(5), replies.next()).await?.ok_or("disconnected")?;

    println!("-> {subject}  {body}");
    // An error is told by headers (NATS ADR-32); its body is the service's own error, if it is one. The last header
    // says whether the handler ran: 0 it did not, 1 perhaps, 2 it did.
    for name in ["Nats-Service-Error-Code", "Nats-Service-Error", "Nats-Rpc-Execution"] {
        if let Some(value) = reply.headers.as_ref().and_then(|headers| headers.get(name)) {
            println!("   {name}: {value}");
        }
    }
    println!("<- {}\n", String::from_utf8_lossy(&reply.payload));
    Ok(())
}
