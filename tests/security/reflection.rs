//! A service publishes to the inboxes of its callers, and not where a caller would like to have it publish.

use nats_rpc::ConnectionEvent;

use crate::bed::{Estate, Refusals, publish};
use crate::on_every_template;

on_every_template! {
    a_call_that_is_to_be_answered_elsewhere_is_dropped,
    a_service_that_would_answer_elsewhere_is_not_allowed_to,
    replies_across_accounts_cannot_be_faked,
}

const HELLO: &str = r#"{"name":"Ann"}"#;

/// Where a caller may want to have something published that it may not publish itself.
fn targets(estate: &Estate) -> Vec<String> {
    let others = [
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.ACCOUNT.PING",
        "$JS.API.STREAM.DELETE.ORDERS",
        "$JS.API.STREAM.CREATE.ORDERS",
        "payments.pay",
    ];
    let others = others.map(str::to_owned);
    others.into_iter().chain([estate.subject("forget"), estate.subject("_ctl.any")]).collect()
}

async fn a_call_that_is_to_be_answered_elsewhere_is_dropped(estate: Estate) {
    let server = estate.serve().await;
    let connection = estate.connect("web").await;
    let targets = targets(&estate);
    for target in &targets {
        publish(&connection, &estate.subject("hello"), Some(target), HELLO).await;
    }
    // It comes behind them.
    assert_eq!(estate.caller_on(connection).hello("Ann").await.unwrap(), "Hello, Ann!");
    assert_eq!(server.counters().reply_refused, u64::try_from(targets.len()).unwrap());
    assert_eq!(estate.ledger.started(), 1);
}

async fn a_service_that_would_answer_elsewhere_is_not_allowed_to(estate: Estate) {
    let service = estate.connect("greeter").await;
    let mut refusals = Refusals::of(&service);
    let careless = ["$SYS.", "$JS.", "payments.", "greeter.", "staging.", "_INBOX"];
    let _server = estate.server_builder(service).reply_prefixes(careless).start().await.unwrap();
    let connection = estate.connect("web").await;
    for target in targets(&estate) {
        publish(&connection, &estate.subject("hello"), Some(&target), HELLO).await;
        assert_eq!(refusals.next().await, ConnectionEvent::PublishDenied(target));
    }
}

async fn replies_across_accounts_cannot_be_faked(estate: Estate) {
    let _server = estate.serve().await;
    let connection = estate.connect("web").await;
    let mut refusals = Refusals::of(&connection);
    for target in ["_R_.abcdef.x", "_GR_.abcdef.x"] {
        publish(&connection, &estate.subject("hello"), Some(target), HELLO).await;
        let refusal = refusals.next().await;
        let says_so = |text: &str| text.contains("Permissions Violation") && text.contains(target);
        assert!(matches!(&refusal, ConnectionEvent::Other(text) if says_so(text)), "{refusal:?}");
    }
    estate.caller_on(connection).hello("Ann").await.unwrap();
    assert_eq!(estate.ledger.started(), 1);
}
