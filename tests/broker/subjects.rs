//! Which subscriptions a subject reaches.

use crate::bed::{Bed, arrived, message, payloads, settle};
use crate::on_every_broker;

on_every_broker! {
    a_literal_subject_reaches_its_subscribers_only,
    wildcards_stand_for_whole_tokens,
    a_published_wildcard_is_an_ordinary_token,
    a_subject_with_an_empty_token_reaches_nobody,
    each_subscription_that_matches_gets_a_copy,
}

/// Which of the patterns a message to the subject reaches.
async fn reached<'a>(bed: &Bed, patterns: &[&'a str], subject: &str) -> Vec<&'a str> {
    let (publisher, subscriber) = (bed.connect().await, bed.connect().await);
    let mut subscriptions = Vec::new();
    for pattern in patterns {
        subscriptions.push(subscriber.subscribe(*pattern, None).await.unwrap());
    }
    settle([&subscriber]).await;
    publisher.publish(message(subject, "")).await.unwrap();
    settle([&publisher, &subscriber]).await;

    let mut reached = Vec::new();
    for (pattern, subscription) in patterns.iter().zip(&mut subscriptions) {
        for message in arrived(subscription) {
            assert_eq!(message.subject.as_str(), subject, "the subscriber sees the published subject");
            reached.push(*pattern);
        }
    }
    reached
}

async fn a_literal_subject_reaches_its_subscribers_only(bed: Bed) {
    let patterns = ["a.b", "a", "a.b.c", "b.a", "A.B", "a.bb", "a.b"];
    assert_eq!(reached(&bed, &patterns, "a.b").await, ["a.b", "a.b"]);
}

async fn wildcards_stand_for_whole_tokens(bed: Bed) {
    let patterns = ["a.b.c", "a.*.c", "*.*.*", "a.>", ">", "a.b", "*", "a.b.c.>", "a.b*.c", "*.b.>"];
    for (subject, expected) in [
        ("a.b.c", &["a.b.c", "a.*.c", "*.*.*", "a.>", ">", "*.b.>"][..]),
        ("a.b*.c", &["a.*.c", "*.*.*", "a.>", ">", "a.b*.c"]),
        ("a.b", &["a.>", ">", "a.b"]),
        ("a", &[">", "*"]),
        ("a.b.c.d.e", &["a.>", ">", "a.b.c.>", "*.b.>"]),
        ("x.y.z.z", &[">"]),
    ] {
        assert_eq!(reached(&bed, &patterns, subject).await, expected, "{subject}");
    }
}

async fn a_published_wildcard_is_an_ordinary_token(bed: Bed) {
    let patterns = ["a.b", "a.*", "a.>"];
    assert_eq!(reached(&bed, &patterns, "a.*").await, ["a.*", "a.>"]);
    assert_eq!(reached(&bed, &patterns, "a.>").await, ["a.*", "a.>"]);
}

async fn a_subject_with_an_empty_token_reaches_nobody(bed: Bed) {
    for subject in ["a..b", ".a", "a.", "."] {
        assert_eq!(
            reached(&bed, &["a", "a.b", "a.>", "*", "*.*", "*.*.*", ">"], subject).await,
            [""; 0],
            "{subject}"
        );
    }
}

async fn each_subscription_that_matches_gets_a_copy(bed: Bed) {
    let (one, other) = (bed.connect().await, bed.connect().await);
    let mut own = one.subscribe("a.b", None).await.unwrap();
    let mut own_wildcard = one.subscribe("a.*", None).await.unwrap();
    let mut others = other.subscribe("a.>", None).await.unwrap();
    settle([&one, &other]).await;
    one.publish(message("a.b", "first")).await.unwrap();
    one.publish(message("a.b", "second")).await.unwrap();
    settle([&one, &other]).await;
    for subscription in [&mut own, &mut own_wildcard, &mut others] {
        assert_eq!(payloads(subscription), ["first", "second"]);
    }
}
