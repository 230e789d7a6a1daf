//! What callers see of instances that die, freeze or are replaced.

use std::time::Duration;

use ::tests::{Direction, Instance, NatsServer, Proxy, WorkClient};
use nats_rpc::{ErrorKind, Execution};
use tokio::time::{Instant, sleep};

use crate::bed::{Bed, quantile, report};
use crate::check::{Rules, assert_holds, summary};
use crate::fleet::Fleet;
use crate::load::{Kind, Plan, mixed, patient};
use crate::record::{Call, Outcome, Run};
use crate::scale::{Scale, together};

/// Three instances, of which one is about to be lost.
struct Service {
    bed: Bed,
    fleet: Fleet,
    clients: Vec<WorkClient>,
    _nats: NatsServer,
}

/// Who is lost.
const VICTIM: &str = "one-1";

/// How soon callers of long calls know of it.
const NOTICED: u64 = 3500;

impl Service {
    async fn start() -> Self {
        let nats = NatsServer::start();
        let bed = Bed::new();
        let fleet = Fleet::start(nats.url(), 3);
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(bed.client(nats_rpc::connect(nats.url()).await.unwrap()).await);
        }
        Service { bed, fleet, clients, _nats: nats }
    }

    /// Begins calls that take much longer than it takes to notice a loss. None of them may be executed twice.
    fn begin_long_calls(&self) {
        let plan = Plan {
            kind: Kind::Long(7000),
            idempotent: false,
            budget: Duration::from_secs(20),
            dropped_after: None,
            has_time: true,
        };
        for client in self.clients.iter().cycle().take(30) {
            tokio::spawn(self.bed.callers.clone().call(client.clone(), plan));
        }
    }

    async fn finish(&self) -> Run {
        // An aborted handler is the ledger's of its process: what matters is written when it starts.
        self.bed.callers.finish().await;
        self.bed.finish(self.fleet.starts()).await
    }
}

/// Whether a call was begun by the victim, or by another one.
fn was_begun_by(run: &Run, call: &Call, victim: bool) -> bool {
    run.executions.iter().any(|start| start.id == call.id && (&*start.instance == VICTIM) == victim)
}

/// The long calls that the lost instance had must fail soon, and those of the others not at all.
fn assert_long_calls(what: &str, run: &Run, lost: u64) {
    let long: Vec<&Call> = run.calls.iter().filter(|call| call.deadline - call.start == 20_000).collect();
    let (at_victim, at_others): (Vec<&Call>, Vec<&Call>) =
        long.iter().partition(|call| was_begun_by(run, call, true));
    assert!(!at_victim.is_empty() && !at_others.is_empty(), "each has some of {} calls", long.len());
    for call in &at_victim {
        let Outcome::Failed { kind, execution, .. } = &call.outcome else { panic!("{call}") };
        assert_eq!((*kind, *execution), (ErrorKind::Unavailable, Execution::MaybeExecuted), "{call}");
        assert!(call.end < lost + NOTICED, "{call}: noticed {} ms after {lost}", call.end - lost);
    }
    for call in &at_others {
        assert!(call.is_ok(), "{call}");
    }
    let slowest = at_victim.iter().map(|call| call.end - lost).max().unwrap_or_default();
    report(
        what,
        &format!(
            "its {} long calls failed within {slowest} ms; the {} of the others went on",
            at_victim.len(),
            at_others.len()
        ),
    );
}

#[tokio::test]
async fn one_of_three_instances_is_killed_and_the_others_are_unaffected() {
    let _turn = together().await;
    let mut service = Service::start().await;
    service.begin_long_calls();
    let mut lost = 0;
    let clients = service.clients.clone();
    let mut victim = service.fleet.instances.remove(1);
    let happens = async {
        sleep(Duration::from_secs(1)).await;
        lost = service.bed.now();
        victim.kill();
        service.bed.calm().await
    };
    service.bed.under_load(&clients, Scale::get().pick(150, 600), mixed, happens).await;
    let what = "one of three instances killed";
    let run = service.finish().await;
    assert_holds(what, &run, &Rules { healed: Some(lost), ..Rules::default() });
    report(what, &summary(&run));
    assert_long_calls(what, &run, lost);
    for call in run.calls.iter().filter(|call| call.has_time && !call.is_ok()) {
        let only_others = was_begun_by(&run, call, false) && !was_begun_by(&run, call, true);
        assert!(!only_others, "another instance had it: {call}");
        assert!(call.start <= lost + 100, "it was made long after the loss: {call}");
    }
}

