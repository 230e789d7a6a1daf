//! A line for each call, on both sides: layers see what is called, how it ends, and how long it takes.
//!
//! Spans of `tracing` come with every call anyway, and metrics with a feature (see the example `prometheus`); this is for what
//! one wants to see differently.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example logging`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use nats_rpc::middleware::{ClientRequest, ClientResponse, ClientService, ServerService, from_fn};
use nats_rpc::{Client, Error as RpcError, RawCall, Reply, Server};
use serde::{Deserialize, Serialize};

#[nats_rpc::service]
trait Library {
    async fn lend(&self, title: &str) -> Result<u32, Lent>;
}

/// Somebody else has it.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("somebody else has it")]
struct Lent;

struct Shelf;

impl Library for Shelf {
    async fn lend(&self, title: &str) -> Result<u32, Lent> {
        if title == "Emma" { Ok(7) } else { Err(Lent) }
    }
}

/// How a call has ended.
fn described(outcome: Result<Option<&str>, &RpcError>) -> String {
    match outcome {
        Ok(None) => "ok".to_owned(),
        Ok(Some(message)) => format!("its own error: {message}"),
        Err(error) => error.to_string(),
    }
}

async fn log_at_server(call: RawCall, next: ServerService) -> Result<Reply, RpcError> {
    let (context, bytes) = (call.context().clone(), call.body().len());
    let reply = next.run(call).await;
    let outcome = described(reply.as_ref().map(Reply::service_error));
    println!("server: {}.{} of {bytes} bytes: {outcome}", context.service(), context.method());
    reply
}

async fn log_at_client(request: ClientRequest, next: ClientService) -> Result<ClientResponse, RpcError> {
    let (name, begin) = (format!("{}.{}", request.service(), request.method()), Instant::now());
    let response = next.run(request).await;
    let outcome = described(response.as_ref().map(ClientResponse::service_error));
    println!("client: {name} after {} ms: {outcome}", begin.elapsed().as_millis());
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let server = Server::builder(&nats).layer(from_fn(log_at_server)).add(LibraryServer::new(Shelf));
    let server = server.start().await?;

    let library = LibraryClient::new(Client::builder(&nats).layer(from_fn(log_at_client)).build()?);
    for title in ["Emma", "Persuasion"] {
        match library.lend(title).await {
            Ok(shelf) => println!("{title} is on shelf {shelf}"),
            Err(error) => println!("{title}: {error}"),
        }
    }
    server.shutdown().await;
    // Nobody is there any more.
    if let Err(error) = library.lend("Emma").await {
        println!("Emma: {error}");
    }
    Ok(())
}
