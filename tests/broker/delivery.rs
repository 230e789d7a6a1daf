//! How messages arrive.

use async_nats::HeaderMap;
use async_nats::message::OutboundMessage;

use crate::bed::{Bed, arrived, message, next, payload, payloads, request, settle};
use crate::on_every_broker;

on_every_broker! {
    a_message_arrives_as_it_was_published,
    messages_of_one_connection_keep_their_order,
    all_replies_arrive_and_the_first_is_the_first,
    a_dropped_subscription_gets_nothing_and_a_new_one_nothing_old,
}

async fn a_message_arrives_as_it_was_published(bed: Bed) {
    let connection = bed.connect().await;
    let mut subscription = connection.subscribe("a", None).await.unwrap();
    connection.publish(message("a", "")).await.unwrap();
    let bare = next(&mut subscription).await;
    assert!(bare.payload.is_empty() && bare.reply.is_none() && bare.headers.is_none());
    assert_eq!((bare.status, bare.description, bare.length), (None, None, "a".len()));

    let mut headers = HeaderMap::new();
    headers.append("X-Name", "one");
    headers.append("X-Name", "other");
    headers.append("x-name", "a different name");
    let full = OutboundMessage { headers: Some(headers.clone()), ..request("a", "answer.to") };
    connection.publish(full).await.unwrap();
    let full = next(&mut subscription).await;
    assert_eq!(full.reply.unwrap().as_str(), "answer.to");
    assert_eq!(full.payload, "request");
    assert_eq!(full.headers.unwrap(), headers);
    assert_eq!((full.status, full.description), (None, None));
    let block = "NATS/1.0\r\nX-Name: one\r\nX-Name: other\r\nx-name: a different name\r\n\r\n";
    assert_eq!(full.length, "a".len() + "answer.to".len() + block.len() + "request".len());

    let no_headers = OutboundMessage { headers: Some(HeaderMap::new()), ..message("a", "") };
    connection.publish(no_headers).await.unwrap();
    assert_eq!(next(&mut subscription).await.headers, None, "an empty map is no headers");
}

async fn messages_of_one_connection_keep_their_order(bed: Bed) {
    let (publisher, subscriber) = (bed.connect().await, bed.connect().await);
    let mut subscription = subscriber.subscribe("a.>", None).await.unwrap();
    settle([&subscriber]).await;
    for n in 0..1000 {
        publisher.publish(message(&format!("a.{}", n % 7), &n.to_string())).await.unwrap();
    }
    for n in 0..1000 {
        assert_eq!(payload(&next(&mut subscription).await), n.to_string());
    }
}

async fn all_replies_arrive_and_the_first_is_the_first(bed: Bed) {
    let (requester, quick, slow) = (bed.connect().await, bed.connect().await, bed.connect().await);
    let mut quick_requests = quick.subscribe("service", None).await.unwrap();
    let mut slow_requests = slow.subscribe("service", None).await.unwrap();
    let mut inbox = requester.subscribe("inbox.7", None).await.unwrap();
    settle([&quick, &slow]).await;
    requester.publish(request("service", "inbox.7")).await.unwrap();

    for (responder, requests, answer) in
        [(&quick, &mut quick_requests, "quick"), (&slow, &mut slow_requests, "slow")]
    {
        let reply = next(requests).await.reply.unwrap();
        responder.publish(message(&reply, answer)).await.unwrap();
        settle([responder]).await;
    }
    assert_eq!(payload(&next(&mut inbox).await), "quick");
    assert_eq!(payload(&next(&mut inbox).await), "slow");
}

async fn a_dropped_subscription_gets_nothing_and_a_new_one_nothing_old(bed: Bed) {
    let connection = bed.connect().await;
    let mut old = connection.subscribe("a", None).await.unwrap();
    connection.publish(message("a", "before")).await.unwrap();
    settle([&connection]).await;
    assert_eq!(payloads(&mut old), ["before"]);
    drop(old);
    connection.publish(message("a", "between")).await.unwrap();
    settle([&connection]).await;
    let mut new = connection.subscribe("a", None).await.unwrap();
    connection.publish(message("a", "after")).await.unwrap();
    settle([&connection]).await;
    assert_eq!(payloads(&mut new), ["after"]);
    assert!(arrived(&mut new).is_empty());
}