#[tokio::test]
async fn a_frozen_instance_fails_its_long_calls_soon_and_delays_no_others() {
    let _turn = together().await;
    let service = Service::start().await;
    service.begin_long_calls();
    let (mut lost, mut back) = (0, 0);
    let happens = async {
        sleep(Duration::from_secs(1)).await;
        lost = service.bed.now();
        service.fleet.instances[1].pause();
        sleep(Scale::get().seconds(4, 15)).await;
        service.fleet.instances[1].resume();
        back = service.bed.now();
        service.bed.calm().await;
    };
    service.bed.under_load(&service.clients, Scale::get().pick(150, 600), mixed, happens).await;
    let what = "one of three instances frozen with SIGSTOP";
    let run = service.finish().await;
    assert_holds(what, &run, &Rules { healed: Some(back), ..Rules::default() });
    report(what, &summary(&run));
    assert_long_calls(what, &run, lost);
    let at_others = |call: &Call| call.method.starts_with("quick") && was_begun_by(&run, call, false);
    let (before, during) = (
        quantile(&run, 0.99, |call| at_others(call) && call.end < lost),
        quantile(&run, 0.99, |call| at_others(call) && call.start > lost && call.end < back),
    );
    report(what, &format!("p99 of quick calls at the others: {before} ms before, {during} ms meanwhile"));
    for call in run.calls.iter().filter(|call| call.has_time && !call.is_ok()) {
        // One that may be sent again can come to another instance when its time is over already.
        let only_others = was_begun_by(&run, call, false) && !was_begun_by(&run, call, true);
        assert!(!only_others, "another instance had it: {call}");
    }
}

#[tokio::test]
async fn a_rolling_restart_over_a_slow_link_loses_no_call() {
    let _turn = together().await;
    let nats = NatsServer::start();
    let bed = Bed::new();
    let links = [Proxy::start(nats.client_port()), Proxy::start(nats.client_port())];
    for link in &links {
        link.delay(Direction::ToServer, Duration::from_millis(10));
        link.delay(Direction::ToClient, Duration::from_millis(10));
    }
    let mut fleet = Fleet::start(&links[0].url(), 3);
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(bed.client(nats_rpc::connect(links[1].url()).await.unwrap()).await);
    }
    let mut slowest = Duration::ZERO;
    let happens = async {
        for round in 0..Scale::get().pick(1, 10) {
            for number in 0..fleet.instances.len() {
                sleep(Duration::from_millis(300)).await;
                let new = fleet.instance(&format!("two-{round}-{number}"));
                let old = std::mem::replace(&mut fleet.instances[number], new);
                slowest = slowest.max(replace(old).await);
            }
        }
        sleep(Duration::from_millis(300)).await;
    };
    bed.under_load(&clients, Scale::get().pick(150, 600), patient, happens).await;
    bed.callers.finish().await;
    let run = bed.finish(fleet.starts()).await;
    let what = "three instances replaced one by one through a link of 10 ms";
    assert_holds(what, &run, &Rules { spotless: true, ..Rules::default() });
    report(what, &format!("{}; the slowest shutdown took {slowest:?}", summary(&run)));
}

/// Asks an instance to end, and waits until it has.
async fn replace(mut old: Instance) -> Duration {
    let started = Instant::now();
    old.terminate();
    let ended = tokio::task::spawn_blocking(move || old.wait(Duration::from_secs(30)));
    let status = ended.await.unwrap().expect("it ends in time");
    assert!(status.success(), "{status}");
    started.elapsed()
}
