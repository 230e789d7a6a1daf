//! A request that reaches nobody is answered by the broker.

use tests::Version;

use crate::bed::{Bed, arrived, message, next, request, settle};
use crate::on_every_broker;

on_every_broker! {
    the_requester_is_told_that_nobody_listens,
    nobody_is_told_of_a_message_without_reply_subject,
    only_the_connection_of_the_requester_is_told,
    a_member_of_a_queue_group_is_not_told,
    one_subscription_of_the_requester_is_told,
    a_silent_subscriber_is_a_responder,
    the_last_subscriber_to_leave_leaves_no_responders,
}

async fn the_requester_is_told_that_nobody_listens(bed: Bed) {
    let requester = bed.connect().await;
    let mut inbox = requester.subscribe("inbox.*", None).await.unwrap();
    requester.publish(request("nobody.here", "inbox.7")).await.unwrap();

    let status = next(&mut inbox).await;
    assert_eq!(status.status.unwrap().as_u16(), 503);
    assert_eq!(status.subject.as_str(), "inbox.7");
    assert!(status.payload.is_empty());
    assert_eq!((status.reply, status.description), (None, None));
    let subject = status.headers.and_then(|headers| headers.get("Nats-Subject").cloned());
    match (&bed, subject) {
        // Which subject it was, servers say since 2.12.
        (Bed::Nats(_, Version::Oldest), None) => {}
        (_, subject) => assert_eq!(subject.unwrap().as_str(), "nobody.here"),
    }
}

async fn nobody_is_told_of_a_message_without_reply_subject(bed: Bed) {
    let connection = bed.connect().await;
    let mut everything = connection.subscribe("inbox.>", None).await.unwrap();
    connection.publish(message("nobody.here", "")).await.unwrap();
    settle([&connection]).await;
    assert!(arrived(&mut everything).is_empty());
}

async fn only_the_connection_of_the_requester_is_told(bed: Bed) {
    let (requester, reader) = (bed.connect().await, bed.connect().await);
    let mut inbox = reader.subscribe("inbox.7", None).await.unwrap();
    settle([&reader]).await;
    requester.publish(request("nobody.here", "inbox.7")).await.unwrap();
    settle([&requester, &reader]).await;
    assert!(arrived(&mut inbox).is_empty());
}

async fn a_member_of_a_queue_group_is_not_told(bed: Bed) {
    let requester = bed.connect().await;
    let mut inbox = requester.subscribe("inbox.7", Some("q")).await.unwrap();
    requester.publish(request("nobody.here", "inbox.7")).await.unwrap();
    settle([&requester]).await;
    assert!(arrived(&mut inbox).is_empty());
}

async fn one_subscription_of_the_requester_is_told(bed: Bed) {
    let requester = bed.connect().await;
    let mut one = requester.subscribe("inbox.*", None).await.unwrap();
    let mut other = requester.subscribe("inbox.7", None).await.unwrap();
    requester.publish(request("nobody.here", "inbox.7")).await.unwrap();
    settle([&requester]).await;
    assert_eq!(arrived(&mut one).len() + arrived(&mut other).len(), 1);
}

async fn a_silent_subscriber_is_a_responder(bed: Bed) {
    let (requester, silent) = (bed.connect().await, bed.connect().await);
    let mut inbox = requester.subscribe("inbox.7", None).await.unwrap();
    for group in [None, Some("q")] {
        let mut requests = silent.subscribe("silent.*", group).await.unwrap();
        settle([&silent]).await;
        requester.publish(request("silent.service", "inbox.7")).await.unwrap();
        settle([&requester, &silent]).await;
        assert_eq!(arrived(&mut requests).len(), 1);
        assert!(arrived(&mut inbox).is_empty());
    }
}

async fn the_last_subscriber_to_leave_leaves_no_responders(bed: Bed) {
    let (requester, server) = (bed.connect().await, bed.connect().await);
    let mut inbox = requester.subscribe("inbox.7", None).await.unwrap();
    let stays = server.subscribe("service", None).await.unwrap();
    drop(server.subscribe("service", None).await.unwrap());
    settle([&server]).await;
    requester.publish(request("service", "inbox.7")).await.unwrap();
    settle([&requester]).await;
    assert!(arrived(&mut inbox).is_empty(), "one is still there");

    drop(stays);
    settle([&server]).await;
    requester.publish(request("service", "inbox.7")).await.unwrap();
    assert_eq!(next(&mut inbox).await.status.unwrap().as_u16(), 503);
}
