//! Messages of any NATS client, and what is in the answers to them.

use std::time::Duration;

use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use futures::StreamExt;
use nats_rpc::Connection;

/// A message of any NATS client.
pub(crate) fn outbound(subject: &str, reply: Option<&str>, payload: impl Into<Bytes>) -> OutboundMessage {
    OutboundMessage {
        subject: subject.into(),
        reply: reply.map(Into::into),
        payload: payload.into(),
        headers: None,
    }
}

/// Sends a message as any NATS client could, and returns the first answer.
pub(crate) async fn raw_request(
    connection: &Connection,
    subject: &str,
    headers: &[(&str, &str)],
    payload: impl Into<Bytes>,
) -> Message {
    let inbox = format!("_INBOX.raw.{}", uuid::Uuid::new_v4().simple());
    let mut answers = connection.subscribe(inbox.as_str(), None).await.unwrap();
    let mut map = HeaderMap::new();
    headers.iter().for_each(|(name, value)| map.append(*name, *value));
    let headers = (!map.is_empty()).then_some(map);
    let message = OutboundMessage { headers, ..outbound(subject, Some(&inbox), payload) };
    connection.publish(message).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), answers.next()).await;
    answer.expect("an answer comes").expect("the connection is open")
}

/// A header of an answer.
pub(crate) fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
}

/// Asserts the ADR-32 error headers of an answer to a plain call.
#[track_caller]
pub(crate) fn assert_plain_error(message: &Message, code: &str, execution: &str) {
    let found = (header(message, "Nats-Service-Error-Code"), header(message, "Nats-Rpc-Execution"));
    assert_eq!(found, (Some(code), Some(execution)), "{message:?}");
    assert!(header(message, "Nats-Service-Error").is_some_and(|text| !text.is_empty()));
}
