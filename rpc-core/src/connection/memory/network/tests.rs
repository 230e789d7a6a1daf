//! What a network does to messages, and that it does it again.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::connection::{OutboundMessage, Subscription};
use crate::error::{ErrorKind, Execution};
use crate::memory::Broker;

const MS: Duration = Duration::from_millis(1);

fn network(faults: Faults) -> (Broker, Network) {
    Broker::builder().seed(7).build_with_network(faults)
}

fn message(subject: &str, text: &str) -> OutboundMessage {
    OutboundMessage { subject: subject.into(), reply: None, payload: text.to_owned().into(), headers: None }
}

async fn publish(connection: &Connection, subject: &str, texts: impl IntoIterator<Item = usize>) {
    for text in texts {
        connection.publish(message(subject, &text.to_string())).await.unwrap();
    }
}

/// What has come, once nothing moves any more.
async fn heard(subscription: &mut Subscription) -> Vec<String> {
    sleep(Duration::from_secs(60)).await;
    let next = || tokio::task::unconstrained(subscription.next()).now_or_never().flatten();
    std::iter::from_fn(next).map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_take_their_time_and_keep_their_order() {
    let (broker, _network) = network(Faults::none().delay(10 * MS..=50 * MS));
    let (alice, bob) = (broker.connect(), broker.connect());
    let mut events = bob.subscribe("events", None).await.unwrap();
    sleep(100 * MS).await;
    let start = Instant::now();
    publish(&alice, "events", 0..100).await;
    assert_eq!(events.next().await.unwrap().payload, "0");
    let took = start.elapsed();
    assert!((20 * MS..=101 * MS).contains(&took), "there and back again: {took:?}");
    assert_eq!(heard(&mut events).await, numbers(1..100));
}

#[tokio::test(start_paused = true)]
async fn messages_are_lost_as_often_as_was_said() {
    let (broker, network) = network(Faults::none().drop(0.5));
    let connection = broker.connect();
    let mut events = connection.subscribe("events", None).await.unwrap();
    publish(&connection, "events", 0..1000).await;
    let left = heard(&mut events).await.len();
    assert!((400..600).contains(&left), "{left}");
    network.set_faults(Faults::none());
    publish(&connection, "events", 0..100).await;
    assert_eq!(heard(&mut events).await, numbers(0..100));
}

#[tokio::test(start_paused = true)]
async fn replies_and_control_frames_come_twice_and_calls_do_not() {
    let (broker, _network) = network(Faults::none().duplicate(1.0));
    let connection = broker.connect();
    for (subject, copies) in [("_INBOX.a.b", 2), ("work._ctl.one.1", 2), ("work.quick", 1)] {
        let mut messages = connection.subscribe(subject, None).await.unwrap();
        publish(&connection, subject, [5]).await;
        assert_eq!(heard(&mut messages).await.len(), copies, "{subject}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_hears_nothing_and_its_subscriptions_come_back() {
    let (broker, network) = network(Faults::none().delay(10 * MS..=10 * MS));
    let (alice, bob) = (broker.connect(), broker.connect());
    let mut events = bob.subscribe("events", None).await.unwrap();
    let mut other = alice.subscribe("other", None).await.unwrap();
    sleep(100 * MS).await;

    publish(&alice, "events", 0..5).await;
    sleep(15 * MS).await;
    network.disconnect(&bob);
    assert!(!bob.is_connected() && alice.is_connected());
    publish(&alice, "events", 5..10).await;
    publish(&bob, "other", 0..5).await;
    assert_eq!(heard(&mut events).await, numbers(0..0), "what was on its way is lost too");
    assert_eq!(heard(&mut other).await, numbers(0..0));

    network.reconnect(&bob);
    assert!(bob.is_connected());
    publish(&bob, "other", 5..7).await;
    sleep(100 * MS).await;
    publish(&alice, "events", 10..12).await;
    assert_eq!(heard(&mut events).await, numbers(10..12));
    assert_eq!(heard(&mut other).await, numbers(0..7), "what it was told while it was lost, it says first");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_ends_while_its_connection_is_lost_stays_away() {
    let (broker, network) = network(Faults::none());
    let (alice, bob) = (broker.connect(), broker.connect());
    let ended = bob.subscribe("events", None).await.unwrap();
    sleep(MS).await;
    network.disconnect(&bob);
    drop(ended);
    let mut begun = bob.subscribe("events", None).await.unwrap();
    network.reconnect(&bob);
    sleep(MS).await;
    assert_eq!(broker.shared.routes().plain("events").count(), 1);
    publish(&alice, "events", 0..2).await;
    assert_eq!(heard(&mut begun).await, numbers(0..2));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_connection_gets_everything_later_and_in_order() {
    let (broker, network) = network(Faults::none().delay(MS..=20 * MS));
    let (alice, bob) = (broker.connect(), broker.connect());
    let mut events = bob.subscribe("events", None).await.unwrap();
    let mut other = alice.subscribe("other", None).await.unwrap();
    sleep(100 * MS).await;
    network.freeze(&bob);
    publish(&alice, "events", 0..50).await;
    publish(&bob, "other", 0..50).await;
    assert_eq!((heard(&mut events).await, heard(&mut other).await), (vec![], vec![]));
    assert!(bob.is_connected(), "nobody knows");
    publish(&alice, "events", 50..60).await;
    sleep(25 * MS).await;
    network.thaw(&bob);
    publish(&alice, "events", 60..70).await;
    assert_eq!(heard(&mut events).await, numbers(0..70));
    assert_eq!(heard(&mut other).await, numbers(0..50));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_ends_while_its_connection_is_frozen_ends_with_the_connection() {
    let (broker, network) = network(Faults::none());
    let connection = broker.connect();
    let ended = connection.subscribe("events", None).await.unwrap();
    sleep(MS).await;
    network.freeze(&connection);
    drop(ended);
    sleep(MS).await;
    assert_eq!(broker.shared.routes().plain("events").count(), 1, "the broker does not know");
    network.disconnect(&connection);
    assert_eq!(broker.shared.routes().plain("events").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_on_a_lost_connection_fail_at_once() {
    let (broker, network) = network(Faults::none());
    let connection = broker.connect();
    let silent = broker.connect();
    let _silent = silent.subscribe("echo.say", None).await.unwrap();
    static ECHO: crate::ServiceDescriptor =
        crate::ServiceDescriptor::new("echo", &[crate::Method::unary("say")]);
    let stub = crate::__private::Stub::new((&connection).into(), &ECHO);
    let call = || stub.call(0, &(), crate::__private::Returns::<(), _>::infallible());
    let out = tokio::spawn(call().into_future());
    sleep(100 * MS).await;
    network.disconnect(&connection);
    let failed = timeout(MS, out).await.expect("it does not wait for its deadline").unwrap();
    let crate::CallError::Rpc(error) = failed.unwrap_err();
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Unavailable, Execution::MaybeExecuted));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_dropped_is_forgotten() {
    let (broker, network) = network(Faults::none().delay(MS..=5 * MS));
    let connections: Vec<Connection> = (0..3).map(|_| broker.connect()).collect();
    let mut subscriptions = Vec::new();
    for connection in &connections {
        subscriptions.push(connection.subscribe("events", None).await.unwrap());
    }
    sleep(100 * MS).await;
    network.disconnect(&connections[1]);
    drop((subscriptions, connections));
    sleep(100 * MS).await;
    let links = broker.shared.links.as_ref().unwrap();
    assert_eq!(links.lock().endpoints.len(), 0);
    assert_eq!(broker.shared.routes().plain("events").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_moves_any_more_when_the_broker_is_gone() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (broker, network) = network(Faults::none());
    sleep(MS).await;
    assert_eq!(tasks(), before + 1);
    drop((broker, network));
    sleep(MS).await;
    assert_eq!(tasks(), before);
}

#[test]
fn a_seed_replays() {
    let run = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let faults = Faults::none().drop(0.1).duplicate(0.1).delay(Duration::ZERO..=20 * MS);
            let (broker, network) = Broker::builder().seed(seed).build_with_network(faults);
            network.keep_log();
            let connections = [broker.connect(), broker.connect()];
            let mut inboxes = Vec::new();
            for connection in &connections {
                inboxes.push(connection.subscribe("_INBOX.*", Some("q")).await.unwrap());
            }
            for text in 0..100 {
                publish(&connections[text % 2], "_INBOX.a", [text]).await;
                sleep(MS).await;
                match text {
                    40 => network.disconnect(&connections[0]),
                    60 => network.reconnect(&connections[0]),
                    _ => {}
                }
            }
            sleep(Duration::from_secs(1)).await;
            network.log()
        })
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert!(run(1).len() > 100, "things happen");
}
