//! A connection can outlive the runtime in which it was first used.

use std::time::Duration;

use nats_rpc::Server;
use nats_rpc::memory::Broker;

use crate::bed::{Bench, LabClient, LabServer};

#[test]
fn a_connection_works_in_the_next_runtime() {
    let broker = Broker::new();
    let lab = LabClient::new(broker.connect());
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::builder(broker.connect()).add(LabServer::new(Bench::default()));
            let _server = server.start().await.unwrap();
            let call = lab.echo("again").timeout(Duration::from_secs(5));
            let answer = tokio::time::timeout(Duration::from_secs(20), call).await.expect("it is resolved");
            assert_eq!(answer.unwrap(), "again");
        });
    }
}
