//! What a caller may call, and what it misses without the control subjects.

use std::time::Duration;

use nats_rpc::{ErrorKind, Execution};

use crate::bed::{Estate, PATIENT, eventually, failure};
use crate::on_every_template;

on_every_template! {
    each_group_calls_its_own_methods,
}

/// A later version of the service.
#[nats_rpc::service(name = "greeter")]
trait LaterGreeter {
    async fn goodbye(&self, name: &str) -> String;
}

async fn each_group_calls_its_own_methods(estate: Estate) {
    let _server = estate.serve().await;
    let (web, batch) = (estate.caller("web").await, estate.caller("batch").await);
    assert_eq!(web.hello("Ann").await.unwrap(), "Hello, Ann!");
    assert_eq!(batch.hello("Ann").await.unwrap(), "Hello, Ann!");
    assert!(batch.forget("Ann").await.unwrap());
    let error = failure(web.forget("Ann").timeout(Duration::from_secs(60)).await);
    assert_eq!(
        (error.kind(), error.execution()),
        (ErrorKind::PermissionDenied, Execution::NotExecuted),
        "{error}"
    );
    assert_eq!(estate.ledger.started(), 3);
}

#[tokio::test]
async fn who_may_not_publish_to_control_subjects_calls_but_does_not_cancel() {
    let estate = Estate::changed(&[(", \"greeter._ctl.*.*\"", "")]);
    let server = estate.serve().await;
    let web = estate.caller("web").await;
    // Longer than silence would be taken for the end of the instance.
    let call = tokio::spawn(web.hello(PATIENT).into_future());
    tokio::time::sleep(Duration::from_secs(4)).await;
    estate.ledger.release.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), format!("Hello, {PATIENT}!"));

    let dropped = web.hello(PATIENT);
    tokio::time::timeout(Duration::from_secs(1), dropped).await.unwrap_err();
    web.hello("Ann").await.unwrap();
    estate.ledger.release.notify_one();
    eventually("it runs to its end", || estate.ledger.finished() == 3).await;
    assert_eq!(server.counters().cancelled, 0);
}

#[tokio::test]
async fn who_may_not_publish_to_the_probe_does_not_learn_that_only_the_method_is_missing() {
    for (probe, kind) in [(", \"greeter._ctl.any\"", ErrorKind::Unimplemented), ("", ErrorKind::NoResponders)]
    {
        let estate =
            Estate::changed(&[(", \"greeter._ctl.any\"", probe), ("greeter.forget", "greeter.goodbye")]);
        let _server = estate.serve().await;
        let later = LaterGreeterClient::new(estate.connect("batch").await);
        let error = failure(later.goodbye("Ann").await);
        assert_eq!((error.kind(), error.execution()), (kind, Execution::NotExecuted), "{error}");
    }
}
