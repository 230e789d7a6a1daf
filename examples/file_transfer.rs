//! A large file up and down: in constant memory, with a progress bar, and with the checksums of both sides.
//!
//! On the broker in this process, or on NATS with `NATS_URL`: `cargo run --release --example file_transfer -- --size 1GiB`, or with the path of a file.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::future::ready;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use clap::Parser;
use examples::files::{Passed, Source, mib, peak_memory};
use futures::{Stream, StreamExt, TryStreamExt};
use nats_rpc::{Context, Incoming, Server};

#[nats_rpc::service]
trait Store {
    /// Takes a file of so many bytes, and yields its SHA-256.
    async fn upload(&self, size: u64, chunks: Incoming<Bytes>) -> Result<String, String>;
    /// Yields the file, with its SHA-256 in a header.
    async fn download(&self, cx: &Context) -> Result<impl Stream<Item = Result<Bytes, String>>, String>;
}

/// Keeps nothing but the checksum, since this is about the way and not about disks: what goes down comes from where it came from when it went up.
struct Kept {
    source: Source,
    sha256: Mutex<Option<String>>,
}

impl Store for Kept {
    async fn upload(&self, size: u64, mut chunks: Incoming<Bytes>) -> Result<String, String> {
        let passed = Passed::default();
        while let Some(chunk) = chunks.try_next().await.map_err(|error| error.to_string())? {
            passed.add(&chunk);
        }
        // The stream of a client that cannot read on has no error, it just ends: the size tells.
        if passed.bytes() != size {
            return Err(format!("{} bytes came, of {size}", passed.bytes()));
        }
        let sha256 = passed.sha256();
        *self.sha256.lock().unwrap_or_else(PoisonError::into_inner) = Some(sha256.clone());
        Ok(sha256)
    }

    async fn download(&self, cx: &Context) -> Result<impl Stream<Item = Result<Bytes, String>>, String> {
        let sha256 = self.sha256.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cx.set_header("sha256", sha256.ok_or("there is no file yet")?);
        let chunks = self.source.chunks().await.map_err(|error| error.to_string())?;
        Ok(chunks.map_err(|error| error.to_string()))
    }
}

/// Sends a file up, and returns the store's checksum.
async fn upload(store: &StoreClient, source: &Source, passed: &Passed) -> Result<String, Box<dyn Error>> {
    let passing = passed.clone();
    let chunks = source.chunks().await?;
    let chunks = chunks.inspect_err(|error| println!("it cannot be read: {error}"));
    let chunks = chunks.take_while(|chunk| ready(chunk.is_ok())).filter_map(|chunk| ready(chunk.ok()));
    Ok(store.upload(source.size()?, chunks.inspect(move |chunk| passing.add(chunk))).await?)
}

/// Gets it back, and returns the store's checksum.
async fn download(store: &StoreClient, passed: &Passed) -> Result<String, Box<dyn Error>> {
    let mut chunks = store.download().await?;
    let sha256 = chunks.headers().get("sha256").unwrap_or_default().to_owned();
    while let Some(chunk) = chunks.try_next().await? {
        passed.add(&chunk);
    }
    Ok(sha256)
}

/// Says how a transfer was.
fn report(way: &str, passed: &Passed, begun: Instant, of_the_store: &str) {
    let (rate, sha256) = (passed.bytes() as f64 / begun.elapsed().as_secs_f64(), passed.sha256());
    let verdict =
        if sha256 == of_the_store { "as the store has it" } else { "and the store has another one" };
    println!(
        "{way}: {} MiB, {} MiB/s, SHA-256 {}…, {verdict}",
        mib(passed.bytes()),
        mib(rate as u64),
        &sha256[..16]
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let source = Source::parse();
    let nats = examples::connect().await?;
    let kept = Kept { source: source.clone(), sha256: Mutex::default() };
    let server = Server::builder(&nats).add(StoreServer::new(kept)).start().await?;
    let store = StoreClient::new(&nats);

    let (passed, begun) = (Passed::with_bar(source.size()?), Instant::now());
    let sha256 = upload(&store, &source, &passed).await?;
    report("up", &passed, begun, &sha256);

    let (passed, begun) = (Passed::with_bar(source.size()?), Instant::now());
    let sha256 = download(&store, &passed).await?;
    report("down", &passed, begun, &sha256);

    if let Some(bytes) = peak_memory() {
        println!("peak memory of both sides: {} MiB", mib(bytes));
    }
    server.shutdown().await;
    Ok(())
}
