//! Jobs that three NATS servers keep, any of which may be asked for their status.

use futures::TryStreamExt;
use nats_rpc::jobs::{DeadLetters, JobStatus};
use nats_rpc::{Connection, Server, connect_with};
use tests::Cluster;

use super::bed::{MillClient, MillServer, Windmill, settings, until};

async fn connect_to(cluster: &Cluster, node: usize) -> Connection {
    connect_with(async_nats::ConnectOptions::new(), cluster.urls(node)).await.unwrap()
}

#[tokio::test]
async fn what_was_written_a_moment_ago_is_known_everywhere() {
    let cluster = Cluster::with_jetstream();
    let server = Server::builder(connect_to(&cluster, 0).await)
        .jobs(settings().replicas(3))
        .add(MillServer::new(Windmill::default()));
    let _server = server.start().await.unwrap();
    let mills =
        [MillClient::new(connect_to(&cluster, 1).await), MillClient::new(connect_to(&cluster, 2).await)];
    for number in 0..50 {
        let job = mills[number % 2].grind(21).submit().await.unwrap();
        job.status().await.unwrap();
        assert_eq!(job.result().await, Ok(42));
    }
    // What is replayed is not taken for the job that has failed.
    let dead = DeadLetters::of(&nats_rpc::Client::from(connect_to(&cluster, 1).await), "mill").await.unwrap();
    for number in 0..10 {
        let job = mills[0].flaky(&format!("job-{number}"), 3).submit().await.unwrap();
        assert!(job.result().await.is_err());
        let letters: Vec<_> = dead.list().try_collect().await.unwrap();
        assert_eq!(letters.len(), 1, "{letters:?}");
        dead.replay(&letters[0]).await.unwrap();
        until(&job, "it is done", |status| matches!(status, JobStatus::Done)).await;
    }
}
