//! What becomes of a service that gets three times as many calls as it can serve.

use std::time::Duration;

use ::tests::{NatsServer, SLOW, WorkClient};
use nats_rpc::{Client, ErrorKind, Retry};
use tokio::time::sleep;

use crate::bed::{Bed, quantile, report};
use crate::check::{Rules, assert_holds};
use crate::load::{Kind, Plan};
use crate::numbers::Numbers;
use crate::record::{Call, Outcome, Run};
use crate::scale::{Scale, alone};

/// A call that takes 20 ms and can wait for half a second.
fn slow(_: &mut Numbers) -> Plan {
    let budget = Duration::from_millis(500);
    Plan { kind: Kind::Slow, idempotent: false, budget, dropped_after: None, has_time: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_three_times_its_capacity_a_service_does_as_much_and_refuses_at_once() {
    let _turn = alone().await;
    let scale = Scale::get();
    // So many at a time, each for 20 ms.
    let places = scale.pick(4, 20);
    let capacity = u32::try_from(places).unwrap() * 1000 / u32::try_from(SLOW.as_millis()).unwrap();
    let time = scale.seconds(3, 20);
    let peak = goodput(&under(capacity, places, time).await, time);
    let run = under(3 * capacity, places, time).await;
    let good = goodput(&run, time);

    let refused = |call: &Call| matches!(&call.outcome, Outcome::Failed { kind: ErrorKind::Overloaded, .. });
    let refusals = run.calls.iter().filter(|call| refused(call)).count();
    let p99 = quantile(&run, 0.99, refused);
    report(
        "three times capacity",
        &format!(
            "{good:.0} calls/s of {peak:.0} at the peak ({:.0} %), {refusals} refused, 99 % of them within {p99} ms",
            100.0 * good / peak
        ),
    );
    assert!(refusals > 0);
    assert!(good >= peak * if scale.is_long() { 0.9 } else { 0.7 }, "{good} of {peak}");
    assert!(p99 < if scale.is_long() { 20 } else { 200 }, "{p99} ms");
}

/// One run at a rate, with a service of its own.
async fn under(per_second: u32, places: usize, time: Duration) -> Run {
    let nats = NatsServer::start();
    let bed = Bed::new();
    let connection = nats_rpc::connect(nats.url()).await.unwrap();
    let limited =
        bed.serve_with(connection, "one", |builder| builder.max_in_flight(places).max_queued(places));
    let _server = limited.await;
    let connection = nats_rpc::connect(nats.url()).await.unwrap();
    // What the service says is what is looked at, not how often it is asked again.
    let client = Client::builder(connection).retry(Retry::off()).build().unwrap();
    let client = WorkClient::new(&client);
    bed.watch(&client);
    bed.under_load(&[client], per_second, slow, sleep(time)).await;
    let what = format!("{per_second} calls/s to a service that can do {}", places * 50);
    let run = bed.finish(Vec::new()).await;
    assert_holds(&what, &run, &Rules::default());
    report(&what, &crate::check::summary(&run));
    run
}

/// Answers a second.
fn goodput(run: &Run, time: Duration) -> f64 {
    let good = u32::try_from(run.calls.iter().filter(|call| call.is_ok()).count()).unwrap();
    f64::from(good) / time.as_secs_f64()
}
