//! What becomes of jobs when nodes of a NATS cluster die or leave that has all of them three times.

use std::time::Duration;

use ::tests::{ACK_WAIT, Cluster, job_settings};
use nats_rpc::{ErrorKind, Server};
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::bed::{Bed, eventually};
use crate::scale::{Scale, together};

const NODES: usize = 3;

/// A worker at each node.
async fn serve(bed: &Bed<Cluster>) -> Vec<Server> {
    let mut servers = Vec::new();
    while servers.len() < NODES {
        let node = servers.len();
        let nats = nats_rpc::connect(bed.nats.urls(node)).await.unwrap();
        let settings = job_settings().replicas(NODES);
        let started = bed.start_with(nats, &format!("one-{node}"), |server| server.jobs(settings)).await;
        // A cluster that has begun a moment ago may not answer in time.
        match started {
            Err(error) if error.kind() == ErrorKind::Unavailable => sleep(Duration::from_millis(100)).await,
            started => servers.push(started.unwrap()),
        }
    }
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_nodes_die_and_leave_loses_no_job() {
    let _turn = together().await;
    let cluster = block_in_place(Cluster::with_jetstream);
    let urls = cluster.urls(0);
    let mut bed = Bed::of(cluster, urls);
    let _servers = serve(&bed).await;
    let mut clients = Vec::new();
    for node in 0..NODES {
        clients.push(bed.client_on(nats_rpc::connect(bed.nats.urls(node)).await.unwrap()));
    }
    let jobs = Scale::get().pick(400, 10_000);
    let submitting = tokio::spawn({
        let (submitters, clients) = (bed.submitters.clone(), clients.clone());
        async move { submitters.run(&clients, jobs, 64, 4).await }
    });
    let mut faults = Vec::new();
    for node in 0..Scale::get().pick(1, NODES) {
        let submitters = bed.submitters.clone();
        let due = usize::try_from(jobs).unwrap() * (node + 1) / 4;
        eventually("the next fault is due", move || submitters.ended() >= due).await;
        let from = bed.clock.unix_ms();
        if node == 1 {
            bed.nats.node(node).lame_duck();
            sleep(Duration::from_secs(2)).await;
        }
        block_in_place(|| bed.nats.node_mut(node).kill());
        sleep(ACK_WAIT / 2).await;
        block_in_place(|| {
            bed.nats.node_mut(node).restart();
            bed.nats.wait_until_whole();
        });
        faults.push((from, bed.clock.unix_ms()));
    }
    submitting.await.unwrap();
    let what = "nodes of a cluster killed, and one in lame-duck mode before";
    bed.assert_holds(what, Vec::new, &super::nats::around(&faults)).await;
}
