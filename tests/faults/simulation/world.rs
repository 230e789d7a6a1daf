//! One simulated run: clients and instances on a network that breaks, and is whole again at the end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tests::{Clock, WorkClient};
use nats_rpc::memory::{Broker, Faults, Network};
use nats_rpc::{Connection, Server};
use tokio::time::sleep;

use crate::bed::{Bed, count};
use crate::check::{Rules, summary};
use crate::load::{Load, Plan, mixed};
use crate::numbers::Numbers;
use crate::record::Run;

/// What the clocks of a seeded broker say at its start.
const START: u64 = 1_000_000_000_000;

/// For how long things break.
const STORM: Duration = Duration::from_secs(4);

/// For how long calls go on after that.
const CALM: Duration = Duration::from_secs(4);

/// How long a shutdown waits for handlers.
const GRACE: Duration = Duration::from_secs(1);

/// The longest time for which anything is out of reach, in milliseconds.
const LONGEST: u64 = 3000;

/// What may happen to a run.
pub(super) struct World {
    seed: u64,
    numbers: Numbers,
    bed: Arc<Bed>,
    broker: Broker,
    network: Network,
    instances: Vec<Instance>,
    clients: Vec<(Connection, WorkClient)>,
    /// The largest difference between two clocks, in milliseconds.
    skew: u64,
    story: Arc<Mutex<Vec<String>>>,
}

/// An instance that is stopped and started.
#[derive(Clone)]
struct Instance {
    connection: Connection,
    server: Arc<tokio::sync::Mutex<Option<Server>>>,
}

/// Whether all that happens on the network is written down, which takes as long as all else together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    Kept,
    None,
}

/// What happened.
pub(super) struct Past {
    pub(super) run: Run,
    pub(super) rules: Rules,
    pub(super) log: Vec<String>,
    story: Vec<String>,
}

impl Past {
    /// All of it, for people.
    pub(super) fn story(&self) -> String {
        format!("{}\n{}\n{}", self.story.join("\n"), self.log.join("\n"), summary(&self.run))
    }
}

impl World {
    pub(super) async fn new(seed: u64, log: Log) -> Self {
        let mut numbers = Numbers::new(seed);
        let (broker, network) = Broker::builder().seed(seed).build_with_network(Faults::none());
        if log == Log::Kept {
            network.keep_log();
        }
        let bed = Arc::new(Bed::simulated(Clock::at(START)));
        let mut skews = Vec::new();
        let mut connect = |numbers: &mut Numbers| {
            // Most clocks are about right.
            let skew = if numbers.once_in(12) { 60_000 } else { 50 };
            let skew = i64::try_from(numbers.below(2 * skew + 1)).unwrap() - i64::try_from(skew).unwrap();
            skews.push(skew);
            broker.connect().with_clock_skew(skew)
        };
        let mut instances = Vec::new();
        for number in 0..numbers.between(1, 3) {
            let connection = connect(&mut numbers);
            let id = format!("one-{number}");
            let server = bed.serve_with(&connection, &id, |builder| builder.grace(GRACE)).await;
            let server = Arc::new(tokio::sync::Mutex::new(Some(server)));
            instances.push(Instance { connection, server });
        }
        let mut clients = Vec::new();
        for _ in 0..numbers.between(1, 2) {
            let connection = connect(&mut numbers);
            clients.push((connection.clone(), bed.client(&connection).await));
        }
        let skew = skews.iter().max().unwrap() - skews.iter().min().unwrap();
        let skew = u64::try_from(skew).unwrap();
        let story = Arc::default();
        World { seed, numbers, bed, broker, network, instances, clients, skew, story }
    }

    /// Lets it happen.
    pub(super) async fn pass(mut self) -> Past {
        let latency = Duration::from_millis([0, 1, 5, 20, 60][index(&mut self.numbers, 5)]);
        let faults = Faults::none()
            .delay(Duration::ZERO..=latency)
            .drop([0.0, 0.0, 0.005, 0.03][index(&mut self.numbers, 4)])
            .duplicate([0.0, 0.01, 0.2][index(&mut self.numbers, 3)]);
        self.tell(&format!("{} instances, skew {} ms, {faults:?}", self.instances.len(), self.skew));
        self.network.set_faults(faults);

        let clients: Vec<WorkClient> = self.clients.iter().map(|(_, client)| client.clone()).collect();
        let per_second = u32::try_from(self.numbers.between(10, 40)).unwrap();
        let load = Load { per_second, time: Duration::MAX, mix: some_dropped, seed: self.seed };
        let bed = Arc::clone(&self.bed);
        let callers = tokio::spawn(async move { bed.callers.run(&clients, load).await });

        let mut trouble = Vec::new();
        for _ in 0..self.numbers.between(1, 6) {
            trouble.push(self.trouble());
        }
        sleep(STORM).await;
        for task in trouble {
            task.await.unwrap();
        }
        // Only now: what was begun during the storm ends when it wants.
        self.network.set_faults(Faults::none().delay(Duration::ZERO..=latency));
        let healed = self.bed.now();
        self.tell("the storm is over");
        sleep(CALM).await;
        callers.abort();
        let run = self.bed.finish(Vec::new()).await;
        let rules = self.rules(healed);
        self.end(run, rules).await
    }

