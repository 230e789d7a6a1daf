//! One member of a queue group gets each message.

use async_nats::Message;
use futures::Stream;
use nats_rpc::Connection;

use crate::bed::{Bed, message, payloads, settle};
use crate::on_every_broker;

on_every_broker! {
    each_message_goes_to_one_random_member,
    each_group_and_each_plain_subscriber_gets_each_message,
    a_group_is_its_name_whatever_its_members_subscribed_to,
    a_member_that_left_gets_nothing,
}

/// How many messages a case publishes: so many that no member goes without, except once in 10^17 runs.
const MESSAGES: usize = 100;

async fn publish_numbers(publisher: &Connection, subject: &str) {
    for n in 0..MESSAGES {
        publisher.publish(message(subject, &n.to_string())).await.unwrap();
    }
}

/// Asserts that these members together got each number once, and each got some, in order.
fn assert_shared<S: Stream<Item = Message> + Unpin>(members: &mut [S]) {
    let mut all = Vec::new();
    for (n, member) in members.iter_mut().enumerate() {
        let share: Vec<usize> = payloads(member).iter().map(|number| number.parse().unwrap()).collect();
        assert!(share.is_sorted(), "the order is kept within a member: {share:?}");
        assert!(!share.is_empty(), "member {n} gets its share");
        all.extend(share);
    }
    all.sort_unstable();
    assert_eq!(all, (0..MESSAGES).collect::<Vec<_>>());
}

async fn each_message_goes_to_one_random_member(bed: Bed) {
    let (publisher, one, other) = (bed.connect().await, bed.connect().await, bed.connect().await);
    let mut members = [
        one.subscribe("work", Some("q")).await.unwrap(),
        one.subscribe("work", Some("q")).await.unwrap(),
        other.subscribe("work", Some("q")).await.unwrap(),
    ];
    settle([&one, &other]).await;
    publish_numbers(&publisher, "work").await;
    settle([&publisher, &one, &other]).await;
    assert_shared(&mut members);
}

async fn each_group_and_each_plain_subscriber_gets_each_message(bed: Bed) {
    let connection = bed.connect().await;
    let subscribe = |subject: &'static str, group| connection.subscribe(subject, group);
    let mut first =
        [subscribe("work", Some("first")).await.unwrap(), subscribe("work", Some("first")).await.unwrap()];
    let mut second = [subscribe("work", Some("second")).await.unwrap()];
    let mut plain = [subscribe("work", None).await.unwrap()];
    let mut wildcard = [subscribe(">", None).await.unwrap()];
    publish_numbers(&connection, "work").await;
    settle([&connection]).await;
    assert_shared(&mut first);
    assert_shared(&mut second);
    assert_shared(&mut plain);
    assert_shared(&mut wildcard);
}

async fn a_group_is_its_name_whatever_its_members_subscribed_to(bed: Bed) {
    let connection = bed.connect().await;
    let mut members = [
        connection.subscribe("work.now", Some("q")).await.unwrap(),
        connection.subscribe("work.*", Some("q")).await.unwrap(),
        connection.subscribe(">", Some("q")).await.unwrap(),
    ];
    publish_numbers(&connection, "work.now").await;
    settle([&connection]).await;
    assert_shared(&mut members);
}

async fn a_member_that_left_gets_nothing(bed: Bed) {
    let (publisher, leaver) = (bed.connect().await, bed.connect().await);
    let mut stays = [publisher.subscribe("work", Some("q")).await.unwrap()];
    let leaves = leaver.subscribe("work", Some("q")).await.unwrap();
    settle([&publisher, &leaver]).await;
    drop(leaves);
    // A client says that it leaves from a task of its own, which has its turn while the connection is settled.
    settle([&leaver]).await;
    publish_numbers(&publisher, "work").await;
    settle([&publisher]).await;
    assert_shared(&mut stays);
}
