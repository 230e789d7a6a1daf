//! Streams in simulated time, on a network that loses, delays and doubles messages.
//!
//! `STREAM_SEED=5 cargo test -p tests --test faults simulation` repeats one run.

use std::time::{Duration, Instant};

use ::tests::{Feeder, FeedsClient, FeedsServer};
use futures::{StreamExt, stream};
use nats_rpc::memory::{Broker, Faults, Network};
use nats_rpc::{CallError, Client, Connection, ErrorKind, Server, ServiceClient, Streaming};
use tokio::time::{sleep, timeout};

use crate::bed::report;
use crate::numbers::Numbers;
use crate::scale::{Scale, blocking_together, number};

/// For how long things break, in milliseconds.
const STORM: u64 = 4000;

/// How many streams are opened meanwhile.
const STREAMS: u64 = 24;

/// How long nothing may be taken from a stream: what would let its sender go on can be lost.
const IDLE: Duration = Duration::from_secs(5);

/// How long one may last.
const LONGEST: Duration = Duration::from_secs(15);

/// What became of the streams of a run.
#[derive(Debug, Default)]
struct Past {
    complete: usize,
    failed: usize,
    violations: Vec<String>,
}

/// What became of one.
#[derive(Debug)]
enum Ended {
    Complete(u64),
    /// After so many items.
    Failed(ErrorKind),
    /// Something came that must not come.
    Wrong(String),
}

/// A stream that is opened.
#[derive(Debug, Clone, Copy)]
enum Plan {
    Numbers(u64),
    /// Of which so many are taken.
    Ticks(u64),
    Echo(u64),
    Upload(u64),
}

impl Plan {
    fn one(numbers: &mut Numbers) -> Self {
        let items = [0, 1, 20, 300, 2000][usize::try_from(numbers.below(5)).unwrap()];
        match numbers.below(4) {
            0 => Plan::Numbers(items),
            1 => Plan::Ticks(items.min(300)),
            2 => Plan::Echo(items),
            _ => Plan::Upload(items),
        }
    }

    fn items(self) -> u64 {
        let (Plan::Numbers(items) | Plan::Ticks(items) | Plan::Echo(items) | Plan::Upload(items)) = self;
        items
    }

    /// Opens it and takes it to its end, with a pause between two items.
    async fn run(self, client: FeedsClient, pause: Duration) -> Ended {
        let opened = match self {
            Plan::Numbers(items) => client.numbers(0, items).timeout(LONGEST).await,
            Plan::Ticks(_) => client.ticks(0, 7).timeout(LONGEST).await,
            Plan::Echo(items) => client.echo(stream::iter(0..items)).timeout(LONGEST).await,
            Plan::Upload(items) => {
                let each = u64::try_from(pause.as_millis()).unwrap();
                return match client.count(each, stream::iter(0..items)).timeout(LONGEST).await {
                    Ok(count) => Ended::Complete(count),
                    Err(error) => failed(&error),
                };
            }
        };
        match opened {
            Ok(stream) => self.read(stream, pause).await,
            Err(error) => failed(&error),
        }
    }

    async fn read<E: std::fmt::Debug>(self, mut stream: Streaming<u64, E>, pause: Duration) -> Ended {
        let most = if matches!(self, Plan::Ticks(_)) { self.items() } else { u64::MAX };
        let mut came = 0;
        while came < most {
            match stream.next().await {
                Some(Ok(item)) if item == came => came += 1,
                Some(Ok(item)) => return Ended::Wrong(format!("{item} came where {came} had to come")),
                Some(Err(error)) => return failed(&error),
                None if matches!(self, Plan::Ticks(_)) => {
                    return Ended::Wrong("ticks have no end".to_owned());
                }
                None => break,
            }
            sleep(pause).await;
        }
        Ended::Complete(came)
    }
}

fn failed<E: std::fmt::Debug>(error: &CallError<E>) -> Ended {
    match error {
        CallError::Rpc(error) => Ended::Failed(error.kind()),
        CallError::Service(error) => Ended::Wrong(format!("an error that no method has: {error:?}")),
    }
}

/// What breaks in one run.
struct World {
    numbers: Numbers,
    network: Network,
    connections: Vec<Connection>,
}

