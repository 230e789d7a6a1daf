//! A closed loop of callers, each with one call in flight.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, try_join_all};
use hdrhistogram::Histogram;

use crate::Result;
use crate::peers::Peer;

/// What callers do.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) work: Work,
    pub(crate) in_flight: usize,
    pub(crate) end: End,
}

/// What a call is.
#[derive(Clone)]
pub(crate) enum Work {
    /// A number and a name.
    Hello,
    /// These bytes there and back.
    Echo(Bytes),
}

/// When callers stop.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// After so long.
    After(Duration),
    /// After so many calls, all callers together.
    Calls(usize),
}

/// What one measurement found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) calls: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// A peer of whichever type.
pub(crate) trait Callable: Send + Sync {
    /// Puts the load on it.
    fn run<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Result<Sample>>;
}

/// How many calls warm up: buffers grow, subscriptions spread, handlers are proven cheap.
const WARM_UP_CALLS: usize = 500;

/// Makes some calls that are not measured.
pub(crate) async fn warm_up(client: &dyn Callable) -> Result<()> {
    // With few calls at first: what is not proven cheap yet is queued, and refused if there is too much of it.
    for in_flight in [1, 64] {
        client.run(&Load { work: Work::Hello, in_flight, end: End::Calls(WARM_UP_CALLS) }).await?;
    }
    Ok(())
}

impl<P: Peer> Callable for P {
    fn run<'a>(&'a self, load: &'a Load) -> BoxFuture<'a, Result<Sample>> {
        run(self, load).boxed()
    }
}

async fn run(peer: &impl Peer, load: &Load) -> Result<Sample> {
    let begin = Instant::now();
    let callers = (0..load.in_flight).map(|number| {
        let caller = Caller { peer: peer.clone(), work: load.work.clone(), latencies: Vec::new() };
        tokio::spawn(match load.end {
            End::After(duration) => caller.call_until(begin, begin + duration).boxed(),
            // The first callers take what is left over.
            End::Calls(calls) => caller.call(calls.saturating_sub(number).div_ceil(load.in_flight)).boxed(),
        })
    });
    let mut latencies = Vec::with_capacity(load.in_flight);
    for caller in try_join_all(callers).await? {
        latencies.push(caller?);
    }
    // All callers are through: what follows is not measured.
    let elapsed = begin.elapsed();
    summarize(&latencies, elapsed)
}

fn summarize(callers: &[Vec<u64>], elapsed: Duration) -> Result<Sample> {
    // Nanoseconds up to a minute, to three digits.
    let mut all = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    for nanos in callers.iter().flatten() {
        all.saturating_record(*nanos);
    }
    let micros = |quantile| all.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Sample {
        calls: all.len(),
        per_second: all.len() as f64 / elapsed.as_secs_f64(),
        p50_us: micros(0.5),
        p99_us: micros(0.99),
    })
}

struct Caller<P> {
    peer: P,
    work: Work,
    /// Nanoseconds, one for each call. A histogram for each caller would be larger than the processor's caches.
    latencies: Vec<u64>,
}

impl<P: Peer> Caller<P> {
    async fn call_until(mut self, mut now: Instant, end: Instant) -> Result<Vec<u64>> {
        while now < end {
            now = self.call_once(now).await?;
        }
        Ok(self.latencies)
    }

    async fn call(mut self, calls: usize) -> Result<Vec<u64>> {
        self.latencies.reserve_exact(calls);
        let mut now = Instant::now();
        for _ in 0..calls {
            now = self.call_once(now).await?;
        }
        Ok(self.latencies)
    }

    /// Makes one call, which begins now, and returns when it ended.
    async fn call_once(&mut self, begin: Instant) -> Result<Instant> {
        match &self.work {
            Work::Hello => self.peer.hello(self.latencies.len() as u64).await?,
            Work::Echo(data) => self.peer.echo(data.clone()).await?,
        }
        let end = Instant::now();
        self.latencies.push(u64::try_from((end - begin).as_nanos())?);
        Ok(end)
    }
}
