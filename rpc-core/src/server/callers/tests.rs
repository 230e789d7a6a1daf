//! Who a caller is, nobody can choose freely.

use super::*;
use crate::connection::HeaderMap;
use crate::server::limits::CallerLimits;

fn callers(prefixes: &[&str]) -> Callers {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    Callers::new(Some(&ReplyPrefixes::new(prefixes).unwrap()), &Limits::default())
}

fn is_one(one: &Arc<Caller>, other: &Arc<Caller>) -> bool {
    Arc::ptr_eq(one, other)
}

/// A message with this reply subject, and with what a NATS server has said about its caller.
fn message(reply: &str, info: Option<&str>) -> Message {
    let headers = info.map(|info| {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Request-Info", info);
        headers
    });
    Message {
        subject: "s.m".into(),
        reply: Some(reply.into()),
        payload: bytes::Bytes::new(),
        headers,
        status: None,
        description: None,
        length: 0,
    }
}

#[test]
fn a_listed_prefix_is_a_caller_and_all_others_are_one() {
    let callers = callers(&["_INBOX", "_INBOX_web", "team.replies.", "team.", "_R_."]);
    let of = |reply| callers.of_reply(Some(reply));
    assert!(is_one(of("_INBOX.a.1"), of("_INBOX.b.2")));
    assert!(is_one(of("_INBOX_web.a.1"), of("_INBOX_web.b.2")));
    assert!(is_one(of("team.replies.1"), of("team.replies.2.3")));
    let different =
        ["_INBOX.a.1", "_INBOX_web.a.1", "team.replies.1", "team.others", "_R_.x", "_INBOX_batch.a"];
    for (index, one) in different.iter().enumerate() {
        assert!(different[..index].iter().all(|other| !is_one(of(one), of(other))), "{one}");
    }
    // Whoever makes up prefixes has one share with all who do.
    for other in ["_INBOX_more.a", "_INBOX_batch", "_INBOXES.a", "other"] {
        assert!(is_one(of("_INBOX_batch.a"), of(other)), "{other}");
    }
    assert!(is_one(of("_INBOX_batch.a"), callers.of_reply(None)));
}

/// Where nobody has listed prefixes, those of the account share nothing with each other.
#[test]
fn the_usual_inboxes_have_all_of_a_server_unless_prefixes_are_listed() {
    let places = |callers: &Callers, reply| {
        let caller = callers.of_reply(Some(reply));
        std::iter::from_fn(|| caller.try_place()).take(2000).collect::<Vec<_>>().len()
    };
    let (usual, listed) = (Callers::new(None, &Limits::default()), callers(&["_INBOX"]));
    assert_eq!(places(&usual, "_INBOX.a.1"), 1024);
    assert_eq!(places(&usual, "_INBOX_team.a.1"), 896);
    assert_eq!(places(&listed, "_INBOX.a.1"), 896);
    let of_caller = CallerLimits { in_flight: Some(7), ..CallerLimits::default() };
    let limited = Callers::new(None, &Limits { of_caller, ..Limits::default() });
    assert_eq!(places(&limited, "_INBOX.a.1"), 7);
}

#[test]
fn an_account_is_believed_where_only_the_nats_server_can_have_named_it() {
    let callers = callers(&["_INBOX", "_R_."]);
    let of = |reply, info| callers.of_account(&message(reply, info));
    let app = r#"{"acc":"APP","rtt":257983}"#;
    let one = of("_R_.x.1", Some(app)).unwrap();
    assert!(is_one(&one, &of("_R_.y.2", Some(r#"{"user":"u","acc":"APP"}"#)).unwrap()));
    assert!(!is_one(&one, &of("_R_.x.1", Some(r#"{"acc":"OTHER"}"#)).unwrap()));
    assert!(of("_INBOX.a.1", Some(app)).is_none(), "a client can forge it");
    let deep = "[".repeat(4000);
    let long = format!(r#"{{"acc":"{}"}}"#, "x".repeat(5000));
    for bad in ["", "APP", "{}", r#"{"acc":""}"#, r#"{"acc":7}"#, &long, &deep] {
        assert!(of("_R_.x.1", Some(bad)).is_none(), "{bad}");
    }
    assert!(of("_R_.x.1", None).is_none());
}

#[test]
fn accounts_are_forgotten_when_nothing_of_theirs_is_open_and_share_when_there_are_too_many() {
    let callers = callers(&["_R_."]);
    let open: Vec<_> = (0..MOST_ACCOUNTS).map(|n| callers.account(&n.to_string())).collect();
    let late = callers.account("late");
    assert!(is_one(&late, &callers.account("later")) && is_one(&late, &callers.other_accounts));
    assert!(is_one(&open[7], &callers.account("7")));
    drop(open);
    assert!(!is_one(&late, &callers.account("late")));
    assert_eq!(callers.lock().len(), 1);
}

#[tokio::test]
async fn a_caller_at_its_limit_is_known_to_be_there() {
    let limits = Limits { in_flight: 2, ..Limits::default() };
    let callers = Callers::new(Some(&ReplyPrefixes::default()), &limits);
    let caller = callers.of_reply(Some("_INBOX.a"));
    let first = caller.place().await;
    assert!(!callers.are_crowded());
    let second = caller.try_place().unwrap();
    assert!(callers.are_crowded() && caller.is_crowded());
    assert!(!callers.of_reply(Some("_R_.a")).is_crowded());
    assert!(caller.try_place().is_none());
    let begun = caller.place_of_begun();
    drop((first, begun));
    assert!(!callers.are_crowded() && !caller.is_crowded());
    assert!(caller.try_place().is_some());
    drop(second);
    assert_eq!(caller.running.load(Ordering::Relaxed), 0);
}
