//! Deadlines: on the wire, in the handler, and in the calls that it makes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nats_rpc::{Client, Context, ErrorKind, Execution, Server, ServiceClient};

use crate::bed::{Bed, LabClient, assert_failed};
use crate::caller::Caller;
use crate::peer::Peer;
use crate::wire::Tap;
use crate::wires::on_every_wire;

on_every_wire! {
    tagged a_call_is_resolved_at_its_deadline,
    a_handler_is_aborted_at_the_deadline,
    the_handler_sees_the_budget,
    a_method_has_a_timeout_of_its_own,
    a_call_that_is_late_already_is_not_sent,
    what_is_late_when_its_turn_comes_is_not_begun,
    tagged nested_calls_inherit_the_smaller_deadline,
    a_spawned_task_inherits_it_in_its_scope,
    traces_go_on_in_nested_calls,
    a_client_whose_clock_is_behind_is_served,
    a_client_whose_clock_is_ahead_is_served,
}

async fn a_call_is_resolved_at_its_deadline(bed: Bed) {
    // A subscriber that never answers.
    let _silent = Peer::new(&bed, "lab.echo").await;
    let lab = bed.client().await;
    let begin = Instant::now();
    let result = lab.echo("anyone?").timeout(Duration::from_millis(200)).await;
    let took = begin.elapsed();
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    assert!(took >= Duration::from_millis(200), "not before its deadline: {took:?}");
    assert!(took < Duration::from_secs(5), "not at the client's default either: {took:?}");
}

/// Clocks may differ by half a second, which is no time to wait in.
async fn what_is_late_when_its_turn_comes_is_not_begun(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).add(bed.service()).start().await.unwrap();
    let mut caller = Caller::new(&bed).await;
    caller.call("lab.wait", 1).await;
    bed.ledger.begun.notified().await;
    caller.call_expired("lab.wait", 2, 300).await;
    let refusal = caller.next_frame_of(2).await;
    assert_eq!(
        (refusal[0].as_u64(), refusal[2].as_u64(), refusal[3].as_u64()),
        (Some(3), Some(408), Some(0))
    );
    assert_eq!((server.counters().started, server.counters().expired), (1, 1));
    bed.ledger.release.notify_one();
    assert_eq!(caller.next_frame_of(1).await[0].as_u64(), Some(2));
}

