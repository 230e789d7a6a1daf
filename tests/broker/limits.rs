//! What a broker refuses.

use async_nats::HeaderMap;
use async_nats::message::OutboundMessage;
use nats_rpc::ErrorKind;

use crate::bed::{Bed, MAX_PAYLOAD, message, next};
use crate::on_every_broker;

on_every_broker! {
    the_largest_payload_passes_and_one_byte_more_does_not,
    headers_count_against_the_largest_payload,
    malformed_subjects_are_refused,
}

async fn the_largest_payload_passes_and_one_byte_more_does_not(bed: Bed) {
    let connection = bed.connect().await;
    assert_eq!(connection.max_payload(), MAX_PAYLOAD);
    let mut subscription = connection.subscribe("a", None).await.unwrap();

    let error = connection.publish(message("a", &"x".repeat(MAX_PAYLOAD + 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    connection.publish(message("a", &"x".repeat(MAX_PAYLOAD))).await.unwrap();
    assert_eq!(next(&mut subscription).await.payload.len(), MAX_PAYLOAD, "the connection goes on");
}

async fn headers_count_against_the_largest_payload(bed: Bed) {
    let connection = bed.connect().await;
    let mut subscription = connection.subscribe("a", None).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.append("name", "one");
    headers.append("name", "other");
    let block = "NATS/1.0\r\nname: one\r\nname: other\r\n\r\n".len();
    let with_headers =
        |size| OutboundMessage { headers: Some(headers.clone()), ..message("a", &"x".repeat(size)) };

    let error = connection.publish(with_headers(MAX_PAYLOAD - block + 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    connection.publish(with_headers(MAX_PAYLOAD - block)).await.unwrap();
    assert_eq!(next(&mut subscription).await.payload.len(), MAX_PAYLOAD - block, "the connection goes on");
}

async fn malformed_subjects_are_refused(bed: Bed) {
    let connection = bed.connect().await;
    for malformed in ["", "a b", "a\tb", "a\r\nPUB b 0"] {
        let publish = connection.publish(message(malformed, "")).await.unwrap_err();
        assert_eq!(publish.kind(), ErrorKind::InvalidArgument, "{malformed:?}");
        let reply = OutboundMessage { reply: Some(malformed.into()), ..message("a", "") };
        let reply = connection.publish(reply).await.unwrap_err();
        assert_eq!(reply.kind(), ErrorKind::InvalidArgument, "{malformed:?}");
        let subscribe = connection.subscribe(malformed, None).await.unwrap_err();
        assert_eq!(subscribe.kind(), ErrorKind::InvalidArgument, "{malformed:?}");
        let group = connection.subscribe("a", Some(malformed)).await.unwrap_err();
        assert_eq!(group.kind(), ErrorKind::InvalidArgument, "{malformed:?}");
    }
    for malformed in ["a..b", ".a", "a.", "a.>.b"] {
        let subscribe = connection.subscribe(malformed, None).await.unwrap_err();
        assert_eq!(subscribe.kind(), ErrorKind::InvalidArgument, "{malformed:?}");
    }
}
