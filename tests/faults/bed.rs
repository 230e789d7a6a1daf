//! Instances and callers of one run, and the checks at its end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::tests::{Clock, Ledger, WorkClient, WorkServer, Worker};
use nats_rpc::{Connection, Server, ServerBuilder, ServiceClient};
use tokio::time::{sleep, timeout};

use crate::check::{Rules, assert_holds, summary};
use crate::load::{Callers, Kind, Load, Plan, Stalls};
use crate::numbers::Numbers;
use crate::record::{Call, Outcome, Run};

/// One run: a clock, a ledger, callers, and what serves them.
pub(crate) struct Bed {
    pub(crate) callers: Callers,
    pub(crate) ledger: Ledger,
    stalls: Option<Stalls>,
    workers: Mutex<Vec<Worker>>,
    clients: Mutex<Vec<WorkClient>>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let clock = Clock::start();
        Bed { stalls: Some(Stalls::watch(clock)), ..Bed::simulated(clock) }
    }

    /// For a run under a paused clock, which never stalls.
    pub(crate) fn simulated(clock: Clock) -> Self {
        Bed {
            callers: Callers::new(clock),
            ledger: Ledger::in_memory(clock),
            stalls: None,
            workers: Mutex::default(),
            clients: Mutex::default(),
        }
    }

    /// Milliseconds after 1970.
    pub(crate) fn now(&self) -> u64 {
        self.callers.clock().unix_ms()
    }

    /// An instance in this process.
    pub(crate) async fn serve(&self, nats: impl Into<Connection>, id: &str) -> Server {
        self.serve_with(nats, id, |builder| builder).await
    }

    /// The same, configured.
    pub(crate) async fn serve_with(
        &self,
        nats: impl Into<Connection>,
        id: &str,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Server {
        let worker = Worker::new(id, &self.ledger);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker.clone());
        let builder = Server::builder(nats).id(id).add(WorkServer::new(worker));
        configure(builder).start().await.unwrap()
    }

    /// An instance, as soon as the network lets it start.
    pub(crate) async fn serve_again(&self, nats: &Connection, id: &str, grace: Duration) -> Server {
        loop {
            let worker = Worker::new(id, &self.ledger);
            let started =
                Server::builder(nats).id(id).grace(grace).add(WorkServer::new(worker.clone())).start().await;
            if let Ok(server) = started {
                self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                return server;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// A client on a connection of its own, which has seen the service answer.
    pub(crate) async fn client(&self, nats: impl Into<Connection>) -> WorkClient {
        let client = WorkClient::new(nats.into());
        self.watch(&client);
        let plan = Plan {
            kind: Kind::Quick,
            idempotent: true,
            budget: Duration::from_secs(10),
            dropped_after: None,
            has_time: true,
        };
        assert_eq!(self.callers.clone().call(client.clone(), plan).await, Outcome::Ok);
        client
    }

    /// Expects of a client that it has nothing in flight at the end.
    pub(crate) fn watch(&self, client: &WorkClient) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).push(client.clone());
    }

    /// Calls without a pause while something happens.
    pub(crate) async fn under_load<T>(
        &self,
        clients: &[WorkClient],
        per_second: u32,
        mix: fn(&mut Numbers) -> Plan,
        happens: impl Future<Output = T>,
    ) -> T {
        let (callers, clients) = (self.callers.clone(), clients.to_vec());
        let load = Load { per_second, time: Duration::MAX, mix, seed: u64::from(per_second) };
        let calling = tokio::spawn(async move { callers.run(&clients, load).await });
        let happened = happens.await;
        calling.abort();
        happened
    }

    /// Nothing breaks any more: returns when that was, after the time of recovery and some more.
    pub(crate) async fn calm(&self) -> u64 {
        let healed = self.now();
        sleep(Duration::from_millis(3000)).await;
        healed
    }

    /// Waits until all calls are resolved and what they have left has had its time, and returns the run.
    pub(crate) async fn finish(&self, elsewhere: Vec<::tests::Start>) -> Run {
        let calls = self.callers.finish().await;
        // A handler is aborted at the deadline of its call: none is left long after the last one.
        let running = || {
            let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
            workers.iter().map(Worker::running).sum::<usize>()
        };
        let pending = || {
            let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.iter().map(|client| client.client().connection().pending_calls()).sum::<usize>()
        };
        // What was dropped is remembered until its deadline.
        let idle = async {
            while running() + pending() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(Duration::from_secs(6), idle).await;
        let executions = self.ledger.starts().into_iter().chain(elsewhere).collect();
        let mut run = Run {
            calls,
            executions,
            stalls: self.stalls.as_ref().map(Stalls::seen).unwrap_or_default(),
            gauges: Vec::new(),
        };
        run.gauge("handlers that run", count(running()), 0);
        for client in self.clients.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            run.gauge("calls in flight", count(client.client().in_flight()), 0);
        }
        run.gauge("calls that are remembered", count(pending()), 0);
        run
    }

    /// The same, and asserts that all promises were kept.
    pub(crate) async fn assert_holds(&self, what: &str, rules: &Rules) -> Run {
        let run = self.finish(Vec::new()).await;
        assert_holds(what, &run, rules);
        report(what, &summary(&run));
        run
    }
}

/// How long it took from each of these moments until a call that was made later was answered, at most.
pub(crate) fn slowest_recovery(run: &Run, healed: &[u64]) -> u64 {
    let recovery = |healed: &u64| {
        let answered = run.calls.iter().filter(|call| call.is_ok() && call.start >= *healed);
        answered.map(|call| call.end - healed).min().unwrap_or(u64::MAX)
    };
    healed.iter().map(recovery).max().unwrap_or_default()
}

/// A quantile of what calls took that ended in a certain way, in milliseconds.
pub(crate) fn quantile(run: &Run, share: f64, of: impl Fn(&Call) -> bool) -> u64 {
    let mut times: Vec<u64> =
        run.calls.iter().filter(|call| of(call)).map(|call| call.end - call.start).collect();
    times.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (times.len().saturating_sub(1) as f64 * share).round() as usize;
    times.get(at).copied().unwrap_or_default()
}

pub(crate) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Prints a figure of a scenario, which `docs/reliability.md` quotes.
#[expect(clippy::print_stdout, reason = "figures are for people")]
pub(crate) fn report(what: &str, figures: &str) {
    println!("{what}: {figures}");
}
