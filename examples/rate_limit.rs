//! No caller gets more than its share: a layer at the server counts the calls of each tenant.
//!
//! What is too much is refused as `Overloaded`, with the time after which it may be tried again. The caller's client does
//! that by itself, as long as the call has time: `Retry::off()` shows what it would see otherwise.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example rate_limit`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use nats_rpc::middleware::{ServerService, from_fn};
use nats_rpc::{Error as RpcError, ErrorKind, RawCall, Retry, Server};

/// How many calls of a tenant are let through at once, and then in each second.
const CALLS: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

#[nats_rpc::service]
trait Weather {
    async fn today(&self) -> String;
}

struct Sunny;

impl Weather for Sunny {
    async fn today(&self) -> String {
        "sunny".to_owned()
    }
}

/// Refuses what is above the limit of its tenant.
fn check(limits: &DefaultKeyedRateLimiter<String>, call: &RawCall) -> Result<(), RpcError> {
    let tenant = call.context().headers().get("tenant").unwrap_or_default().to_owned();
    limits.check_key(&tenant).map_err(|above| {
        let wait = above.wait_time_from(DefaultClock::default().now());
        RpcError::new(ErrorKind::Overloaded, format!("{tenant} calls too often")).with_retry_after(wait)
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let limits = Arc::new(RateLimiter::keyed(Quota::per_second(CALLS)));
    let limit = from_fn(move |call: RawCall, next: ServerService| {
        let checked = check(&limits, &call);
        async move {
            checked?;
            next.run(call).await
        }
    });
    let server = Server::builder(&nats).layer(limit).add(WeatherServer::new(Sunny)).start().await?;

    let weather = WeatherClient::new(&nats);
    let mut refused = 0;
    for _ in 0..10 {
        let outcome = weather.today().header("tenant", "acme").retry(Retry::off()).await;
        if let Err(error) = outcome.map_err(RpcError::from) {
            if refused == 0 {
                println!("acme: {error} ({})", error.execution());
            }
            refused += 1;
        }
    }
    println!("acme: {refused} of 10 calls were refused");
    println!("umbrella: {}", weather.today().header("tenant", "umbrella").await?);
    println!("acme: {}, after a while", weather.today().header("tenant", "acme").await?);

    server.shutdown().await;
    Ok(())
}
