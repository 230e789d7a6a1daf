//! Nobody answers the calls of others.

use nats_rpc::ConnectionEvent;

use crate::bed::{Estate, PATIENT, Refusals, Witness, publish, soon};
use crate::on_every_template;

on_every_template! {
    an_answer_of_somebody_else_does_not_arrive,
    a_service_calls_nobody,
}

/// A success with a text, as the service would write it.
fn success(id: &[u8], text: &str) -> Vec<u8> {
    let (id_length, length) = (u8::try_from(id.len()).unwrap(), u8::try_from(text.len()).unwrap());
    let head = [&[0xC1, 0x01, 0x96, 0x02, 0xC4, id_length], id, &[0x00, 0xC4, length + 1]].concat();
    [&head[..], &[0xA0 | length], text.as_bytes(), &[0xC0, 0xC0]].concat()
}

/// The forger knows everything: subject and id of the call, and the instance that has it.
async fn an_answer_of_somebody_else_does_not_arrive(estate: Estate) {
    let server = estate.serve().await;
    let mut witness = Witness::new(&estate, "hello").await;
    let call = tokio::spawn(estate.caller("batch").await.hello(PATIENT).into_future());
    let seen = witness.next().await;
    let id = &seen.payload[6..14];

    let forger = estate.connect("web").await;
    let mut refusals = Refusals::of(&forger);
    let reply = seen.reply.unwrap().to_string();
    let (inbox, _) = reply.rsplit_once('.').unwrap();
    for subject in [reply.clone(), format!("{inbox}._{}", server.id())] {
        publish(&forger, &subject, None, success(id, "forged")).await;
        assert_eq!(refusals.next().await, ConnectionEvent::PublishDenied(subject));
    }
    estate.ledger.release.notify_one();
    assert_eq!(soon(call).await.unwrap().unwrap(), format!("Hello, {PATIENT}!"));

    // Were it allowed to, it would have been believed.
    let call = tokio::spawn(estate.caller("batch").await.hello(PATIENT).into_future());
    let seen = witness.next().await;
    let service = estate.connect("greeter").await;
    publish(&service, &seen.reply.unwrap(), None, success(&seen.payload[6..14], "believed")).await;
    assert_eq!(soon(call).await.unwrap().unwrap(), "believed");
}

async fn a_service_calls_nobody(estate: Estate) {
    let service = estate.connect("greeter").await;
    let mut refusals = Refusals::of(&service);
    for subject in [estate.subject("hello"), estate.subject("_ctl.any"), "payments.pay".to_owned()] {
        publish(&service, &subject, None, "{}").await;
        assert_eq!(refusals.next().await, ConnectionEvent::PublishDenied(subject));
    }
}
