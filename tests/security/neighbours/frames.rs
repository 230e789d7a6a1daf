//! An answer of very many frames costs its caller neither time nor memory.

use nats_rpc::{Client, ErrorKind, Retry};
use tests::{NatsServer, Version};

use super::bed::{DeskClient, connect};
use super::on_both_versions;
use super::raw::Raw;
use crate::bed::{failure, soon};

on_both_versions! {
    an_answer_of_very_many_frames_is_not_read_to_its_end,
}

async fn an_answer_of_very_many_frames_is_not_read_to_its_end(version: Version) {
    let nats = NatsServer::builder().version(version).config(CONFIG).start();
    let connection = connect(&nats, "web").await;
    let mut evil = Raw::connect(&nats, "desk").await;
    evil.subscribe("desk.hello").await;
    evil.settle().await;
    let client = Client::builder(connection).retry(Retry::off()).build().unwrap();
    let client = DeskClient::new(client);
    // Heartbeats, and frames of a later version.
    for frame in [&[0x91, 0x09][..], &[0x92, 0x63, 0x00]] {
        let call = tokio::spawn(client.hello("Ann").into_future());
        let came = evil.next().await;
        let answer = [&[0xC1, 0x01][..], &frame.repeat(300_000)].concat();
        evil.publish(&came.reply.unwrap(), "x", &answer).await;
        let error = failure(soon(call).await.unwrap());
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

const CONFIG: &str = r#"
authorization { users: [
  { user: desk, password: desk }, { user: web, password: web, permissions: { subscribe: ["_INBOX_web.>"], publish: ["desk.>"] } }
] }
"#;
