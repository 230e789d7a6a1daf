//! A service that a client calls does not touch the calls of this client to other services.

use std::time::{Duration, Instant};

use nats_rpc::{Client, ErrorKind, Retry};
use tests::Version;

use super::bed::{DeskClient, GossipClient, Honest, Neighbourhood, connect};
use super::on_both_versions;
use super::raw::{Raw, heartbeat, message};
use crate::bed::{failure, soon};

on_both_versions! {
    an_answer_of_very_many_frames_is_not_read_to_its_end,
    claims_that_another_instance_is_gone_are_not_heard,
}

/// A caller of both services on one connection, and what the hostile one reads and says.
struct Visitor {
    desk: DeskClient,
    gossip: GossipClient,
    evil: Raw,
}

impl Visitor {
    async fn new(neighbourhood: &Neighbourhood) -> Self {
        let mut evil = Raw::connect(&neighbourhood.nats, "gossip").await;
        evil.subscribe("gossip.hello").await;
        evil.settle().await;
        let connection = connect(&neighbourhood.nats, "web").await;
        let client = Client::builder(connection).retry(Retry::off()).build().unwrap();
        Visitor { desk: DeskClient::new(client.clone()), gossip: GossipClient::new(client), evil }
    }
}

/// It costs its caller neither time nor memory, and no other call.
async fn an_answer_of_very_many_frames_is_not_read_to_its_end(version: Version) {
    let neighbourhood = Neighbourhood::new(version).await;
    let Visitor { desk, gossip, mut evil } = Visitor::new(&neighbourhood).await;
    let honest = Honest::of(&[desk], true).await;
    // Heartbeats, and frames of a later version.
    for frame in [&[0x91, 0x09][..], &[0x92, 0x63, 0x00]].repeat(5) {
        let call = tokio::spawn(gossip.hello("Ann").into_future());
        let came = evil.next().await;
        let answer = [&[0xC1, 0x01][..], &frame.repeat(300_000)].concat();
        evil.publish(&came.reply.unwrap(), "x", &answer).await;
        let error = failure(soon(call).await.unwrap());
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
    honest.finish("a service that answers with very many frames").await;
}

/// The service knows the id of the instance, which discovery tells, and the subject where it
/// answers.
async fn claims_that_another_instance_is_gone_are_not_heard(version: Version) {
    const PATIENCE: Duration = Duration::from_secs(3);
    let neighbourhood = Neighbourhood::new(version).await;
    let Visitor { desk, gossip, mut evil } = Visitor::new(&neighbourhood).await;
    let begun = Instant::now();
    let patient: Vec<_> =
        (0..20).map(|_| tokio::spawn(desk.wait().timeout(PATIENCE).into_future())).collect();
    let honest = Honest::of(&[desk], true).await;

    let call = tokio::spawn(gossip.hello("Ann").timeout(PATIENCE).into_future());
    let reply = evil.next().await.reply.unwrap();
    let tokens: Vec<_> = reply.split('.').collect();
    let guesses = guesses(&tokens, neighbourhood.server.id());
    while begun.elapsed() < PATIENCE - Duration::from_millis(500) {
        for guess in &guesses {
            evil.publish_with(guess, "", "NATS/1.0 503\r\n\r\n", b"").await;
            // It speaks for the instance, to be heard in its place.
            evil.publish(guess, "gossip._ctl.x.y", &message([heartbeat()])).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for call in patient {
        let error = failure(soon(call).await.unwrap());
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
    }
    // What it says of its own calls is believed.
    let error = failure(soon(call).await.unwrap());
    assert_eq!(error.kind(), ErrorKind::NoResponders, "{error}");
    honest.finish("a service that says that another is gone").await;
}

/// Subjects below each part of the inbox, as one might think that they are used.
fn guesses(tokens: &[&str], instance: &str) -> Vec<String> {
    let mut guesses = vec![tokens.join(".")];
    for depth in 1..tokens.len() {
        let inbox = tokens.get(..depth).unwrap().join(".");
        guesses.push(format!("{inbox}._{instance}"));
        guesses.extend((0..8).map(|number| format!("{inbox}._{instance}.{number}")));
        guesses.extend((0..8).map(|slot| format!("{inbox}.{slot}")));
    }
    guesses
}