impl World {
    fn faults(&mut self) -> Faults {
        let numbers = &mut self.numbers;
        let mut pick = |of: &[f64]| of[usize::try_from(numbers.below(of.len() as u64)).unwrap()];
        let faults = Faults::none().drop(pick(&[0.0, 0.0, 0.002, 0.02])).duplicate(pick(&[0.0, 0.01, 0.2]));
        faults.delay(Duration::ZERO..=Duration::from_millis([0, 1, 5, 30][self.index(4)]))
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.numbers.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// Somebody's connection is lost or frozen for a while.
    fn trouble(&mut self) -> tokio::task::JoinHandle<()> {
        let begin = self.numbers.below(STORM);
        let time = Duration::from_millis(self.numbers.between(1, 5000).min(STORM - begin));
        let which = self.index(self.connections.len());
        let (network, connection) = (self.network.clone(), self.connections[which].clone());
        let freezes = self.numbers.once_in(2);
        tokio::spawn(async move {
            sleep(Duration::from_millis(begin)).await;
            if freezes {
                network.freeze(&connection);
                sleep(time).await;
                network.thaw(&connection);
            } else {
                network.disconnect(&connection);
                sleep(time).await;
                network.reconnect(&connection);
            }
        })
    }
}

async fn past_of(seed: u64) -> Past {
    let mut numbers = Numbers::new(seed);
    let (broker, network) = Broker::builder().seed(seed).build_with_network(Faults::none());
    let feeder = Feeder::default();
    let (mut connections, mut servers, mut clients) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..numbers.between(1, 2) {
        let nats = broker.connect();
        let builder = Server::builder(&nats).stream_window(64, 1 << 20).stream_idle_timeout(IDLE);
        servers.push(builder.add(FeedsServer::new(feeder.clone())).start().await.unwrap());
        connections.push(nats);
    }
    for _ in 0..numbers.between(1, 2) {
        let nats = broker.connect();
        let client = Client::builder(&nats).stream_window(64, 1 << 20).stream_idle_timeout(IDLE);
        clients.push(FeedsClient::new(client.build().unwrap()));
        connections.push(nats);
    }
    let mut world = World { numbers, network, connections };
    let faults = world.faults();
    world.network.set_faults(faults);
    let mut running = Vec::new();
    for _ in 0..STREAMS {
        let (plan, begin) = (Plan::one(&mut world.numbers), world.numbers.below(STORM));
        let pause = Duration::from_millis([0, 0, 1, 20][world.index(4)]);
        let client = clients[world.index(clients.len())].clone();
        let run = async move {
            sleep(Duration::from_millis(begin)).await;
            timeout(LONGEST + Duration::from_secs(5), plan.run(client, pause)).await
        };
        running.push((plan, tokio::spawn(run)));
    }
    let troubles: Vec<_> = (0..world.numbers.below(4)).map(|_| world.trouble()).collect();
    sleep(Duration::from_millis(STORM)).await;
    for trouble in troubles {
        trouble.await.unwrap();
    }
    world.network.set_faults(Faults::none());
    let mut past = Past::default();
    for (plan, stream) in running {
        match stream.await.unwrap() {
            Ok(Ended::Complete(came)) if came == plan.items() => past.complete += 1,
            // A handler that was told of a loss has ended early.
            Ok(Ended::Complete(came))
                if matches!(plan, Plan::Echo(_) | Plan::Upload(_))
                    && came < plan.items()
                    && !feeder.failures().is_empty() =>
            {
                past.failed += 1;
            }
            Ok(Ended::Failed(
                ErrorKind::Unavailable
                | ErrorKind::DataLoss
                | ErrorKind::DeadlineExceeded
                | ErrorKind::NoResponders
                // A grant came twice.
                | ErrorKind::Protocol,
            )) => past.failed += 1,
            Ok(Ended::Wrong(what)) => past.violations.push(format!("{plan:?}: {what}")),
            Ok(ended) => past.violations.push(format!("{plan:?}: {ended:?}")),
            Err(_) => past.violations.push(format!("{plan:?} has not ended")),
        }
    }
    sleep(Duration::from_secs(10)).await;
    let in_flight: usize = clients.iter().map(|client| client.client().in_flight()).sum();
    if (feeder.running(), in_flight) != (0, 0) {
        past.violations.push(format!("{} handlers and {in_flight} calls are left", feeder.running()));
    }
    for server in servers {
        server.shutdown().await;
    }
    past
}

fn simulated(seed: u64) -> Past {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(past_of(seed))
}

#[test]
fn simulated_streams_are_exact_up_to_their_ends() {
    if let Some(seed) = number("STREAM_SEED") {
        let past = simulated(seed);
        report(&format!("seed {seed}"), &format!("{past:?}"));
        assert!(past.violations.is_empty(), "seed {seed}:\n{}", past.violations.join("\n"));
        return;
    }
    let _turn = blocking_together();
    let (started, time) = (Instant::now(), Scale::get().seconds(3, 30));
    let (mut seed, mut complete, mut failed) = (0, 0, 0);
    let mut broken = Vec::new();
    while started.elapsed() < time && broken.len() < 10 {
        let past = simulated(seed);
        complete += past.complete;
        failed += past.failed;
        broken.extend(past.violations.iter().map(|violation| format!("STREAM_SEED={seed}: {violation}")));
        seed += 1;
    }
    let figures = format!("{seed} seeds, {complete} streams were complete, {failed} failed");
    report("simulation of streams", &figures);
    assert!(broken.is_empty(), "{figures}\n{}", broken.join("\n"));
    assert!(complete > 0 && failed > 0, "{figures}");
}
