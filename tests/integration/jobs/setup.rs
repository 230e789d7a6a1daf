//! What a server makes sure of before it executes jobs.

use std::time::Duration;

use nats_rpc::async_nats::jetstream::{self, stream};
use nats_rpc::{Error, ErrorKind, Server};
use tests::NatsServer;

use super::bed::{Bed, MillClient, MillServer, Windmill, settings};

async fn start(nats: &NatsServer) -> Result<Server, Error> {
    let nats = nats_rpc::connect(nats.url()).await.unwrap();
    Server::builder(nats).add(MillServer::new(Windmill::default())).start().await
}

#[tokio::test]
async fn a_nats_server_without_jetstream_is_told_at_once() {
    let nats = NatsServer::start();
    let error = start(&nats).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unimplemented, "{error}");
    assert!(error.message().contains("--jetstream"), "{error}");
    let connection = nats_rpc::connect(nats.url()).await.unwrap();
    let builder = Server::builder(&connection).without_jobs().add(MillServer::new(Windmill::default()));
    let server = builder.start().await.unwrap();
    let mill = MillClient::new(&connection);
    assert_eq!(mill.grind(2).await, Ok(4));
    let error = mill.grind(2).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unimplemented, "{error}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_stream_that_is_not_what_it_must_be_is_told() {
    let bed = Bed::new();
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    let limits = stream::Config {
        name: "RPC_JOBS_mill".to_owned(),
        subjects: vec!["mill._job.>".to_owned()],
        ..stream::Config::default()
    };
    nats.create_stream(limits.clone()).await.unwrap();
    let error = start(&bed.nats).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("RPC_JOBS_mill") && error.message().contains("WorkQueue"), "{error}");

    nats.delete_stream("RPC_JOBS_mill").await.unwrap();
    nats.create_stream(stream::Config { name: "OTHERS".to_owned(), ..limits }).await.unwrap();
    let error = start(&bed.nats).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("mill._job.>"), "{error}");
}

#[tokio::test]
async fn instances_that_start_together_agree() {
    let bed = Bed::new();
    let servers = futures::future::join_all((0..4).map(|_| start(&bed.nats))).await;
    let servers: Vec<_> = servers.into_iter().map(Result::unwrap).collect();
    let mill = bed.client().await;
    assert_eq!(mill.grind(2).submit().await.unwrap().result().await, Ok(4));
    for server in servers {
        server.shutdown().await;
    }
}

/// What an operator may change stays as it is.
#[tokio::test]
async fn limits_of_the_operator_are_kept() {
    let bed = Bed::new();
    bed.serve().await.shutdown().await;
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    let mut config = nats.get_stream("RPC_JOBS_mill").await.unwrap().cached_info().config.clone();
    config.max_messages = 1000;
    nats.update_stream(config).await.unwrap();
    // Whoever serves already has told how often it is heard of.
    let other = settings().ack_wait(Duration::from_secs(3));
    bed.server_builder().await.jobs(other).start().await.unwrap().shutdown().await;
    let stream = nats.get_stream("RPC_JOBS_mill").await.unwrap();
    assert_eq!(stream.cached_info().config.max_messages, 1000);
    let consumer = stream.consumer_info("grind").await.unwrap();
    assert_eq!(consumer.config.ack_wait, Duration::from_secs(1));
}

#[tokio::test]
async fn a_user_without_permission_is_told_what_is_missing() {
    let config = r#"
        accounts {
            A {
                jetstream: enabled
                users: [
                    { user: all, password: x }
                    { user: few, password: x, permissions: { publish: { deny: "$JS.API.STREAM.CREATE.>" } } }
                ]
            }
        }
    "#;
    let nats = NatsServer::builder().jetstream().config(config).start();
    let url = nats.url().replace("nats://", "nats://few:x@");
    let connection = nats_rpc::connect(&url).await.unwrap();
    let begun = std::time::Instant::now();
    let starting = Server::builder(connection).add(MillServer::new(Windmill::default())).start();
    let error = starting.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.message().contains("$JS.API.STREAM.CREATE.RPC_JOBS_mill"), "{error}");
    assert!(begun.elapsed().as_secs() < 3, "at once");
}
