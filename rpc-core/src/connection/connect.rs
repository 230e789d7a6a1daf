//! Connecting to NATS with what an RPC client wants: a loss is noticed soon, ends soon, and reaches the calls that it
//! concerns.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use super::inbox::Shared;
use super::nats::{ConnectOptions, Dialer, ToServerAddrs, server_addresses};
use super::random::Random;
use crate::error::Error;

/// How often the server is asked whether it is there: a connection that a firewall has cut is noticed after two to three
/// of these. With async-nats' own minute, that would be minutes.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// How long one attempt to connect may take, so that a server which accepts connections and then says nothing does not
/// keep us from the others.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long one waits between attempts at most; each wait is random, so that clients do not return all at once.
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// How long the first connection is waited for: a service and its NATS server may be started together.
const FIRST_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to NATS with the settings that an RPC client wants.
///
/// - It pings the server every second. A connection that is lost without a word is noticed within three seconds.
/// - It reconnects by itself, with random delays of half a second at most. Meanwhile calls fail at once as
///   [`Unavailable`](crate::ErrorKind::Unavailable): those that were out as
///   [`MaybeExecuted`](crate::Execution::MaybeExecuted); later ones, of services that have answered before, wait up to
///   two seconds for the connection.
/// - What the server only tells by an event reaches the calls that it concerns: permissions, credentials. See
///   [`Connection::on_event`].
/// - When its NATS server announces that it will shut down (lame duck mode), it moves to another one, if one is known from
///   the addresses or from the cluster. Subscriptions are there before they are given up here, and no call is lost; those
///   without a queue group, which must not get a message twice, miss what comes in the moment of the move. A client that
///   was got from [`Connection::nats`] stays behind.
/// - It waits up to five seconds for a server to be there, and returns when a round trip has proven that replies can be
///   received.
///
/// ```no_run
/// # async fn run() -> Result<(), nats_rpc::Error> {
/// let nats = nats_rpc::connect("nats://127.0.0.1:4222").await?;
/// # drop(nats);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable) when no server can be reached,
/// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) when it does not accept the credentials,
/// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) when it does not let this user subscribe to its inbox,
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a malformed address.
pub async fn connect(address: impl ToServerAddrs) -> Result<Connection, Error> {
    connect_with(ConnectOptions::new(), address).await
}

/// The same with options of one's own: credentials, TLS, an inbox prefix. Four of them are set here: the ping interval,
/// the timeout of an attempt to connect (1.5 s), the delay between attempts, and the event callback, in place of which
/// there is [`Connection::on_event`].
///
/// # Errors
/// Those of [`connect`].
pub async fn connect_with(options: ConnectOptions, address: impl ToServerAddrs) -> Result<Connection, Error> {
    let shared = Arc::new(Shared::default());
    let options = options
        .ping_interval(PING_INTERVAL)
        .connection_timeout(ATTEMPT_TIMEOUT)
        .reconnect_delay_callback(reconnect_delay);
    let dialer = Dialer::new(options, server_addresses(address)?, Arc::clone(&shared));
    let transport = first_connection(|| dialer.connect()).await?;
    let connection = Connection::nats_with(transport, shared);
    connection.inbox().prove(&connection).await?;
    Ok(connection)
}

/// Tries until there is a server, or until it is clear that it is of no use.
async fn first_connection<T, F>(connect: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let end = Instant::now() + FIRST_TIMEOUT;
    for attempt in 2.. {
        match connect().await {
            Err(error) if error.is_retryable() => {
                let pause = reconnect_delay(attempt);
                if Instant::now() + pause > end {
                    return Err(error);
                }
                tokio::time::sleep(pause).await;
            }
            connected => return connected,
        }
    }
    Err(super::closed())
}

/// A random delay before this attempt, counted from 1: the first is made at once.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = match doublings {
        0 => Duration::ZERO,
        // 50 ms, 100 ms, 200 ms, 400 ms, 500 ms.
        doublings => Duration::from_millis(25).saturating_mul(1 << doublings.min(5)).min(LONGEST_DELAY),
    };
    Random::system().below(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_made_at_once_and_later_ones_within_half_a_second() {
        assert_eq!(reconnect_delay(1), Duration::ZERO);
        let delays: Vec<Duration> = (0..1000).map(|_| reconnect_delay(1_000_000)).collect();
        assert!(delays.iter().all(|delay| *delay <= LONGEST_DELAY));
        let early = delays.iter().filter(|delay| **delay < LONGEST_DELAY / 2).count();
        assert!((300..700).contains(&early), "they are spread: {early} of 1000 in the first half");
    }
}
