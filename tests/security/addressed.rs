//! Who may call one instance, or all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use nats_rpc::{ErrorKind, Server};
use tokio::time::Instant;

use crate::bed::{Estate, GreeterClient, assert_denied};
use crate::on_every_template;

on_every_template! {
    nobody_addresses_an_instance_or_all_by_the_lists_that_are_printed,
}

async fn serve(estate: &Estate, id: &str) -> Server {
    estate.server_builder(estate.connect("greeter").await).id(id).start().await.unwrap()
}

/// The instances that answer a gather, or why there are none.
async fn gather(greeter: &GreeterClient) -> Result<BTreeSet<String>, ErrorKind> {
    let answers = greeter.hello("Ann").gather().within(Duration::from_secs(1)).collect_map().await;
    match answers {
        Ok(answers) => Ok(answers.into_keys().map(|id| id.as_str().to_owned()).collect()),
        Err(error) => Err(error.kind()),
    }
}

async fn nobody_addresses_an_instance_or_all_by_the_lists_that_are_printed(estate: Estate) {
    let _servers = [serve(&estate, "desk-1").await, serve(&estate, "desk-2").await];
    for user in ["web", "batch"] {
        let greeter = estate.caller(user).await;
        let begun = Instant::now();
        assert_denied(greeter.hello("Ann").at("desk-1").timeout(Duration::from_secs(60)).await);
        assert!(begun.elapsed() < Duration::from_secs(20), "at once");
        assert_eq!(gather(&greeter).await, Err(ErrorKind::PermissionDenied));
    }
    assert_eq!(estate.ledger.started(), 0);
}

/// The document's permissions, and one more for `web`.
fn with(subject: &str) -> Estate {
    let more = format!("[\"{subject}\", \"greeter.hello\", \"greeter._ctl.any\"");
    Estate::changed(&[("[\"greeter.hello\", \"greeter._ctl.any\"", &more)])
}

#[tokio::test]
async fn each_way_is_permitted_by_itself() {
    for (subject, first, second, all) in [
        ("greeter._at.*.hello", true, true, false),
        ("greeter._at.desk-1.hello", true, false, false),
        ("greeter._all.hello", false, false, true),
        ("greeter.*", false, false, false),
        ("greeter.*.*", false, false, true),
        ("greeter.>", true, true, true),
    ] {
        let estate = with(subject);
        let _servers = [serve(&estate, "desk-1").await, serve(&estate, "desk-2").await];
        let greeter = estate.caller("web").await;
        assert_eq!(greeter.hello("Ann").await.unwrap(), "Hello, Ann!", "{subject}");
        if subject.ends_with("hello") {
            // It is for one method.
            assert_denied(greeter.forget("Ann").await);
        }
        for (id, may) in [("desk-1", first), ("desk-2", second)] {
            let answer = greeter.hello("Ann").at(id).detailed().await;
            match may {
                true => assert_eq!(answer.unwrap().instance(), Some(id), "{subject}"),
                false => assert_denied(answer),
            }
        }
        let expected = match all {
            true => Ok(["desk-1", "desk-2"].map(str::to_owned).into()),
            false => Err(ErrorKind::PermissionDenied),
        };
        assert_eq!(gather(&greeter).await, expected, "{subject}");
    }
}

#[tokio::test]
async fn who_expects_all_asks_discovery() {
    for (more, knows) in [("greeter._all.hello\", \"$SRV.INFO.greeter", true), ("greeter._all.hello", false)]
    {
        let estate = with(more);
        let _servers = [serve(&estate, "desk-1").await, serve(&estate, "desk-2").await];
        let greeter = estate.caller("web").await;
        let begun = Instant::now();
        let within = Duration::from_secs(3);
        let answers = greeter.hello("Ann").gather().within(within).expecting_all().collect_map().await;
        assert_eq!(answers.unwrap().len(), 2);
        assert_eq!(begun.elapsed() < Duration::from_secs(2), knows, "{:?}", begun.elapsed());
    }
}
