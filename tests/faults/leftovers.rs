//! What calls leave behind that are dropped, or that nobody answers.

use std::time::Duration;

use ::tests::{NatsServer, WorkClient};
use futures::StreamExt;
use nats_rpc::ServiceClient;
use tokio::time::{Instant, sleep};

use crate::bed::{Bed, count, report};
use crate::check::{Rules, assert_holds, summary};
use crate::load::{Plan, mixed};
use crate::numbers::Numbers;
use crate::scale::{Scale, alone, together};

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Mixed calls, each given up at a random moment or, some of them, not at all.
fn dropped_anywhere(numbers: &mut Numbers) -> Plan {
    let plan = mixed(numbers);
    let after = match numbers.below(4) {
        // Before it leaves, on its way, in the handler, at its end.
        0 => Duration::ZERO,
        1 => Duration::from_micros(numbers.below(2000)),
        2 => Duration::from_millis(numbers.below(30)),
        _ => Duration::from_millis(numbers.below(3000)),
    };
    Plan { dropped_after: Some(after), ..plan }
}

#[tokio::test]
async fn ten_thousand_calls_dropped_anywhere_leave_no_handler_waiter_or_task() {
    let _turn = together().await;
    let nats = NatsServer::start();
    let bed = Bed::new();
    let server = bed.serve(nats_rpc::connect(nats.url()).await.unwrap(), "one").await;
    let client = bed.client(nats_rpc::connect(nats.url()).await.unwrap()).await;
    sleep(Duration::from_millis(100)).await;
    let before = alive_tasks();
    let mut numbers = Numbers::new(1);
    for _ in 0..100 {
        for _ in 0..100 {
            tokio::spawn(bed.callers.clone().call(client.clone(), dropped_anywhere(&mut numbers)));
        }
        sleep(Duration::from_millis(numbers.below(20))).await;
    }
    let mut run = bed.finish(Vec::new()).await;
    let last = run.calls.iter().map(|call| call.deadline).max().unwrap_or_default();
    // The tasks of handlers end with them; what listens for a call that was dropped, by its deadline.
    while bed.now() < last + 1000 && alive_tasks() > before {
        sleep(Duration::from_millis(20)).await;
    }
    run.gauge("tasks besides those at the start", count(alive_tasks()), count(before));
    let what = "10 000 calls dropped at random points";
    assert_holds(what, &run, &Rules::default());
    report(what, &format!("{}; the server: {:?}", summary(&run), server.counters()));
    assert_eq!(run.calls.len(), 10_001);
}

#[tokio::test]
async fn unanswered_calls_leave_no_memory_behind() {
    let _turn = alone().await;
    let nats = NatsServer::start();
    let silent = async_nats::connect(nats.url()).await.unwrap();
    let mut calls = silent.queue_subscribe("work.quick", "q".to_owned()).await.unwrap();
    silent.flush().await.unwrap();
    let swallowing = tokio::spawn(async move { while calls.next().await.is_some() {} });
    let client = WorkClient::new(nats_rpc::connect(nats.url()).await.unwrap());

    unanswered(&client, Scale::get().pick(20_000, 100_000)).await;
    let (before, started) = (resident_kib(), Instant::now());
    let calls = Scale::get().pick(30_000, 100_000);
    unanswered(&client, calls).await;
    let grown = resident_kib().saturating_sub(before);
    report(
        "unanswered calls",
        &format!(
            "{calls} in {:.1} s, and {grown} KiB more memory than before",
            started.elapsed().as_secs_f32()
        ),
    );
    assert_eq!(client.client().in_flight(), 0);
    // 100 bytes for each would be 3 MiB, or 10.
    assert!(grown < count(calls) * 100 / 1024, "{grown} KiB");
    swallowing.abort();
}

/// Makes calls that run into their deadlines, a thousand at a time.
async fn unanswered(client: &WorkClient, calls: usize) {
    let calls = (0..count(calls)).map(|id| client.quick(id).timeout(Duration::from_millis(100)));
    let mut calls = futures::stream::iter(calls).buffer_unordered(1000);
    while let Some(result) = calls.next().await {
        assert!(result.is_err());
    }
}

/// How much memory this process has.
pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this test reads /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
