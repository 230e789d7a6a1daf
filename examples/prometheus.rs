//! Counters, gauges and histograms of calls, on a page that Prometheus reads.
//!
//! The feature `metrics` of this library speaks to the facade of that name; which recorder listens is the program's choice, made
//! before it makes servers and clients. Here it is the exporter for Prometheus.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example prometheus`. With
//! `-- --serve`, the page stays until Ctrl-C.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::net::SocketAddr;

use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use nats_rpc::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Parser)]
struct Options {
    /// Where the page is.
    #[arg(long, default_value = "127.0.0.1:9464")]
    listen: SocketAddr,
    /// Keep serving it.
    #[arg(long)]
    serve: bool,
}

#[nats_rpc::service]
trait Adder {
    async fn add(&self, a: u32, b: u32) -> Option<u32>;
}

struct Exact;

impl Adder for Exact {
    async fn add(&self, a: u32, b: u32) -> Option<u32> {
        a.checked_add(b)
    }
}

/// What Prometheus would read.
async fn scrape(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut page = String::new();
    connection.read_to_string(&mut page).await?;
    Ok(page)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    PrometheusBuilder::new().with_http_listener(options.listen).install()?;

    let nats = examples::connect().await?;
    let server = Server::builder(&nats).add(AdderServer::new(Exact)).start().await?;
    let adder = AdderClient::new(&nats);
    for number in 0..100 {
        adder.add(number, 1).await?;
    }

    let page = scrape(options.listen).await?;
    for line in page.lines().filter(|line| line.starts_with("nats_rpc_")) {
        println!("{line}");
    }
    if options.serve {
        println!("\nhttp://{}/metrics until Ctrl-C", options.listen);
        examples::end_of_program()?.await;
    }
    server.shutdown().await;
    Ok(())
}
