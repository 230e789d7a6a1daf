//! Calls to a chosen instance.

use std::time::Duration;

use nats_rpc::{Client, ErrorKind, Execution, Server};
use tokio::time::Instant;

use crate::bed::{Bed, LabClient, assert_failed, eventually, raw_request};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged a_call_goes_to_the_instance_that_it_names,
    tagged an_instance_that_is_not_there_is_told_at_once,
    a_name_that_cannot_be_one_is_refused,
    tagged a_long_call_to_an_instance_can_be_cancelled,
    any_client_may_address_an_instance_or_all,
    many_instances_that_were_called_once_leave_nothing,
}

async fn serve(bed: &Bed, id: &str) -> Server {
    bed.server_builder().await.id(id).add(bed.service()).start().await.unwrap()
}

async fn a_call_goes_to_the_instance_that_it_names(bed: Bed) {
    let _servers = [serve(&bed, "a").await, serve(&bed, "b").await, serve(&bed, "c").await];
    let lab = bed.client().await;
    for id in ["a", "b", "c", "b"] {
        for _ in 0..20 {
            let response = lab.echo("x").at(id).detailed().await.unwrap();
            assert_eq!((response.instance(), response.value().as_str()), (Some(id), "x"));
        }
        // Many at a time share messages, as other calls do.
        let many = futures::future::join_all((0..200).map(|_| lab.echo("y").at(id).detailed())).await;
        assert!(many.into_iter().all(|response| response.unwrap().instance() == Some(id)));
    }
    let seen = lab.context().at("a").await.unwrap();
    assert_eq!(seen.subject, bed.served("lab._at.a.context"));
}

async fn an_instance_that_is_not_there_is_told_at_once(bed: Bed) {
    let server = serve(&bed, "a").await;
    let _other = serve(&bed, "b").await;
    let lab = bed.client().await;
    lab.echo("x").at("a").await.unwrap();
    server.shutdown().await;
    let begun = Instant::now();
    assert_failed(lab.echo("x").at("a").await, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "it is not waited for, though the service has answered"
    );
    lab.echo("x").await.unwrap();
}

async fn a_name_that_cannot_be_one_is_refused(bed: Bed) {
    let lab = bed.client().await;
    for bad in ["", "*", ">", "a.b", "_a", "a b", "a\r\nPUB x 0"] {
        assert_failed(lab.echo("x").at(bad).await, ErrorKind::InvalidArgument, Execution::NotExecuted);
        let error = lab.note("x").at(bad).await.unwrap_err();
        assert_eq!(error.rpc().map(nats_rpc::Error::kind), Some(ErrorKind::InvalidArgument));
    }
}

async fn a_long_call_to_an_instance_can_be_cancelled(bed: Bed) {
    let server = serve(&bed, "a").await;
    let lab = bed.client().await;
    let call = tokio::spawn(lab.wait().at("a").timeout(Duration::from_secs(60)));
    eventually("it runs", || bed.ledger.started() == 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.abort();
    eventually("it is cancelled", || server.counters().cancelled == 1).await;
}

async fn any_client_may_address_an_instance_or_all(bed: Bed) {
    let _servers = [serve(&bed, "a").await, serve(&bed, "b").await];
    let nats = bed.connect().await;
    let one = raw_request(&nats, "lab._at.b.echo", &[], r#"{"text":"x"}"#).await;
    assert_eq!(one.payload, "\"x\"");
    assert!(one.headers.is_none());
    let all = raw_request(&nats, "lab._all.echo", &[], r#"{"text":"x"}"#).await;
    let named = crate::bed::header(&all, "Nats-Rpc-Instance").map(str::to_owned);
    assert!(matches!(named.as_deref(), Some("a" | "b")), "{named:?}");
}

/// Each has a subject of its own, of which a connection keeps what it needs, and no more.
async fn many_instances_that_were_called_once_leave_nothing(bed: Bed) {
    let _server = serve(&bed, "a").await;
    let lab = LabClient::new(Client::builder(bed.connect().await).build().unwrap());
    for round in 0..4 {
        let gone = (0..1000).map(|number| lab.echo("x").at(format!("gone{round}-{number}")));
        for answer in futures::future::join_all(gone).await {
            assert_failed(answer, ErrorKind::NoResponders, Execution::NotExecuted);
        }
        lab.echo("x").at("a").await.unwrap();
    }
}