async fn a_handler_is_aborted_at_the_deadline(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    let result = lab.wait().timeout(Duration::from_millis(100)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    while server.counters().timed_out == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((bed.ledger.started(), bed.ledger.finished()), (1, 0));
}

async fn the_handler_sees_the_budget(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let seen = lab.context().timeout(Duration::from_secs(2)).await.unwrap();
    assert!((1..=2000).contains(&seen.remaining_ms), "{}", seen.remaining_ms);
    let seen = lab.context().await.unwrap();
    assert!((2001..=5000).contains(&seen.remaining_ms), "the default is 5 s: {}", seen.remaining_ms);
    let seen = lab.context().timeout(Duration::MAX).await.unwrap();
    assert!((3_500_000..=3_600_000).contains(&seen.remaining_ms), "an hour at most: {}", seen.remaining_ms);
}

async fn a_method_has_a_timeout_of_its_own(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let begin = Instant::now();
    assert_failed(lab.hasty().await, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    assert!(begin.elapsed() < Duration::from_secs(5), "the client's default is longer");
}

async fn a_call_that_is_late_already_is_not_sent(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let result = lab.echo("").timeout(Duration::ZERO).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::NotExecuted);
    assert_eq!(bed.ledger.started(), 0);
}

/// A service that calls another one.
#[nats_rpc::service]
trait Relay {
    /// How much time the inner call saw, in milliseconds.
    async fn inherited(&self) -> u64;
    /// The same from a task that the handler spawned.
    async fn scoped(&self, cx: &Context) -> u64;
    async fn trace(&self) -> Option<String>;
}

struct Relaying(LabClient);

impl Relay for Relaying {
    async fn inherited(&self) -> u64 {
        self.0.context().timeout(Duration::from_secs(60)).await.unwrap().remaining_ms
    }

    async fn scoped(&self, cx: &Context) -> u64 {
        let lab = self.0.clone();
        let task = async move { lab.context().timeout(Duration::from_secs(60)).await.unwrap().remaining_ms };
        tokio::spawn(cx.scope(task)).await.unwrap()
    }

    async fn trace(&self) -> Option<String> {
        self.0.context().await.unwrap().traceparent
    }
}

async fn relay(bed: &Bed) -> (Server, Server, RelayClient) {
    let inner = bed.serve().await;
    let relay = RelayServer::from_arc(Arc::new(Relaying(bed.client().await)));
    let outer = bed.server_builder().await.add(relay).start().await.unwrap();
    (inner, outer, RelayClient::new(bed.connect().await))
}

async fn nested_calls_inherit_the_smaller_deadline(bed: Bed) {
    let (_inner, _outer, relay) = relay(&bed).await;
    let remaining = relay.inherited().timeout(Duration::from_secs(2)).await.unwrap();
    assert!((1..=2000).contains(&remaining), "{remaining}");
}

async fn a_spawned_task_inherits_it_in_its_scope(bed: Bed) {
    let (_inner, _outer, relay) = relay(&bed).await;
    let remaining = relay.scoped().timeout(Duration::from_secs(2)).await.unwrap();
    assert!((1..=2000).contains(&remaining), "{remaining}");
}

async fn traces_go_on_in_nested_calls(bed: Bed) {
    let (_inner, _outer, relay) = relay(&bed).await;
    let trace = relay.trace().header("traceparent", "00-4bf9-00f0-01").await.unwrap();
    assert_eq!(trace.as_deref(), Some("00-4bf9-00f0-01"));
}

/// By the server's clock, every call of this client has expired long ago: the second attempt leaves the expiry out.
async fn a_client_whose_clock_is_behind_is_served(bed: Bed) {
    let server = bed.serve().await;
    let lab = LabClient::new(Client::from(bed.connect().await.with_clock_skew(-3_600_000)));
    assert_eq!(lab.echo("late?").await.unwrap(), "late?");
    assert_eq!(server.counters().expired, 1, "the first attempt was refused");
    assert_eq!(lab.echo("again").await.unwrap(), "again");
    assert_eq!(server.counters().expired, 1, "the difference is remembered");
    assert_eq!(bed.ledger.started(), 2, "each was executed once");
}

async fn a_client_whose_clock_is_ahead_is_served(bed: Bed) {
    let _server = bed.serve().await;
    let lab = LabClient::new(Client::from(bed.connect().await.with_clock_skew(3_600_000)));
    let seen = lab.context().timeout(Duration::from_secs(2)).await.unwrap();
    assert!(seen.remaining_ms <= 2000, "the budget bounds it: {}", seen.remaining_ms);
}

/// A server that finds a call expired which is not is taken for one whose clock is off.
#[tokio::test(start_paused = true)]
async fn a_fraction_of_a_millisecond_is_not_taken_for_a_clock_that_is_off() {
    let bed = Bed::memory();
    let _server = bed.server_builder().await.max_in_flight(1).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let busy = tokio::spawn(lab.sleep(1000));
    tokio::time::sleep(Duration::from_millis(10)).await;
    let result = lab.sleep(1).timeout(Duration::from_micros(300_900)).await;
    assert_eq!(result.unwrap_err().rpc().unwrap().kind(), ErrorKind::DeadlineExceeded);
    busy.await.unwrap().unwrap();
    let mut tap = Tap::new(&bed, "lab.echo").await;
    lab.echo("with its expiry").await.unwrap();
    let seen = tap.messages(lab.client().connection()).await;
    assert!(!seen[0].frames[0][4].is_nil(), "{seen:?}");
}
