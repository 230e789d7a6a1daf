//! The event centre and its partner, both of which die in the middle, and NATS as well: no event is lost.

use std::time::{Duration, Instant};

use tests::{NatsServer, Program};

use crate::program;

fn start(nats: &NatsServer, arguments: &[&str]) -> Program {
    let mut program = program::start("event_centre", Some(nats.url()), arguments);
    program.wait_for("ready");
    program
}

/// Publishes an event; returns its receipt and what its publisher knows when its wait is over.
fn publish(nats: &NatsServer, event: &str, wait_ms: &str) -> (String, String) {
    let lines =
        program::start("event_centre", Some(nats.url()), &["publish", event, "--wait-ms", wait_ms]).succeed();
    let [receipt, known] = &lines[..] else { panic!("{lines:?}") };
    let receipt = receipt.strip_prefix("publisher: receipt ").unwrap().to_owned();
    (receipt, known.strip_prefix("publisher: ").unwrap().to_owned())
}

/// Asks until an event is completed.
fn ask(nats: &NatsServer, receipt: &str) -> String {
    let begun = Instant::now();
    loop {
        let lines = program::start("event_centre", Some(nats.url()), &["ask", receipt]).succeed();
        let known = lines[0].strip_prefix("publisher: ").unwrap();
        if known.ends_with("is delivered") {
            return known.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{known}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_event_is_completed_while_its_publisher_waits() {
    let nats = NatsServer::builder().jetstream().start();
    let _centre = start(&nats, &["centre"]);
    let _partner = start(&nats, &["partner", "--takes", "0"]);
    let (_, known) = publish(&nats, "order-1", "30000");
    assert_eq!(known, "order-1 is delivered");
}

#[test]
fn whoever_dies_meanwhile_an_event_with_a_receipt_is_completed() {
    let mut nats = NatsServer::builder().jetstream().start();
    let centre = start(&nats, &["centre"]);
    let mut partner = start(&nats, &["partner", "--takes", "2"]);
    let (receipt, known) = publish(&nats, "order-17", "300");
    assert!(known.starts_with("it goes on") || known.starts_with("it is not forgotten"), "{known}");

    partner.wait_for("partner: begins order-17, attempt 1");
    // A dropped program is killed.
    drop(partner);
    drop(centre);
    nats.kill();
    nats.restart();
    let (again, _) = publish(&nats, "order-17", "0");
    assert_eq!(again, receipt, "who publishes an event twice has published it once");

    let mut centre = start(&nats, &["centre"]);
    centre.wait_for("centre: order-17 is with the partner");
    drop(centre);
    let mut partner = start(&nats, &["partner", "--takes", "1"]);
    partner.wait_for("partner: has completed order-17");
    let _centre = start(&nats, &["centre"]);
    assert_eq!(ask(&nats, &receipt), "order-17 is delivered");
    partner.terminate();
    let completed = partner.end().lines.iter().filter(|line| line.contains("has completed")).count();
    assert_eq!(completed, 1, "the second attempt of the centre has found the same job");
}
