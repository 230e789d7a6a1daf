//! Messages that go to another subject than the one that they were published to.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::Message;
use nats_rpc::Connection;
use tests::Version;

use crate::bed::{Bed, Mapping, arrived, message, next, payload, request, settle};
use crate::on_every_broker;

on_every_broker! {
    everything_below_a_subject_is_mapped,
    one_subject_is_mapped_and_its_neighbours_are_not,
    wildcards_are_put_where_they_are_wanted,
    a_subject_that_subscriptions_do_not_match_is_not_mapped,
    partitions_are_those_of_nats_server,
    weights_are_shares_of_the_messages,
    what_weights_leave_stays_or_is_lost,
    a_request_that_a_mapping_loses_has_no_responders,
    a_request_that_reaches_nobody_names_the_mapped_subject,
    who_listens_on_the_published_subject_hears_nothing,
    one_of_several_mappings_that_match_applies,
    mappings_do_not_chain,
    reply_subjects_are_not_mapped,
    answers_are_published_and_so_they_are_mapped,
    a_queue_group_behind_a_mapping_shares_the_messages,
}

/// A message as its subscriber sees it, for each of these subjects.
async fn mapped(bed: Bed, mappings: &[Mapping<'_>], subjects: &[&str]) -> Vec<String> {
    let bed = bed.mapped(mappings);
    let connection = bed.connect().await;
    let messages = published(&connection, subjects).await;
    messages.iter().map(|message| message.subject.to_string()).collect()
}

/// What arrives of one message to each of these subjects, in their order.
async fn published(connection: &Connection, subjects: &[&str]) -> Vec<Message> {
    let mut everything = connection.subscribe(">", None).await.unwrap();
    for subject in subjects {
        connection.publish(message(subject, subject)).await.unwrap();
    }
    settle([connection]).await;
    let messages = arrived(&mut everything);
    assert!(messages.iter().map(payload).eq(subjects.iter().copied()), "each arrives once, in order");
    messages
}

/// How many of the messages went to each subject.
fn shares(messages: &[Message]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for message in messages {
        *shares.entry(message.subject.as_str()).or_default() += 1;
    }
    shares
}

/// Asserts which subject a 503 names.
#[track_caller]
fn assert_named(bed: &Bed, status: &Message, expected: &str) {
    let subject = status.headers.as_ref().and_then(|headers| headers.get("Nats-Subject"));
    match (bed, subject) {
        // Which subject it was, servers say since 2.12.
        (Bed::Nats(_, Version::Oldest), None) => {}
        (_, subject) => assert_eq!(subject.unwrap().as_str(), expected),
    }
}

async fn everything_below_a_subject_is_mapped(bed: Bed) {
    let bed = bed.mapped(&[("lab.>", &[("canary.lab.>", 100)])]);
    let connection = bed.connect().await;
    let messages = published(&connection, &["lab.a", "lab.a.b.c", "lab", "laboratory.a", "x.lab.a"]).await;
    let subjects: Vec<&str> = messages.iter().map(|message| message.subject.as_str()).collect();
    assert_eq!(subjects, ["canary.lab.a", "canary.lab.a.b.c", "lab", "laboratory.a", "x.lab.a"]);
    assert_eq!(messages[0].length, "canary.lab.a".len() + "lab.a".len(), "as long as it arrives");
}

async fn one_subject_is_mapped_and_its_neighbours_are_not(bed: Bed) {
    let mappings = [("lab.slow", &[("canary.slow", 100)][..])];
    let subjects = mapped(bed, &mappings, &["lab.slow", "lab.fast", "lab.slow.er", "lab"]).await;
    assert_eq!(subjects, ["canary.slow", "lab.fast", "lab.slow.er", "lab"]);
}

async fn wildcards_are_put_where_they_are_wanted(bed: Bed) {
    let mappings: [Mapping<'_>; 4] = [
        ("a.*.*", &[("b.{{wildcard(2)}}.x.{{wildcard(1)}}", 100)]),
        ("old.*.*", &[("new.$2.$1", 100)]),
        ("deep.*.x.>", &[("{{Wildcard( 1 )}}.>", 100)]),
        ("less.*", &[("fixed.$SYS", 100)]),
    ];
    let subjects = mapped(bed, &mappings, &["a.1.2", "old.1.2", "deep.1.x.2.3", "less.1", "a.1.2.3"]).await;
    assert_eq!(subjects, ["b.2.x.1", "new.2.1", "1.2.3", "fixed.$SYS", "a.1.2.3"]);
}

async fn a_subject_that_subscriptions_do_not_match_is_not_mapped(bed: Bed) {
    let bed = bed.mapped(&[("a.*.c", &[("x", 100)]), ("b.>", &[("y.>", 100)])]);
    let connection = bed.connect().await;
    let messages = published(&connection, &["a.*.c", "a.>.c", "a.b", "b", "b.*"]).await;
    let subjects: Vec<&str> = messages.iter().map(|message| message.subject.as_str()).collect();
    assert_eq!(subjects, ["x", "a.>.c", "a.b", "b", "y.*"]);

    // With an empty token it reaches nobody, mapped or not.
    let mut everything = connection.subscribe(">", None).await.unwrap();
    for subject in ["a..c", "b..c", "b."] {
        connection.publish(message(subject, "")).await.unwrap();
    }
    settle([&connection]).await;
    assert!(arrived(&mut everything).is_empty());
}

async fn partitions_are_those_of_nats_server(bed: Bed) {
    let mappings: [Mapping<'_>; 2] = [
        ("one.*", &[("one.{{partition(7,1)}}.{{wildcard(1)}}", 100)]),
        ("two.*.*", &[("two.{{partition(1000, 2, 1)}}.$1.$2", 100)]),
    ];
    let values = |n: usize| format!("{n}-{}", "äß_X".repeat(n % 4));
    let subjects: Vec<String> =
        (0..100).flat_map(|n| [format!("one.{}", values(n)), format!("two.{n}.{}", values(n + 1))]).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    // What is in memory is compared with a real server, and so is the other version of that.
    let (real, here) = futures::join!(
        mapped(Bed::nats(Version::Current), &mappings, &subjects),
        mapped(bed, &mappings, &subjects),
    );
    assert_eq!(here, real);
    let partitions = |first| {
        let mapped = here.iter().filter(|subject| subject.starts_with(first));
        mapped.map(|subject| subject.split('.').nth(1).unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!(partitions("one.").into_iter().collect::<String>(), "0123456");
    assert!(partitions("two.").len() > 80);
}

async fn weights_are_shares_of_the_messages(bed: Bed) {
    let mappings: [Mapping<'_>; 2] =
        [("a", &[("a", 70), ("canary.a", 30)]), ("b.*", &[("b.x.$1", 30), ("b.y.$1", 50), ("b.z.$1", 20)])];
    let bed = bed.mapped(&mappings);
    let connection = bed.connect().await;
    let messages = published(&connection, &["a"; 1000]).await;
    let of_a = shares(&messages);
    assert_eq!(of_a["a"] + of_a["canary.a"], 1000, "{of_a:?}");
    assert!((220..=380).contains(&of_a["canary.a"]), "{of_a:?}");

    let messages = published(&connection, &["b.1"; 1000]).await;
    let of_b = shares(&messages);
    assert_eq!(of_b.values().sum::<usize>(), 1000);
    for (subject, expected) in [("b.x.1", 300), ("b.y.1", 500), ("b.z.1", 200)] {
        assert!((expected - 80..=expected + 80).contains(&of_b[subject]), "{of_b:?}");
    }
}

async fn what_weights_leave_stays_or_is_lost(bed: Bed) {
    let mappings: [Mapping<'_>; 2] =
        [("stays.>", &[("canary.stays.>", 30)]), ("lost", &[("lost", 20), ("canary.lost", 50)])];
    let bed = bed.mapped(&mappings);
    let connection = bed.connect().await;
    let messages = published(&connection, &["stays.here"; 1000]).await;
    let stays = shares(&messages);
    assert_eq!(stays["stays.here"] + stays["canary.stays.here"], 1000, "{stays:?}");
    assert!((220..=380).contains(&stays["canary.stays.here"]), "{stays:?}");

    let mut everything = connection.subscribe(">", None).await.unwrap();
    for _ in 0..1000 {
        connection.publish(message("lost", "")).await.unwrap();
    }
    settle([&connection]).await;
    let messages = arrived(&mut everything);
    let lost = shares(&messages);
    assert!((120..=280).contains(&lost["lost"]), "{lost:?}");
    assert!((420..=580).contains(&lost["canary.lost"]), "{lost:?}");
    assert_eq!(lost.len(), 2, "{lost:?}");
}

async fn a_request_that_a_mapping_loses_has_no_responders(bed: Bed) {
    let bed = bed.mapped(&[("lost", &[("lost", 0)])]);
    let requester = bed.connect().await;
    let _published = requester.subscribe("lost", None).await.unwrap();
    let mut inbox = requester.subscribe("inbox.*", None).await.unwrap();
    requester.publish(request("lost", "inbox.7")).await.unwrap();
    let status = next(&mut inbox).await;
    assert_eq!((status.status.unwrap().as_u16(), status.subject.as_str()), (503, "inbox.7"));
    assert_named(&bed, &status, "");
}

async fn a_request_that_reaches_nobody_names_the_mapped_subject(bed: Bed) {
    let bed = bed.mapped(&[("lab.>", &[("canary.lab.>", 100)])]);
    let (requester, bystander) = (bed.connect().await, bed.connect().await);
    let mut inbox = requester.subscribe("inbox.*", None).await.unwrap();
    let _published = bystander.subscribe("lab.here", None).await.unwrap();
    settle([&bystander]).await;
    requester.publish(request("lab.here", "inbox.7")).await.unwrap();

    let status = next(&mut inbox).await;
    assert_eq!((status.status.unwrap().as_u16(), status.subject.as_str()), (503, "inbox.7"));
    assert_named(&bed, &status, "canary.lab.here");
}

async fn who_listens_on_the_published_subject_hears_nothing(bed: Bed) {
    let bed = bed.mapped(&[("lab.>", &[("canary.lab.>", 100)])]);
    let (publisher, other) = (bed.connect().await, bed.connect().await);
    let mut old = other.subscribe("lab.here", None).await.unwrap();
    let mut new = other.subscribe("canary.lab.here", None).await.unwrap();
    settle([&other]).await;
    publisher.publish(message("lab.here", "")).await.unwrap();
    publisher.publish(message("canary.lab.here", "")).await.unwrap();
    settle([&publisher, &other]).await;
    assert_eq!((arrived(&mut old).len(), arrived(&mut new).len()), (0, 2));
}

/// The order in a configuration file is none to a server: there, either may apply. In memory it is
/// the first.
async fn one_of_several_mappings_that_match_applies(bed: Bed) {
    let wide: Mapping<'_> = ("a.>", &[("wide.>", 100)]);
    let narrow: Mapping<'_> = ("a.b", &[("narrow", 100)]);
    let is_memory = matches!(bed, Bed::Memory(..));
    let bed = bed.mapped(&[wide, narrow]);
    let connection = bed.connect().await;
    let messages = published(&connection, &["a.b"; 20]).await;
    let of_one = shares(&messages);
    assert!(of_one == BTreeMap::from([("wide.b", 20)]) || of_one == BTreeMap::from([("narrow", 20)]));
    assert!(!is_memory || of_one.contains_key("wide.b"));
    let other = mapped(bed, &[narrow, wide], &["a.b"]).await;
    assert!(other == ["narrow"] || (other == ["wide.b"] && !is_memory));
}

async fn mappings_do_not_chain(bed: Bed) {
    let mappings: [Mapping<'_>; 3] =
        [("a.>", &[("b.>", 100)]), ("b.>", &[("c.>", 100)]), ("c.>", &[("a.>", 100)])];
    assert_eq!(mapped(bed, &mappings, &["a.1", "b.1", "c.1"]).await, ["b.1", "c.1", "a.1"]);
}

async fn reply_subjects_are_not_mapped(bed: Bed) {
    let bed = bed.mapped(&[("lab.>", &[("canary.lab.>", 100)])]);
    let (requester, responder) = (bed.connect().await, bed.connect().await);
    let mut requests = responder.subscribe("canary.lab.>", None).await.unwrap();
    settle([&responder]).await;
    requester.publish(request("lab.work", "lab.answers")).await.unwrap();
    assert_eq!(next(&mut requests).await.reply.unwrap().as_str(), "lab.answers");
}

async fn answers_are_published_and_so_they_are_mapped(bed: Bed) {
    let bed = bed.mapped(&[("inbox.*", &[("box.$1", 100)])]);
    let (requester, responder) = (bed.connect().await, bed.connect().await);
    let mut requests = responder.subscribe("work", None).await.unwrap();
    let mut inbox = requester.subscribe("inbox.*", None).await.unwrap();
    let mut mapped = requester.subscribe("box.*", None).await.unwrap();
    settle([&responder, &requester]).await;
    requester.publish(request("work", "inbox.7")).await.unwrap();
    let reply = next(&mut requests).await.reply.unwrap();
    responder.publish(message(&reply, "done")).await.unwrap();
    settle([&responder, &requester]).await;
    assert!(arrived(&mut inbox).is_empty());
    assert_eq!(payload(&next(&mut mapped).await), "done");

    // What a broker says itself, it says where it was asked to.
    requester.publish(request("nobody.here", "inbox.8")).await.unwrap();
    assert_eq!(next(&mut inbox).await.status.unwrap().as_u16(), 503);
}

async fn a_queue_group_behind_a_mapping_shares_the_messages(bed: Bed) {
    let bed = bed.mapped(&[("lab.>", &[("canary.lab.>", 100)])]);
    let (publisher, one, other) = (bed.connect().await, bed.connect().await, bed.connect().await);
    let mut members = [
        one.subscribe("canary.lab.a", Some("q")).await.unwrap(),
        other.subscribe("canary.lab.*", Some("q")).await.unwrap(),
    ];
    settle([&one, &other]).await;
    for n in 0..100 {
        publisher.publish(message("lab.a", &n.to_string())).await.unwrap();
    }
    settle([&publisher, &one, &other]).await;
    let counts = members.each_mut().map(|member| arrived(member).len());
    assert_eq!(counts.iter().sum::<usize>(), 100);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
