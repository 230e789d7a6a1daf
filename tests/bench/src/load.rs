//! A closed loop of callers, each with one call in flight.

use std::future::Future;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hdrhistogram::Histogram;

/// What one measurement found.
pub(crate) struct Sample {
    pub(crate) calls: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// One side of the comparison.
pub(crate) trait Peer: Clone + Send + 'static {
    /// Makes one call and checks its answer.
    ///
    /// # Panics
    /// When the call fails or the answer is wrong: a fast error is no result.
    fn call(&self, id: u64) -> impl Future<Output = ()> + Send;
}

/// Keeps so many calls in flight for so long.
pub(crate) async fn run(peer: &impl Peer, in_flight: usize, duration: Duration) -> Sample {
    let begin = Instant::now();
    let callers = (0..in_flight).map(|_| tokio::spawn(caller(peer.clone(), begin + duration)));
    let mut all = histogram();
    for latencies in join_all(callers).await {
        all += latencies.expect("a caller ended early");
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let micros = |quantile| all.value_at_quantile(quantile) as f64 / 1000.0;
    Sample {
        calls: all.len(),
        per_second: all.len() as f64 / elapsed,
        p50_us: micros(0.5),
        p99_us: micros(0.99),
    }
}

async fn caller(peer: impl Peer, end: Instant) -> Histogram<u64> {
    let mut latencies = histogram();
    let mut id = 0;
    loop {
        let begin = Instant::now();
        if begin >= end {
            return latencies;
        }
        peer.call(id).await;
        id += 1;
        let nanos = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        latencies.saturating_record(nanos);
    }
}

/// Nanoseconds up to ten seconds, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are in order")
}
