//! Layers of a server that do what they should not: what callers and operators are told stays true.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_rpc::discovery::discover;
use nats_rpc::middleware::{ServerService, from_fn};
use nats_rpc::{Error, ErrorKind, Execution, RawCall};
use tokio::sync::Notify;

use crate::bed::{Bed, assert_failed};
use crate::on_every_broker;

on_every_broker! {
    a_call_that_was_refused_does_not_run_later,
    what_a_layer_fails_with_may_be_of_another_call,
    the_time_of_layers_counts_as_that_of_handlers,
}

async fn a_call_that_was_refused_does_not_run_later(bed: Bed) {
    let (go, came_back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let late = {
        let (go, came_back) = (Arc::clone(&go), Arc::clone(&came_back));
        from_fn(move |call: RawCall, inner: ServerService| {
            let (go, came_back) = (Arc::clone(&go), Arc::clone(&came_back));
            async move {
                tokio::spawn(async move {
                    go.notified().await;
                    let _ = inner.run(call).await;
                    came_back.notify_one();
                });
                Err::<nats_rpc::Reply, _>(Error::new(ErrorKind::Overloaded, "later, perhaps"))
            }
        })
    };
    let builder = bed.server_builder().await.layer(late);
    let _server = builder.add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let call = lab.echo("x").retry(nats_rpc::Retry::off()).await;
    assert_failed(call, ErrorKind::Overloaded, Execution::NotExecuted);
    go.notify_one();
    came_back.notified().await;
    assert_eq!(bed.ledger.started(), 0, "its caller takes it for not executed");
}

/// An error that says of one call that it does not decode says nothing about another one.
async fn what_a_layer_fails_with_may_be_of_another_call(bed: Bed) {
    let kept: Arc<Mutex<Option<Error>>> = Arc::default();
    let stale = from_fn(move |call: RawCall, inner: ServerService| {
        let kept = Arc::clone(&kept);
        async move {
            let first = kept.lock().unwrap().clone();
            let Some(error) = first else {
                let error = call.decode::<u8>().unwrap_err();
                *kept.lock().unwrap() = Some(error.clone());
                return Err(error);
            };
            inner.run(call).await?;
            Err(error)
        }
    });
    let builder = bed.server_builder().await.layer(stale);
    let _server = builder.add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    assert_failed(lab.echo("x").await, ErrorKind::InvalidArgument, Execution::NotExecuted);
    assert_failed(lab.echo("x").await, ErrorKind::InvalidArgument, Execution::MaybeExecuted);
    assert_eq!(bed.ledger.started(), 1);
}

async fn the_time_of_layers_counts_as_that_of_handlers(bed: Bed) {
    const PAUSE: Duration = Duration::from_millis(50);
    let slow = from_fn(|call: RawCall, inner: ServerService| async move {
        let reply = inner.run(call).await;
        tokio::time::sleep(PAUSE).await;
        reply
    });
    let builder = bed.server_builder().await.layer(slow);
    let _server = builder.add(bed.service()).start().await.unwrap();
    assert_eq!(bed.client().await.echo("x").await.unwrap(), "x");
    let services = discover(&bed.connect().await).service("lab").at_most(1).stats().await.unwrap();
    let echo = services[0].endpoints.iter().find(|endpoint| endpoint.name == "echo").unwrap();
    assert!(u128::from(echo.processing_time) >= PAUSE.as_nanos(), "{echo:?}");
}