    /// A clock that is wrong by more than what is tolerated cannot tell that a call is late; then the way of a call bounds
    /// it, and that is as long as anything can be out of reach.
    fn rules(&self, healed: u64) -> Rules {
        let tolerance = if self.skew <= 400 { 500 + self.skew } else { 500 + self.skew + 2 * LONGEST };
        Rules { tolerance, healed: Some(healed), ..Rules::default() }
    }

    /// Something breaks at some time, and is mended before the storm is over.
    fn trouble(&mut self) -> tokio::task::JoinHandle<()> {
        let storm = u64::try_from(STORM.as_millis()).unwrap();
        let begin = self.numbers.below(storm);
        let time = self.numbers.between(1, LONGEST).min(storm - begin);
        let (begin, time) = (Duration::from_millis(begin), Duration::from_millis(time));
        let network = self.network.clone();
        let (what, connection) = self.someone();
        let (story, clock) = (Arc::clone(&self.story), self.bed.callers.clock());
        let tell = move |text: String| {
            let line = format!("{} ms: {text}", clock.unix_ms() - START);
            story.lock().unwrap().push(line);
        };
        match self.numbers.below(4) {
            0 => tokio::spawn(async move {
                sleep(begin).await;
                tell(format!("{what} is lost for {time:?}"));
                network.disconnect(&connection);
                sleep(time).await;
                network.reconnect(&connection);
            }),
            1 => tokio::spawn(async move {
                sleep(begin).await;
                tell(format!("{what} is frozen for {time:?}"));
                network.freeze(&connection);
                sleep(time).await;
                network.thaw(&connection);
            }),
            2 => tokio::spawn(async move {
                sleep(begin).await;
                tell(format!("{what} is cut off, and notices it after {time:?}"));
                network.freeze(&connection);
                sleep(time).await;
                network.disconnect(&connection);
                network.thaw(&connection);
                network.reconnect(&connection);
            }),
            _ => {
                let which = index(&mut self.numbers, self.instances.len());
                let (instance, bed) = (self.instances[which].clone(), Arc::clone(&self.bed));
                let gracefully = self.numbers.once_in(2);
                tokio::spawn(async move {
                    sleep(begin).await;
                    let how = if gracefully { "shut down" } else { "dropped" };
                    tell(format!("instance {which} is {how} for {time:?}"));
                    let Some(server) = instance.server.lock().await.take() else { return };
                    if gracefully {
                        server.shutdown().await;
                    } else {
                        drop(server);
                    }
                    sleep(time).await;
                    tell(format!("instance {which} starts again"));
                    let server = bed.serve_again(&instance.connection, &format!("one-{which}"), GRACE).await;
                    *instance.server.lock().await = Some(server);
                })
            }
        }
    }

    /// One of those who have a connection.
    fn someone(&mut self) -> (String, Connection) {
        let which = index(&mut self.numbers, self.instances.len() + self.clients.len());
        match self.instances.get(which) {
            Some(instance) => (format!("instance {which}"), instance.connection.clone()),
            None => {
                let which = which - self.instances.len();
                (format!("client {which}"), self.clients[which].0.clone())
            }
        }
    }

    fn tell(&self, text: &str) {
        self.story.lock().unwrap().push(format!("{} ms: {text}", self.bed.now() - START));
    }

    /// Takes everything down, and counts what is left.
    async fn end(self, mut run: Run, rules: Rules) -> Past {
        let World { bed, broker, network, instances, clients, story, .. } = self;
        for instance in &instances {
            if let Some(server) = instance.server.lock().await.take() {
                server.shutdown().await;
            }
        }
        let log = network.log();
        drop((bed, broker, network, instances, clients));
        sleep(Duration::from_secs(10)).await;
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        run.gauge("tasks that are left", count(tasks), 0);
        let story = story.lock().unwrap().clone();
        Past { run, rules, log, story }
    }
}

fn index(numbers: &mut Numbers, end: usize) -> usize {
    usize::try_from(numbers.below(count(end))).unwrap()
}

/// Mixed calls, of which callers give up one in ten.
fn some_dropped(numbers: &mut Numbers) -> Plan {
    let plan = mixed(numbers);
    let dropped_after = numbers.once_in(10).then(|| Duration::from_millis(numbers.below(600)));
    Plan { dropped_after, ..plan }
}
